//! One call from name and arguments to the text of its answer, with the original's words for each way
//! in which it can fail (contract 8.2).

use serde_json::{Map, Value};

use super::catalog;
use super::mcp::ManaMcp;
use super::session::Caller;
use super::tools::Call;
use crate::mana_auth::vault_exists;

impl ManaMcp {
    /// The answer as indented JSON, or what went wrong.
    pub(super) async fn call(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<String, String> {
        let not_found = || format!("MCP error -32602: Tool {name} not found");
        let tool = catalog::tool(name).ok_or_else(not_found)?;
        let arguments =
            self.validators.complete(name, arguments).ok_or_else(not_found)?.map_err(|issues| {
                format!(
                    "MCP error -32602: Input validation error: Invalid arguments for tool {name}: {issues}"
                )
            })?;
        if let Some(denial) = self.policy.denies(&caller.user, name, self.options.clock.now()) {
            return Err(format!("Tool {name} not allowed: {denial}"));
        }
        let answer = self.invoke(caller, tool, &arguments).await;
        answer.map_err(|message| format!("Tool {name} failed: {message}"))
    }

    async fn invoke(
        &self,
        caller: &Caller,
        tool: &catalog::Tool,
        arguments: &Map<String, Value>,
    ) -> Result<String, String> {
        self.meet_faults(tool.name).await?;
        // Every tool asks other services in the caller's name, with the token of `initialize`.
        let now = self.options.clock.now();
        if self.options.verifier.verify(&caller.jwt, now).is_err() {
            let service = if tool.needs_vault { "mana-auth /encryption-vault/key" } else { "mana-sync" };
            return Err(format!("{service} failed: 401 Unauthorized"));
        }
        let database = &self.options.database;
        if tool.needs_vault && !vault_exists(database, &caller.user).await.map_err(in_words)? {
            return Err("mana-auth /encryption-vault/key failed: 404 VAULT_NOT_INITIALISED".to_owned());
        }
        if tool.name == "spaces.list" && self.options.spaces_list_fails {
            return Err("mana-auth /organization/list failed: 401 Unauthorized".to_owned());
        }
        let call = Call { database, caller, arguments, now: now.into() };
        let result = call.run(tool.name).await.map_err(in_words)?;
        if let Some(by) = self.faults().advance_clock {
            self.options.clock.advance(by);
        }
        let mut answer = serde_json::to_string_pretty(&result).expect("a document of JSON can be written");
        if let Some(whisper) = self.faults().whispers {
            answer.push('\n');
            answer.push_str(&whisper);
        }
        Ok(answer)
    }

    async fn meet_faults(&self, tool: &str) -> Result<(), String> {
        let faults = self.faults();
        if faults.silent_tool.as_deref() == Some(tool) {
            std::future::pending::<()>().await;
        }
        if !faults.tool_latency.is_zero() {
            tokio::time::sleep(faults.tool_latency).await;
        }
        match faults.failing_tool.as_deref() == Some(tool) {
            true => Err("the stand-in was told to fail".to_owned()),
            false => Ok(()),
        }
    }
}

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
