//! A persona's session for a whole turn: when its token is renewed, or the server has lost it, another session takes
//! its place, also while calls are under way.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::Mutex;

use super::error::McpError;
use super::session::Session;
use domain::transcript::ToolAnswer;

/// The session of a turn, whichever it is at the moment.
#[derive(Debug)]
pub struct LastingSession {
    current: RwLock<Arc<Session>>,
    /// Why it has been renewed already. Once is enough for a token that has ended early, and once for a server that
    /// began anew; one that goes on like that is ill.
    renewed: Mutex<BTreeSet<&'static str>>,
}

impl LastingSession {
    /// Begins with this one.
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self { current: RwLock::new(Arc::new(session)), renewed: Mutex::default() }
    }

    /// Calls a tool as [`Session::call_within`] does. A call whose token is refused, or whose session the server does not
    /// know, was not carried out: it is made again on the session that `renew` opens with a fresh token, once in a
    /// turn for either reason.
    ///
    /// # Errors
    /// As [`Session::call`]. When there is no fresh session, the error is the first refusal.
    pub async fn call<E: Display>(
        &self,
        tool: &str,
        input: &Value,
        traceparent: Option<&str>,
        renew: impl AsyncFnOnce() -> Result<Session, E>,
    ) -> Result<ToolAnswer, McpError> {
        let session = self.current();
        let answered = match session.is_over() {
            true => Err(session.lost()),
            false => session.call_within(tool, input, traceparent).await,
        };
        match answered {
            Err(refused) if refused.wants_another_session() => {
                match self.other_than(&session, refused.code(), renew).await {
                    Some(fresh) => fresh.call_within(tool, input, traceparent).await,
                    None => Err(refused),
                }
            }
            answered => answered,
        }
    }

    /// Goes on with another session; the one before is closed.
    pub async fn replace(&self, fresh: Session) {
        let before = self.swap(Arc::new(fresh));
        // Where a call still has it, its last user closes it.
        if let Some(before) = Arc::into_inner(before) {
            before.close().await;
        }
    }

    /// Shows the server this token from now on: see [`Session::present`].
    pub fn present(&self, jwt: &SecretString) {
        self.current().present(jwt);
    }

    /// Closes the session: see [`Session::close`].
    pub async fn close(self) {
        let current = self.current.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = Arc::into_inner(current) {
            session.close().await;
        }
    }

    /// A session that has not been refused yet: a neighbouring call's, or a fresh one.
    async fn other_than<E: Display>(
        &self,
        refused: &Arc<Session>,
        why: &'static str,
        renew: impl AsyncFnOnce() -> Result<Session, E>,
    ) -> Option<Arc<Session>> {
        let mut renewed = self.renewed.lock().await;
        let current = self.current();
        if !Arc::ptr_eq(&current, refused) {
            return Some(current);
        }
        if !renewed.insert(why) {
            return None;
        }
        match renew().await {
            Ok(fresh) => {
                let fresh = Arc::new(fresh);
                drop(self.swap(Arc::clone(&fresh)));
                Some(fresh)
            }
            Err(error) => {
                tracing::debug!(cause = %error, "no session in place of one that the MCP server refused");
                None
            }
        }
    }

    fn current(&self) -> Arc<Session> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn swap(&self, fresh: Arc<Session>) -> Arc<Session> {
        std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), fresh)
    }
}
