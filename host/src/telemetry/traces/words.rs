//! What was said, for who wants it in their traces: without secrets, in the form of the GenAI conventions, and not without
//! end.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::attribute::text;
use super::names;
use super::setup::Setup;
use domain::mask::masked;
use domain::said::Said;

/// So many bytes of one text.
const LONGEST_TEXT: usize = 16 << 10;
/// So many bytes of one attribute: of a conversation the beginning is left out.
const LONGEST: usize = 64 << 10;
/// What stands where a text was cut.
const CUT: &str = " … (cut)";

/// The attributes of what was said.
pub(super) fn of(said: Option<&Said>, setup: &Setup) -> Vec<KeyValue> {
    let shown = |words: &str| cut(&masked(words, setup.secrets.iter().map(|own| own.expose_secret())));
    match said {
        None => Vec::new(),
        Some(Said::Model { system, asked, answered }) => {
            let asked = asked.as_array().map(Vec::as_slice).unwrap_or_default();
            let message =
                |role: &Value, blocks: &Value| json!({"role": role, "parts": parts(blocks, &shown)});
            let asked = asked.iter().map(|one| message(&one["role"], &one["content"])).collect();
            let answered = message(&json!("assistant"), &Value::from(answered.clone()));
            let instructions = json!([{"type": "text", "content": shown(system)}]);
            vec![
                text(names::SYSTEM, instructions.to_string()),
                text(names::INPUT_MESSAGES, the_last_of(asked)),
                text(names::OUTPUT_MESSAGES, the_last_of(vec![answered])),
            ]
        }
        Some(Said::Tool { input, output }) => vec![
            text(names::TOOL_ARGUMENTS, shown(&input.to_string())),
            text(names::TOOL_RESULT, shown(output)),
        ],
    }
}

/// Content blocks of the Messages API, as parts.
fn parts(blocks: &Value, shown: &impl Fn(&str) -> String) -> Value {
    let word = |value: &Value| value.as_str().map_or_else(|| shown(&value.to_string()), shown);
    let part = |block: &Value| match block["type"].as_str().unwrap_or_default() {
        "text" => json!({"type": "text", "content": word(&block["text"])}),
        "thinking" => json!({"type": "reasoning", "content": word(&block["thinking"])}),
        "tool_use" => json!({
            "type": "tool_call", "id": block["id"], "name": block["name"], "arguments": word(&block["input"]),
        }),
        "tool_result" => json!({
            "type": "tool_call_response", "id": block["tool_use_id"], "response": word(&block["content"]),
        }),
        other => json!({"type": other}),
    };
    blocks.as_array().map(|blocks| blocks.iter().map(part).collect()).unwrap_or_default()
}

/// As JSON, as many of the last messages as there is room for.
fn the_last_of(messages: Vec<Value>) -> String {
    let mut room = LONGEST;
    let mut kept: Vec<&Value> = Vec::new();
    for message in messages.iter().rev() {
        let length = message.to_string().len();
        if length > room && !kept.is_empty() {
            break;
        }
        room = room.saturating_sub(length);
        kept.push(message);
    }
    kept.reverse();
    json!(kept).to_string()
}

fn cut(words: &str) -> String {
    if words.len() <= LONGEST_TEXT {
        return words.to_owned();
    }
    let end = words.floor_char_boundary(LONGEST_TEXT);
    format!("{}{CUT}", &words[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_an_end_and_the_last_of_a_conversation_is_kept() {
        assert_eq!(cut("Ja."), "Ja.");
        let long = cut(&"ä".repeat(LONGEST_TEXT));
        assert!(long.len() < LONGEST_TEXT + 20 && long.ends_with("ä … (cut)"), "{}", long.len());
        let messages: Vec<Value> = (0..10).map(|place| json!([place, "x".repeat(LONGEST / 4)])).collect();
        let kept: Vec<Value> = serde_json::from_str(&the_last_of(messages)).expect("JSON");
        assert_eq!(kept.iter().map(|own| own[0].as_u64()).collect::<Vec<_>>(), [7, 8, 9].map(Some));
        let one: Vec<Value> =
            serde_json::from_str(&the_last_of(vec![json!("y".repeat(2 * LONGEST))])).expect("JSON");
        assert_eq!(one.len(), 1, "one is always there");
    }
}
