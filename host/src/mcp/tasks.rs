//! Tools that have to be called as a task (`execution.taskSupport: "required"`, MCP 2025-11-25). We call none so, and
//! rmcp does not tell which they are: it is read off the messages as they come.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

/// The names of such tools. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskTools(Arc<Mutex<BTreeSet<String>>>);

impl TaskTools {
    /// Reads a message from the server.
    pub(super) fn note(&self, message: &str) {
        // Nearly no message is a tool list, and nearly no list says so.
        if message.contains("\"taskSupport\"") {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(required(message));
        }
    }

    /// Whether a tool has to be called as a task.
    pub(super) fn has(&self, tool: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(tool)
    }

    /// Notes a tool as told; false when it was already.
    pub(super) fn tell(&self, tool: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tool.to_owned())
    }
}

/// The tools of a list that have to be called as a task.
fn required(message: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Message {
        result: List,
    }
    #[derive(Deserialize)]
    struct List {
        tools: Vec<Tool>,
    }
    #[derive(Deserialize)]
    struct Tool {
        name: String,
        #[serde(default)]
        execution: Execution,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Execution {
        task_support: Option<String>,
    }
    let tools =
        serde_json::from_str(message).map(|Message { result: List { tools } }| tools).unwrap_or_default();
    let demanding =
        tools.into_iter().filter(|tool| tool.execution.task_support.as_deref() == Some("required"));
    demanding.map(|tool| tool.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tool_that_demands_a_task_is_noted() {
        let tools = TaskTools::default();
        tools.note(
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[
                {"name":"research","inputSchema":{},"execution":{"taskSupport":"required"}},
                {"name":"maybe","inputSchema":{},"execution":{"taskSupport":"optional"}},
                {"name":"todo.create","inputSchema":{},"execution":{"taskSupport":"forbidden"}},
                {"name":"plain","inputSchema":{}}]}}"#,
        );
        tools.note(r#"{"result":{"content":[{"text":"\"taskSupport\""}]}}"#);
        tools.note("\"taskSupport\"");
        let noted = ["research", "maybe", "todo.create", "plain"].map(|tool| tools.has(tool));
        assert_eq!(noted, [true, false, false, false]);
    }
}
