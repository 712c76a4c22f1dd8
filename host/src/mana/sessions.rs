//! The sessions of personas at mana-auth: each persona has one, kept while it lives and ended with the program.
//! A session of its own for each turn would be one more row in mana-auth each time, and one more sign-in
//! of the few that it allows at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signed_in::SignedIn;

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

    /// Hands all of them over, and has none any more.
    pub(super) fn take(&self) -> BTreeMap<String, SignedIn> {
        std::mem::take(&mut *self.all())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, SignedIn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
