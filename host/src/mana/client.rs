//! The client itself: what it needs to know, and whom it asks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::asked::Asked;
use super::doubts::{Doubts, SignInsStopped};
use super::error::ManaError;
use super::exchange::{self, Answer};
use super::keys::ServiceKeys;
use super::pace::{Pace, SignInLimit};
use super::sessions::Sessions;
use super::sign_in_form::SignInForm;
use super::signed_in::{Proof, SignedIn};
use crate::breaker::Fuse;
use crate::outbound::{Client, RequestBuilder};
use domain::clock::Clock;
use domain::upstream::Upstream;

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
    /// How many may sign in at once; none: it is learned when mana-auth says that there were too many.
    pub sign_in_limit: Option<SignInLimit>,
    /// How long an answer may take, from the request to its last byte.
    pub patience: Duration,
}

/// The client of mana-auth. Clones share one connection pool.
#[derive(Clone, Debug)]
pub struct Mana {
    pub(super) http: Client,
    pub(super) clock: Clock,
    pub(super) options: Options,
    pub(super) keys: ServiceKeys,
    pub(super) sessions: Sessions,
    pub(super) pace: Pace,
    pub(super) doubts: Doubts,
    pub(super) stop: CancellationToken,
    pub(super) listener: Listener,
    pub(super) fuse: Fuse,
}

/// What is worth telling of sign-ins while they go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// One waits because mana-auth takes no more at once.
    Waits {
        /// Whose.
        email: &'a str,
        /// Until when, as far as is known.
        until: DateTime<Utc>,
    },
    /// All are stopped, or go on being so: the passwords are refused.
    Stopped(SignInsStopped),
    /// They are stopped no longer: somebody came in.
    GoOn,
}

type Tell = dyn Fn(News<'_>) + Send + Sync;

/// Who wants to know.
#[derive(Clone, Default)]
pub(super) struct Listener(Option<Arc<Tell>>);

impl Listener {
    pub(super) fn tell(&self, news: News<'_>) {
        if let Some(tell) = &self.0 {
            tell(news);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

impl Mana {
    /// A client that has not asked anything yet.
    #[must_use]
    pub fn new(http: impl Into<Client>, clock: Clock, options: Options) -> Self {
        let http = http.into();
        let keys = ServiceKeys::new(options.service_key.clone(), options.patience);
        let pace = Pace::new(options.sign_in_limit);
        let (sessions, doubts, listener) = Default::default();
        let (stop, fuse) = (CancellationToken::new(), Fuse::inert(Upstream::ManaAuth));
        Self { http, clock, options, keys, sessions, pace, doubts, listener, stop, fuse }
    }

    /// The same client, which tells what becomes of sign-ins while they go on.
    #[must_use]
    pub fn telling(self, tell: impl Fn(News<'_>) + Send + Sync + 'static) -> Self {
        Self { listener: Listener(Some(Arc::new(tell))), ..self }
    }

    /// The same client, whose sign-ins wait no longer than until `stop`.
    #[must_use]
    pub fn heeding(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// That nobody signs in for now, if that is so.
    #[must_use]
    pub fn sign_ins_stopped(&self) -> Option<SignInsStopped> {
        self.doubts.stopped()
    }

    /// What keeps this persona from signing in now, if anything does. Who has a session need not, and when it is time one
    /// is let through to see.
    #[must_use]
    pub fn keeps_out(&self, email: &str) -> Option<SignInsStopped> {
        let has_session =
            || matches!(self.sessions.of(email), Some(SignedIn { proof: Proof::Cookie(_), .. }));
        self.doubts.stopped().filter(|_| !has_session())?;
        self.doubts.against(email, self.clock.now())
    }

    /// The same client, whose answers this breaker hears.
    #[must_use]
    pub fn heard_by(self, fuse: Fuse) -> Self {
        Self { fuse, ..self }
    }

    /// Asks for what a turn cannot do without. Deliveries are none of that: the outbox has its own patience.
    pub(super) async fn ask(&self, asked: &Asked, request: RequestBuilder) -> Result<Answer, ManaError> {
        self.heard(asked, exchange::ask(asked, request, self.options.patience).await)
    }

    /// The same answer, of which the breaker has heard.
    pub(super) fn heard(
        &self,
        asked: &Asked,
        answer: Result<Answer, ManaError>,
    ) -> Result<Answer, ManaError> {
        match &answer {
            Ok(answer) if answer.status.is_server_error() => {
                self.fuse.hear(Some(&format!("{asked}: HTTP {}", answer.status.as_u16())));
            }
            Ok(_) => self.fuse.hear(None),
            Err(error) if error.is_outage() => self.fuse.hear(Some(&error.to_string())),
            Err(_) => {}
        }
        answer
    }

    /// The same client, with the service key that is to come; an empty one is none.
    #[must_use]
    pub fn exchanging(self, next: SecretString) -> Self {
        Self { keys: self.keys.and_then(next), ..self }
    }

    /// The address of one of mana-auth's own paths.
    pub(super) fn auth(&self, path: &str) -> String {
        format!("{}{path}", self.options.auth_url.trim_end_matches('/'))
    }

    /// The address of one of the persona endpoints.
    pub(super) fn personas(&self, path: &str) -> String {
        format!("{}{path}", self.options.personas_url.trim_end_matches('/'))
    }
}
