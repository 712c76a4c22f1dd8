//! Against a server of the official SDK whose tools behave as a test wants them to.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::Method;
use persona_host::mcp::McpError;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{PATIENCE, mcp, next, open};
use crate::support::http::Server;

/// How a desk hands out its tool list.
#[derive(Clone, Copy)]
enum Paging {
    TwoPages,
    SameCursorForEver,
    NewCursorForEver,
}

/// What the test gets to know of a desk.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Answered(Method, HashMap<&'static str, String>),
    CallBegan,
    CallCancelled,
}

#[derive(Clone)]
struct Desk {
    paging: Paging,
    seen: UnboundedSender<Seen>,
}

impl ServerHandler for Desk {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let tool = |name: &str| {
            Tool::new(name.to_owned(), "does it", Arc::new(rmcp::model::object(json!({"type": "object"}))))
        };
        let mut page = ListToolsResult::with_all_items(vec![tool("todo.create")]);
        page.next_cursor = match (self.paging, &cursor) {
            (Paging::TwoPages, None) => Some("second".to_owned()),
            (Paging::TwoPages, Some(_)) => {
                page.tools = vec![
                    tool("habits.list").with_annotations(ToolAnnotations::new().read_only(true)),
                    Tool::new("bare", "has no schema", Arc::default()),
                    Tool::new("todo.create", "comes twice", Arc::default()),
                ];
                None
            }
            (Paging::SameCursorForEver, _) => Some("again".to_owned()),
            (Paging::NewCursorForEver, cursor) => Some(format!("{}x", cursor.as_deref().unwrap_or_default())),
        };
        Ok(page)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = json!(request.arguments);
        match request.name.as_ref() {
            "todo.create" => Ok(CallToolResult::success(vec![ContentBlock::text(input.to_string())]).into()),
            "todo.fail" => {
                Ok(CallToolResult::error(vec![ContentBlock::text("Tool todo.fail failed: full")]).into())
            }
            "todo.never" => {
                let _ = self.seen.send(Seen::CallBegan);
                context.ct.cancelled().await;
                let _ = self.seen.send(Seen::CallCancelled);
                pending().await
            }
            other => Err(ErrorData::invalid_params(format!("Tool {other} not found"), None)),
        }
    }
}

/// A running desk.
struct Running {
    server: Server,
    sessions: Arc<LocalSessionManager>,
    seen: UnboundedReceiver<Seen>,
}

impl Running {
    async fn start(paging: Paging) -> Self {
        let (send, seen) = unbounded_channel();
        let sessions = Arc::new(LocalSessionManager::default());
        let desk = Desk { paging, seen: send.clone() };
        let config = StreamableHttpServerConfig::default();
        let service = StreamableHttpService::new(move || Ok(desk.clone()), sessions.clone(), config);
        let router = Router::new().nest_service("/mcp", service).layer(from_fn_with_state(send, watch));
        Self { server: Server::start(router).await, sessions, seen }
    }

    fn mcp(&self, call_timeout: Duration) -> persona_host::mcp::Mcp {
        mcp(self.server.url("/mcp"), call_timeout)
    }

    async fn open_sessions(&self) -> usize {
        self.sessions.sessions.read().await.len()
    }

    /// Waits until the desk has seen what `wanted` accepts.
    async fn until(&mut self, wanted: impl Fn(&Seen) -> bool) {
        while !wanted(&next(&mut self.seen).await) {}
    }

    /// Waits until the desk has answered a goodbye, and checks that it holds no session any more.
    async fn goodbye(&mut self) {
        self.until(|seen| matches!(seen, Seen::Answered(Method::DELETE, _))).await;
        assert_eq!(self.open_sessions().await, 0);
    }
}

/// Notes each request once it has been answered.
fn watch(
    State(seen): State<UnboundedSender<Seen>>,
    request: Request,
    next: Next,
) -> impl Future<Output = Response> + Send {
    let method = request.method().clone();
    let headers = ["authorization", "x-mana-space", "mcp-session-id"]
        .into_iter()
        .filter_map(|name| Some((name, request.headers().get(name)?.to_str().ok()?.to_owned())))
        .collect();
    async move {
        let response = next.run(request).await;
        let _ = seen.send(Seen::Answered(method, headers));
        response
    }
}

