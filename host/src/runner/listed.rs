//! Whom mana-auth has named since the start: also those who have never played, of whom the ledger knows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use domain::persona::Persona;

/// Whom mana-auth has named as due since the start.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// When it was asked last.
    pub asked_at: Option<DateTime<Utc>>,
    /// Everybody whom it named, by address, as it described them last.
    pub personas: BTreeMap<String, Persona>,
    /// Whom it named when it was asked last.
    pub due: BTreeSet<String>,
}

/// The same, as the runner keeps it.
#[derive(Debug, Default)]
pub(super) struct ListedSoFar(Mutex<Listed>);

impl ListedSoFar {
    pub(super) fn so_far(&self) -> Listed {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// mana-auth named these.
    pub(super) fn note(&self, personas: &[Persona], now: DateTime<Utc>) {
        let mut listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listed.asked_at = Some(now);
        listed.due = personas.iter().map(|persona| persona.email.clone()).collect();
        listed.personas.extend(personas.iter().map(|persona| (persona.email.clone(), persona.clone())));
    }
}
