//! The turns under way, and how far each has come: what a live page shows of them, read from their events.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use domain::clock::Clock;
use domain::event::Event;
use domain::fault::Stage;
use domain::ids::TurnId;
use domain::playing::Playing;
use domain::usage::{Cost, NanoUsd, Usage};

/// A turn under way.
#[derive(Clone, Debug)]
pub struct UnderWay {
    /// The turn.
    pub turn: TurnId,
    /// The persona's address.
    pub email: String,
    /// From 1.
    pub attempt: u32,
    /// The stage that it is in.
    pub stage: Stage,
    /// Model calls that were answered in this attempt.
    pub model_calls: u32,
    /// Tool calls that were answered in this attempt.
    pub tool_calls: u32,
    /// Calls of its plugin in this attempt.
    pub plugin_calls: u32,
    /// Who plays it, once that is fixed.
    pub playing: Option<Box<Playing>>,
    /// The tokens of this attempt.
    pub usage: Usage,
    /// What they cost; nothing, when the price of one call is not known.
    pub cost: Cost,
    began: Instant,
    began_at: DateTime<Utc>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<BTreeMap<TurnId, UnderWay>>);

impl UnderWay {
    fn begun(turn: TurnId, email: String, attempt: u32) -> Self {
        Self {
            turn,
            email,
            attempt,
            stage: Stage::ALL[0],
            model_calls: 0,
            tool_calls: 0,
            plugin_calls: 0,
            playing: None,
            usage: Usage::default(),
            cost: Some(NanoUsd(0)),
            began: Instant::now(),
            began_at: Clock::system().now(),
        }
    }

    /// What time it is in the attempt: as far from its beginning as it really is, also where the clock was set meanwhile, or
    /// is that of a demo.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.began_at + self.age()
    }

    /// How long the attempt has taken so far.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }
}

impl InFlight {
    /// The oldest first.
    pub(super) fn turns(&self) -> Vec<UnderWay> {
        let mut turns: Vec<UnderWay> = self.lock().values().cloned().collect();
        turns.sort_by_key(|own| own.began);
        turns
    }

    /// Reads an event; gives the turn that it is of, as it is by then.
    pub(super) fn hear(&self, event: &Event) -> Option<UnderWay> {
        match event {
            Event::TurnStarted { turn, email, attempt } => {
                let begun = UnderWay::begun(*turn, email.clone(), *attempt);
                self.lock().insert(*turn, begun.clone());
                Some(begun)
            }
            Event::TurnAssigned { turn, playing } => {
                self.of(*turn, |own| own.playing = Some(playing.clone()))
            }
            Event::StageEnded { turn, stage, ok: true, .. } => self.of(*turn, |own| {
                own.stage = stage.next().unwrap_or(*stage);
            }),
            Event::StageEnded { turn, .. } | Event::ModelFailed { turn, .. } => self.turn(*turn),
            Event::ModelCalled { turn, usage, cost, .. } => self.of(*turn, |own| {
                own.model_calls += 1;
                own.usage += *usage;
                own.cost = own.cost.zip(*cost).map(|(sum, cost)| NanoUsd(sum.0.saturating_add(cost.0)));
            }),
            Event::ToolCalled { turn, .. } => self.of(*turn, |own| own.tool_calls += 1),
            Event::PluginCalled { turn, .. } => self.of(*turn, |own| own.plugin_calls += 1),
            Event::TurnEnded { turn, .. } => self.lock().remove(turn),
            _ => None,
        }
    }

    /// One of them.
    pub(super) fn turn(&self, turn: TurnId) -> Option<UnderWay> {
        self.lock().get(&turn).cloned()
    }

    fn of(&self, turn: TurnId, change: impl FnOnce(&mut UnderWay)) -> Option<UnderWay> {
        let mut turns = self.lock();
        let own = turns.get_mut(&turn)?;
        change(own);
        Some(own.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TurnId, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{PersonaId, Slot};
    use domain::step::StepKey;
    use domain::turn_end::TurnEnd;

    use super::*;

    #[test]
    fn a_turn_is_in_the_stage_after_the_last_one_that_went_well_until_it_is_over() {
        let turn = TurnId::of(&PersonaId::new("anna"), &Slot::after(None));
        let (email, took) = ("anna@mana.test".to_owned(), Duration::ZERO);
        let in_flight = InFlight::default();
        let stage = || in_flight.turns().first().map(|own| own.stage);
        in_flight.hear(&Event::TurnStarted { turn, email: email.clone(), attempt: 2 });
        assert_eq!(stage(), Some(Stage::Assign));
        for (ended, ok, now) in [
            (Stage::Assign, true, Stage::SignIn),
            (Stage::SignIn, false, Stage::SignIn),
            (Stage::KeepRatings, true, Stage::KeepRatings),
        ] {
            in_flight.hear(&Event::StageEnded {
                turn,
                email: email.clone(),
                stage: ended,
                took,
                ok,
                code: None,
            });
            assert_eq!(stage(), Some(now), "{ended:?}");
        }
        let (tool, step) = ("todo.list".to_owned(), StepKey::tool(1, 0));
        let (call, said, ok) = (String::new(), None, false);
        in_flight.hear(&Event::ToolCalled { turn, email: email.clone(), step, call, said, tool, ok, took });
        let own = in_flight.turns().remove(0);
        assert_eq!((own.attempt, own.model_calls, own.tool_calls), (2, 0, 1));
        let (outcome, ratings) = (TurnEnd::Idle, Vec::new());
        in_flight.hear(&Event::TurnEnded { turn, email, outcome, actions: 0, ratings, took });
        assert_eq!(stage(), None);
    }
}
