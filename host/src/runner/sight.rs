//! What a tick sees when it looks: whose turn goes on, who is due, and who is under way already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use super::due_look::DueLook;
use super::error::TickError;
use super::hold::Hold;
use super::parts::Runner;
use super::pool::Entry;
use super::report::{FailedPersona, TickReport};
use crate::mana::UnreadableEntry;
use crate::store::GoesOn;
use domain::event::Event;
use domain::fault::Fault;
use domain::ids::{PersonaId, Slot, TurnId};
use domain::persona::Persona;
use schedule::{Lateness, Urgency};

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
    pub(super) fn means(self, email: &str) -> bool {
        !matches!(self, Self::Only(only) if only != email)
    }
}

/// Somebody who waits for a place.
pub(super) struct Candidate {
    pub(super) persona: Persona,
    pub(super) chosen: Chosen,
    pub(super) urgency: Urgency,
    pub(super) entry: Entry,
}

/// Why somebody waits for a place.
pub(super) enum Chosen {
    /// This turn of his goes on.
    GoesOn(TurnId, Slot),
    /// mana-auth says that he is due; the ledger says for which turn.
    SinceLast,
    /// A slot of his has come.
    ForSlot,
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
        self.deps.ledger.end_interrupted(|| self.pool.turns(), Fault::ledger_away()).await?;
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
        if let Some(backlog) = self.backlog.told(&self.pool.backlog(), self.concurrency()) {
            self.deps.events.emit(backlog);
        }
        Ok(sight)
    }

    /// Whose turn goes on.
    async fn going_on(&self, whom: For<'_>) -> Result<Vec<Candidate>, TickError> {
        let turns = self.deps.ledger.going_on().await?.into_iter();
        let candidate = |GoesOn { turn, persona, slot }: GoesOn| {
            let entry = self.pool.enter(&persona.id, persona.cadence.period()).ok()?;
            Some(Candidate { persona, chosen: Chosen::GoesOn(turn, slot), urgency: Urgency::GoesOn, entry })
        };
        Ok(turns.filter(|own| whom.means(&own.persona.email)).filter_map(candidate).collect())
    }

    async fn see_who_is_due(&self, whom: For<'_>, sight: &mut Sight) -> Result<(), TickError> {
        let look = self.look_who_is_due().await?;
        self.listed.note(&look.list.personas, self.deps.clock.now());
        let report = &mut sight.report;
        self.tell_unreadable(&look.list.unreadable);
        for entry in look.list.unreadable.iter().filter(|entry| whom.means(&entry.who)) {
            report.due += 1;
            let error = format!("mana-auth's entry cannot be read: {}", entry.reason);
            report.failed.push(FailedPersona { persona: entry.who.clone(), error, is_told: true });
        }
        let personas: Vec<Persona> =
            look.list.personas.iter().filter(|persona| whom.means(&persona.email)).cloned().collect();
        self.look_for_others(&personas, look.seen(), report).await?;
        match &self.calendar {
            Some(calendar) => {
                report.due += sight.candidates.len();
                self.see_whose_slot_has_come(calendar, whom, &look, sight).await
            }
            None => {
                self.see_who_is_listed(personas, &look, sight);
                sight.look = Some(look);
                Ok(())
            }
        }
    }

    /// Tells of entries that cannot be read: once, and again when they have changed or come back.
    fn tell_unreadable(&self, entries: &[UnreadableEntry]) {
        let listed: BTreeSet<_> = entries.iter().cloned().collect();
        let mut told = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        for UnreadableEntry { who, reason } in listed.difference(&told) {
            self.deps.events.emit(Event::EntryUnreadable { who: who.clone(), reason: reason.clone() });
        }
        *told = listed;
    }

    /// Puts in line who is due by mana-auth's rule, the latest first.
    fn see_who_is_listed(&self, personas: Vec<Persona>, look: &DueLook, sight: &mut Sight) {
        let Sight { candidates, report, .. } = sight;
        let is_listed = |own: &&Candidate| personas.iter().any(|persona| persona.id == own.persona.id);
        report.due += personas.len() + candidates.iter().filter(|own| !is_listed(own)).count();
        let now = self.deps.clock.now();
        let of_list = look.list.personas.iter().map(|persona| persona.id.clone());
        let lateness: BTreeMap<PersonaId, Lateness> =
            of_list.zip(self.backlog.lateness(&look.list.personas, now)).collect();
        let late = |persona: Persona| Some((lateness.get(&persona.id)?.clone(), persona));
        let mut line: Vec<(Lateness, Persona)> = personas.into_iter().filter_map(late).collect();
        // Equals stay as mana-auth has them.
        line.sort_by(|(one, _), (other, _)| one.rank(other, now));
        for (lateness, persona) in line {
            if candidates.iter().any(|own| own.persona.id == persona.id) {
                continue;
            }
            match self.pool.enter(&persona.id, lateness.period) {
                Ok(entry) => {
                    let (chosen, urgency) = (Chosen::SinceLast, Urgency::Due(lateness));
                    candidates.push(Candidate { persona, chosen, urgency, entry });
                }
                Err(how) => self.hold(&persona, Hold::under_way(how), report),
            }
        }
    }
}
