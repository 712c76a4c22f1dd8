//! The sessions of personas at mana-auth: each persona has one, kept while it lives and ended with the program.
//! A session of its own for each turn would be one more row in mana-auth each time, and one more sign-in
//! of the few that it allows at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use http::header::ORIGIN;
use secrecy::ExposeSecret as _;

use super::client::Mana;
use super::error::{Asked, ManaError};
use super::exchange::ask;
use super::sign_in::{Proof, SignedIn, prove};
use super::token::issuer;

/// How long signing out everybody may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// By address. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions(Arc<Mutex<BTreeMap<String, SignedIn>>>);

impl Sessions {
    /// The session of this persona, if it has one.
    pub(super) fn of(&self, email: &str) -> Option<SignedIn> {
        self.all().get(email).cloned()
    }

    /// Keeps a session in the place of the one before.
    pub(super) fn keep(&self, signed_in: &SignedIn) {
        self.all().insert(signed_in.email.clone(), signed_in.clone());
    }

    /// Forgets a session that mana-auth does not know any more.
    pub(super) fn forget(&self, email: &str) {
        self.all().remove(email);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, SignedIn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mana {
    /// Ends every session that this client and its clones have kept, as far as mana-auth allows and five
    /// seconds suffice. What is left ends by itself, after seven days.
    pub async fn sign_out_all(&self) {
        let kept = std::mem::take(&mut *self.sessions.all());
        let leaving = join_all(kept.values().map(|signed_in| self.sign_out(signed_in)));
        match tokio::time::timeout(GOODBYE, leaving).await {
            Ok(left) => {
                for error in left.into_iter().filter_map(Result::err) {
                    tracing::debug!(cause = %error, "a session at mana-auth is left to end by itself");
                }
            }
            Err(_) => tracing::debug!("sessions at mana-auth are left to end by themselves"),
        }
    }

    /// better-auth takes a cookie only beside an origin that it trusts: its own, which the token names.
    async fn sign_out(&self, signed_in: &SignedIn) -> Result<(), ManaError> {
        let asked = Asked::SignOut { email: signed_in.email.clone() };
        let (name, proof) = prove(&asked, &signed_in.proof)?;
        let origin = issuer(signed_in.jwt.expose_secret()).unwrap_or_else(|| self.auth(""));
        let request =
            self.http.post(self.auth("/api/auth/sign-out")).header(name, proof).header(ORIGIN, origin);
        let answer = ask(&asked, request).await?;
        let is_over = answer.status == StatusCode::UNAUTHORIZED;
        if is_over { Ok(()) } else { answer.accepted(&asked).map(drop) }
    }

    /// The persona's session, if mana-auth still knows it.
    pub(super) async fn kept(&self, email: &str) -> Result<Option<SignedIn>, ManaError> {
        let Some(kept) = self.sessions.of(email) else { return Ok(None) };
        // The other form has nothing that a fresh JWT could be had for.
        let Proof::Cookie(cookie) = &kept.proof else { return Ok(None) };
        match self.renewed(&kept, cookie).await {
            Ok(fresh) => {
                self.sessions.keep(&fresh);
                Ok(Some(fresh))
            }
            Err(error) if error.is_unauthorized() => {
                self.sessions.forget(email);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
