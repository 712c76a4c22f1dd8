//! The client itself: what it needs to know, and whom it asks.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use super::error::{Asked, ManaError};
use super::header::secret_value;
use super::sessions::Sessions;
use super::sign_in_form::SignInForm;
use domain::clock::Clock;

/// Where mana-auth is, and what we know of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Base address of mana-auth, such as `http://localhost:3001`.
    pub auth_url: String,
    /// Full address of the persona endpoints, such as
    /// `http://localhost:3001/api/v1/internal/personas`; both generations of the API fit (contract 10).
    pub personas_url: String,
    /// The key of the persona endpoints.
    pub service_key: SecretString,
    /// The secret that passwords are made from.
    pub seed_secret: SecretString,
    /// How to sign in.
    pub sign_in: SignInForm,
}

/// The client of mana-auth. Clones share one connection pool.
#[derive(Clone, Debug)]
pub struct Mana {
    pub(super) http: reqwest::Client,
    pub(super) clock: Clock,
    pub(super) options: Options,
    pub(super) sessions: Sessions,
    pub(super) waits: Waits,
}

/// Is told whose sign-in waits, and until when.
type Tell = dyn Fn(&str, DateTime<Utc>) + Send + Sync;

/// Who wants to know that a sign-in waits.
#[derive(Clone, Default)]
pub(super) struct Waits(Option<Arc<Tell>>);

impl Waits {
    pub(super) fn tell(&self, email: &str, until: DateTime<Utc>) {
        if let Some(tell) = &self.0 {
            tell(email, until);
        }
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waits").field(&self.0.is_some()).finish()
    }
}

impl Mana {
    /// A client that has not asked anything yet.
    #[must_use]
    pub fn new(http: reqwest::Client, clock: Clock, options: Options) -> Self {
        Self { http, clock, options, sessions: Sessions::default(), waits: Waits::default() }
    }

    /// The same client, which tells when a sign-in waits because it came too fast.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&str, DateTime<Utc>) + Send + Sync + 'static) -> Self {
        Self { waits: Waits(Some(Arc::new(tell))), ..self }
    }

    /// The address of one of mana-auth's own paths.
    pub(super) fn auth(&self, path: &str) -> String {
        format!("{}{path}", self.options.auth_url.trim_end_matches('/'))
    }

    /// The address of one of the persona endpoints.
    pub(super) fn personas(&self, path: &str) -> String {
        format!("{}{path}", self.options.personas_url.trim_end_matches('/'))
    }

    /// The service key as a header value.
    pub(super) fn service_key(&self, asked: &Asked) -> Result<HeaderValue, ManaError> {
        secret_value(asked, self.options.service_key.expose_secret())
    }
}
