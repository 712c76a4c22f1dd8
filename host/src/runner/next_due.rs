//! Who is due next, as far as the runner knows: for who shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::listed::Listed;
use super::parts::Runner;
use crate::store::LedgerError;
use domain::persona::Persona;

impl Runner {
    /// Whom mana-auth has named as due since the start.
    #[must_use]
    pub fn listed(&self) -> Listed {
        self.listed.so_far()
    }

    /// The next slot of each of these by the host's own schedule, by address; nothing where mana-auth decides who is due.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn next_slots<'p>(
        &self,
        of: impl IntoIterator<Item = &'p Persona>,
    ) -> Result<Option<BTreeMap<String, DateTime<Utc>>>, LedgerError> {
        let Some(calendar) = &self.calendar else { return Ok(None) };
        let now = self.deps.clock.now();
        let mut plan = calendar.plan(&self.deps.ledger).await?;
        let next = of.into_iter().filter_map(|own| Some((own.email.clone(), plan.next(&own.id, now)?.at)));
        Ok(Some(next.collect()))
    }
}
