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
use crate::since::{Place, Since};
use crate::store::{CostsBy, TurnFilter, wanted};
use domain::code::Code;

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
        let Query(pairs) =
            pairs.map_err(|_| refused(Code::BadFilter, "the part behind the ? cannot be read"))?;
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            if let Some(first) = given.insert(name.clone(), value) {
                let message =
                    format!("the parameter {name:?} stands there twice, and may once (first: {first:?})");
                return Err(refused(Code::BadFilter, message));
            }
        }
        Ok(Self { given, known: Vec::new() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let word = Path::<String>::from_request_parts(parts, state).await;
        let unreadable = |_| {
            let message = format!("the path {:?} holds what is no text in UTF-8", parts.uri.path());
            refused(Code::BadPath, message)
        };
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

    /// What `read` makes of the value, if there is one.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let bad = |why| refused(Code::BadFilter, format!("the parameter {name:?} is {text:?}: {why}"));
        read(&text).map(Some).map_err(bad)
    }

    /// `true` or `false`, which it is when it is not there.
    pub(super) fn truth(&mut self, name: &'static str) -> Result<bool, ApiError> {
        self.truth_or(name, false)
    }

    /// The same of what is so, or not so, when it is not there.
    pub(super) fn truth_or(&mut self, name: &'static str, otherwise: bool) -> Result<bool, ApiError> {
        let word = self.read(name, |text| wanted::one_of(text, &["true", "false"]))?;
        Ok(word.map_or(otherwise, |word| word == "true"))
    }

    /// From where on events are wanted.
    pub(super) fn place(&mut self) -> Result<Option<Place>, ApiError> {
        self.read("since", str::parse::<Place>)
    }

    /// Since when, seen from `now`.
    pub(super) fn since(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, ApiError> {
        self.instant("since", now)
    }

    /// An instant as it is written of `since`, seen from `now`.
    fn instant(&mut self, name: &'static str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, ApiError> {
        Ok(self.read(name, str::parse::<Since>)?.map(|at| at.seen_from(now)))
    }

    /// By what costs are told apart; by day, if nothing is said.
    pub(super) fn costs_by(&mut self) -> Result<CostsBy, ApiError> {
        Ok(self.read("by", wanted::costs_by)?.unwrap_or(CostsBy::Day))
    }

    /// Which turns are wanted, of which no more than `most` can be, seen from `now`.
    pub(super) fn turns(&mut self, now: DateTime<Utc>, most: u32) -> Result<TurnFilter, ApiError> {
        Ok(TurnFilter {
            email: self.read("persona", wanted::persona)?,
            experiment: self.read("experiment", |text| wanted::named(text, "the key of an experiment"))?,
            arm: self.read("arm", |text| wanted::named(text, "the name of an arm"))?,
            state: self.read("state", wanted::state)?,
            ever_faulted: self.truth("everFaulted")?,
            since: self.since(now)?,
            until: self.instant("until", now)?,
            limit: self.number("limit", most)?,
        })
    }

    /// A whole number, cut to `most`.
    pub(super) fn number(&mut self, name: &'static str, most: u32) -> Result<Option<u32>, ApiError> {
        let more = |why| format!("{why}; more than {most} counts as {most}");
        self.read(name, |text| wanted::at_most(text).map(|number| number.min(most)).map_err(more))
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
        Err(refused(Code::UnknownFilter, message).hint(hint))
    }
}

fn refused(code: Code, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}
