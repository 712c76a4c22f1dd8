//! One MCP session, as rmcp's server drives it. Who called, with which token and for which space, is
//! taken from `initialize` and never again (contract 8, D12).

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    InitializeRequestParams, InitializeResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::catalog;
use super::mcp::ManaMcp;

/// rmcp's side of the endpoint.
pub(super) type Protocol = StreamableHttpService<Session, LocalSessionManager>;

/// What the real server's SDK speaks, newest first.
pub(super) const PROTOCOL_VERSIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_03_26,
    ProtocolVersion::V_2024_11_05,
];

/// Who opened a session.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) jwt: String,
    pub(super) space: String,
}

/// One session.
pub(super) struct Session {
    mcp: Arc<ManaMcp>,
    caller: OnceLock<Caller>,
}

impl Session {
    pub(super) fn new(mcp: Arc<ManaMcp>) -> Self {
        Self { mcp, caller: OnceLock::new() }
    }
}

impl ServerHandler for Session {
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let caller = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>());
        let caller = caller.ok_or_else(|| ErrorData::internal_error("the gate named no caller", None))?;
        self.caller.get_or_init(|| caller.clone());
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn on_initialized(&self, _: NotificationContext<RoleServer>) {}

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let reads = self.mcp.faults().all_read_only;
        let tool = |tool: &catalog::Tool| {
            let plain = Tool::new(tool.name, tool.description, tool.schema());
            if reads { plain.with_annotations(ToolAnnotations::new().read_only(true)) } else { plain }
        };
        Ok(ListToolsResult::with_all_items(catalog::TOOLS.iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller.get().ok_or_else(|| ErrorData::internal_error("not initialized", None))?;
        self.mcp.hear_call();
        let arguments = request.arguments.unwrap_or_default();
        let answer = tokio::select! {
            answer = self.mcp.call(caller, &request.name, arguments) => answer,
            () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
            () = self.mcp.options.stop.cancelled() => Err("the server stops".to_owned()),
        };
        self.mcp.metrics.called(&request.name, answer.is_err());
        Ok(match answer {
            Ok(text) => {
                // The real server leaves `isError` out when all is well.
                let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
                result.is_error = None;
                result
            }
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        }
        .into())
    }

    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        let [newest, ..] = PROTOCOL_VERSIONS;
        InitializeResult::new(capabilities)
            .with_server_info(Implementation::new("mana", "0.1.0"))
            .with_protocol_version(newest)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        const { &PROTOCOL_VERSIONS }.into()
    }
}
