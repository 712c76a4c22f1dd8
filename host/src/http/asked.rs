//! What a deed is asked for with: behind the `?`, or in the body, and not in both. What is sent and not understood is
//! refused: a deed that leaves out half of what was asked for does something else.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use super::error::ApiError;
use super::filters::Filters;
use domain::code::Code;

/// Bytes of a body.
const MOST: usize = 64 << 10;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a deed is asked for with.
pub(super) struct Asked(pub(super) Filters);

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let filters = Filters::from_request_parts(&mut parts, state).await?;
        let kind = parts.headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or("?").to_owned());
        let body = tokio::time::timeout(PATIENCE, to_bytes(body, MOST)).await;
        let body = body.map_err(|_| {
            let message = format!("the body did not come whole within {} s", PATIENCE.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, Code::BadBody, message)
        })?;
        let body = body.map_err(|error| refused(format!("the body cannot be read: {error}")))?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(filters));
        }
        let given = pairs(kind.as_deref(), &body)?;
        if !filters.is_empty() && !given.is_empty() {
            let hint = "say it behind the ?, or in the body";
            return Err(refused("there are parameters behind the ? and in the body").hint(hint));
        }
        Ok(Self(if given.is_empty() { filters } else { Filters::given(given) }))
    }
}

/// For deeds that take nothing: whoever sends something wants something else than what would be done.
pub(super) async fn nothing(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bare = Request::from_parts(parts.clone(), body);
    match Asked::from_request(bare, &()).await.and_then(|Asked(filters)| filters.end()) {
        Ok(()) => next.run(Request::from_parts(parts, axum::body::Body::empty())).await,
        Err(error) => error.into_response(),
    }
}

/// The parameters of a body: a JSON object, or a form.
fn pairs(kind: Option<&str>, body: &[u8]) -> Result<BTreeMap<String, String>, ApiError> {
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let given: Vec<(String, String)> = match essence.as_deref() {
        // `curl -d` calls everything a form.
        None | Some("application/json" | "text/plain") => object(body)?,
        Some("application/x-www-form-urlencoded") if is_object => object(body)?,
        Some("application/x-www-form-urlencoded") => form(body)?,
        Some(other) => {
            let message = format!("a body of the type {other:?} is not understood");
            let hint = "send a JSON object as application/json, or parameters behind the ?";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadBody, message).hint(hint));
        }
    };
    let mut pairs = BTreeMap::new();
    for (name, value) in given {
        if pairs.insert(name.clone(), value).is_some() {
            return Err(refused(format!("the parameter {name:?} stands twice in the body, and may once")));
        }
    }
    Ok(pairs)
}

fn form(body: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let no_form = || refused("the body is no form, such as persona=persona.anna%40mana.test");
    let query = std::str::from_utf8(body).map_err(|_| no_form())?;
    let uri: Uri = format!("/?{}", query.trim()).parse().map_err(|_| no_form())?;
    Query::try_from_uri(&uri).map(|Query(pairs)| pairs).map_err(|_| no_form())
}

fn object(body: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let hint = r#"such as {"persona": "persona.anna@mana.test"}"#;
    let members: Members =
        serde_json::from_slice(body).map_err(|error| refused(no_object(&error)).hint(hint))?;
    let member = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Bool(_) | Value::Number(_) => Ok((name, value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            let message =
                format!("{name:?} in the body is {value}, and must be a text, a number, true or false");
            Err(refused(message).hint("leave it out if nothing is meant"))
        }
    };
    members.0.into_iter().map(member).collect()
}

/// Why a body is no JSON object, without the words of the parser.
fn no_object(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Data => "the body is JSON, and no object".to_owned(),
        Category::Eof => format!("the body is no JSON object: it ends too early ({place})"),
        Category::Syntax | Category::Io => {
            format!("the body is no JSON object: it cannot be read from {place} on")
        }
    }
}

/// The members of an object, those that stand twice included.
struct Members(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, Code::BadBody, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_what_it_says_or_is_refused() {
        const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
        const JSON: Option<&str> = Some("application/json; charset=utf-8");
        for (kind, body, found) in [
            (JSON, r#" {"persona": "a", "now": true}"#, Some("now=true persona=a")),
            (None, r#"{"persona": "a"}"#, Some("persona=a")),
            (FORM, r#"{"persona": "a"}"#, Some("persona=a")),
            (FORM, "persona=a%40b&now=true", Some("now=true persona=a@b")),
            (JSON, "{}", Some("")),
            (JSON, r#"{"persona": null}"#, None),
            (JSON, r#"{"persona": ["a"]}"#, None),
            (JSON, r#"{"persona": "a", "persona": "b"}"#, None),
            (JSON, "[]", None),
            (JSON, r#""a""#, None),
            (JSON, "persona=a", None),
            (FORM, "persona=a&persona=b", None),
            (Some("application/xml"), "<a/>", None),
        ] {
            let given = pairs(kind, body.as_bytes()).ok().map(|pairs| {
                let pairs: Vec<String> =
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                pairs.join(" ")
            });
            assert_eq!(given.as_deref(), found, "{kind:?}: {body}");
        }
    }
}
