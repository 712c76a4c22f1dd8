//! One tool call of a persona, as it is recorded and delivered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::ids::hex;
use super::tool::is_marker;

/// The module of a call to a tool that does not exist.
pub const UNKNOWN_MODULE: &str = "__unknown";
/// The tool name of the row that marks a turn without any action, so that mana-auth moves
/// `last_active_at` and does not offer the persona again at once (contract D11).
pub const IDLE_MARKER: &str = "__idle";
/// The most actions that one turn may have: they must fit in one request, because mana-auth's row
/// ids restart at 0 in each (contract 4.2).
pub const MAX_ACTIONS: usize = 500;

/// One tool call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Position in the turn, from 0.
    pub index: u32,
    /// The dotted name; for a tool that does not exist, the name that the model used.
    pub tool: String,
    /// The tool's module, or [`UNKNOWN_MODULE`].
    pub module: String,
    /// The arguments, keys in the order in which the model gave them.
    pub input: Value,
    /// What became of it.
    pub status: ActionStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// Time from call to result, in milliseconds.
    pub latency_ms: Option<u32>,
}

/// What became of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionStatus {
    /// The tool did it.
    Ok,
    /// The tool refused or failed.
    Error,
    /// The answer was lost: it may or may not have happened.
    Unknown,
}

/// The modules that were used, each once, in order of first use. Markers are left out.
#[must_use]
pub fn modules_used(actions: &[Action]) -> Vec<String> {
    let mut used: Vec<String> = Vec::new();
    for action in actions.iter().filter(|action| !is_marker(&action.module)) {
        if !used.contains(&action.module) {
            used.push(action.module.clone());
        }
    }
    used
}

/// The first 16 hexadecimal digits of the SHA-256 of the arguments as compact JSON (contract 7.4).
#[must_use]
pub fn input_hash(input: &Value) -> String {
    hex(&Sha256::digest(as_javascript_writes(input).to_string())[..8])
}

/// JavaScript has one kind of number, so `1.0` is written `1`; the hash has to agree.
fn as_javascript_writes(value: &Value) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "guarded by the range")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(as_javascript_writes).collect(),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(key, value)| (key.clone(), as_javascript_writes(value))).collect(),
        ),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_agrees_with_the_vector_of_the_contract() {
        assert_eq!(input_hash(&json!({"title": "Spazieren"})), "d2302c5434f71ce7");
    }

    #[test]
    fn a_whole_float_hashes_as_javascript_writes_it() {
        let received: Value = serde_json::from_str(r#"{"n":[3.0]}"#).expect("valid JSON");
        assert_eq!(input_hash(&received), input_hash(&json!({"n": [3]})));
        assert_ne!(input_hash(&json!({"n": 3.5})), input_hash(&json!({"n": 3})));
    }

    #[test]
    fn modules_come_once_in_order_of_first_use_and_without_markers() {
        let action = |tool: &str, module: &str| Action {
            index: 0,
            tool: tool.to_owned(),
            module: module.to_owned(),
            input: json!({}),
            status: ActionStatus::Ok,
            error: None,
            latency_ms: None,
        };
        let actions = [
            action("todo.create", "todo"),
            action("fly", UNKNOWN_MODULE),
            action("notes.create", "notes"),
            action("todo.list", "todo"),
        ];
        assert_eq!(modules_used(&actions), ["todo", "notes"]);
    }
}
