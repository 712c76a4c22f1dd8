//! A call in a form that the API takes back: with a plain name, and an object as its arguments.

use serde_json::{Map, Value};

/// The longest name that a call is told with.
const LONGEST_NAME: usize = 128;

/// What names and ids of calls may be made of.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A call with a name and arguments that the API takes.
pub(super) fn sayable(mut call: Value) -> Value {
    let name = call["name"].as_str().unwrap_or_default();
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
        let name: String = name.chars().take(LONGEST_NAME).map(plain).collect();
        call["name"] = Value::from(if name.is_empty() { "unnamed" } else { &name });
    }
    if !call["input"].is_object() {
        call["input"] = Value::Object(Map::new());
    }
    call
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_said_back_with_a_name_and_an_object() {
        let long = "x".repeat(200);
        for (name, input, told, arguments) in [
            (json!("todo_list"), json!({"a": 1}), "todo_list", json!({"a": 1})),
            (json!("todo.list"), json!([1]), "todo_list", json!({})),
            (json!(""), json!(null), "unnamed", json!({})),
            (json!(null), json!("x"), "unnamed", json!({})),
            (json!(long), json!({}), &long[..128], json!({})),
        ] {
            let told_as = sayable(json!({"type": "tool_use", "id": "a", "name": name, "input": input}));
            assert_eq!((&told_as["name"], &told_as["input"]), (&json!(told), &arguments), "{name}");
        }
    }
}
