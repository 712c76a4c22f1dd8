//! Stages `keep-actions` and `keep-ratings`: to the ledger and the outbox, in one transaction each.

use super::deps::Deps;
use super::faults;
use super::values::{Acted, Kept, Rated};
use crate::store::KeptRatings;
use domain::delivery::feedback_requests;
use domain::fault::Stage;
use domain::turn_end::TurnEnd;

/// Keeps what the persona did, and marks a day without any action. (What was done on a day that ended in a
/// fault is kept from the journal, where the turn ends.)
pub(super) async fn actions(acted: Acted, deps: &Deps) -> Result<Kept, TurnEnd> {
    let kept = deps.ledger.keep_actions(acted.turn.turn, &acted.outcome).await;
    kept.map_err(|error| faults::ledger(Stage::KeepActions, &error))?;
    Ok(Kept(acted))
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
