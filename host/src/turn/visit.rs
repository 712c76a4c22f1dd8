//! What is open at the neighbours while a persona acts: its token, its space and its MCP session. It outlives
//! the stage that uses it, because it is closed only when what was done is safe.

use std::time::Duration;

use chrono::TimeDelta;

use super::faults;
use super::values::Deps;
use crate::mana::{self, Space};
use crate::mcp::Session;
use domain::fault::{Fault, Stage};

/// A token that runs out sooner than this is renewed before tools are called with it.
const TOKEN_RESERVE: TimeDelta = TimeDelta::seconds(60);
/// How long it may take to get a token to close the session with. Closing has its own limit, and both together
/// are shorter than what the end of the program leaves for last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// The persona in the app.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) account: mana::SignedIn,
    pub(super) space: Space,
    pub(super) session: Session,
}

impl Visit {
    /// mana-mcp keeps the token that a session was opened with, and tokens live 15 minutes
    /// (contract D12): a fresh one needs a new session.
    pub(super) async fn renew(&mut self, deps: &Deps) -> Result<(), Fault> {
        if !self.ends_soon(deps) {
            return Ok(());
        }
        let refused = |error| faults::mana(Stage::ToolLoop, &error);
        self.account = deps.mana.refresh(&self.account).await.map_err(refused)?;
        self.session.present(&self.account.jwt);
        let opened = deps.mcp.open(&self.account.jwt, &self.space.id).await;
        let fresh = opened.map_err(|error| faults::mcp(Stage::ToolLoop, &error))?;
        std::mem::replace(&mut self.session, fresh).close().await;
        Ok(())
    }

    /// Closes the session. mana-mcp accepts nothing with a token that has ended, and would keep the session
    /// for ever.
    pub(super) async fn leave(self, deps: &Deps) {
        if self.ends_soon(deps) {
            match tokio::time::timeout(FAREWELL, deps.mana.refresh(&self.account)).await {
                Ok(Ok(fresh)) => self.session.present(&fresh.jwt),
                Ok(Err(error)) => {
                    tracing::debug!(cause = %error, "no fresh token to close the MCP session with");
                }
                Err(_) => tracing::debug!("a fresh token to close the MCP session with took too long"),
            }
        }
        self.session.close().await;
    }

    /// Whether the token had better be renewed before it is used again.
    fn ends_soon(&self, deps: &Deps) -> bool {
        self.account.expires_at.is_some_and(|end| end - deps.clock.now() <= TOKEN_RESERVE)
    }
}
