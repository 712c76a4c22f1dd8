//! The turn from end to end. Read it top to bottom: nothing flows back.

use chrono::{DateTime, Utc};

use super::stages::Stages;
use super::values::{Deps, Due, Ended, Kept, Rated};
use super::{ask_rating, assign, compose, faults, keep, parse, sign_in, space, tool_loop, tools};
use domain::event::{Event, TurnEnd};
use domain::fault::Stage;

/// Runs a turn that the ledger has begun, and ends it there, whatever comes of it.
pub async fn run(due: Due, deps: &Deps) -> Ended {
    let started = tokio::time::Instant::now();
    let (turn, attempt, email) = (due.turn, due.attempt, due.persona.email.clone());
    deps.events.emit(Event::TurnStarted { turn, email: email.clone(), attempt });
    let stages = Stages::of(&due, started, deps);
    let mut ended = Ended { turn, end: TurnEnd::Idle, strategy: None, actions: 0, ratings: Vec::new() };

    match spend_the_day(due, &stages, &mut ended).await {
        Err(end) => {
            let until = end.held_until(attempt, deps.clock.now());
            ended.end = conclude(&ended, end, Some(until), deps).await;
        }
        Ok(kept) => {
            ended.actions = kept.outcome.actions.len();
            ended.end = match end_of_the_day(&kept) {
                Some(end) => conclude(&ended, end, None, deps).await,
                None => match rate_it(kept, &stages).await {
                    Ok(rated) => {
                        ended.ratings = rated.report.ratings;
                        TurnEnd::Completed
                    }
                    Err(end) => conclude(&ended, end, None, deps).await,
                },
            };
        }
    }
    let (outcome, ratings) = (ended.end.clone(), ended.ratings.clone());
    let took = started.elapsed();
    deps.events.emit(Event::TurnEnded { turn, email, outcome, actions: ended.actions, ratings, took });
    ended
}

/// Up to the point where the actions are safe. Until then the turn may be begun again.
async fn spend_the_day(due: Due, stages: &Stages<'_>, ended: &mut Ended) -> Result<Kept, TurnEnd> {
    let deps = stages.deps;
    let assigned = stages.through(Stage::Assign, assign::pin(due, stages.deadline, deps)).await?;
    ended.strategy = Some(assigned.strategy.name.clone());
    let signed_in = stages.through(Stage::SignIn, sign_in::sign_in(assigned, deps)).await?;
    let placed = stages.through(Stage::Space, space::enter(signed_in, deps)).await?;
    let equipped = stages.through(Stage::Tools, tools::open(placed, deps)).await?;
    let composed = stages.through(Stage::Compose, compose::ask_plugin(equipped, deps)).await?;
    let acted = stages.through(Stage::ToolLoop, tool_loop::spend(composed, deps)).await?;
    stages.through(Stage::KeepActions, keep::actions(acted, deps)).await
}

/// How the turn ends here, if there is nothing to rate.
fn end_of_the_day(kept: &Kept) -> Option<TurnEnd> {
    if let Some(fault) = &kept.fault {
        Some(TurnEnd::Faulted(fault.clone()))
    } else if kept.outcome.actions.is_empty() {
        Some(TurnEnd::Idle)
    } else if kept.outcome.modules_used.is_empty() {
        Some(TurnEnd::Completed)
    } else {
        None
    }
}

async fn rate_it(kept: Kept, stages: &Stages<'_>) -> Result<Rated, TurnEnd> {
    let deps = stages.deps;
    let answered = stages.through(Stage::AskRating, ask_rating::ask(kept, deps)).await?;
    let rated = stages.through(Stage::Parse, parse::read(answered, deps)).await?;
    stages.through(Stage::KeepRatings, keep::ratings(rated, deps)).await
}

/// Writes down how the turn ended. A ledger that fails now is a fault of its own.
async fn conclude(ended: &Ended, end: TurnEnd, held_until: Option<DateTime<Utc>>, deps: &Deps) -> TurnEnd {
    match deps.ledger.end(ended.turn, &end, held_until).await {
        Ok(()) => end,
        Err(error) => TurnEnd::Faulted(faults::ledger(Stage::KeepActions, &error)),
    }
}
