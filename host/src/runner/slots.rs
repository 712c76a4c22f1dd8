//! Who is due by the host's own schedule. mana-auth says who there is, the plan whose slot has come, and the ledger
//! whether it has had its turn.

use std::collections::BTreeSet;

use super::calendar::Calendar;
use super::due_look::DueLook;
use super::error::TickError;
use super::hold::Hold;
use super::parts::Runner;
use super::sight::{Candidate, Chosen, For, Sight};
use crate::store::{HeldTurn, LedgerError};
use domain::event::Event;
use domain::ids::{PersonaId, Slot, TurnId};
use domain::persona::Persona;
use schedule::{Due, Moment, Urgency, Verdict};

/// Slots that were left out.
#[derive(Clone, Copy, Debug, Default)]
struct LeftOut {
    late: usize,
    busy: usize,
}

impl LeftOut {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Begin | Verdict::Played => {}
            Verdict::Overlapped => self.busy += 1,
            Verdict::Lapsed => self.late += 1,
        }
    }
}

impl Runner {
    /// Puts in line whose turn is open and whose slot has come.
    pub(super) async fn see_whose_slot_has_come(
        &self,
        calendar: &Calendar,
        whom: For<'_>,
        look: &DueLook,
        sight: &mut Sight,
    ) -> Result<(), TickError> {
        let ledger = &self.deps.ledger;
        let fits_nobody = {
            let mut plan = calendar.plan(ledger).await?;
            for persona in &look.list.personas {
                plan.know(persona.clone(), persona.last_active_at);
            }
            calendar.fits_nobody(&plan)
        };
        if let Some((entries, known)) = fits_nobody {
            self.deps.events.emit(Event::ScheduleFitsNobody { entries, known });
        }
        let busy = self.see_held_turns(calendar, whom, sight).await?;
        let found = calendar.plan(ledger).await?.look(self.deps.clock.now(), &busy);
        let mut left_out = LeftOut { late: found.overtaken, busy: 0 };
        for due in found.due.into_iter().filter(|due| whom.means(&due.persona.email)) {
            let verdict = self.judge(calendar, &due).await?;
            left_out.add(verdict);
            if verdict != Verdict::Begin {
                continue;
            }
            let Due { persona, lateness, .. } = due;
            sight.report.due += 1;
            match self.pool.enter(&persona.id, lateness.period) {
                Ok(entry) => {
                    let (chosen, urgency) = (Chosen::ForSlot, Urgency::Due(lateness));
                    sight.candidates.push(Candidate { persona, chosen, urgency, entry });
                }
                Err(how) => self.hold(&persona, Hold::under_way(how), &mut sight.report),
            }
        }
        self.tell_left_out(left_out);
        Ok(())
    }

    /// A turn that was begun comes before any newer slot of its persona. Gives who is busy.
    async fn see_held_turns(
        &self,
        calendar: &Calendar,
        whom: For<'_>,
        sight: &mut Sight,
    ) -> Result<BTreeSet<PersonaId>, TickError> {
        let ledger = &self.deps.ledger;
        let (open, now) = (ledger.held_turns().await?, self.deps.clock.now());
        let mut busy = self.pool.personas();
        for HeldTurn { turn, persona, email, slot, until, attempts, why, faulted } in open {
            let persona = {
                let mut plan = calendar.plan(ledger).await?;
                plan.goes_on(&persona, &slot, now);
                let is_free = busy.insert(persona.clone());
                plan.persona(&persona).filter(|_| is_free && whom.means(&email)).cloned()
            };
            let Some(persona) = persona else { continue };
            sight.report.due += 1;
            if until > now {
                self.hold(&persona, Hold::until(until, attempts, &why, faulted), &mut sight.report);
            } else if let Ok(entry) = self.pool.enter(&persona.id, persona.cadence.period()) {
                let (chosen, urgency) = (Chosen::GoesOn(turn, slot), Urgency::GoesOn);
                sight.candidates.push(Candidate { persona, chosen, urgency, entry });
            }
        }
        Ok(busy)
    }

    /// The turn for a persona's slot, once there is a place for it: a newer one may have come, or the time may be over.
    pub(super) async fn still_its_slot(
        &self,
        calendar: &Calendar,
        persona: &Persona,
    ) -> Result<Result<(Persona, (TurnId, Slot), Moment), Hold>, LedgerError> {
        let ledger = &self.deps.ledger;
        let found = calendar.plan(ledger).await?.look_at(&persona.id, self.deps.clock.now());
        let mut left_out = LeftOut { late: found.overtaken, busy: 0 };
        let mut still = None;
        for due in found.due {
            let verdict = self.judge(calendar, &due).await?;
            left_out.add(verdict);
            if verdict == Verdict::Begin {
                let slot = due.moment.slot();
                still = Some((ledger.turn_of(&persona.id, &slot).await?, slot, due));
            }
        }
        self.tell_left_out(left_out);
        let Some((turn, slot, due)) = still else { return Ok(Err(Hold::slot_passed())) };
        Ok(Ok((due.persona, (turn, slot), due.moment)))
    }

    async fn judge(&self, calendar: &Calendar, due: &Due) -> Result<Verdict, LedgerError> {
        let ledger = &self.deps.ledger;
        let record = ledger.record_of(&due.persona.id, due.moment).await?;
        Ok(calendar.plan(ledger).await?.judge(due, record))
    }

    fn tell_left_out(&self, left_out: LeftOut) {
        let LeftOut { late, busy } = left_out;
        if late + busy > 0 {
            self.deps.events.emit(Event::SlotsLeftOut { late, busy });
        }
    }
}
