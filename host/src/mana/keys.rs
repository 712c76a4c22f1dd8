//! The key of the persona endpoints, and the one that is to come in its place: while they are exchanged, mana-auth takes
//! the old one here and the new one there, and nobody has to stop for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderName, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use super::asked::Asked;
use super::error::ManaError;
use super::exchange::{Answer, ask};
use super::header::secret_value;
use crate::outbound::RequestBuilder;

const HEADER: HeaderName = HeaderName::from_static("x-service-key");

/// The keys, and which of them was taken last.
#[derive(Clone, Debug)]
pub(super) struct ServiceKeys {
    keys: Vec<SecretString>,
    taken: Arc<AtomicUsize>,
    patience: Duration,
}

impl ServiceKeys {
    /// The key, for requests whose answers may take so long.
    pub(super) fn new(key: SecretString, patience: Duration) -> Self {
        Self { keys: vec![key], taken: Arc::default(), patience }
    }

    /// These, and the one that is to come; an empty one is none.
    pub(super) fn and_then(mut self, next: SecretString) -> Self {
        if !next.expose_secret().is_empty() {
            self.keys.push(next);
        }
        self
    }

    /// Sends a request with the key that was taken last, and once with the other one if that is refused.
    pub(super) async fn ask(&self, asked: &Asked, request: RequestBuilder) -> Result<Answer, ManaError> {
        let taken = self.taken.load(Ordering::Relaxed);
        let again = request.try_clone();
        let answer = self.ask_with(taken, asked, request).await?;
        match again {
            Some(again) if answer.status == StatusCode::UNAUTHORIZED && self.keys.len() > 1 => {
                let other = (taken + 1) % self.keys.len();
                let answer = self.ask_with(other, asked, again).await?;
                if answer.status != StatusCode::UNAUTHORIZED {
                    self.taken.store(other, Ordering::Relaxed);
                }
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    async fn ask_with(
        &self,
        key: usize,
        asked: &Asked,
        request: RequestBuilder,
    ) -> Result<Answer, ManaError> {
        let key = secret_value(asked, self.keys[key].expose_secret())?;
        ask(asked, request.header(HEADER, key), self.patience).await
    }
}
