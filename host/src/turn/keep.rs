//! Stages `keep-actions` and `keep-ratings`: to the ledger and the outbox, in one transaction each.

use super::faults;
use super::values::{Acted, Deps, Kept, Rated};
use crate::store::KeptRatings;
use domain::delivery::{action_rows, feedback_requests};
use domain::event::TurnEnd;
use domain::fault::Stage;

/// Keeps what the persona did, also when the day ended in a fault, and marks a day without any
/// action. Only a fault before the first action leaves nothing to keep: then the turn may be begun
/// again.
pub(super) async fn actions(acted: Acted, deps: &Deps) -> Result<Kept, TurnEnd> {
    let Acted { turn, context, outcome, fault } = acted;
    if let (Some(fault), []) = (&fault, outcome.actions.as_slice()) {
        return Err(fault.clone().into());
    }
    let rows = action_rows(turn.turn, &outcome.actions);
    let kept = deps.ledger.keep_actions(turn.turn, &turn.persona.id, &outcome, rows).await;
    kept.map_err(|error| faults::ledger(Stage::KeepActions, &error))?;
    Ok(Kept { turn, context, outcome, fault })
}

/// Keeps the ratings and ends the turn.
pub(super) async fn ratings(rated: Rated, deps: &Deps) -> Result<Rated, TurnEnd> {
    let Rated { turn, report } = &rated;
    let lost = |error| faults::ledger(Stage::KeepRatings, &error);
    deps.ledger.keep_problems(turn.turn, Stage::Parse, &report.problems).await.map_err(lost)?;
    let kept = KeptRatings {
        persona: &turn.persona.id,
        ratings: &report.ratings,
        requests: feedback_requests(turn.turn, &report.ratings),
        memory: report.memory.as_ref().map(|memory| (&turn.memory_line, memory)),
    };
    deps.ledger.keep_ratings(turn.turn, kept).await.map_err(lost)?;
    Ok(rated)
}
