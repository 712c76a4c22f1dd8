//! One tick: who is due, who is held, and a turn for everybody else. Ticks overlap: one that waits for its slowest turn
//! keeps no other from looking.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::due_look::DueLook;
use super::error::TickError;
use super::hold::Hold;
use super::parts::Runner;
use super::pool::{Entry, Place};
use super::report::{FailedPersona, TickReport, TurnReport};
use super::sight::{Candidate, Chosen, For, Sight};
use crate::breaker::Standing;
use crate::store::{Begin, Begun, LedgerError};
use crate::turn::{self, Due, Ended, Role};
use domain::code::Code;
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::ids::{Slot, TurnId};
use domain::persona::Persona;
use domain::turn_end::TurnEnd;
use schedule::Urgency;

/// How long nobody looks whether an upstream is still being tried.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A turn that was begun.
pub(super) struct Running {
    turn_id: TurnId,
    persona: Persona,
    started: Instant,
    turn: JoinHandle<Ended>,
}

/// Whether a due persona's turn was begun.
enum Admitted {
    Runs(Running),
    Held(Hold),
}

impl Runner {
    /// Runs one tick to the end of the turns that it begins: for everybody who is due, or for `only` this address.
    ///
    /// A paused runner does nothing, and who is under way is left out: both also hold for ticks that are asked for over
    /// HTTP (contract D14).
    ///
    /// # Errors
    /// When another tick is looking, or mana-auth does not say who is due.
    pub async fn tick(&self, only: Option<&str>, lag: Duration) -> Result<TickReport, TickError> {
        self.tick_for(only.map_or(For::Everybody, For::Only), lag).await
    }

    /// The same for whoever is meant.
    pub(super) async fn tick_for(&self, whom: For<'_>, lag: Duration) -> Result<TickReport, TickError> {
        if self.stop.is_cancelled() {
            return Err(TickError::Stopping);
        }
        if let Some(pause) = self.pause_of_all() {
            return Ok(TickReport { paused: Some(pause.told()), ..TickReport::default() });
        }
        if matches!(whom, For::Unfinished) {
            // Nobody asked who is due: it is no tick.
            return self.look_and_play(whom).await;
        }
        self.deps.events.emit(Event::TickStarted { lag });
        let started = Instant::now();
        let came = self.look_and_play(whom).await;
        match &came {
            Ok(report) => self.deps.events.emit(Event::TickEnded {
                due: report.due,
                completed: report.ran_successfully,
                faults: report.failed.len(),
                held: report.held.len(),
                took: Duration::from_millis(report.duration_ms),
            }),
            // It was none.
            Err(TickError::AlreadyLooking | TickError::Stopping) => {}
            Err(error) => self.deps.events.emit(Event::TickFailed {
                code: error.fault_code().word(),
                why: error.to_string(),
                took: started.elapsed(),
            }),
        }
        self.ticks.ended(self.deps.clock.now(), &came);
        came
    }

