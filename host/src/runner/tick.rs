//! One tick: who is due, who is held, and a turn for everybody else.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::due_look::DueLook;
use super::error::TickError;
use super::hold::Hold;
use super::parts::Runner;
use super::report::{FailedPersona, TickReport, TurnReport};
use crate::store::{Begin, Begun, LedgerError};
use crate::turn::{self, Due, Ended, Role};
use domain::event::{Event, TurnEnd};
use domain::fault::{Fault, Stage};
use domain::ids::{Slot, TurnId};
use domain::persona::Persona;

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
    /// Runs one tick to the end of its turns: for everybody who is due, or for `only` this address.
    ///
    /// A paused runner does nothing, and one tick at a time is enough: both also hold for ticks that
    /// are asked for over HTTP (contract D14).
    ///
    /// # Errors
    /// When another tick runs, or mana-auth does not say who is due.
    pub async fn tick(&self, only: Option<&str>, lag: Duration) -> Result<TickReport, TickError> {
        let started = Instant::now();
        if self.stop.is_cancelled() {
            return Err(TickError::Stopping);
        }
        let _guard = self.ticking.try_lock().map_err(|_| TickError::AlreadyRunning)?;
        if self.is_paused() {
            return Ok(TickReport::default());
        }
        // None runs now. One that is marked so could not be ended, for want of a ledger.
        self.deps.ledger.end_interrupted().await?;
        self.deps.events.emit(Event::TickStarted { lag });
        self.look_at_experiments().await?;
        // First what mana-auth does not know yet, or it would report as due who has just run.
        self.flush_or_say().await;
        let look = self.look_who_is_due().await?;
        let mut report = TickReport::default();
        for entry in look.list.unreadable.iter().filter(|entry| only.is_none_or(|only| only == entry.who)) {
            report.due += 1;
            let error = format!("mana-auth's entry cannot be read: {}", entry.reason);
            report.failed.push(FailedPersona { persona: entry.who.clone(), error });
        }
        let wanted = |persona: &Persona| only.is_none_or(|only| only == persona.email);
        let personas: Vec<Persona> = look.list.personas.iter().filter(|own| wanted(own)).cloned().collect();
        report.due += personas.len();
        self.look_for_others(&personas, look.seen(), &mut report).await?;
        self.run_all(personas, look, &mut report).await?;
        self.flush_or_say().await;
        report.deliveries_waiting = self.deps.ledger.deliveries_waiting().await?;
        report.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.deps.events.emit(Event::TickEnded {
            due: report.due,
            completed: report.ran_successfully,
            faults: report.failed.len(),
            held: report.held.len(),
            took: started.elapsed(),
        });
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
        personas: Vec<Persona>,
        mut look: DueLook,
        report: &mut TickReport,
    ) -> Result<(), TickError> {
        let mut running: Vec<Running> = Vec::new();
        let mut stopped_by: Option<String> = None;
        let mut admitted = Ok(());
        for persona in personas {
            // A sliding pool: a turn begins as soon as any other ends, and a fault that everybody
            // would meet is known before that.
            while running.len() >= self.options.concurrency {
                self.collect(&mut running, &mut stopped_by, report).await;
            }
            match self.admit(&persona, &mut look, stopped_by.as_deref()).await {
                Ok(Admitted::Runs(turn)) => running.push(turn),
                Ok(Admitted::Held(hold)) => self.hold(&persona, hold, report),
                Err(error) if error.is_of_one_row() => {
                    report.failed.push(FailedPersona { persona: persona.email, error: error.to_string() });
                }
                Err(error) => {
                    admitted = Err(error.into());
                    break;
                }
            }
        }
        // Also when the ledger failed: whoever runs by then is waited for.
        while !running.is_empty() {
            self.collect(&mut running, &mut stopped_by, report).await;
        }
        admitted
    }

    /// Begins a turn, if nothing speaks against it.
    async fn admit(
        &self,
        persona: &Persona,
        look: &mut DueLook,
        stopped_by: Option<&str>,
    ) -> Result<Admitted, LedgerError> {
        if let Some(why) = stopped_by {
            return Ok(Admitted::Held(Hold::stop(format!("the tick was stopped: {why}"))));
        }
        if self.stop.is_cancelled() {
            return Ok(Admitted::Held(Hold::stop("persona-host is stopping".to_owned())));
        }
        self.renew(look).await;
        let Some(persona) = look.entry(persona) else {
            let email = &persona.email;
            tracing::warn!(
                email,
                "a due persona is not due any more: does another runner play on this mana-auth?"
            );
            return Ok(Admitted::Held(Hold::not_due()));
        };
        let (turn, slot) = match Hold::of(self.deps.ledger.occasion(persona, look.known).await?) {
            Ok(open) => open,
            Err(hold) => return Ok(Admitted::Held(hold)),
        };
        let begun = self.begin(persona, turn, &slot, None).await?;
        Ok(begun.map_or_else(|| Admitted::Held(Hold::running()), Admitted::Runs))
    }

    /// Plays one turn of an experiment to its end. None: it is over, held or running already.
    pub(super) async fn play(&self, persona: &Persona, part: Role) -> Result<Option<Ended>, LedgerError> {
        let slot = part.slot();
        let turn = self.deps.ledger.turn_of(&persona.id, &slot).await?;
        let Some(running) = self.begin(persona, turn, &slot, Some(part)).await? else { return Ok(None) };
        let Running { turn_id, started, turn, .. } = running;
        Ok(Some(match turn.await {
            Ok(ended) => ended,
            Err(panic) => self.after_panic(turn_id, persona, started, &panic.to_string()).await,
        }))
    }

    /// Waits for the turn that ends next.
    async fn collect(
        &self,
        running: &mut Vec<Running>,
        stopped_by: &mut Option<String>,
        report: &mut TickReport,
    ) {
        let turns = running.iter_mut().map(|running| &mut running.turn);
        let (result, position, _) = futures_util::future::select_all(turns).await;
        let Running { turn_id, persona, started, .. } = running.swap_remove(position);
        let ended = match result {
            Ok(ended) => ended,
            Err(panic) => self.after_panic(turn_id, &persona, started, &panic.to_string()).await,
        };
        if let TurnEnd::Faulted(fault) = &ended.end
            && fault.stops_tick
        {
            stopped_by.get_or_insert_with(|| fault.message.clone());
        }
        report.add(TurnReport { persona: persona.email, ended, took: started.elapsed() });
    }

    /// Begins a persona's turn: the one that it is due for, or one of an experiment.
    pub(super) async fn begin(
        &self,
        persona: &Persona,
        turn_id: TurnId,
        slot: &Slot,
        part: Option<Role>,
    ) -> Result<Option<Running>, LedgerError> {
        let begin = Begin { turn: turn_id, persona, slot };
        let Begun::Attempt(attempt) = self.deps.ledger.begin(begin).await? else {
            return Ok(None);
        };
        let due = Due { turn: turn_id, attempt, persona: persona.clone(), part };
        let deps = Arc::clone(&self.deps);
        let started = Instant::now();
        // A task of its own: a panic in one persona's turn never touches another's.
        let turn = self.turns.spawn(async move { turn::run(due, &deps).await });
        Ok(Some(Running { turn_id, persona: persona.clone(), started, turn }))
    }

    /// A panic is a bug of ours, but one of this turn only: it is recorded like any fault.
    async fn after_panic(&self, turn: TurnId, persona: &Persona, started: Instant, panic: &str) -> Ended {
        let fault = Fault::new(Stage::ToolLoop, "panic", format!("a bug in persona-host: {panic}"))
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
