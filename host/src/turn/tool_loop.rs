//! Stage `tool-loop`: Claude and the tools, round by round. Nothing that happened is lost, whatever
//! ends it.

use std::sync::Mutex;

use super::ask::Conversation;
use super::call::Calling;
use super::deps::Deps;
use super::values::{Acted, Assigned, Composed, Equipped};
use super::visit::Visit;
use crate::mcp::{Names, schema};
use crate::model::{
    CallIds, Message, MessageRequest, Offer, Said, StopReason, ToolDefinition, ToolResult, ToolUse,
};
use domain::action::{Action, ActionStatus, MAX_ACTIONS, UNKNOWN_MODULE, modules_used};
use domain::behavior::TurnOutcome;
use domain::call::ANSWER_LOST;
use domain::event::TurnEnd;
use domain::fault::{Fault, Stage};
use domain::stop;
use domain::tool::Tool;
use domain::transcript::{Opening, Phase, ToolAnswer};
use domain::usage::NanoUsd;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// How often a reply that only pauses is asked to go on.
const MAX_PAUSES: u32 = 3;
/// What the model is told when it pauses and nothing on the API's side is to be awaited.
const GO_ON: &str = "Go on.";
/// What the model is told when its reply was cut off behind calls that are answered.
const CUT_OFF: &str = "Your last reply was cut off because it reached its length limit. The calls whose results are above \
                       were made; what you wrote behind them was lost, and no further call was made.";

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
    let mut day = Day {
        turn: &turn,
        names: &names,
        offered: &offered,
        visit: visit.insert(opened),
        actions: Vec::new(),
        final_text: None,
        stop_reason: String::new(),
    };
    day.go(&opening, deps).await?;
    let Day { actions, final_text, stop_reason, .. } = day;
    let outcome = TurnOutcome { modules_used: modules_used(&actions), actions, final_text, stop_reason };
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

/// The tools that the phase opened with.
fn offered(tools: Vec<Tool>, opening: &Opening) -> Vec<Tool> {
    tools.into_iter().filter(|tool| opening.tools.contains(&tool.name)).collect()
}

/// The tool that a call means, if there is one on offer.
fn meant<'a>(call: &ToolUse, names: &Names, offered: &'a [Tool]) -> Option<&'a Tool> {
    let name = names.from_model(&call.name)?;
    offered.iter().find(|tool| tool.name == name)
}

/// The main phase while it lasts.
struct Day<'a> {
    turn: &'a Assigned,
    names: &'a Names,
    offered: &'a [Tool],
    visit: &'a Visit,
    actions: Vec<Action>,
    final_text: Option<String>,
    stop_reason: String,
}

impl<'a> Day<'a> {
    async fn go(&mut self, opening: &Opening, deps: &Deps) -> Result<(), Fault> {
        let mut message = self.first_message(opening, deps);
        let conversation = Conversation {
            turn: self.turn,
            phase: Phase::Main,
            stage: Stage::ToolLoop,
            names: self.names,
            kept_back: for_the_rating(&message, deps),
            last: Mutex::default(),
        };
        let ceiling = deps.settings.max_rounds;
        let max_rounds = opening.max_rounds.unwrap_or(ceiling).min(ceiling);
        let (mut ids, mut pauses) = (CallIds::default(), 0);
        for round in 1..=max_rounds {
            let said = match conversation.ask(round, &message, deps).await {
                // What was done so far is kept and delivered like any other day.
                Err(fault) if fault.is_of_budget() && round > 1 => {
                    stop::BUDGET_EXHAUSTED.clone_into(&mut self.stop_reason);
                    return Ok(());
                }
                said => said?,
            };
            self.hear(&said);
            let before = message.messages.len();
            let (said_back, calls) = ids.settle(round, &said);
            // Of a reply without anything that can be said back there is no message.
            message.messages.extend(Some(said_back).filter(|message| !message.content.is_empty()));
            if calls.is_empty() {
                if said.stop_reason != StopReason::PauseTurn || pauses == MAX_PAUSES {
                    return Ok(());
                }
                pauses += 1;
                if !said.goes_on_by_itself() && message.messages.len() > before {
                    message.messages.push(Message::user(GO_ON));
                }
                continue;
            }
            // Whatever the reason given: what the model wants done is done, as far as it came whole.
            let room = MAX_ACTIONS - self.actions.len();
            let results = self.call_all(round, &calls[..calls.len().min(room)], deps).await?;
            if calls.len() > room {
                stop::MAX_ACTIONS.clone_into(&mut self.stop_reason);
                return Ok(());
            }
            let results = Message::tool_results(results);
            message.messages.push(match said.stop_reason {
                // There is no room for an answer.
                StopReason::ContextWindowExceeded => return Ok(()),
                StopReason::MaxTokens => results.and(CUT_OFF),
                _ => results,
            });
        }
        stop::MAX_ROUNDS.clone_into(&mut self.stop_reason);
        Ok(())
    }

