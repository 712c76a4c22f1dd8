//! A tool list as it comes, taken tool by tool: what is wrong with one of them costs that one and is named. What is
//! said of a tool is read by models, and holds nothing that a person would not see.

use serde_json::{Map, Value, json};

/// The longest description, in bytes; every turn pays for each of them.
const LONGEST_DESCRIPTION: usize = 8 << 10;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 256;

/// A tool that is not offered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// What it is called, or its place in the list.
    pub tool: String,
    /// What is wrong with it.
    pub why: String,
}

impl LeftOut {
    pub(super) fn new(tool: &str, why: impl Into<String>) -> Self {
        let tool = neutral(tool).chars().take(LONGEST_NAME).collect();
        Self { tool, why: why.into() }
    }
}

/// The tools of a page that can be offered, each with nothing but what is used of it, and those that cannot.
pub(super) fn sorted_out(page: &[Value]) -> (Vec<Value>, Vec<LeftOut>) {
    let (mut tools, mut left_out) = (Vec::new(), Vec::new());
    for (place, tool) in (1..).zip(page) {
        match entry(place, tool) {
            Ok(tool) => tools.push(tool),
            Err(why) => left_out.push(why),
        }
    }
    (tools, left_out)
}

fn entry(place: usize, tool: &Value) -> Result<Value, LeftOut> {
    let nameless = |why: &str| LeftOut::new(&format!("no. {place} of the list"), why);
    let Value::Object(fields) = tool else { return Err(nameless("it is no object")) };
    let name = match fields.get("name") {
        Some(Value::String(name)) if !name.is_empty() => name,
        _ => return Err(nameless("it has no name")),
    };
    let left_out = |why: &str| LeftOut::new(name, why);
    if name.len() > LONGEST_NAME {
        return Err(left_out(&format!("its name is longer than {LONGEST_NAME} bytes")));
    }
    if name.chars().any(|letter| is_unseen(letter) || letter.is_control()) {
        return Err(left_out("its name has characters that nobody sees"));
    }
    let schema = match fields.get("inputSchema") {
        Some(schema @ Value::Object(_)) => schema.clone(),
        // A tool without arguments, of a server that does not say so.
        None | Some(Value::Null) => json!({"type": "object"}),
        Some(_) => return Err(left_out("its inputSchema is no object")),
    };
    if fields.get("execution").is_some_and(|execution| execution["taskSupport"] == "required") {
        return Err(left_out("it demands to be called as a task, which persona-host never does"));
    }
    let words = ["description", "title"].iter().find_map(|field| fields.get(*field)?.as_str());
    let mut entry = json!({"name": name, "inputSchema": schema});
    if let Some(words) = words {
        entry["description"] = Value::from(shortened(neutral(words)));
    }
    let hints = ["readOnlyHint", "idempotentHint"];
    let hints = hints.iter().filter_map(|hint| {
        Some((
            (*hint).to_owned(),
            fields.get("annotations")?.get(hint).filter(|value| value.is_boolean())?.clone(),
        ))
    });
    entry["annotations"] = Value::Object(Map::from_iter(hints));
    Ok(entry)
}

/// The text without what is not seen: control characters, those that turn the direction of writing, and the tags in
/// which instructions can be hidden.
pub(super) fn neutral(text: &str) -> String {
    let seen = |letter: char| match letter {
        '\n' | '\t' => Some(letter),
        '\r' => None,
        _ if is_unseen(letter) => None,
        _ if letter.is_control() => Some(' '),
        _ => Some(letter),
    };
    text.chars().filter_map(seen).collect()
}

fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn shortened(mut text: String) -> String {
    let whole = text.len();
    if whole > LONGEST_DESCRIPTION {
        text.truncate(text.floor_char_boundary(LONGEST_DESCRIPTION));
        text.push_str(&format!("\n[cut here: this is the beginning of {whole} bytes]"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_tool_costs_that_one_and_is_named() {
        let schema = json!({"type": "object"});
        let long = "x".repeat(300);
        for (tool, named, why) in [
            (json!(7), "no. 2 of the list", "it is no object"),
            (json!({"inputSchema": schema}), "no. 2 of the list", "it has no name"),
            (json!({"name": "", "inputSchema": schema}), "no. 2 of the list", "it has no name"),
            (json!({"name": 7, "inputSchema": schema}), "no. 2 of the list", "it has no name"),
            (json!({"name": "a", "inputSchema": "x"}), "a", "its inputSchema is no object"),
            (json!({"name": "a", "inputSchema": [1]}), "a", "its inputSchema is no object"),
            (json!({"name": "a\u{202E}b"}), "ab", "its name has characters that nobody sees"),
            (json!({"name": "a\u{1b}[2J"}), "a [2J", "its name has characters that nobody sees"),
            (json!({"name": long}), &long[..256], "its name is longer than 256 bytes"),
            (
                json!({"name": "a", "execution": {"taskSupport": "required"}}),
                "a",
                "it demands to be called as a task, which persona-host never does",
            ),
        ] {
            let good = json!({"name": "good", "inputSchema": schema});
            let (tools, left_out) = sorted_out(&[good.clone(), tool.clone(), good]);
            assert_eq!(tools.len(), 2, "{tool}");
            assert_eq!(left_out, [LeftOut { tool: named.to_owned(), why: why.to_owned() }]);
        }
    }

    #[test]
    fn nothing_that_is_not_used_can_spoil_a_tool() {
        let tool = json!({
            "name": "todo.list", "description": 7, "title": "Lists\u{202E}\u{7}\r\nall", "icons": "none", "_meta": [],
            "annotations": {"readOnlyHint": true, "idempotentHint": "yes", "title": 1}, "outputSchema": 3,
            "execution": {"taskSupport": "optional"},
        });
        let (tools, left_out) = sorted_out(&[tool]);
        let expected = json!({
            "name": "todo.list", "inputSchema": {"type": "object"}, "description": "Lists \nall",
            "annotations": {"readOnlyHint": true},
        });
        assert_eq!((tools, left_out), (vec![expected], vec![]));
    }

    #[test]
    fn a_description_of_a_megabyte_is_cut_and_says_so() {
        let (tools, _) = sorted_out(&[json!({"name": "a", "description": "ä".repeat(1 << 19)})]);
        let description = tools[0]["description"].as_str().expect("a text");
        let end = "[cut here: this is the beginning of 1048576 bytes]";
        assert!(description.len() < (8 << 10) + 100 && description.ends_with(end), "{}", description.len());
    }
}
