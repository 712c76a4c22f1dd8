//! What is open at the neighbours while a persona acts: its token, its space and its MCP session. It outlives
//! the stage that uses it, because it is closed only when what was done is safe.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::deps::Deps;
use super::faults;
use crate::mana::{self, Space};
use crate::mcp::{LastingSession, McpError, Session};
use domain::fault::{Fault, Stage};
use domain::mask::masked;
use domain::transcript::ToolAnswer;

/// A token that runs out sooner than this is renewed before tools are called with it.
const TOKEN_RESERVE: TimeDelta = TimeDelta::seconds(60);
/// How long it may take to get a token to close the session with. Closing has its own limit, and both together
/// are shorter than what the end of the program leaves for last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// The persona in the app.
#[derive(Debug)]
pub(super) struct Visit {
    /// Renewed also while calls are under way.
    account: Mutex<mana::SignedIn>,
    space: Space,
    session: LastingSession,
}

impl Visit {
    pub(super) fn begin(account: mana::SignedIn, space: Space, session: Session) -> Self {
        Self { account: Mutex::new(account), space, session: LastingSession::new(session) }
    }

    /// Calls a tool, as a part of this trace. A token that is refused is renewed once, and the day goes on.
    pub(super) async fn call(
        &self,
        tool: &str,
        input: &Value,
        traceparent: Option<&str>,
        deps: &Deps,
    ) -> Result<ToolAnswer, McpError> {
        let renew = async || self.fresh_session(deps).await;
        let answer = self.session.call(tool, input, traceparent, renew).await;
        let answer = deps.heard(answer)?;
        // Whoever has the token may say it; nobody else is to hear of it, the model least of all.
        let account = self.account();
        Ok(ToolAnswer { text: masked(&answer.text, [account.jwt.expose_secret()]), ..answer })
    }

    /// mana-mcp keeps the token that a session was opened with, and tokens live 15 minutes
    /// (contract D12): a fresh one needs a new session.
    pub(super) async fn renew(&self, deps: &Deps) -> Result<(), Fault> {
        if !ends_soon(&self.account(), deps) {
            return Ok(());
        }
        let fresh = self.fresh_session(deps).await?;
        self.session.replace(fresh).await;
        Ok(())
    }

    /// Closes the session. mana-mcp accepts nothing with a token that has ended, and would keep the session
    /// for ever.
    pub(super) async fn leave(self, deps: &Deps) {
        let account = self.account();
        if ends_soon(&account, deps) {
            match tokio::time::timeout(FAREWELL, deps.mana.refresh(&account)).await {
                Ok(Ok(fresh)) => self.session.present(&fresh.jwt),
                Ok(Err(error)) => {
                    tracing::debug!(cause = %error, "no fresh token to close the MCP session with");
                }
                Err(_) => tracing::debug!("a fresh token to close the MCP session with took too long"),
            }
        }
        self.session.close().await;
    }

    /// A session with a fresh token; the one before is shown the token too, so that it can be closed.
    async fn fresh_session(&self, deps: &Deps) -> Result<Session, Fault> {
        let refused = |error| faults::mana(Stage::ToolLoop, &error);
        let account = deps.mana.refresh(&self.account()).await.map_err(refused)?;
        self.session.present(&account.jwt);
        let opened = deps.heard(deps.mcp.open(&account.jwt, &self.space.id).await);
        *self.account.lock().unwrap_or_else(PoisonError::into_inner) = account;
        opened.map_err(|error| faults::mcp(Stage::ToolLoop, &error))
    }

    fn account(&self) -> mana::SignedIn {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether the token had better be renewed before it is used again.
fn ends_soon(account: &mana::SignedIn, deps: &Deps) -> bool {
    account.expires_at.is_some_and(|end| end - deps.clock.now() <= TOKEN_RESERVE)
}
