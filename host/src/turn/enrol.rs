//! The part of stage `assign` that knows experiments: whether this turn is part of one, and its arm there.
//! The arm is a function of plan and history, so it can be computed again from the ledger.

use std::sync::Arc;

use super::deps::Deps;
use super::faults;
use super::values::{Due, Role};
use crate::store::LedgerError;
use domain::code::Code;
use domain::experiment::{Assignment, Experiment};
use domain::fault::{Fault, Stage};
use domain::ids::{Slot, StrategyName, TurnId};
use domain::persona::Persona;
use domain::strategy::Strategy;
use domain::turn_end::TurnEnd;
use experiment::assignment;

/// The turn's role in an experiment, if it is part of one. A turn that is begun again keeps the one it has.
pub(super) async fn role(due: &Due, deps: &Deps) -> Result<Option<Role>, TurnEnd> {
    let lost = |error: LedgerError| faults::ledger(Stage::Assign, &error);
    let found = foreseen(due.turn, &due.persona, due.part.as_ref(), deps).await.map_err(lost)?;
    let Some(Role { experiment, place }) = &found else { return Ok(None) };
    if deps.ledger.assignment(due.turn).await.map_err(lost)?.is_some() {
        return Ok(found);
    }
    deps.ledger.register(experiment).await.map_err(lost)?;
    deps.ledger.assign(due.turn, &due.persona.email, place).await.map_err(lost)?;
    Ok(found)
}

/// The same, and nothing is written down: the turn need not have begun.
pub(super) async fn foreseen(
    turn: TurnId,
    persona: &Persona,
    part: Option<&Role>,
    deps: &Deps,
) -> Result<Option<Role>, LedgerError> {
    if let Some(place) = deps.ledger.assignment(turn).await? {
        let registered = deps.ledger.experiment(&place.experiment, Some(place.version)).await?;
        return Ok(registered.map(|registered| Role { experiment: Arc::new(registered.experiment), place }));
    }
    match part {
        Some(part) => Ok(Some(part.clone())),
        None => next(persona, deps).await,
    }
}

/// The first experiment that wants this persona's turn. Those that are open at once do not want the same.
async fn next(persona: &Persona, deps: &Deps) -> Result<Option<Role>, LedgerError> {
    for experiment in deps.experiments.open(deps.clock.now()) {
        if !experiment.who.includes(persona) {
            continue;
        }
        let unit = &persona.email;
        let earlier = deps.ledger.assignments(experiment.key(), Some(unit)).await?;
        let earlier: Vec<Assignment> = earlier.into_iter().map(|assigned| assigned.assignment).collect();
        if let Some(place) = assignment::next(&experiment, unit, &earlier)
            && !is_spent(&experiment, deps).await?
        {
            return Ok(Some(Role { experiment, place }));
        }
    }
    Ok(None)
}

/// Whether the money is gone. With a price that is not known nobody can say, and a budget is a promise.
async fn is_spent(experiment: &Experiment, deps: &Deps) -> Result<bool, LedgerError> {
    let Some(budget) = experiment.budget else { return Ok(false) };
    let spent = deps.ledger.spent(experiment.key(), experiment.version).await?;
    Ok(spent.is_none_or(|spent| spent >= budget))
}

impl Role {
    /// The occasion of its turn, when the experiment is run at once.
    #[must_use]
    pub fn slot(&self) -> Slot {
        let Assignment { experiment, version, block, arm, .. } = &self.place;
        Slot::of_arm(experiment, *version, *block, arm.as_str())
    }

    /// The strategy of the arm, with the arm's settings in it.
    pub(super) fn strategy(&self, deps: &Deps) -> Result<Arc<Strategy>, Fault> {
        let arm = self.experiment.arm(&self.place.arm);
        let found = arm.and_then(|arm| Some((arm, deps.strategies.get(&arm.strategy)?)));
        let Some((arm, strategy)) = found else {
            let Assignment { experiment, arm, .. } = &self.place;
            let message = format!("the arm {arm} of the experiment {experiment} has no strategy any more");
            let hint = "put its [strategies.…] section back, or end the experiment";
            return Err(Fault::new(Stage::Assign, Code::NoStrategy, message).hint(hint));
        };
        Ok(Arc::new(strategy.with_settings(&arm.settings)))
    }

    /// What an arm's turns remember is kept apart: it begins with what the persona remembered before, and
    /// the other arms know nothing of it.
    pub(super) fn memory_line(&self) -> StrategyName {
        let Assignment { experiment, version, arm, .. } = &self.place;
        StrategyName::new(format!("{experiment}.{version}/{arm}"))
    }

    /// All arms of a block get the same seed: pairs differ by the arm alone.
    pub(super) fn seed(&self, due: &Due) -> u64 {
        let Assignment { experiment, version, block, .. } = &self.place;
        TurnId::of(&due.persona.id, &Slot::of_block(experiment, *version, *block)).seed()
    }
}
