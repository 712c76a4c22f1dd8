//! The turn from end to end. Read it top to bottom: nothing flows back.

use std::sync::Arc;

use super::deps::Deps;
use super::stages::Stages;
use super::values::{Acted, Due, Ended, Kept};
use super::visit::Visit;
use super::{ask_rating, assign, budget, compose, faults, keep, parse, sign_in, space, tool_loop, tools};
use crate::engine::{Embedded, Steps};
use crate::store::{LedgerError, Unfinished};
use domain::behavior::Problem;
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::ids::TurnId;
use domain::stop;
use domain::turn_end::TurnEnd;

/// Runs a turn that the ledger has begun, and ends it there, whatever comes of it.
pub async fn run(due: Due, deps: &Deps) -> Ended {
    let started = tokio::time::Instant::now();
    let (turn, attempt, email) = (due.turn, due.attempt, due.persona.email.clone());
    deps.events.emit(Event::TurnStarted { turn, email: email.clone(), attempt });
    let stages = Stages::of(&due, started, deps);
    let mut ended = Ended { turn, end: TurnEnd::Completed, strategy: None, actions: 0, ratings: Vec::new() };
    let mut visit = None;

    let rated = match spend_the_day(due, &stages, &mut ended, &mut visit).await {
        Ok(kept) => {
            leave(&mut visit, deps).await;
            rate_it(kept, &stages, &mut ended).await
        }
        Err(end) => Err(end),
    };
    if let Err(end) = rated {
        let end = match end {
            TurnEnd::Faulted(fault) if fault.is_of_budget() && fault.stage == Stage::AskRating => {
                leave_unrated(turn, &fault, deps).await
            }
            end => end,
        };
        conclude(&mut ended, end, deps).await;
        // Not before what was done is safe: the goodbye may take its time.
        leave(&mut visit, deps).await;
    }
    deps.budget.close(turn);
    let (outcome, ratings) = (ended.end.clone(), ended.ratings.clone());
    let took = started.elapsed();
    deps.events.emit(Event::TurnEnded { turn, email, outcome, actions: ended.actions, ratings, took });
    ended
}

/// Up to the point where the actions are safe and there is something to rate. Whatever ends the attempt before, its
/// journal holds what was done.
async fn spend_the_day(
    due: Due,
    stages: &Stages<'_>,
    ended: &mut Ended,
    visit: &mut Option<Visit>,
) -> Result<Kept, TurnEnd> {
    let (turn, attempt) = (due.turn, due.attempt);
    let unfinished = match attempt {
        1 => None,
        _ => stages
            .deps
            .ledger
            .unfinished(turn)
            .await
            .map_err(|error| faults::ledger(Stage::Assign, &error))?,
    };
    let steps = Embedded::open(Arc::clone(&stages.deps.ledger), turn, attempt).await;
    let steps = Arc::new(steps.map_err(|error| faults::ledger(Stage::Assign, &error))?);
    if attempt > 1 {
        spent_before(turn, stages.deps).await.map_err(|error| faults::ledger(Stage::Assign, &error))?;
    }
    let kept = match unfinished {
        None => begin(due, steps, stages, ended, visit).await?,
        Some(unfinished) => go_on(due, steps, unfinished, stages, ended, visit).await?,
    };
    ended.actions = kept.0.outcome.actions.len();
    match nothing_to_rate(&kept) {
        Some(end) => Err(end),
        None => Ok(kept),
    }
}

/// Books what earlier attempts spent of the turn's own budget; that of the day knows it.
async fn spent_before(turn: TurnId, deps: &Deps) -> Result<(), LedgerError> {
    if deps.budget.is_limited() {
        for spent in deps.ledger.spent_by(turn).await? {
            let amount = budget::amount(&spent.amount, deps.settings.max_tokens);
            deps.budget.book_turn(turn, amount.unwrap_or_default());
        }
    }
    Ok(())
}

