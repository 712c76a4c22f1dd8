//! What a request to the API asks for behind its `?`, and the words of its path: what cannot be meant is refused by name, and
//! nothing is left out unheard.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};

use super::error::ApiError;
use crate::since::{self, Place, Since};
use crate::store::{CostsBy, TurnFilter};

/// The filters that a request has, each taken once by who knows it.
#[derive(Debug)]
pub(super) struct Filters {
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

/// The one word of a path that names something.
pub(super) struct Named(pub(super) String);

/// For routes that have no filters.
pub(super) async fn none(filters: Filters, request: Request, next: Next) -> Response {
    match filters.end() {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for Filters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| refused("the part behind the ? cannot be read"))?;
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            if let Some(first) = given.insert(name.clone(), value) {
                return Err(refused(format!(
                    "the parameter {name:?} stands there twice, and may once (first: {first:?})"
                )));
            }
        }
        Ok(Self { given, known: Vec::new() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let word = Path::<String>::from_request_parts(parts, state).await;
        let unreadable =
            |_| refused(format!("the path {:?} holds what is no text in UTF-8", parts.uri.path()));
        word.map(|Path(word)| Self(word)).map_err(unreadable)
    }
}

impl Filters {
    /// These, each once.
    pub(super) fn given(given: BTreeMap<String, String>) -> Self {
        Self { given, known: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.given.remove(name)
    }

    /// What a form leaves empty is not asked for.
    pub(super) fn leave_out_empty(&mut self) {
        self.given.retain(|_, value| !value.is_empty());
    }

    /// The value as it was typed.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// Any text but an empty one.
    pub(super) fn text(&mut self, name: &'static str, what: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            Some(text) if text.is_empty() => Err(bad(name, &text, what)),
            text => Ok(text),
        }
    }

    /// One of these words.
    pub(super) fn one_of(&mut self, name: &'static str, words: &[&str]) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(bad(name, &word, &format!("be one of {}", words.join(", "))))
            }
            word => Ok(word),
        }
    }

    /// `true` or `false`, which it is when it is not there.
    pub(super) fn truth(&mut self, name: &'static str) -> Result<bool, ApiError> {
        Ok(self.one_of(name, &["true", "false"])?.is_some_and(|word| word == "true"))
    }

    /// The same of what is so, or not so, when it is not there.
    pub(super) fn truth_or(&mut self, name: &'static str, otherwise: bool) -> Result<bool, ApiError> {
        Ok(self.one_of(name, &["true", "false"])?.map_or(otherwise, |word| word == "true"))
    }

    /// From where on events are wanted.
    pub(super) fn place(&mut self) -> Result<Option<Place>, ApiError> {
        let Some(text) = self.take("since") else { return Ok(None) };
        let what = format!("be the number of an event, or {}", since::WRITTEN);
        text.parse().map(Some).map_err(|_| bad("since", &text, &what))
    }

    /// Since when, seen from `now`.
    pub(super) fn since(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, ApiError> {
        let Some(text) = self.take("since") else { return Ok(None) };
        let since: Since = text.parse().map_err(|_| bad("since", &text, since::WRITTEN))?;
        Ok(Some(since.seen_from(now)))
    }

    /// By what costs are told apart; by day, if nothing is said.
    pub(super) fn costs_by(&mut self) -> Result<CostsBy, ApiError> {
        let by = self.one_of("by", &CostsBy::ALL.map(|(name, _)| name))?;
        Ok(by.and_then(|name| CostsBy::named(&name)).unwrap_or(CostsBy::Day))
    }

    /// Which turns are wanted, of which no more than `most` can be, seen from `now`.
    pub(super) fn turns(&mut self, now: DateTime<Utc>, most: u32) -> Result<TurnFilter, ApiError> {
        Ok(TurnFilter {
            email: self.text("persona", "be the address of a persona")?,
            experiment: self.text("experiment", "be the key of an experiment")?,
            arm: self.text("arm", "be the name of an arm")?,
            state: self.one_of("state", &TurnFilter::STATES)?,
            ever_faulted: self.truth("everFaulted")?,
            since: self.since(now)?,
            limit: self.number("limit", most)?,
        })
    }

    /// A whole number, cut to `most`.
    pub(super) fn number(&mut self, name: &'static str, most: u32) -> Result<Option<u32>, ApiError> {
        let what = format!("be a whole number; more than {most} counts as {most}");
        let Some(text) = self.take(name) else { return Ok(None) };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad(name, &text, &what));
        }
        // All digits: what does not fit is more.
        Ok(Some(text.parse().map_or(most, |number: u32| number.min(most))))
    }

    /// Nothing else may be there.
    pub(super) fn end(self) -> Result<(), ApiError> {
        let Some((name, value)) = self.given.into_iter().next() else { return Ok(()) };
        let message = format!("there is no parameter {name:?} here (its value is {value:?})");
        let known = self.known.join(", ");
        let hint = if known.is_empty() {
            "this route takes no parameters".to_owned()
        } else {
            format!("this route takes {known}")
        };
        Err(refused(message).hint(hint))
    }
}

fn bad(name: &str, value: &str, what: &str) -> ApiError {
    refused(format!("the parameter {name:?} must {what}, and is {value:?}"))
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, message)
}
