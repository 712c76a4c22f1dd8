//! The host's own schedule, and the plan that is made of it once the ledger can be asked who there is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use crate::store::{Ledger, LedgerError, Resident};
use domain::ids::PersonaId;
use schedule::{Moment, Plan, Rules};

/// The host's own schedule.
#[derive(Debug)]
pub(super) struct Calendar {
    rules: Rules,
    /// Begins with everybody whom the ledger knows.
    plan: OnceCell<Mutex<Plan>>,
    /// The entries that fit nobody were looked for.
    has_compared: AtomicBool,
}

impl Calendar {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, plan: OnceCell::new(), has_compared: AtomicBool::new(false) }
    }

    /// The plan. It is to be held no longer than it takes to look at it.
    pub(super) async fn plan(&self, ledger: &Ledger) -> Result<MutexGuard<'_, Plan>, LedgerError> {
        let begin = async || {
            let mut plan = Plan::new(self.rules.clone());
            for Resident { persona, served } in ledger.residents().await? {
                plan.know(persona, Some(served));
            }
            Ok::<_, LedgerError>(Mutex::new(plan))
        };
        let plan = self.plan.get_or_try_init(begin).await?;
        Ok(lock(plan))
    }

    /// The entries that fit none of those who are known, and how many those are; once, when anybody is.
    pub(super) fn fits_nobody(&self, plan: &Plan) -> Option<(Vec<String>, usize)> {
        if plan.is_empty() || self.has_compared.swap(true, Ordering::Relaxed) {
            return None;
        }
        let entries = self.rules.unmatched(plan.personas());
        (!entries.is_empty()).then(|| (entries, plan.len()))
    }

    /// A turn was begun; who has no plan yet will find it in the ledger.
    pub(super) fn note_begun(&self, persona: &PersonaId, slot: Option<Moment>, now: DateTime<Utc>) {
        if let Some(plan) = self.plan.get() {
            lock(plan).begun(persona, slot, now);
        }
    }
}

fn lock(plan: &Mutex<Plan>) -> MutexGuard<'_, Plan> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}
