//! Arguments of a call, checked against the tool's schema and completed with its defaults.

use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::catalog;

/// One compiled schema for each tool.
#[derive(Debug)]
pub(super) struct Validators(HashMap<&'static str, (Value, Validator)>);

impl Validators {
    pub(super) fn for_all_tools() -> Self {
        Self(catalog::TOOLS.iter().map(|tool| (tool.name, compiled(tool))).collect())
    }

    /// The arguments with defaults filled in; or the issues, joined. `None` when there is no such tool.
    pub(super) fn complete(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
    ) -> Option<Result<Map<String, Value>, String>> {
        let (schema, validator) = self.0.get(tool)?;
        let arguments = Value::Object(arguments);
        let issues: Vec<String> = validator.iter_errors(&arguments).map(|issue| issue.to_string()).collect();
        if !issues.is_empty() {
            return Some(Err(issues.join("; ")));
        }
        let Value::Object(mut arguments) = arguments else { unreachable!("an object was put in") };
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(default) = property.get("default") {
                arguments.entry(name).or_insert_with(|| default.clone());
            }
        }
        Some(Ok(arguments))
    }
}

fn compiled(tool: &catalog::Tool) -> (Value, Validator) {
    let schema = Value::Object(tool.schema());
    let validator = jsonschema::draft7::options()
        .should_validate_formats(true)
        .with_format("uuid", |text: &str| uuid::Uuid::try_parse(text).is_ok())
        .build(&schema)
        .expect("the schemas of the catalog are valid, a test builds them all");
    (schema, validator)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complete(tool: &str, arguments: Value) -> Result<Value, String> {
        let arguments = arguments.as_object().cloned().expect("an object");
        let completed = Validators::for_all_tools().complete(tool, arguments).expect("a tool of the catalog");
        completed.map(Value::Object)
    }

    #[test]
    fn what_is_left_out_gets_its_default() {
        for (tool, given, completed) in [
            (
                "habits.create",
                json!({"title": "Laufen"}),
                json!({"title": "Laufen", "icon": "star", "color": "#6366f1", "targetPerDay": null,
                       "defaultDuration": null}),
            ),
            ("notes.search", json!({"limit": 3}), json!({"limit": 3, "query": "", "includeArchived": false})),
            ("todo.list", json!({}), json!({"includeCompleted": false, "limit": 50})),
            (
                "todo.create",
                json!({"title": "x"}),
                json!({"title": "x", "priority": "medium", "dueDate": null}),
            ),
            ("spaces.list", json!({}), json!({})),
        ] {
            assert_eq!(complete(tool, given), Ok(completed), "{tool}");
        }
    }

    #[test]
    fn what_breaks_the_schema_is_refused() {
        let id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
        for (tool, given) in [
            ("habits.create", json!({})),
            ("habits.create", json!({"title": ""})),
            ("habits.create", json!({"title": "x".repeat(121)})),
            ("habits.create", json!({"title": "x", "color": "red"})),
            ("habits.create", json!({"title": "x", "targetPerDay": 0})),
            ("habits.create", json!({"title": "x", "colour": "#ffffff"})),
            ("habits.update", json!({"id": "7"})),
            ("habits.archive", json!({"id": id, "archived": null})),
            ("journal.add", json!({"content": "x", "mood": "müde"})),
            ("journal.add", json!({"content": "x", "entryDate": "heute"})),
            ("notes.create", json!({"title": "x", "isPinned": "ja"})),
            ("notes.search", json!({"limit": 101})),
            ("todo.create", json!({"title": "x", "dueDate": "morgen"})),
            ("todo.create", json!({"title": "x", "priority": "sofort"})),
            ("todo.list", json!({"limit": 0.5})),
            ("todo.complete", json!({})),
        ] {
            assert!(complete(tool, given.clone()).is_err(), "{tool} {given}");
        }
        assert!(complete("todo.complete", json!({"id": id})).is_ok());
        assert!(complete("todo.create", json!({"title": "x", "dueDate": "2026-11-20T12:00:00Z"})).is_ok());
        assert!(complete("journal.add", json!({"content": "x", "entryDate": "2026-11-20"})).is_ok());
    }
}
