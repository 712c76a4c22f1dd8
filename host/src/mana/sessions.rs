//! The sessions of personas at mana-auth: each persona has one, kept while it lives and ended with the program.
//! A session of its own for each turn would be one more row in mana-auth each time, and one more sign-in
//! of the few that it allows at once. Where a sign-in by bearer opens another each time, none is forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signed_in::SignedIn;

/// So many sessions of a persona may be in use: the newest, and the one that its turn began with.
const IN_USE: usize = 2;

/// By address, the newest last. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions(Arc<Mutex<BTreeMap<String, Vec<SignedIn>>>>);

impl Sessions {
    /// The session of this persona, if it has one.
    pub(super) fn of(&self, email: &str) -> Option<SignedIn> {
        self.all().get(email)?.last().cloned()
    }

    /// Keeps a session that was opened, and hands over those before it that nobody uses any more.
    pub(super) fn keep(&self, signed_in: &SignedIn) -> Vec<SignedIn> {
        let mut all = self.all();
        let own = all.entry(signed_in.email.clone()).or_default();
        own.push(signed_in.clone());
        own.drain(..own.len().saturating_sub(IN_USE)).collect()
    }

    /// Keeps a session's newer token.
    pub(super) fn renew(&self, signed_in: &SignedIn) {
        if let Some(own) = self.all().get_mut(&signed_in.email).and_then(|own| own.last_mut()) {
            *own = signed_in.clone();
        }
    }

    /// Forgets the persona's sessions, and hands them over.
    pub(super) fn forget(&self, email: &str) -> Vec<SignedIn> {
        self.all().remove(email).unwrap_or_default()
    }

    /// Any session at all.
    pub(super) fn any(&self) -> Option<SignedIn> {
        self.all().values().flatten().next().cloned()
    }

    /// Hands all of them over, and has none any more.
    pub(super) fn take(&self) -> Vec<SignedIn> {
        std::mem::take(&mut *self.all()).into_values().flatten().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<SignedIn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
