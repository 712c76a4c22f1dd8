//! Two turns side by side: what served them, what they were asked, what they did, rated and cost, and where they differ.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use crate::store::Recorded;
use domain::action::ActionStatus;

/// Two turns side by side.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TwoTurns {
    /// The id of one.
    pub a: String,
    /// The id of the other.
    pub b: String,
    /// What is told of each in a word or a number.
    pub facts: Vec<Fact>,
    /// The questions that their plugins asked.
    pub prompts: Vec<Prompt>,
    /// The tool calls in their order, each beside the one in its place.
    pub calls: Vec<Pair<Call>>,
    /// The ratings, by module.
    pub ratings: Vec<Rated>,
}

/// Something of both turns.
#[derive(Clone, Debug, Serialize)]
pub struct Pair<T> {
    /// Of one.
    pub a: Option<T>,
    /// Of the other.
    pub b: Option<T>,
    /// Whether they are not the same.
    pub differs: bool,
}

/// What is told of a turn in a word or a number.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// What it is, for programs.
    pub name: &'static str,
    /// What it is, for people.
    #[serde(skip)]
    pub heading: &'static str,
    /// What each turn has of it.
    #[serde(flatten)]
    pub pair: Pair<Value>,
}

/// A question of a phase.
#[derive(Clone, Debug, Serialize)]
pub struct Prompt {
    /// `main` or `rating`.
    pub phase: &'static str,
    /// `system` or `user`.
    pub part: &'static str,
    /// What each turn was asked.
    #[serde(flatten)]
    pub pair: Pair<String>,
    /// Both, line by line, where both were asked and not the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Who has it.
    #[serde(rename = "in")]
    pub of: Of,
    /// The line.
    pub text: String,
}

/// Which of both turns has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// One.
    A,
    /// The other.
    B,
    /// Both.
    Both,
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Which tool.
    pub tool: String,
    /// With what.
    pub input: Value,
    /// What came of it.
    pub status: ActionStatus,
}

/// What both turns say of a module.
#[derive(Clone, Debug, Serialize)]
pub struct Rated {
    /// Which.
    pub module: String,
    /// What each says; they differ where the scores do.
    #[serde(flatten)]
    pub pair: Pair<Said>,
}

/// A rating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// 1 to 5.
    pub score: u8,
    /// What the persona adds.
    pub notes: Option<String>,
}

impl TwoTurns {
    /// Sets two turns side by side.
    #[must_use]
    pub fn of(a: &Recorded, b: &Recorded) -> Self {
        let facts = facts(a).into_iter().zip(facts(b));
        let facts = facts.map(|((name, heading, a), (_, _, b))| Fact {
            name,
            heading,
            pair: Pair::of(Some(a), Some(b)),
        });
        let places =
            ["main", "rating"].into_iter().flat_map(|phase| ["system", "user"].map(|part| (phase, part)));
        Self {
            a: a.summary.id.clone(),
            b: b.summary.id.clone(),
            facts: facts.collect(),
            prompts: places.map(|(phase, part)| prompt(a, b, phase, part)).collect(),
            calls: calls(a, b),
            ratings: ratings(a, b),
        }
    }
}

impl<T: PartialEq> Pair<T> {
    fn of(a: Option<T>, b: Option<T>) -> Self {
        Self { differs: a != b, a, b }
    }
}

impl Fact {
    /// What each turn has of it, for people; empty where it has none.
    #[must_use]
    pub fn said(&self) -> (String, String) {
        let said = |value: &Option<Value>| match value.as_ref().unwrap_or(&Value::Null) {
            Value::Null if self.name == "costUsd" => "no price".to_owned(),
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(usd) if self.name == "costUsd" => {
                format!("${:.4}", usd.as_f64().unwrap_or_default())
            }
            Value::Number(millis) if self.name == "tookMs" => {
                format!("{:.1} s", millis.as_f64().unwrap_or_default() / 1000.0)
            }
            other => other.to_string(),
        };
        (said(&self.pair.a), said(&self.pair.b))
    }
}

