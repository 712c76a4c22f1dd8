//! The turns under way, and how far each has come: what a live page shows of them, read from their events.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::event::Event;
use domain::fault::Stage;
use domain::ids::TurnId;

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
    began: Instant,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<BTreeMap<TurnId, UnderWay>>);

impl UnderWay {
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

    pub(super) fn hear(&self, event: &Event) {
        match event {
            Event::TurnStarted { turn, email, attempt } => {
                let (turn, email, attempt) = (*turn, email.clone(), *attempt);
                let (stage, model_calls, tool_calls) = (Stage::ALL[0], 0, 0);
                let began = Instant::now();
                let begun = UnderWay { turn, email, attempt, stage, model_calls, tool_calls, began };
                self.lock().insert(turn, begun);
            }
            Event::StageEnded { turn, stage, ok: true, .. } => self.of(*turn, |own| {
                let next = Stage::ALL.iter().skip_while(|own| *own != stage).nth(1);
                own.stage = next.copied().unwrap_or(*stage);
            }),
            Event::ModelCalled { turn, .. } => self.of(*turn, |own| own.model_calls += 1),
            Event::ToolCalled { turn, .. } => self.of(*turn, |own| own.tool_calls += 1),
            Event::TurnEnded { turn, .. } => drop(self.lock().remove(turn)),
            _ => {}
        }
    }

    fn of(&self, turn: TurnId, change: impl FnOnce(&mut UnderWay)) {
        if let Some(own) = self.lock().get_mut(&turn) {
            change(own);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TurnId, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::event::TurnEnd;
    use domain::ids::{PersonaId, Slot};

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
            in_flight.hear(&Event::StageEnded { turn, email: email.clone(), stage: ended, took, ok });
            assert_eq!(stage(), Some(now), "{ended:?}");
        }
        let (tool, ok) = ("todo.list".to_owned(), false);
        in_flight.hear(&Event::ToolCalled { turn, email: email.clone(), tool, ok, took });
        let own = in_flight.turns().remove(0);
        assert_eq!((own.attempt, own.model_calls, own.tool_calls), (2, 0, 1));
        let (outcome, ratings) = (TurnEnd::Idle, Vec::new());
        in_flight.hear(&Event::TurnEnded { turn, email, outcome, actions: 0, ratings, took });
        assert_eq!(stage(), None);
    }
}
