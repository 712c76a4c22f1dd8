//! The persona-host that runs, as the commands find it.

use std::path::Path;

use serde_json::Value;

use crate::cli::{Exit, Failure, load};
use crate::outbound;
use crate::running::{Running, RunningError};

/// The daemon at `url`, or where the configuration puts it.
pub(in crate::cli::verbs) fn running(url: Option<&str>, file: Option<&Path>) -> Result<Running, Failure> {
    let config = load::config(file)?;
    let own = format!("http://{}", std::net::SocketAddr::new(config.http.bind, config.http.port));
    Ok(Running::at(outbound::client()?, url.unwrap_or(&own), config.http.admin_token))
}

/// A field of a document as text; a dash where there is none.
pub(super) fn text(document: &Value, name: &str) -> String {
    match &document[name] {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl From<RunningError> for Failure {
    fn from(error: RunningError) -> Self {
        let message = error.to_string();
        match error {
            RunningError::NoAnswer { .. } => Self::new(Exit::Unreachable, message)
                .hint("start it with `persona-host run`, or name where it runs with --url"),
            RunningError::Stranger { .. } => Self::new(Exit::Unreachable, message)
                .hint("name where persona-host runs with --url, or in [http] of the configuration"),
            RunningError::Refused { status, hint, .. } => {
                let exit = if status.as_u16() == 403 { Exit::Refused } else { Exit::No };
                let failure = Self::new(exit, message);
                match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
        }
    }
}