/// What is told of a turn, in the same order for each.
fn facts(turn: &Recorded) -> Vec<(&'static str, &'static str, Value)> {
    let own = &turn.summary;
    let arm = turn.assignment.as_ref().map(|place| format!("{} of {}", place.arm, place.experiment));
    let took = own.ended_at.map(|ended| (ended - own.begun_at).num_milliseconds());
    let plugin = own.plugin.as_ref().map(|plugin| match &own.plugin_version {
        Some(version) => format!("{plugin} {version}"),
        None => plugin.clone(),
    });
    vec![
        ("persona", "Persona", json!(own.persona)),
        ("begunAt", "Began", json!(own.begun_at.format("%Y-%m-%d %H:%M:%S UTC").to_string())),
        ("state", "State", json!(own.state)),
        ("strategy", "Strategy", json!(own.strategy)),
        ("settings", "Settings", json!(turn.settings)),
        ("plugin", "Plugin", json!(plugin)),
        ("generation", "Generation", json!(own.generation)),
        ("servedAs", "Served as", json!(own.served_as)),
        ("arm", "Arm", json!(arm)),
        ("model", "Model", json!(own.model)),
        ("stopReason", "Ended by", json!(own.stop_reason)),
        ("attempts", "Attempts", json!(own.attempt)),
        ("modelCalls", "Model calls", json!(own.model_calls)),
        ("promptTokens", "Prompt tokens", json!(own.usage.prompt())),
        ("replyTokens", "Reply tokens", json!(own.usage.output)),
        ("actions", "Tool calls", json!(own.actions)),
        ("actionErrors", "Of them failed", json!(own.action_errors)),
        ("tookMs", "Took", json!(took)),
        ("costUsd", "Cost", json!(own.cost_usd)),
        ("faultStage", "Failed in", json!(own.fault_stage)),
        ("faultCode", "Failed as", json!(own.fault_code)),
        ("faultMessage", "Failed with", json!(own.fault_message)),
    ]
}

fn prompt(a: &Recorded, b: &Recorded, phase: &'static str, part: &'static str) -> Prompt {
    let asked = |turn| Some(opened(turn, phase)?[part].as_str().unwrap_or_default().to_owned());
    let pair = Pair::of(asked(a), asked(b));
    let lines = match (&pair.a, &pair.b) {
        (Some(a), Some(b)) if a != b => difference(a, b),
        _ => Vec::new(),
    };
    Prompt { phase, part, pair, lines }
}

/// What the plugin asked for in a phase.
fn opened<'a>(turn: &'a Recorded, phase: &str) -> Option<&'a Value> {
    let key = format!("{phase}/opening");
    let step = turn.steps.iter().find(|step| step.key == key)?;
    // Before attempts went on, an opening had no result.
    Some(step.result.as_ref().filter(|result| result.is_object()).unwrap_or(&step.intent))
}

fn difference(a: &str, b: &str) -> Vec<Line> {
    let changes = TextDiff::from_lines(a, b);
    let line = |tag, text: &str| {
        let of = match tag {
            ChangeTag::Delete => Of::A,
            ChangeTag::Insert => Of::B,
            ChangeTag::Equal => Of::Both,
        };
        Line { of, text: text.trim_end_matches('\n').to_owned() }
    };
    changes.iter_all_changes().map(|change| line(change.tag(), change.value())).collect()
}

fn calls(a: &Recorded, b: &Recorded) -> Vec<Pair<Call>> {
    let called = |turn: &Recorded, at: usize| {
        let own = turn.actions.get(at)?;
        Some(Call { tool: own.tool.clone(), input: own.input.clone(), status: own.status })
    };
    (0..a.actions.len().max(b.actions.len())).map(|at| Pair::of(called(a, at), called(b, at))).collect()
}

fn ratings(a: &Recorded, b: &Recorded) -> Vec<Rated> {
    let of = |turn: &Recorded, module: &str| {
        let own = turn.summary.ratings.iter().find(|rating| rating.module == module)?;
        Some(Said { score: own.score.get(), notes: own.notes.clone() })
    };
    let modules =
        [a, b].into_iter().flat_map(|turn| turn.summary.ratings.iter().map(|own| own.module.clone()));
    let modules: BTreeSet<String> = modules.collect();
    let rated = |module: String| {
        let (a, b) = (of(a, &module), of(b, &module));
        let differs = a.as_ref().map(|own| own.score) != b.as_ref().map(|own| own.score);
        Rated { module, pair: Pair { a, b, differs } }
    };
    modules.into_iter().map(rated).collect()
}
