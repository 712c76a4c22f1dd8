//! Stage `tool-loop`: Claude and the tools, round by round. Nothing that happened is lost, whatever
//! ends it.

use std::sync::Mutex;

use super::ask::Conversation;
use super::call::Calling;
use super::day::{Day, Next, Rules, offered};
use super::deps::Deps;
use super::values::{Acted, Assigned, Composed, Equipped};
use super::visit::Visit;
use crate::mcp::Names;
use crate::model::{MessageRequest, Offer, ToolResult, ToolUse};
use domain::fault::{Fault, Stage};
use domain::stop;
use domain::transcript::{Phase, ToolAnswer};
use domain::turn_end::TurnEnd;
use domain::usage::NanoUsd;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// Spends the day. The session is left in `visit`, also when this is dropped at some await.
pub(super) async fn spend(
    composed: Composed,
    visit: &mut Option<Visit>,
    deps: &Deps,
) -> Result<Acted, TurnEnd> {
    let Composed { equipped, context, opening } = composed;
    let Equipped { turn, visit: opened, tools } = equipped;
    let names = Names::for_tools(&tools);
    let offered = offered(tools, &opening);
    let rules = Rules {
        strategy: &turn.strategy,
        model: &turn.model,
        max_tokens: deps.settings.max_tokens,
        max_rounds: deps.settings.max_rounds,
    };
    let mut day = Day::begin(&opening, &names, &offered, &rules);
    let hours = Hours { turn: &turn, names: &names, visit: visit.insert(opened), deps };
    let because = hours.pass(&mut day).await?;
    let outcome = day.end(because);
    Ok(Acted { turn, context, outcome })
}

/// What is kept for the question how it was, which nobody knows yet: as if it were as long as the one that opens the
/// day. It has no tools. Nothing, where nothing is limited.
fn for_the_rating(opening: &MessageRequest, deps: &Deps) -> NanoUsd {
    if !deps.budget.is_limited() {
        return NanoUsd(0);
    }
    let question = MessageRequest { tools: Offer::default(), ..opening.clone() };
    deps.claude.most(&question).unwrap_or_default()
}

/// Who the day is spent with.
struct Hours<'a> {
    turn: &'a Assigned,
    names: &'a Names,
    visit: &'a Visit,
    deps: &'a Deps,
}

impl Hours<'_> {
    /// Asks and calls until the day is over; gives why, if it was ended from outside.
    async fn pass(&self, day: &mut Day<'_>) -> Result<Option<&'static str>, Fault> {
        let conversation = Conversation {
            turn: self.turn,
            phase: Phase::Main,
            stage: Stage::ToolLoop,
            names: self.names,
            kept_back: for_the_rating(day.message(), self.deps),
            last: Mutex::default(),
        };
        let mut next = day.go_on();
        loop {
            next = match next {
                Next::Over => return Ok(None),
                Next::Call(calls) => {
                    let results = self.call_all(day, &calls).await?;
                    day.answer(results)
                }
                Next::Ask => match conversation.ask(day.round(), day.message(), self.deps).await {
                    // What was done so far is kept and delivered like any other day.
                    Err(fault) if fault.is_of_budget() && day.round() > 1 => {
                        return Ok(Some(stop::BUDGET_EXHAUSTED));
                    }
                    said => day.hear(&said?),
                },
            };
        }
    }

    /// Answers every call of a reply: neighbouring ones that only read at once, the rest in order.
    async fn call_all(&self, day: &mut Day<'_>, calls: &[ToolUse]) -> Result<Vec<ToolResult>, Fault> {
        let mut results = Vec::with_capacity(calls.len());
        let reads: Vec<bool> =
            calls.iter().map(|call| day.meant(call).is_some_and(|tool| tool.read_only)).collect();
        let mut calls = calls;
        for together in reads.chunk_by(|a, b| *a && *b) {
            let (now, later) = calls.split_at(together.len());
            calls = later;
            if self.turn.stop.is_cancelled() {
                return Err(Fault::stopping(Stage::ToolLoop));
            }
            // Not before the reply is there, and again after each call: both may take longer than a token lives.
            self.visit.renew(self.deps).await?;
            results.extend(self.call_together(day, now).await?);
        }
        Ok(results)
    }

    /// Makes these calls at once, and settles each as its answer comes. All are answered before the first fault
    /// among them ends the day.
    async fn call_together(&self, day: &mut Day<'_>, together: &[ToolUse]) -> Result<Vec<ToolResult>, Fault> {
        let first = day.actions().len();
        for call in together {
            day.take_up(call);
        }
        let granted: Vec<_> = (first..).zip(together).map(|(at, call)| day.granted(at, call)).collect();
        let calling = Calling { turn: self.turn, visit: self.visit, round: day.round(), deps: self.deps };
        let mut under_way: FuturesUnordered<_> = (first..)
            .zip(together.iter().zip(granted))
            .map(|(at, (call, tool))| calling.make(at, call, tool, day.actions()[at].clone()))
            .collect();
        let mut answers: Vec<_> = together.iter().map(|_| None).collect();
        while let Some((at, action, answer)) = under_way.next().await {
            day.settle(at, action);
            answers[at - first] = Some(answer);
        }
        let answered = together.iter().zip(answers.into_iter().flatten());
        let result = |(call, answer): (&ToolUse, Result<ToolAnswer, Fault>)| {
            let ToolAnswer { text, is_error } = answer?;
            Ok(ToolResult { tool_use_id: call.id.clone(), text, is_error })
        };
        answered.map(result).collect()
    }
}
