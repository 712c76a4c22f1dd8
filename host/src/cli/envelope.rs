//! What programs read: one document in one form, however a command ends. docs/commands.md tells it.

use serde_json::json;

use super::Failure;
use domain::letter::in_json;

/// The whole document: what was answered, which is JSON already, and why it is no success, if it is none.
pub(super) fn envelope(data: Option<&str>, failure: Option<&Failure>) -> String {
    let ok = format!("\"ok\": {}", failure.is_none());
    let data = data.or(failure.is_none().then_some("null")).map(|data| member("data", data));
    let error = failure.map(|failure| member("error", &in_json(&format!("{:#}", failure.document()))));
    let members: Vec<String> = [Some(ok), data, error].into_iter().flatten().collect();
    format!("{{\n  {}\n}}\n", members.join(",\n  "))
}

/// A failure as the last of many lines, or as one between them.
pub(super) fn line_of_failure(failure: &Failure) -> String {
    in_json(&json!({ "ok": false, "error": failure.document() }).to_string()) + "\n"
}

/// A line break in JSON is never within a text.
fn member(name: &str, json: &str) -> String {
    format!("\"{name}\": {}", json.replace('\n', "\n  "))
}

#[cfg(test)]
mod tests {
    use domain::code::Code;
    use serde_json::Value;

    use super::*;
    use crate::cli::Exit;

    #[test]
    fn every_end_is_one_document_of_one_form() {
        let failure = Failure::new(Exit::No, Code::NoSuchTurn, "no turn").hint("look\nagain");
        let error = json!({
            "code": "no-such-turn", "message": "no turn", "hint": "look\nagain", "at": null, "exit": 100,
        });
        let data = "{\n  \"b\": 1.50,\n  \"a\": \"x\\ny\"\n}";
        for (data, failure, whole) in [
            (None, None, json!({ "ok": true, "data": null })),
            (Some(data), None, json!({ "ok": true, "data": { "b": 1.5, "a": "x\ny" } })),
            (None, Some(&failure), json!({ "ok": false, "error": error })),
            (Some("[]"), Some(&failure), json!({ "ok": false, "data": [], "error": error })),
        ] {
            let text = envelope(data, failure);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), whole, "{text}");
            assert!(text.ends_with("}\n"), "{text}");
        }
        let text = envelope(Some(data), None);
        assert!(text.contains("    \"b\": 1.50,\n    \"a\""), "as it was written, further in: {text}");
        let line = line_of_failure(&failure);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), json!({ "ok": false, "error": error }));
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}
