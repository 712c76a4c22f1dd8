//! mana-mcp itself: what its sessions and its routes share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use tokio_util::sync::CancellationToken;

use super::arguments::Validators;
use super::faults::Faults;
use super::metrics::Metrics;
use super::policy::{Policy, PolicyMode};
use crate::database::Database;
use crate::token::Verifier;
use domain::clock::Clock;

/// How this mana-mcp behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time that everything here goes by.
    pub clock: Clock,
    /// Where the records are, and mana-auth's vaults and spaces.
    pub database: Database,
    /// Checks the tokens of mana-auth.
    pub verifier: Verifier,
    /// What happens to somebody who calls too often.
    pub policy: PolicyMode,
    /// Whether `spaces.list` fails, as it always does in the real one (contract D9).
    pub spaces_list_fails: bool,
    /// Ends all sessions and streams.
    pub stop: CancellationToken,
}

/// The stand-in itself.
#[derive(Debug)]
pub struct ManaMcp {
    pub(super) options: Options,
    pub(super) policy: Policy,
    pub(super) metrics: Metrics,
    pub(super) validators: Validators,
    pub(super) sessions: Arc<LocalSessionManager>,
    /// Session id to user id; entries of closed sessions are dropped when they are next asked for.
    owners: Mutex<HashMap<String, String>>,
    faults: Mutex<Faults>,
    goodbyes: AtomicU64,
    calls: AtomicU64,
}

impl ManaMcp {
    /// A mana-mcp without sessions.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let mut sessions = LocalSessionManager::default();
        // The real server offers no resumption of streams, so no event announces any.
        sessions.session_config.sse_retry = None;
        Arc::new(Self {
            policy: Policy::new(options.policy),
            options,
            metrics: Metrics::default(),
            validators: Validators::for_all_tools(),
            sessions: Arc::new(sessions),
            owners: Mutex::default(),
            faults: Mutex::default(),
            goodbyes: AtomicU64::default(),
            calls: AtomicU64::default(),
        })
    }

    /// How many sessions are open.
    pub async fn open_sessions(&self) -> usize {
        self.sessions.sessions.read().await.len()
    }

    /// Closes every session, as a restart would.
    pub async fn close_sessions(&self) {
        let open: Vec<_> = self.sessions.sessions.read().await.keys().cloned().collect();
        for session in open {
            if let Err(error) = self.sessions.close_session(&session).await {
                tracing::debug!(%error, "a session was gone before it was closed");
            }
        }
    }

    /// How often somebody asked to close a session.
    pub fn goodbyes(&self) -> u64 {
        self.goodbyes.load(Ordering::Relaxed)
    }

    /// How many tool calls have come, whatever became of them.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn hear_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) async fn hear_goodbye(&self) {
        self.goodbyes.fetch_add(1, Ordering::Relaxed);
        if self.faults().ignores_goodbyes {
            std::future::pending::<()>().await;
        }
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    pub(super) fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes whose session it is.
    pub(super) fn owns(&self, session: &str, user: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.insert(session.to_owned(), user.to_owned());
    }

    /// Whose session it is, if it is open.
    pub(super) async fn owner(&self, session: &str) -> Option<String> {
        let is_open = self.sessions.sessions.read().await.contains_key(session);
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if is_open {
            owners.get(session).cloned()
        } else {
            owners.remove(session);
            None
        }
    }
}
