//! What leaves for mana-auth: one request's worth of rows, with ids that a repeat cannot double.

use serde::{Deserialize, Serialize};

use super::action::{Action, ActionStatus, IDLE_MARKER, input_hash};
use super::ids::{PersonaId, TurnId};
use super::rating::{MAX_NOTES, Rating};

/// The most rows of feedback in one request (contract 4.4).
pub const MAX_FEEDBACK: usize = 100;
/// The longest error message of an action row, in UTF-16 units (contract 7.4).
const MAX_ERROR: usize = 500;

/// One request to mana-auth, complete: its repeats are identical, so they add no rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whose rows.
    pub persona: PersonaId,
    /// Which rows.
    pub rows: Rows,
}

/// The rows of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// `POST …/actions`.
    Actions(Vec<ActionRow>),
    /// `POST …/feedback`.
    Feedback(Vec<FeedbackRow>),
}

impl Rows {
    /// `actions` or `feedback`: the last part of the path and the key in the body.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Actions(_) => "actions",
            Self::Feedback(_) => "feedback",
        }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Actions(rows) => rows.len(),
            Self::Feedback(rows) => rows.len(),
        }
    }

    /// Whether there is nothing to deliver.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One row of `POST …/actions` (contract 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionRow {
    /// The turn.
    pub tick_id: TurnId,
    /// Dotted.
    pub tool_name: String,
    /// See [`input_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_hash: Option<String>,
    /// `ok` or `error`.
    pub result: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
}

/// One row of `POST …/feedback` (contract 4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackRow {
    /// The turn.
    pub tick_id: TurnId,
    /// The module, or a marker.
    pub module: String,
    /// 1 to 5.
    pub rating: u8,
    /// What the persona adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// The rows for a turn's actions; a turn without any gives one marker row, because only a request
/// with rows makes mana-auth move `last_active_at` (contract D11).
#[must_use]
pub fn action_rows(turn: TurnId, actions: &[Action]) -> Vec<ActionRow> {
    if actions.is_empty() {
        return vec![ActionRow {
            tick_id: turn,
            tool_name: IDLE_MARKER.to_owned(),
            input_hash: None,
            result: "ok".to_owned(),
            error_message: None,
            latency_ms: None,
        }];
    }
    actions
        .iter()
        .map(|action| ActionRow {
            tick_id: turn,
            tool_name: without_zero(&action.tool),
            input_hash: Some(input_hash(&action.input)),
            result: if action.status == ActionStatus::Ok { "ok" } else { "error" }.to_owned(),
            error_message: action.error.as_deref().map(|error| first_utf16(&without_zero(error), MAX_ERROR)),
            latency_ms: action.latency_ms,
        })
        .collect()
}

/// The rows for a turn's ratings, in requests of at most [`MAX_FEEDBACK`]. Their ids hold no index,
/// so unlike actions they may be split.
#[must_use]
pub fn feedback_requests(turn: TurnId, ratings: &[Rating]) -> Vec<Vec<FeedbackRow>> {
    let rows: Vec<FeedbackRow> = ratings
        .iter()
        .map(|rating| FeedbackRow {
            tick_id: turn,
            module: rating.module.clone(),
            rating: rating.score.get(),
            notes: rating.notes.as_ref().map(|notes| notes.chars().take(MAX_NOTES).collect()),
        })
        .collect();
    rows.chunks(MAX_FEEDBACK).map(<[FeedbackRow]>::to_vec).collect()
}

/// PostgreSQL's text holds no zero character: mana-auth would fail on the row at each repeat.
fn without_zero(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The longest beginning of `text` of at most `limit` UTF-16 units that splits no character.
fn first_utf16(text: &str, limit: usize) -> String {
    let mut units = 0;
    text.chars()
        .take_while(|character| {
            units += character.len_utf16();
            units <= limit
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::Slot;
    use crate::rating::Score;

    fn turn() -> TurnId {
        TurnId::of(&PersonaId::new("u"), &Slot::after(None))
    }

    fn action(status: ActionStatus, error: Option<&str>) -> Action {
        Action {
            index: 0,
            tool: "todo.create".to_owned(),
            module: "todo".to_owned(),
            input: json!({"title": "Spazieren"}),
            status,
            error: error.map(str::to_owned),
            latency_ms: Some(7),
        }
    }

    #[test]
    fn a_row_has_the_names_and_values_of_the_contract() {
        let rows = action_rows(turn(), &[action(ActionStatus::Ok, None)]);
        assert_eq!(
            serde_json::to_value(&rows[0]).expect("a row is JSON"),
            json!({"tickId": turn().to_string(), "toolName": "todo.create", "inputHash": "d2302c5434f71ce7",
                   "result": "ok", "latencyMs": 7}),
        );
    }

    #[test]
    fn a_lost_answer_is_delivered_as_an_error_and_a_long_one_is_cut() {
        let long = "ä".repeat(600);
        let rows = action_rows(turn(), &[action(ActionStatus::Unknown, Some(&long))]);
        assert_eq!(rows[0].result, "error");
        assert_eq!(rows[0].error_message.as_ref().map(|text| text.chars().count()), Some(500));
        assert_eq!(first_utf16("a😀b", 2), "a", "a pair of surrogates is never split");
        let rows = action_rows(turn(), &[action(ActionStatus::Error, Some("a\0b"))]);
        assert_eq!(rows[0].error_message.as_deref(), Some("a\u{fffd}b"), "PostgreSQL takes no zero");
    }

    #[test]
    fn a_turn_without_actions_is_marked() {
        let rows = action_rows(turn(), &[]);
        assert_eq!((rows.len(), rows[0].tool_name.as_str()), (1, "__idle"));
    }

    #[test]
    fn feedback_is_split_at_a_hundred_rows() {
        let rating = |n: usize| Rating { module: format!("m{n}"), score: Score::MIDDLE, notes: None };
        let ratings: Vec<_> = (0..101).map(rating).collect();
        let sizes: Vec<_> = feedback_requests(turn(), &ratings).iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 1]);
    }
}
