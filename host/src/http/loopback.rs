//! Only this machine may ask a server that listens on loopback (DNS rebinding).

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Refuses a request whose `Host` or `Origin` is another machine's name.
pub(super) async fn only(request: Request, next: Next) -> Response {
    match foreign_name(&request) {
        None => next.run(request).await,
        Some(host) => {
            let error = format!("this server answers requests for localhost only, not for {host:?}");
            (StatusCode::FORBIDDEN, Json(json!({ "error": error }))).into_response()
        }
    }
}

/// The first name in the request that is not this machine's.
pub(super) fn foreign_name(request: &Request) -> Option<String> {
    let named = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = named(ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    let foreign = [named(HOST), origin].into_iter().flatten().find(|host| !is_loopback(host));
    foreign.map(str::to_owned)
}

/// Whether `host` (with or without a port) means this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // A bare IPv6 address has colons, and no port: that one needs brackets.
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_told_from_others() {
        for (host, local) in [
            ("localhost", true),
            ("localhost:3070", true),
            ("127.0.0.1:3070", true),
            ("[::1]:3070", true),
            ("::1", true),
            ("example.com", false),
            ("localhost.example.com:3070", false),
            ("10.0.0.1", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), local, "{host}");
        }
    }
}
