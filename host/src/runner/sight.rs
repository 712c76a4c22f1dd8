//! What a tick sees when it looks: whose turn goes on, who is due, and who is under way already.

use super::due_look::DueLook;
use super::error::TickError;
use super::hold::Hold;
use super::parts::Runner;
use super::pool::Entry;
use super::report::{FailedPersona, TickReport};
use crate::store::GoesOn;
use domain::ids::{Slot, TurnId};
use domain::persona::Persona;

/// For whom a tick is.
#[derive(Clone, Copy, Debug)]
pub(super) enum For<'a> {
    /// Everybody who is due, and every turn that goes on.
    Everybody,
    /// This address only.
    Only(&'a str),
    /// Turns that go on, and nobody else: mana-auth is not asked who is due.
    Unfinished,
}

impl For<'_> {
    fn means(self, email: &str) -> bool {
        !matches!(self, Self::Only(only) if only != email)
    }
}

/// Somebody who waits for a place.
pub(super) struct Candidate {
    pub(super) persona: Persona,
    /// The turn that goes on; otherwise the ledger says which one the persona is due for.
    pub(super) goes_on: Option<(TurnId, Slot)>,
    pub(super) entry: Entry,
}

/// What a tick saw when it looked.
pub(super) struct Sight {
    /// In the order in which they get places.
    pub(super) candidates: Vec<Candidate>,
    /// What mana-auth said, if it was asked.
    pub(super) look: Option<DueLook>,
    pub(super) report: TickReport,
}

impl Runner {
    /// Looks who is to play, and puts them in line.
    pub(super) async fn look(&self, whom: For<'_>) -> Result<Sight, TickError> {
        let _guard = self.looking.try_lock().map_err(|_| TickError::AlreadyLooking)?;
        // What is marked as running and does not run could not be ended, for want of a ledger.
        self.deps.ledger.end_interrupted(&self.pool.turns()).await?;
        self.deps.registry.hold_on_to(self.deps.ledger.builds_in_use().await?);
        self.look_at_experiments().await?;
        // First what mana-auth does not know yet, or it would report as due who has just run.
        self.flush_or_say().await;
        let mut sight =
            Sight { candidates: self.going_on(whom).await?, look: None, report: TickReport::default() };
        if matches!(whom, For::Unfinished) {
            sight.report.due = sight.candidates.len();
        } else {
            self.see_who_is_due(whom, &mut sight).await?;
        }
        Ok(sight)
    }

    /// Whose turn goes on.
    async fn going_on(&self, whom: For<'_>) -> Result<Vec<Candidate>, TickError> {
        let turns = self.deps.ledger.going_on().await?.into_iter();
        let candidate = |GoesOn { turn, persona, slot }: GoesOn| {
            let entry = self.pool.enter(&persona.id)?;
            Some(Candidate { persona, goes_on: Some((turn, slot)), entry })
        };
        Ok(turns.filter(|own| whom.means(&own.persona.email)).filter_map(candidate).collect())
    }

    async fn see_who_is_due(&self, whom: For<'_>, sight: &mut Sight) -> Result<(), TickError> {
        let look = self.look_who_is_due().await?;
        let Sight { candidates, report, .. } = sight;
        for entry in look.list.unreadable.iter().filter(|entry| whom.means(&entry.who)) {
            report.due += 1;
            let error = format!("mana-auth's entry cannot be read: {}", entry.reason);
            report.failed.push(FailedPersona { persona: entry.who.clone(), error });
        }
        let personas: Vec<Persona> =
            look.list.personas.iter().filter(|persona| whom.means(&persona.email)).cloned().collect();
        let is_listed = |own: &&Candidate| personas.iter().any(|persona| persona.id == own.persona.id);
        report.due += personas.len() + candidates.iter().filter(|own| !is_listed(own)).count();
        self.look_for_others(&personas, look.seen(), report).await?;
        for persona in personas {
            if candidates.iter().any(|own| own.persona.id == persona.id) {
                continue;
            }
            match self.pool.enter(&persona.id) {
                Some(entry) => candidates.push(Candidate { persona, goes_on: None, entry }),
                None => self.hold(&persona, Hold::running(), report),
            }
        }
        sight.look = Some(look);
        Ok(())
    }
}