async fn begin(
    due: Due,
    steps: Arc<dyn Steps>,
    stages: &Stages<'_>,
    ended: &mut Ended,
    visit: &mut Option<Visit>,
) -> Result<Kept, TurnEnd> {
    let deps = stages.deps;
    let assigned = stages.through(Stage::Assign, assign::pin(due, steps, deps)).await?;
    ended.strategy = Some(assigned.strategy.name.clone());
    let signed_in = stages.through(Stage::SignIn, sign_in::sign_in(assigned, deps)).await?;
    let placed = stages.through(Stage::Space, space::enter(signed_in, deps)).await?;
    let equipped = stages.through(Stage::Tools, tools::open(placed, deps)).await?;
    let composed = stages.through(Stage::Compose, compose::ask_plugin(equipped, deps)).await?;
    let acted = stages.through(Stage::ToolLoop, tool_loop::spend(composed, visit, deps)).await?;
    stages.through(Stage::KeepActions, keep::actions(acted, deps)).await
}

/// From the last step that is known: signed in anew, with a session of its own, and otherwise as it was begun.
async fn go_on(
    due: Due,
    steps: Arc<dyn Steps>,
    unfinished: Unfinished,
    stages: &Stages<'_>,
    ended: &mut Ended,
    visit: &mut Option<Visit>,
) -> Result<Kept, TurnEnd> {
    let deps = stages.deps;
    let Unfinished { pin, context, tools, day, .. } = unfinished;
    let turn = stages.through(Stage::Assign, assign::keep(due, steps, &pin, deps)).await?;
    ended.strategy = Some(turn.strategy.name.clone());
    if let Some(outcome) = day {
        return Ok(Kept(Acted { turn, context, outcome }));
    }
    let signed_in = stages.through(Stage::SignIn, sign_in::sign_in(turn, deps)).await?;
    let placed = stages.through(Stage::Space, space::enter(signed_in, deps)).await?;
    let equipped = stages.through(Stage::Tools, tools::reopen(placed, tools, deps)).await?;
    let composed = stages.through(Stage::Compose, compose::go_on(equipped, context, deps)).await?;
    let acted = stages.through(Stage::ToolLoop, tool_loop::spend(composed, visit, deps)).await?;
    stages.through(Stage::KeepActions, keep::actions(acted, deps)).await
}

/// How the turn ends with its day. Idle is one whose model was done and had done nothing: nobody is to take a refusal,
/// or a reply that was cut off, for that.
fn nothing_to_rate(Kept(day): &Kept) -> Option<TurnEnd> {
    let outcome = &day.outcome;
    if outcome.actions.is_empty() && stop::unusual(&outcome.stop_reason).is_none() {
        Some(TurnEnd::Idle)
    } else {
        outcome.modules_used.is_empty().then_some(TurnEnd::Completed)
    }
}

async fn rate_it(kept: Kept, stages: &Stages<'_>, ended: &mut Ended) -> Result<(), TurnEnd> {
    let deps = stages.deps;
    let answered = stages.through(Stage::AskRating, ask_rating::ask(kept, deps)).await?;
    let rated = stages.through(Stage::Parse, parse::read(answered, deps)).await?;
    let rated = stages.through(Stage::KeepRatings, keep::ratings(rated, deps)).await?;
    ended.ratings = rated.report.ratings;
    Ok(())
}

/// Without money for the rating the turn is over with its day, like any other.
async fn leave_unrated(turn: TurnId, why: &Fault, deps: &Deps) -> TurnEnd {
    let problem = Problem::warning(None, format!("not rated: {}", why.message));
    match deps.ledger.keep_unrated(turn, &problem).await {
        Ok(()) => TurnEnd::Completed,
        Err(error) => TurnEnd::Faulted(faults::ledger(Stage::AskRating, &error)),
    }
}

/// Writes down how the attempt ended, and of a turn that is over with it what was done and is not kept yet. A ledger
/// that fails now is a fault of its own; a later look ends the attempt.
async fn conclude(ended: &mut Ended, end: TurnEnd, deps: &Deps) {
    ended.end = match deps.ledger.end(ended.turn, &end).await {
        Ok(kept) => {
            ended.actions = kept;
            end
        }
        Err(error) => TurnEnd::Faulted(faults::ledger(Stage::KeepActions, &error)),
    };
}

async fn leave(visit: &mut Option<Visit>, deps: &Deps) {
    if let Some(visit) = visit.take() {
        visit.leave(deps).await;
    }
}
