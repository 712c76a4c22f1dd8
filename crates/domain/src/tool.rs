//! A tool that the MCP server offers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One tool, under the name that MCP knows (dotted, such as `todo.create`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// The name on MCP, and in every record.
    pub name: String,
    /// What it does, as the server says it.
    pub description: String,
    /// JSON Schema of the arguments, as the server says it.
    pub input_schema: Value,
    /// The server hints that it changes nothing.
    pub read_only: bool,
    /// The server hints that a second call with the same arguments changes nothing more.
    #[serde(default)]
    pub idempotent: bool,
}

impl Tool {
    /// The module this tool belongs to.
    #[must_use]
    pub fn module(&self) -> &str {
        module_of(&self.name)
    }
}

/// Whether an entry of the configuration means a tool: by its name, or as `todo.*` by its module.
#[must_use]
pub fn is_meant(entry: &str, tool: &str) -> bool {
    match entry.strip_suffix(".*") {
        Some(module) => module == module_of(tool),
        None => entry == tool,
    }
}

/// The part of a tool's name before the first dot; the whole name when there is none.
#[must_use]
pub fn module_of(tool: &str) -> &str {
    tool.split_once('.').map_or(tool, |(module, _)| module)
}

/// Whether a module is one of our own markers (`__idle`, `__parse`, `__unknown`): these are no
/// modules of the app, are never rated and never enter an average.
#[must_use]
pub fn is_marker(module: &str) -> bool {
    module.starts_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_means_one_tool_or_those_of_a_module() {
        for (entry, tool, expected) in [
            ("todo.create", "todo.create", true),
            ("todo.create", "todo.create.all", false),
            ("todo.*", "todo.create", true),
            ("todo.*", "todos.create", false),
            ("todo", "todo.create", false),
            ("*", "todo.create", false),
            ("echo.*", "echo", true),
        ] {
            assert_eq!(is_meant(entry, tool), expected, "{entry} {tool}");
        }
    }

    #[test]
    fn a_module_ends_at_the_first_dot() {
        for (tool, module) in [("todo.create", "todo"), ("me.list.all", "me"), ("echo", "echo"), (".x", "")] {
            assert_eq!(module_of(tool), module, "{tool}");
        }
    }
}
