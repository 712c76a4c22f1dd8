//! One persona's session with the MCP server, for one turn.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{self, CallToolRequestParams, ClientConfig, PaginatedRequestParams};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceError};
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::timeout;

use super::answer::{answer, protocol_error};
use super::error::McpError;
use super::listing::LeftOut;
use super::pages::Pages;
use super::wire::{GOODBYE, Wire};
use domain::tool::Tool;
use domain::transcript::ToolAnswer;

/// An open session. It is closed by [`Session::close`], and in the background when it is dropped.
pub struct Session {
    service: RunningService<RoleClient, ClientConfig>,
    wire: Wire,
    url: Arc<str>,
    call_timeout: Duration,
    told: Told,
}

/// Tools that were told not to be offered, once in the life of the program. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<Mutex<BTreeSet<LeftOut>>>);

/// What a server offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The tools.
    pub tools: Vec<Tool>,
    /// Those that it lists and that cannot be offered.
    pub left_out: Vec<LeftOut>,
}

impl Session {
    pub(super) fn new(
        service: RunningService<RoleClient, ClientConfig>,
        wire: Wire,
        url: Arc<str>,
        call_timeout: Duration,
        told: Told,
    ) -> Self {
        Self { service, wire, url, call_timeout, told }
    }

    /// The tools that the server offers, sorted by name, so that the same tools always make the same
    /// prompt. Of two tools of one name only the first is kept. One that has to be called as a task is left
    /// out, because the model would only ever see it refused, and so is one that makes no sense.
    ///
    /// # Errors
    /// When the server cannot be asked, or when its list does not end.
    pub async fn tools(&self) -> Result<Offer, McpError> {
        let mut tools: Vec<Tool> = Vec::new();
        let mut pages = Pages::default();
        let (mut left_out, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.page(cursor).await?;
            left_out.extend(self.wire.take_left_out());
            let next = pages.turn(page.tools.len(), page.next_cursor);
            for tool in page.tools.into_iter().map(read_tool) {
                match tools.iter().any(|known| known.name == tool.name) {
                    false => tools.push(tool),
                    true => {
                        left_out.push(LeftOut::new(&tool.name, "another tool of the list has the same name"))
                    }
                }
            }
            cursor = next.map_err(|cause| McpError::ToolList { url: self.url.to_string(), cause })?;
            if cursor.is_none() {
                break;
            }
        }
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        self.told.tell(&left_out);
        Ok(Offer { tools, left_out })
    }

    /// Calls a tool by the name that MCP knows. What the tool or the protocol refuses is an answer too,
    /// because the model should see it.
    ///
    /// # Errors
    /// When the server cannot be asked or does not answer in time; [`McpError::is_answer_lost`] says whether
    /// the call may have been carried out all the same.
    pub async fn call(&self, tool: &str, input: &Value) -> Result<ToolAnswer, McpError> {
        self.call_within(tool, input, None).await
    }

    /// The same, as a part of this trace: the server is told it, in the call and in a header of the request.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub async fn call_within(
        &self,
        tool: &str,
        input: &Value,
        traceparent: Option<&str>,
    ) -> Result<ToolAnswer, McpError> {
        let Some(arguments) = arguments(input) else {
            let text = format!("The arguments of {tool} must be a JSON object.");
            return Ok(ToolAnswer { text, is_error: true });
        };
        let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        if let Some(traceparent) = traceparent {
            params.meta.get_or_insert_default().set_traceparent(traceparent);
        }
        match timeout(self.call_timeout, self.service.call_tool_once(params)).await {
            Ok(Ok(response)) => Ok(answer(response)),
            Ok(Err(ServiceError::McpError(error))) => Ok(protocol_error(&error)),
            Ok(Err(error)) => Err(McpError::of_request(&self.url, &error)),
            Err(_) => Err(self.too_late(tool)),
        }
    }

    /// Whether nothing can be sent on it any more, which is known before anything is.
    pub(super) fn is_over(&self) -> bool {
        self.service.is_transport_closed()
    }

    /// What a call on a session that is over comes to.
    pub(super) fn lost(&self) -> McpError {
        McpError::SessionLost { url: self.url.to_string() }
    }

    /// Shows the server this token of the same persona from now on. What tools do is still done with the
    /// token of the opening (contract 8), but nothing is accepted with one that has ended, not even the
    /// end of the session.
    pub fn present(&self, jwt: &SecretString) {
        self.wire.present(jwt.clone());
    }

    /// Closes the session, and waits two seconds at most for the server to say that it did, too.
    pub async fn close(mut self) {
        let goodbye = async {
            if let Err(error) = self.service.close().await {
                tracing::debug!(%error, "the MCP session ended badly");
            }
            self.wire.hang_up().await;
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("the MCP session did not close in time");
        }
    }

    async fn page(&self, cursor: Option<String>) -> Result<model::ListToolsResult, McpError> {
        let params = PaginatedRequestParams::default().with_cursor(cursor);
        match timeout(self.call_timeout, self.service.list_tools(Some(params))).await {
            Ok(page) => page.map_err(|error| McpError::of_request(&self.url, &error)),
            Err(_) => Err(self.too_late("`tools/list`")),
        }
    }

    fn too_late(&self, what: &str) -> McpError {
        McpError::Deadline { url: self.url.to_string(), what: what.to_owned(), limit: self.call_timeout }
    }
}

impl Drop for Session {
    /// rmcp says goodbye on its own when its service is dropped, but not when that has already failed.
    fn drop(&mut self) {
        if !self.wire.is_open() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let wire = self.wire.clone();
            runtime.spawn(async move { wire.hang_up().await });
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A tool without arguments is called with `{}`, also when the model leaves them out.
fn arguments(input: &Value) -> Option<model::JsonObject> {
    match input {
        Value::Object(arguments) => Some(arguments.clone()),
        Value::Null => Some(model::JsonObject::new()),
        _ => None,
    }
}

fn read_tool(tool: model::Tool) -> Tool {
    let description =
        tool.description.or_else(|| tool.title.map(Into::into)).unwrap_or_default().into_owned();
    let hints = tool.annotations.unwrap_or_default();
    Tool {
        name: tool.name.into_owned(),
        description,
        input_schema: object_schema(Arc::unwrap_or_clone(tool.input_schema)),
        read_only: hints.read_only_hint.unwrap_or(false),
        idempotent: hints.idempotent_hint.unwrap_or(false),
    }
}

/// MCP demands `"type": "object"`, and not every server writes it.
fn object_schema(mut schema: model::JsonObject) -> Value {
    schema.entry("type").or_insert_with(|| Value::from("object"));
    Value::Object(schema)
}

impl Told {
    fn tell(&self, left_out: &[LeftOut]) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for LeftOut { tool, why } in left_out.iter().filter(|left_out| told.insert((*left_out).clone())) {
            tracing::warn!(tool, why, "a tool of the MCP server is not offered");
        }
    }
}