#[tokio::test]
async fn the_tools_of_all_pages_come_sorted_once_and_with_schemas_that_claude_takes() {
    let desk = Running::start(Paging::TwoPages).await;
    let session = open(&desk.mcp(PATIENCE)).await.expect("the desk opens");
    let tools = session.tools().await.expect("the list ends").tools;
    let shown: Vec<_> = tools
        .iter()
        .map(|tool| {
            (
                tool.name.as_str(),
                tool.description.as_str(),
                tool.read_only,
                tool.input_schema["type"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("bare", "has no schema", false, Some("object")),
            ("habits.list", "does it", true, Some("object")),
            ("todo.create", "does it", false, Some("object")),
        ]
    );
    session.close().await;
}

#[tokio::test]
async fn a_tool_list_without_an_end_is_refused() {
    for (paging, cause) in [
        (Paging::SameCursorForEver, "page 2 repeats a cursor"),
        (Paging::NewCursorForEver, "more than 32 pages"),
    ] {
        let desk = Running::start(paging).await;
        let session = open(&desk.mcp(PATIENCE)).await.expect("the desk opens");
        let url = desk.server.url("/mcp");
        assert_eq!(session.tools().await, Err(McpError::ToolList { url, cause: cause.to_owned() }));
        session.close().await;
    }
}

#[tokio::test]
async fn what_a_tool_or_the_protocol_refuses_is_an_answer() {
    let desk = Running::start(Paging::TwoPages).await;
    let session = open(&desk.mcp(PATIENCE)).await.expect("the desk opens");
    for (tool, input, text, is_error) in [
        ("todo.create", json!({"title": "ä", "a": 1}), r#"{"title":"ä","a":1}"#, false),
        ("todo.create", json!(null), "{}", false),
        ("todo.create", json!([1]), "The arguments of todo.create must be a JSON object.", true),
        ("todo.fail", json!({}), "Tool todo.fail failed: full", true),
        ("fly", json!({}), "MCP error -32602: Tool fly not found", true),
    ] {
        let answer = session.call(tool, &input).await.expect("the desk answers");
        assert_eq!((answer.text.as_str(), answer.is_error), (text, is_error));
    }
    session.close().await;
}

#[tokio::test]
async fn every_request_carries_token_and_space_and_there_is_no_standing_stream() {
    let mut desk = Running::start(Paging::TwoPages).await;
    let session = open(&desk.mcp(PATIENCE)).await.expect("the desk opens");
    session.tools().await.expect("the list ends");
    session.call("todo.create", &json!({})).await.expect("the desk answers");
    session.close().await;

    let mut methods = vec![];
    while let Ok(Seen::Answered(method, headers)) = desk.seen.try_recv() {
        assert_eq!(headers.get("authorization").map(String::as_str), Some("Bearer annas-token"), "{method}");
        assert_eq!(headers.get("x-mana-space").map(String::as_str), Some("annas-space"), "{method}");
        assert_eq!(
            headers.contains_key("mcp-session-id"),
            !methods.is_empty(),
            "all but the first name the session"
        );
        methods.push(method);
    }
    // initialize, initialized, two pages, one call, and one goodbye.
    let posts = vec![Method::POST; 5];
    assert_eq!(methods, [posts, vec![Method::DELETE]].concat());
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_at_its_deadline_and_the_session_goes_on() {
    let mut desk = Running::start(Paging::TwoPages).await;
    let mcp = desk.mcp(Duration::from_millis(200));
    let session = open(&mcp).await.expect("the desk opens");
    let error = session.call("todo.never", &json!({})).await.expect_err("nothing comes");
    assert_eq!(
        error.to_string(),
        format!("the MCP server at {} did not answer todo.never within 0.2 s", desk.server.url("/mcp"))
    );
    assert!(error.is_answer_lost() && error.keeps_session());
    desk.until(|seen| *seen == Seen::CallCancelled).await;
    assert!(session.call("todo.create", &json!({})).await.is_ok());
    session.close().await;
    desk.goodbye().await;
}

#[tokio::test]
async fn a_session_is_closed_on_every_way_out() {
    let mut desk = Running::start(Paging::TwoPages).await;
    let mcp = desk.mcp(PATIENCE);

    let session = open(&mcp).await.expect("the desk opens");
    assert_eq!(desk.open_sessions().await, 1);
    session.close().await;
    assert_eq!(desk.open_sessions().await, 0, "close waits for the server");
    desk.goodbye().await;

    drop(open(&mcp).await.expect("the desk opens"));
    desk.goodbye().await;

    let session = open(&mcp).await.expect("the desk opens");
    let turn = tokio::spawn(async move { session.call("todo.never", &json!({})).await.map(drop) });
    desk.until(|seen| *seen == Seen::CallBegan).await;
    turn.abort();
    desk.goodbye().await;

    let session = open(&mcp).await.expect("the desk opens");
    let turn = tokio::spawn(async move {
        let _session = session;
        panic!("a turn that fails badly");
    });
    assert!(turn.await.is_err());
    desk.goodbye().await;
}

#[tokio::test]
async fn a_session_that_the_server_has_lost_is_not_opened_anew() {
    let desk = Running::start(Paging::TwoPages).await;
    let session = open(&desk.mcp(PATIENCE)).await.expect("the desk opens");
    desk.sessions.sessions.write().await.clear();
    let error = session.call("todo.create", &json!({})).await.expect_err("nobody knows the session");
    assert_eq!(error, McpError::SessionLost { url: desk.server.url("/mcp") });
    assert!(!error.keeps_session() && !error.is_answer_lost());
    session.close().await;
}
