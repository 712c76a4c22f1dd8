//! What can go wrong with the MCP server, and how rmcp's errors are read. A tool that fails is no
//! such error: it is an answer.

use std::error::Error;
use std::time::Duration;

use rmcp::ServiceError;
use rmcp::model::ErrorData;
use rmcp::service::ClientInitializeError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use super::busy::Busy;
use crate::outbound::SendError;
use domain::code::Code;
use domain::fault::NOT_RECORDED_HINT;
use domain::mask::masked;

/// How much of an answer's body an error quotes, in characters.
const QUOTED: usize = 300;

/// Why a session, or a call on it, came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// Nobody listens at the address.
    #[error("cannot connect to the MCP server at {url} ({cause})")]
    Unreachable {
        /// Where the server should be.
        url: String,
        /// Why there was no connection.
        cause: String,
    },
    /// The server did not answer in time. A tool call may have been carried out.
    #[error("the MCP server at {url} did not answer {what} within {} s", .limit.as_secs_f32())]
    Deadline {
        /// Who was asked.
        url: String,
        /// What it was asked for, such as `todo.create`.
        what: String,
        /// How long it had.
        limit: Duration,
    },
    /// The server does not accept the persona's token (any more).
    #[error("the MCP server at {url} refused the token: HTTP {status} — {body}")]
    TokenRefused {
        /// Who refused.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The first 300 characters of the answer.
        body: String,
    },
    /// The server does not accept the space.
    #[error("the MCP server at {url} wants another space: HTTP {status} — {body}")]
    SpaceRefused {
        /// Who refused.
        url: String,
        /// The answer's status.
        status: u16,
        /// The first 300 characters of the answer.
        body: String,
    },
    /// The server does not know the session (any more), and did nothing.
    #[error("the MCP server at {url} has lost the session")]
    SessionLost {
        /// Who lost it.
        url: String,
    },
    /// The server takes no more for now, and did nothing.
    #[error("the MCP server at {url} takes no more for now, and did nothing: HTTP {status} — {body}")]
    Busy {
        /// Who takes no more.
        url: String,
        /// 429 or 503.
        status: u16,
        /// The first 300 characters of the answer.
        body: String,
    },
    /// The server answered with another failure.
    #[error("the MCP server at {url} failed: {answer}")]
    Refused {
        /// Who failed.
        url: String,
        /// Status and the first 300 characters of the answer, or the JSON-RPC error.
        answer: String,
    },
    /// The list of tools never ends, or is beyond all measure.
    #[error("the tool list of the MCP server at {url} cannot be read: {cause}")]
    ToolList {
        /// Whose list.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The connection broke off, or what came over it is no MCP. A tool call may have been carried out.
    #[error("the connection to the MCP server at {url} broke off ({cause})")]
    Broken {
        /// The other end.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The token or the id of the space holds a character that no HTTP header can carry.
    #[error("the {what} holds a character that no HTTP header can carry")]
    Unsendable {
        /// `token` or `space id`.
        what: &'static str,
    },
    /// It is asked of a recording, which does not have it.
    #[error("{why}")]
    Unrecorded {
        /// How it differs from what was recorded.
        why: String,
    },
}

impl McpError {
    /// The word of its code, for records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.fault_code().word()
    }

    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        match self {
            Self::Unreachable { .. } => Code::McpUnreachable,
            Self::Deadline { .. } => Code::McpDeadline,
            Self::TokenRefused { .. } => Code::McpTokenRefused,
            Self::SpaceRefused { .. } => Code::McpSpaceRefused,
            Self::SessionLost { .. } => Code::McpSessionLost,
            Self::Busy { .. } => Code::McpBusy,
            Self::Refused { .. } => Code::McpRefused,
            Self::ToolList { .. } => Code::McpToolList,
            Self::Broken { .. } => Code::McpBroken,
            Self::Unsendable { .. } => Code::McpUnsendable,
            Self::Unrecorded { .. } => Code::NotRecorded,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "Is mana-mcp running at that address? Check MANA_MCP_URL.",
            Self::Deadline { .. } => {
                "The server is slow or stuck; look into its log, or allow calls more time (mana.tool_timeout)."
            }
            Self::TokenRefused { .. } => {
                "Tokens live 15 minutes; otherwise mana-mcp must know this mana-auth (its MANA_AUTH_URL)."
            }
            Self::SpaceRefused { .. } => "Is the persona a member of its space?",
            Self::SessionLost { .. } => {
                "The server was started anew, or closes sessions early; a turn opens another one once."
            }
            Self::Busy { .. } => {
                "It was asked again after the wait that it named, if that was short. Lower PERSONA_CONCURRENCY, or let it \
                 take more."
            }
            Self::Refused { .. } => "Look into the server's log; the next tick tries again.",
            Self::ToolList { .. } => "The server has to be put right; what it sends is not a list that ends.",
            Self::Broken { .. } => "Is that address an MCP server over Streamable HTTP? Look into its log.",
            Self::Unrecorded { .. } => NOT_RECORDED_HINT,
            Self::Unsendable { .. } => "mana-auth gave out something that is no token or no id.",
        }
    }

    /// Whether every other persona would meet the same, so that the tick had better start no further turn.
    #[must_use]
    pub fn stops_tick(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::ToolList { .. })
    }

    /// Whether the server does not do its work, whatever it is asked.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Refused { answer, .. } => answer.starts_with("HTTP 5"),
            Self::Busy { status, .. } => *status >= 500,
            other => matches!(other, Self::Unreachable { .. } | Self::Deadline { .. } | Self::Broken { .. }),
        }
    }

    /// Whether another session, with a fresh token, may help: the server refused this one, and did nothing else.
    #[must_use]
    pub fn wants_another_session(&self) -> bool {
        matches!(self, Self::TokenRefused { status: 401, .. } | Self::SessionLost { .. })
    }

    /// Whether a tool call that ended so may have been carried out all the same.
    #[must_use]
    pub fn is_answer_lost(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Broken { .. } | Self::Refused { .. })
    }

    /// Whether further calls make sense: on the same session, or on another one that takes its place.
    #[must_use]
    pub fn keeps_session(&self) -> bool {
        let may_go_on = matches!(self, Self::Deadline { .. } | Self::Refused { .. } | Self::Broken { .. });
        may_go_on || matches!(self, Self::Busy { .. })
    }

    /// Reads why no session came about.
    pub(super) fn of_opening(url: &str, error: &ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::TransportError { error, .. } => {
                Self::of_transport(url, error.error.as_ref())
            }
            ClientInitializeError::JsonRpcError(error) => Self::of_protocol(url, error),
            ClientInitializeError::ConnectionClosed(_) => {
                Self::broken(url, "it closed while the session was being opened")
            }
            other => Self::broken(url, other),
        }
    }

    /// Reads why a request on a session failed.
    pub(super) fn of_request(url: &str, error: &ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => Self::of_protocol(url, error),
            ServiceError::TransportSend(error) => Self::of_transport(url, error.error.as_ref()),
            other => Self::broken(url, other),
        }
    }

    fn of_protocol(url: &str, error: &ErrorData) -> Self {
        Self::Refused {
            url: url.to_owned(),
            answer: quote(&format!("MCP error {}: {}", error.code.0, error.message)),
        }
    }

    fn of_transport(url: &str, error: &(dyn Error + Send + Sync + 'static)) -> Self {
        let url = url.to_owned();
        match error.downcast_ref::<StreamableHttpError<SendError>>() {
            Some(StreamableHttpError::Client(error)) if error.unrecorded().is_some() => {
                Self::Unrecorded { why: error.to_string() }
            }
            Some(StreamableHttpError::Client(error)) if error.is_connect() => {
                Self::Unreachable { url, cause: root_cause(error) }
            }
            Some(StreamableHttpError::Client(error)) => Self::Broken { url, cause: root_cause(error) },
            Some(StreamableHttpError::SessionExpired) => Self::SessionLost { url },
            Some(StreamableHttpError::AuthRequired(error)) => {
                Self::TokenRefused { url, status: 401, body: quote(&error.www_authenticate_header) }
            }
            Some(StreamableHttpError::InsufficientScope(error)) => {
                Self::TokenRefused { url, status: 403, body: quote(&error.www_authenticate_header) }
            }
            Some(StreamableHttpError::HttpStatus(error)) => {
                Self::Refused { url, answer: format!("HTTP {}", error.status) }
            }
            Some(StreamableHttpError::UnexpectedServerResponse(text)) => Self::of_status(url, text),
            Some(StreamableHttpError::Io(error)) if let Some(busy) = busy(error) => {
                Self::Busy { url, status: busy.status.as_u16(), body: quote(&busy.said) }
            }
            Some(other) => Self::Broken { url, cause: root_cause(other) },
            None => Self::Broken { url, cause: root_cause(error) },
        }
    }

    /// rmcp gives other refusals only as text: `HTTP 401 Unauthorized: <body>`.
    fn of_status(url: String, text: &str) -> Self {
        let status = text.strip_prefix("HTTP ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
        let body = quote(text.split_once(": ").map_or(text, |(_, body)| body));
        match status {
            Some(status @ (401 | 403)) if body.to_ascii_lowercase().contains("space") => {
                Self::SpaceRefused { url, status, body }
            }
            Some(status @ (401 | 403)) => Self::TokenRefused { url, status, body },
            Some(status) => Self::Refused { url, answer: format!("HTTP {status} — {body}") },
            None => Self::Broken { url, cause: quote(text) },
        }
    }

    fn broken(url: &str, cause: impl ToString) -> Self {
        Self::Broken { url: url.to_owned(), cause: quote(&cause.to_string()) }
    }
}

fn quote(text: &str) -> String {
    masked(text, []).chars().take(QUOTED).collect()
}

fn busy(error: &std::io::Error) -> Option<&Busy> {
    error.get_ref()?.downcast_ref()
}

/// The innermost cause, such as `Connection refused (os error 111)`.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    quote(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, code: &str) {
        let error = McpError::of_status("http://h/mcp".to_owned(), text);
        assert_eq!((error.to_string().as_str(), error.code()), (expected, code));
    }

    #[test]
    fn a_refusal_is_told_apart_by_its_status_and_its_words() {
        check(
            r#"HTTP 401 Unauthorized: {"error":"Invalid token: Invalid Compact JWS"}"#,
            r#"the MCP server at http://h/mcp refused the token: HTTP 401 — {"error":"Invalid token: Invalid Compact JWS"}"#,
            "mcp-token-refused",
        );
        check(
            r#"HTTP 401 Unauthorized: {"error":"Missing X-Mana-Space header (set to the active Space ID)"}"#,
            r#"the MCP server at http://h/mcp wants another space: HTTP 401 — {"error":"Missing X-Mana-Space header (set to the active Space ID)"}"#,
            "mcp-space-refused",
        );
        check(
            "HTTP 400 Bad Request: no",
            "the MCP server at http://h/mcp failed: HTTP 400 — no",
            "mcp-refused",
        );
        check(
            "empty sse stream",
            "the connection to the MCP server at http://h/mcp broke off (empty sse stream)",
            "mcp-broken",
        );
    }
}