    fn first_message(&self, opening: &Opening, deps: &Deps) -> MessageRequest {
        let mut definitions: Vec<ToolDefinition> = (self.offered.iter())
            .map(|tool| ToolDefinition {
                name: self.names.for_model(&tool.name).to_owned(),
                description: tool.description.clone(),
                input_schema: schema::for_model(&tool.input_schema),
            })
            .collect();
        // The same order for every persona, so that they share one entry of the prompt cache.
        definitions.sort_by(|a, b| a.name.cmp(&b.name));
        MessageRequest {
            model: self.turn.model.clone(),
            system: opening.system.clone(),
            tools: Offer::from(definitions),
            messages: vec![Message::user(&opening.user)],
            max_tokens: deps.settings.max_tokens,
            reply_schema: None,
        }
    }

    fn hear(&mut self, said: &Said) {
        let text = said.text();
        if !text.trim().is_empty() {
            self.final_text = Some(text);
        }
        let reason = said.stop_reason.name();
        if reason.is_empty() { stop::MISSING } else { reason }.clone_into(&mut self.stop_reason);
    }

    /// Answers every call of a reply: neighbouring ones that only read at once, the rest in order.
    async fn call_all(
        &mut self,
        round: u32,
        calls: &[ToolUse],
        deps: &Deps,
    ) -> Result<Vec<ToolResult>, Fault> {
        let mut results = Vec::with_capacity(calls.len());
        let (names, offered) = (self.names, self.offered);
        let reads = |call: &ToolUse| meant(call, names, offered).is_some_and(|tool| tool.read_only);
        for together in calls.chunk_by(|a, b| reads(a) && reads(b)) {
            if self.turn.stop.is_cancelled() {
                return Err(Fault::stopping(Stage::ToolLoop));
            }
            // Not before the reply is there, and again after each call: both may take longer than a token lives.
            self.visit.renew(deps).await?;
            results.extend(self.call_together(round, together, deps).await?);
        }
        Ok(results)
    }

    /// Makes these calls at once, and settles each as its answer comes. All are answered before the first fault
    /// among them ends the day.
    async fn call_together(
        &mut self,
        round: u32,
        together: &[ToolUse],
        deps: &Deps,
    ) -> Result<Vec<ToolResult>, Fault> {
        let first = self.actions.len();
        for call in together {
            let action = self.action(call);
            self.actions.push(action);
        }
        let granted: Vec<_> = (first..).zip(together).map(|(at, call)| self.granted(at, call)).collect();
        let calling = Calling { turn: self.turn, visit: self.visit, round, deps };
        let mut under_way: FuturesUnordered<_> = (first..)
            .zip(together.iter().zip(granted))
            .map(|(at, (call, tool))| calling.make(at, call, tool, self.actions[at].clone()))
            .collect();
        let mut answers: Vec<_> = together.iter().map(|_| None).collect();
        while let Some((at, action, answer)) = under_way.next().await {
            self.actions[at] = action;
            answers[at - first] = Some(answer);
        }
        let answered = together.iter().zip(answers.into_iter().flatten());
        let result = |(call, answer): (&ToolUse, Result<ToolAnswer, Fault>)| {
            let ToolAnswer { text, is_error } = answer?;
            Ok(ToolResult { tool_use_id: call.id.clone(), text, is_error })
        };
        answered.map(result).collect()
    }

    /// The tool that a call gets, or what the model is told instead: whatever has talked it into this, it gets no
    /// other tools than the strategy gives it, and those not more often.
    fn granted(&self, at: usize, call: &ToolUse) -> Result<&'a Tool, String> {
        let Some(tool) = meant(call, self.names, self.offered) else {
            return Err(format!("There is no tool {}. Use one of those that you were given.", call.name));
        };
        let called = self.actions[..at].iter().map(|action| action.tool.as_str());
        match self.turn.strategy.tools.used_up(&tool.name, called) {
            None => Ok(tool),
            Some((entry, most)) => {
                Err(format!("{entry} may be called {most} times in a day, and has been. Do without."))
            }
        }
    }

    fn action(&self, call: &ToolUse) -> Action {
        let (tool, module) = match meant(call, self.names, self.offered) {
            Some(tool) => (tool.name.clone(), tool.module().to_owned()),
            None => (call.name.clone(), UNKNOWN_MODULE.to_owned()),
        };
        Action {
            index: u32::try_from(self.actions.len()).unwrap_or(u32::MAX),
            tool,
            module,
            input: call.input.clone(),
            status: ActionStatus::Unknown,
            error: Some(ANSWER_LOST.to_owned()),
            latency_ms: None,
        }
    }
}
