//! The personas sign out at mana-auth when the program ends, and of sessions that nobody uses any more.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use http::header::ORIGIN;
use secrecy::ExposeSecret as _;

use super::asked::Asked;
use super::client::Mana;
use super::error::ManaError;
use super::exchange::ask;
use super::header::prove;
use super::signed_in::{Proof, SignedIn};
use super::token::issuer;

/// How long signing out everybody may take.
const GOODBYE: Duration = Duration::from_secs(5);

impl Mana {
    /// Ends every session that this client and its clones have kept, as far as mana-auth allows and five
    /// seconds suffice. What is left ends by itself, after seven days.
    pub async fn sign_out_all(&self) {
        self.sign_out_each(&self.sessions.take()).await;
    }

    /// Ends these sessions, as far as mana-auth allows and five seconds suffice.
    pub(super) async fn sign_out_each(&self, sessions: &[SignedIn]) {
        let leaving = join_all(sessions.iter().map(|signed_in| self.sign_out(signed_in)));
        match tokio::time::timeout(GOODBYE, leaving).await {
            Ok(left) => {
                for error in left.into_iter().filter_map(Result::err) {
                    tracing::debug!(cause = %error, "a session at mana-auth is left to end by itself");
                }
            }
            Err(_) => tracing::debug!("sessions at mana-auth are left to end by themselves"),
        }
    }

    /// Ends a session that was opened by mistake.
    pub(super) async fn end_session(&self, email: &str, proof: &Proof) {
        // The tokens of others name the same issuer.
        let known = self.sessions.any().and_then(|other| issuer(other.jwt.expose_secret()));
        let leaving = self.leave(email, proof, known);
        match tokio::time::timeout(GOODBYE, leaving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(email, cause = %error, "a session of the wrong user is left to end by itself");
            }
            Err(_) => tracing::warn!(email, "a session of the wrong user is left to end by itself"),
        }
    }

    async fn sign_out(&self, signed_in: &SignedIn) -> Result<(), ManaError> {
        self.leave(&signed_in.email, &signed_in.proof, issuer(signed_in.jwt.expose_secret())).await
    }

    /// better-auth takes a cookie only beside an origin that it trusts: its own, which the token names.
    async fn leave(&self, email: &str, proof: &Proof, origin: Option<String>) -> Result<(), ManaError> {
        let asked = Asked::SignOut { email: email.to_owned() };
        let (name, proof) = prove(&asked, proof)?;
        let origin = origin.unwrap_or_else(|| self.auth(""));
        let request =
            self.http.post(self.auth("/api/auth/sign-out")).header(name, proof).header(ORIGIN, origin);
        let answer = ask(&asked, request, GOODBYE).await?;
        let is_over = answer.status == StatusCode::UNAUTHORIZED;
        if is_over { Ok(()) } else { answer.accepted(&asked).map(drop) }
    }
}
