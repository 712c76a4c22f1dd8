//! The eleven tools in the order in which they are listed, with the schemas of their arguments
//! (contract 8.2). The descriptions are our own.

use serde_json::{Map, Value, json};

/// A tool as it is offered.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// Whether it reads or writes encrypted fields, for which the user's vault has to exist.
    pub(super) needs_vault: bool,
    required: &'static [&'static str],
    properties: fn() -> Value,
}

impl Tool {
    /// The JSON Schema (draft 7) of the arguments.
    pub(super) fn schema(&self) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), (self.properties)());
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        // The one tool without arguments says nothing about additional ones.
        if self.name != "spaces.list" {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
        schema.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
        schema
    }
}

/// The tool of that name.
pub(super) fn tool(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// All of them.
pub(super) const TOOLS: [Tool; 11] = [
    Tool {
        name: "habits.create",
        description: "Adds a habit to the space.",
        needs_vault: false,
        required: &["title"],
        properties: || {
            json!({
                "title": text(1, 120),
                "icon": with_default(text(1, 40), "star"),
                "color": with_default(color(), "#6366f1"),
                "targetPerDay": null_by_default(positive()),
                "defaultDuration": null_by_default(positive()),
            })
        },
    },
    Tool {
        name: "habits.list",
        description: "Lists the habits of the space in their order.",
        needs_vault: false,
        required: &[],
        properties: || json!({"includeArchived": flag(false)}),
    },
    Tool {
        name: "habits.update",
        description: "Changes the given fields of a habit.",
        needs_vault: false,
        required: &["id"],
        properties: || {
            json!({
                "id": id(),
                "title": text(1, 120),
                "icon": text(1, 40),
                "color": color(),
                "targetPerDay": or_null(positive()),
                "defaultDuration": or_null(positive()),
            })
        },
    },
    Tool {
        name: "habits.archive",
        description: "Puts a habit away, or takes it out again.",
        needs_vault: false,
        required: &["id"],
        properties: || json!({"id": id(), "archived": flag(true)}),
    },
    Tool {
        name: "journal.add",
        description: "Writes a journal entry, for today unless another day is given.",
        needs_vault: true,
        required: &["content"],
        properties: || {
            json!({
                "content": text(1, 200_000),
                "title": null_by_default(json!({"type": "string", "maxLength": 500})),
                "entryDate": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
                "mood": null_by_default(json!({"type": "string", "enum": MOODS})),
                "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            })
        },
    },
    Tool {
        name: "notes.create",
        description: "Writes a note.",
        needs_vault: true,
        required: &["title"],
        properties: || {
            json!({
                "title": text(1, 500),
                "content": {"type": "string", "maxLength": 200_000, "default": ""},
                "color": null_by_default(color()),
                "isPinned": flag(false),
            })
        },
    },
    Tool {
        name: "notes.search",
        description: "Finds notes by a piece of their title or content; all of them without one.",
        needs_vault: true,
        required: &[],
        properties: || {
            json!({
                "query": {"type": "string", "maxLength": 500, "default": ""},
                "includeArchived": flag(false),
                "limit": limit(100, 20),
            })
        },
    },
    Tool {
        name: "spaces.list",
        description: "Lists the spaces that you belong to, and says which one is active.",
        needs_vault: false,
        required: &[],
        properties: || json!({}),
    },
    Tool {
        name: "todo.create",
        description: "Adds a task.",
        needs_vault: true,
        required: &["title"],
        properties: || {
            json!({
                "title": text(1, 500),
                "description": {"type": "string", "maxLength": 10_000},
                "priority": {"type": "string", "enum": ["low", "medium", "high", "urgent"], "default": "medium"},
                "dueDate": null_by_default(json!({"type": "string", "format": "date-time"})),
            })
        },
    },
    Tool {
        name: "todo.list",
        description: "Lists tasks, the open ones unless completed ones are asked for too.",
        needs_vault: true,
        required: &[],
        properties: || json!({"includeCompleted": flag(false), "limit": limit(500, 50)}),
    },
    Tool {
        name: "todo.complete",
        description: "Marks a task as done.",
        needs_vault: false,
        required: &["id"],
        properties: || json!({"id": id()}),
    },
];

/// The moods that the journal knows.
const MOODS: [&str; 8] =
    ["dankbar", "glücklich", "zufrieden", "neutral", "nachdenklich", "traurig", "gestresst", "wütend"];

fn text(min: u32, max: u32) -> Value {
    json!({"type": "string", "minLength": min, "maxLength": max})
}

fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

fn color() -> Value {
    json!({"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"})
}

fn positive() -> Value {
    json!({"type": "integer", "exclusiveMinimum": 0})
}

fn flag(default: bool) -> Value {
    json!({"type": "boolean", "default": default})
}

fn limit(max: u32, default: u32) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": max, "default": default})
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn null_by_default(schema: Value) -> Value {
    with_default(or_null(schema), Value::Null)
}

fn with_default(mut schema: Value, default: impl Into<Value>) -> Value {
    schema["default"] = default.into();
    schema
}