    /// Looks who plays, and waits for the ends of their turns.
    async fn look_and_play(&self, whom: For<'_>) -> Result<TickReport, TickError> {
        let started = Instant::now();
        let Sight { candidates, look, mut report } = self.look(whom).await?;
        self.run_all(candidates, look, &mut report).await?;
        self.flush_or_say().await;
        report.deliveries_waiting = self.deps.ledger.deliveries_waiting().await?;
        report.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    /// A tick is worth having without its deliveries: they are kept.
    pub(super) async fn flush_or_say(&self) {
        if let Err(error) = self.flush().await {
            tracing::error!(cause = %error, "the outbox cannot be read; its rows are delivered later");
        }
    }

    /// Begins a turn for each as places come free, and waits for all of them.
    async fn run_all(
        &self,
        candidates: Vec<Candidate>,
        mut look: Option<DueLook>,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        let mut running: Vec<Running> = Vec::new();
        let mut stopped_by: Option<String> = None;
        let mut admitted = Ok(());
        for candidate in candidates {
            let place = self.wait_for_place(&candidate.urgency, &mut running, &mut stopped_by, report).await;
            self.await_trial(&mut running, &mut stopped_by, report).await;
            let persona = candidate.persona.clone();
            match self.admit(candidate, place, look.as_mut(), stopped_by.as_deref()).await {
                Ok(Admitted::Runs(turn)) => running.push(turn),
                Ok(Admitted::Held(hold)) => self.hold(&persona, hold, report),
                Err(error) if error.is_of_one_write() => {
                    report.failed.push(FailedPersona {
                        persona: persona.email,
                        error: error.to_string(),
                        is_told: false,
                    });
                }
                Err(error) => {
                    admitted = Err(error.into());
                    break;
                }
            }
        }
        // Also when the ledger failed: whoever runs by then is waited for.
        while !running.is_empty() {
            let ended = first_to_end(&mut running).await;
            self.collect(ended, &mut running, &mut stopped_by, report).await;
        }
        report.stopped_by = stopped_by;
        admitted
    }

    /// While an upstream is tried by a turn of this tick, the others wait for what comes of it.
    async fn await_trial(
        &self,
        running: &mut Vec<Running>,
        stopped_by: &mut Option<String>,
        report: &mut TickReport,
    ) {
        let is_tried = |standing: &Standing| matches!(standing, Standing::HalfOpen { is_tried: true, .. });
        while !running.is_empty() && stopped_by.is_none() {
            let mut changes = pin!(self.deps.fuses.change());
            // Heard from here on, so that no change falls between the look and the wait.
            let is_over = futures_util::poll!(&mut changes).is_ready();
            if is_over || !self.deps.fuses.standings().any(|(_, standing)| is_tried(&standing)) {
                return;
            }
            tokio::select! {
                ended = first_to_end(running) => self.collect(ended, running, stopped_by, report).await,
                () = changes => {}
                // A trial of which nothing is heard does not last for ever.
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// Waits for a place. A turn begins as soon as any other ends, of this tick or another, and a fault that everybody
    /// would meet is known before that.
    async fn wait_for_place(
        &self,
        urgency: &Urgency,
        running: &mut Vec<Running>,
        stopped_by: &mut Option<String>,
        report: &mut TickReport,
    ) -> Place {
        let mut place = std::pin::pin!(self.pool.place(urgency));
        loop {
            tokio::select! {
                biased;
                ended = first_to_end(running), if !running.is_empty() => {
                    self.collect(ended, running, stopped_by, report).await;
                }
                place = &mut place => return place,
            }
        }
    }

    /// Begins a turn, if nothing speaks against it.
    async fn admit(
        &self,
        candidate: Candidate,
        place: Place,
        look: Option<&mut DueLook>,
        stopped_by: Option<&str>,
    ) -> Result<Admitted, LedgerError> {
        if let Some(why) = stopped_by {
            return Ok(Admitted::Held(Hold::stop(format!("the tick was stopped: {why}"))));
        }
        if self.stop.is_cancelled() {
            return Ok(Admitted::Held(Hold::stop("persona-host is stopping".to_owned())));
        }
        if let Some(pause) = self.pause_of(&candidate.persona.email) {
            return Ok(Admitted::Held(Hold::pause(&pause)));
        }
        if let Some(exhausted) = self.deps.budget.is_full_for(&candidate.persona.id) {
            return Ok(Admitted::Held(Hold::budget(&exhausted)));
        }
        if let Err((upstream, away)) = self.deps.fuses.admit_turn() {
            return Ok(Admitted::Held(Hold::away(upstream, &away)));
        }
        let Candidate { persona, chosen, entry, .. } = candidate;
        let (occasion, moment) = match (chosen, look, &self.calendar) {
            (Chosen::GoesOn(turn, slot), ..) => (Ok((persona, (turn, slot))), None),
            (Chosen::SinceLast, Some(look), _) => (self.still_due(&persona, look).await?, None),
            (Chosen::ForSlot, _, Some(calendar)) => match self.still_its_slot(calendar, &persona).await? {
                Ok((persona, turn, moment)) => (Ok((persona, turn)), Some(moment)),
                Err(hold) => (Err(hold), None),
            },
            (Chosen::SinceLast | Chosen::ForSlot, ..) => (Err(Hold::not_due()), None),
        };
        let (persona, (turn, slot)) = match occasion {
            Ok(occasion) => occasion,
            Err(hold) => return Ok(Admitted::Held(hold)),
        };
        if let Some(stopped) = self.deps.mana.keeps_out(&persona.email) {
            return Ok(Admitted::Held(Hold::sign_ins_stopped(&stopped)));
        }
        if let Some(hold) = self.model_is_left_alone(turn, &persona, None).await? {
            return Ok(Admitted::Held(hold));
        }
        let Some(running) = self.begin(&persona, turn, &slot, None, (entry, Some(place))).await? else {
            return Ok(Admitted::Held(Hold::running()));
        };
        if let Some(calendar) = &self.calendar {
            calendar.note_begun(&persona.id, moment, self.deps.clock.now());
        }
        Ok(Admitted::Runs(running))
    }

    /// Why a turn need not begin that would ask its model.
    pub(super) async fn model_is_left_alone(
        &self,
        turn: TurnId,
        persona: &Persona,
        part: Option<&Role>,
    ) -> Result<Option<Hold>, LedgerError> {
        let left_alone = turn::left_alone(turn, persona, part, &self.deps).await?;
        Ok(left_alone.as_ref().map(Hold::left_alone))
    }

    /// The turn that a persona is due for by now, or what speaks against it.
    async fn still_due(
        &self,
        persona: &Persona,
        look: &mut DueLook,
    ) -> Result<Result<(Persona, (TurnId, Slot)), Hold>, LedgerError> {
        self.renew(look).await;
        let Some(persona) = look.entry(persona) else {
            let email = &persona.email;
            tracing::warn!(
                email,
                "a due persona is not due any more: does another runner play on this mana-auth?"
            );
            return Ok(Err(Hold::not_due()));
        };
        let open = Hold::of(self.deps.ledger.occasion(persona, look.known).await?);
        Ok(open.map(|open| (persona.clone(), open)))
    }

    /// Plays one turn of an experiment to its end. None: it is over, held or running already.
    pub(super) async fn play(&self, persona: &Persona, part: Role) -> Result<Option<Ended>, LedgerError> {
        let slot = part.slot();
        let turn = self.deps.ledger.turn_of(&persona.id, &slot).await?;
        let has_money = self.deps.budget.is_full_for(&persona.id).is_none();
        if self.pause_of(&persona.email).is_some() || !has_money {
            return Ok(None);
        }
        let Ok(entry) = self.pool.enter(&persona.id, persona.cadence.period()) else { return Ok(None) };
        let Some(running) = self.begin(persona, turn, &slot, Some(part), (entry, None)).await? else {
            return Ok(None);
        };
        let Running { turn_id, started, turn, .. } = running;
        Ok(Some(match turn.await {
            Ok(ended) => ended,
            Err(panic) => self.after_panic(turn_id, persona, started, &panic.to_string()).await,
        }))
    }

    /// Takes a turn that has ended out of those that run.
    async fn collect(
        &self,
        (result, position): (Result<Ended, JoinError>, usize),
        running: &mut Vec<Running>,
        stopped_by: &mut Option<String>,
        report: &mut TickReport,
    ) {
        let Running { turn_id, persona, started, .. } = running.swap_remove(position);
        let ended = match result {
            Ok(ended) => ended,
            Err(panic) => self.after_panic(turn_id, &persona, started, &panic.to_string()).await,
        };
        self.holds.notify_one();
        self.backlog.note_turn(started.elapsed());
        if let TurnEnd::Faulted(fault) = &ended.end
            && fault.stops_tick
        {
            stopped_by.get_or_insert_with(|| fault.message.clone());
            report.stopped_by_code.get_or_insert_with(|| fault.code.clone());
        }
        let is_paused = self.pause_of(&persona.email).is_some();
        report.add(TurnReport { persona: persona.email, ended, took: started.elapsed() }, is_paused);
    }

    /// Begins a persona's turn, or goes on with it. The persona is under way, and the place taken, to its end.
    async fn begin(
        &self,
        persona: &Persona,
        turn_id: TurnId,
        slot: &Slot,
        part: Option<Role>,
        (entry, place): (Entry, Option<Place>),
    ) -> Result<Option<Running>, LedgerError> {
        // Before the ledger says that it runs: whoever looks now takes it for running, too.
        entry.plays(turn_id);
        let begin = Begin { turn: turn_id, persona, slot };
        let Begun::Attempt(attempt) = self.deps.ledger.begin(begin).await? else {
            return Ok(None);
        };
        let brake = self.brakes.of_turn(turn_id, &persona.email, self.stop.child_token());
        let due = Due { turn: turn_id, attempt, persona: persona.clone(), part, stop: brake.stop.clone() };
        let deps = Arc::clone(&self.deps);
        let started = Instant::now();
        // A task of its own: a panic in one persona's turn never touches another's.
        let turn = self.turns.spawn(async move {
            let _under_way = (entry, place, brake);
            turn::run(due, &deps).await
        });
        Ok(Some(Running { turn_id, persona: persona.clone(), started, turn }))
    }

    /// A panic is a bug of ours, but one of this turn only: it is recorded like any fault.
    async fn after_panic(&self, turn: TurnId, persona: &Persona, started: Instant, panic: &str) -> Ended {
        let fault = Fault::new(Stage::ToolLoop, Code::Panic, format!("a bug in persona-host: {panic}"))
            .hint("please report it with the log of this turn");
        let end = TurnEnd::Faulted(fault);
        let actions = self.deps.ledger.end(turn, &end).await.unwrap_or_else(|error| {
            tracing::error!(%turn, %error, "a turn that panicked could not be ended in the ledger");
            0
        });
        self.deps.events.emit(Event::TurnEnded {
            turn,
            email: persona.email.clone(),
            outcome: end.clone(),
            actions,
            ratings: Vec::new(),
            took: started.elapsed(),
        });
        Ended { turn, end, strategy: None, actions, ratings: Vec::new() }
    }
}

/// Waits for the turn that ends next; gives where it is. It may be given up: the turn is still there.
async fn first_to_end(running: &mut [Running]) -> (Result<Ended, JoinError>, usize) {
    let turns = running.iter_mut().map(|running| &mut running.turn);
    let (result, position, _) = futures_util::future::select_all(turns).await;
    (result, position)
}
