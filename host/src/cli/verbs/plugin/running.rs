//! The persona-host that runs, as the commands find it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::outbound;
use crate::running::{Running, RunningError};
use domain::code::Code;

/// The daemon at `url`, or where the configuration puts it.
pub(in crate::cli::verbs) fn running(url: Option<&str>, file: Option<&Path>) -> Result<Running, Failure> {
    let config = load::config(file)?;
    let own = base(&config);
    // Whoever may only look can look.
    let is_admin = !config.http.admin_token.expose_secret().is_empty();
    let token = if is_admin { config.http.admin_token } else { config.http.view_token };
    Ok(Running::at(outbound::client()?, url.unwrap_or(&own), token))
}

/// Where the daemon of a configuration answers.
pub(in crate::cli::verbs) fn base(config: &Config) -> String {
    format!("http://{}", SocketAddr::new(reached_at(config.http.bind), config.http.port))
}

/// Who listens at all addresses of this machine answers at loopback, and has no name for all of them.
fn reached_at(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        one => one,
    }
}

/// What is typed to ask the same daemon again.
pub(in crate::cli::verbs) fn at(url: Option<&str>) -> Vec<&str> {
    url.map_or_else(Vec::new, |url| vec!["--url", url])
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
            RunningError::NoAnswer { .. } => Self::new(Exit::Unreachable, Code::DaemonUnreachable, message)
                .hint("start it with `persona-host run`, or name where it runs: with --url http://HOST:PORT, or in [http] of the \
                       file that --config names"),
            RunningError::Stranger { .. } => Self::new(Exit::Unreachable, Code::DaemonOther, message)
                .hint("name where persona-host runs with --url, or in [http] of the configuration"),
            RunningError::Refused { status, code, hint, .. } => {
                let (exit, otherwise) = match status.as_u16() {
                    401 | 403 => (Exit::Refused, Code::DaemonTokenRefused),
                    _ => (Exit::No, Code::DaemonRefused),
                };
                let failure = Self::new(exit, code.unwrap_or(otherwise), message);
                match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_everywhere_is_asked_at_loopback() {
        for (bind, at) in
            [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1"), ("10.0.0.7", "10.0.0.7")]
        {
            assert_eq!(reached_at(bind.parse().expect("an address")).to_string(), at);
        }
    }
}
