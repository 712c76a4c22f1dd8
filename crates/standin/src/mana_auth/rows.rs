//! The rows of a delivery, read and checked in the order of the original (contract 4.2 to 4.4).

use axum::http::StatusCode;
use serde_json::Value;

use super::answer::Refusal;

/// The longest row id.
const MAX_ID: usize = 255;

/// One row of `actions`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ActionRow {
    pub(super) id: String,
    pub(super) tick_id: String,
    pub(super) tool_name: String,
    pub(super) input_hash: Option<String>,
    pub(super) result: String,
    pub(super) error_message: Option<String>,
    pub(super) latency_ms: Option<i64>,
}

/// One row of `feedback`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FeedbackRow {
    pub(super) id: String,
    pub(super) tick_id: String,
    pub(super) module: String,
    pub(super) rating: i64,
    pub(super) notes: Option<String>,
}

/// The rows of `{"actions":[…]}`. A row's id holds its index in this request.
pub(super) fn actions(body: &[u8]) -> Result<Vec<ActionRow>, Refusal> {
    let rows = batch(body, "actions", 500)?;
    let is_valid = |row: &Value| {
        row["tickId"].is_string()
            && row["toolName"].is_string()
            && matches!(row["result"].as_str(), Some("ok" | "error"))
    };
    if !rows.iter().all(is_valid) {
        return Err(refused("One or more action rows failed validation"));
    }
    let rows = rows.iter().enumerate().map(|(index, row)| {
        let (tick_id, tool_name) = (text(row, "tickId"), text(row, "toolName"));
        Ok(ActionRow {
            id: cut(format!("{tick_id}-{index}-{tool_name}")),
            tick_id,
            tool_name,
            input_hash: maybe_text(row, "inputHash")?,
            result: text(row, "result"),
            error_message: maybe_text(row, "errorMessage")?,
            latency_ms: maybe_whole(row, "latencyMs")?,
        })
    });
    rows.collect()
}

/// The rows of `{"feedback":[…]}`. A row's id is its tick and module, so the first one wins.
pub(super) fn feedback(body: &[u8]) -> Result<Vec<FeedbackRow>, Refusal> {
    let rows = batch(body, "feedback", 100)?;
    let is_valid = |row: &Value| {
        row["tickId"].is_string()
            && row["module"].is_string()
            && row["rating"].as_f64().is_some_and(|rating| (1.0..=5.0).contains(&rating))
    };
    if !rows.iter().all(is_valid) {
        return Err(refused("One or more feedback rows failed validation"));
    }
    let rows = rows.iter().map(|row| {
        let (tick_id, module) = (text(row, "tickId"), text(row, "module"));
        Ok(FeedbackRow {
            id: cut(format!("{tick_id}-{module}")),
            tick_id,
            module,
            rating: maybe_whole(row, "rating")?.ok_or(Refusal::WouldFail("rating is missing"))?,
            notes: maybe_text(row, "notes")?,
        })
    });
    rows.collect()
}

fn batch(body: &[u8], key: &str, limit: usize) -> Result<Vec<Value>, Refusal> {
    let mut body: Value = serde_json::from_slice(body).map_err(|_| refused("Invalid JSON"))?;
    match body.get_mut(key).map(Value::take) {
        Some(Value::Array(rows)) if rows.len() > limit => {
            Err(refused(&format!("`{key}` batch size must be ≤ {limit}")))
        }
        Some(Value::Array(rows)) if !rows.is_empty() => Ok(rows),
        _ => Err(refused(&format!("`{key}` array required"))),
    }
}

fn refused(error: &str) -> Refusal {
    Refusal::error(StatusCode::BAD_REQUEST, error)
}

fn text(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}

/// The original leaves these fields to its database, which refuses what is no text.
fn maybe_text(row: &Value, name: &str) -> Result<Option<String>, Refusal> {
    match &row[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Refusal::WouldFail("a text column would be given something else")),
    }
}

/// Likewise for whole numbers; `12.0` is one, as JavaScript writes it `12`.
fn maybe_whole(row: &Value, name: &str) -> Result<Option<i64>, Refusal> {
    let would_fail = Refusal::WouldFail("an integer column would be given something else");
    match &row[name] {
        Value::Null => Ok(None),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) if i32::try_from(whole).is_ok() => Ok(Some(whole)),
            #[expect(clippy::cast_possible_truncation, reason = "guarded by the range")]
            (None, Some(float)) if float.fract() == 0.0 && float.abs() <= f64::from(i32::MAX) => {
                Ok(Some(float as i64))
            }
            _ => Err(would_fail),
        },
        _ => Err(would_fail),
    }
}

fn cut(id: String) -> String {
    if id.len() <= MAX_ID { id } else { id.chars().take(MAX_ID).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_id_holds_tick_index_and_tool_and_a_feedback_id_tick_and_module() {
        let row = json!({"tickId": "t", "toolName": "todo.create", "result": "ok", "latencyMs": 12.0});
        let rows = actions(json!({"actions": [row, row]}).to_string().as_bytes()).expect("valid");
        assert_eq!((rows[1].id.as_str(), rows[1].latency_ms), ("t-1-todo.create", Some(12)));
        let row = json!({"tickId": "t", "module": "todo", "rating": 4});
        let rows = feedback(json!({"feedback": [row]}).to_string().as_bytes()).expect("valid");
        assert_eq!((rows[0].id.as_str(), rows[0].rating), ("t-todo", 4));
    }

    #[test]
    fn an_id_is_cut_at_255_characters() {
        let row = json!({"tickId": "ä".repeat(300), "module": "todo", "rating": 4});
        let rows = feedback(json!({"feedback": [row]}).to_string().as_bytes()).expect("valid");
        assert_eq!(rows[0].id, "ä".repeat(255));
    }
}
