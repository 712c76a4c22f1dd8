//! Stage `tool-loop`: Claude and the tools, round by round. Nothing that happened is lost, whatever
//! ends it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::ask::Conversation;
use super::deps::Deps;
use super::faults;
use super::values::{Acted, Assigned, Composed, Equipped};
use super::visit::Visit;
use crate::mcp::{McpError, Names};
use crate::model::{Message, MessageRequest, Reply, StopReason, ToolDefinition, ToolResult, ToolUse};
use crate::store::{CallIntent, StepKey};
use domain::action::{Action, ActionStatus, MAX_ACTIONS, UNKNOWN_MODULE, modules_used};
use domain::behavior::{TurnOutcome, TurnRequest};
use domain::event::{Event, TurnEnd};
use domain::fault::{Fault, Stage};
use domain::tool::Tool;
use domain::transcript::{Opening, Phase, ToolAnswer};

/// How often a reply that only pauses is asked to go on.
const MAX_PAUSES: u32 = 3;

/// Spends the day. The session is left in `visit`, also when this is dropped at some await.
pub(super) async fn spend(
    composed: Composed,
    visit: &mut Option<Visit>,
    deps: &Deps,
) -> Result<Acted, TurnEnd> {
    let Composed { equipped, context, request } = composed;
    let Equipped { turn, visit: opened, tools } = equipped;
    let names = Names::for_tools(&tools);
    let offered = offered(tools, &request);
    let mut day = Day {
        turn: &turn,
        names: &names,
        offered: &offered,
        visit: visit.insert(opened),
        actions: Vec::new(),
        final_text: None,
        stop_reason: String::new(),
    };
    day.go(&request, deps).await?;
    let Day { actions, final_text, stop_reason, .. } = day;
    let outcome = TurnOutcome { modules_used: modules_used(&actions), actions, final_text, stop_reason };
    Ok(Acted { turn, context, outcome })
}

/// The tools that the plugin lets the model use.
fn offered(tools: Vec<Tool>, request: &TurnRequest) -> Vec<Tool> {
    match &request.allowed_tools {
        None => tools,
        Some(allowed) => tools.into_iter().filter(|tool| allowed.contains(&tool.name)).collect(),
    }
}

/// The tool that a call means, if there is one on offer.
fn meant<'a>(call: &ToolUse, names: &Names, offered: &'a [Tool]) -> Option<&'a Tool> {
    let name = names.from_model(&call.name)?;
    offered.iter().find(|tool| tool.name == name)
}

/// The answer to a call that is not made.
fn refuse(text: String) -> Result<ToolAnswer, McpError> {
    Ok(ToolAnswer { text, is_error: true })
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

impl Day<'_> {
    async fn go(&mut self, request: &TurnRequest, deps: &Deps) -> Result<(), Fault> {
        let conversation =
            Conversation { turn: self.turn, phase: Phase::Main, stage: Stage::ToolLoop, names: self.names };
        conversation.open(&self.opening(request), deps).await?;
        let ceiling = deps.settings.max_rounds;
        let max_rounds = request.max_rounds.unwrap_or(ceiling).min(ceiling);
        let mut message = self.first_message(request, deps);
        let mut pauses = 0;
        for round in 1..=max_rounds {
            let reply = conversation.ask(round, &message, deps).await?;
            self.hear(&reply);
            message.messages.push(Message::assistant(&reply));
            let calls = reply.tool_uses();
            match reply.stop_reason {
                StopReason::PauseTurn if pauses < MAX_PAUSES => {
                    pauses += 1;
                    continue;
                }
                StopReason::ToolUse if !calls.is_empty() => {}
                _ => return Ok(()),
            }
            if self.actions.len() + calls.len() > MAX_ACTIONS {
                "max_actions".clone_into(&mut self.stop_reason);
                return Ok(());
            }
            let results = self.call_all(round, &calls, deps).await?;
            message.messages.push(Message::tool_results(results));
        }
        "max_rounds".clone_into(&mut self.stop_reason);
        Ok(())
    }

    fn opening(&self, request: &TurnRequest) -> Opening {
        Opening {
            system: request.system.clone(),
            user: request.user.clone(),
            tools: self.offered.iter().map(|tool| tool.name.clone()).collect(),
        }
    }

    fn first_message(&self, request: &TurnRequest, deps: &Deps) -> MessageRequest {
        let mut definitions: Vec<ToolDefinition> = (self.offered.iter())
            .map(|tool| ToolDefinition {
                name: self.names.for_model(&tool.name).to_owned(),
                description: tool.description.clone(),
                input_schema: tool.input_schema.clone(),
            })
            .collect();
        // The same order for every persona, so that they share one entry of the prompt cache.
        definitions.sort_by(|a, b| a.name.cmp(&b.name));
        MessageRequest {
            model: self.turn.model.clone(),
            system: request.system.clone(),
            tools: Arc::from(definitions),
            messages: vec![Message::user(&request.user)],
            max_tokens: deps.settings.max_tokens,
            reply_schema: None,
        }
    }

    fn hear(&mut self, reply: &Reply) {
        let text = reply.text();
        if !text.trim().is_empty() {
            self.final_text = Some(text);
        }
        reply.stop_reason.name().clone_into(&mut self.stop_reason);
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
        let calling = Calling { turn: self.turn, visit: self.visit, round, deps };
        let mut under_way: FuturesUnordered<_> = (first..)
            .zip(together)
            .map(|(at, call)| {
                let tool = meant(call, self.names, self.offered);
                calling.make(at, call, tool, self.actions[at].clone())
            })
            .collect();
        let mut answers: Vec<_> = together.iter().map(|_| None).collect();
        while let Some((at, answered, took)) = under_way.next().await {
            let action = &mut self.actions[at];
            let settled = answered.and_then(|answered| calling.settle(action, answered, took));
            answers[at - first] = Some(settled);
        }
        let answered = together.iter().zip(answers.into_iter().flatten());
        let result = |(call, answer): (&ToolUse, Result<ToolAnswer, Fault>)| {
            let ToolAnswer { text, is_error } = answer?;
            Ok(ToolResult { tool_use_id: call.id.clone(), text, is_error })
        };
        answered.map(result).collect()
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
            error: Some("the answer was lost".to_owned()),
            latency_ms: None,
        }
    }
}

/// The calls of one round that are made at once.
struct Calling<'a> {
    turn: &'a Assigned,
    visit: &'a Visit,
    round: u32,
    deps: &'a Deps,
}

impl Calling<'_> {
    /// Makes one call, journaled; gives its position, the answer, and how long it took.
    async fn make(
        &self,
        position: usize,
        call: &ToolUse,
        tool: Option<&Tool>,
        action: Action,
    ) -> (usize, Result<Result<ToolAnswer, McpError>, Fault>, Duration) {
        let started = Instant::now();
        let answered = self.make_journaled(position, call, tool, action).await;
        (position, answered, started.elapsed())
    }

    async fn make_journaled(
        &self,
        position: usize,
        call: &ToolUse,
        tool: Option<&Tool>,
        action: Action,
    ) -> Result<Result<ToolAnswer, McpError>, Fault> {
        let ledger = &self.deps.ledger;
        let lost = |error| faults::ledger(Stage::ToolLoop, &error);
        let key = StepKey::tool(self.turn.turn, self.turn.attempt, self.round, position);
        let Action { tool: name, module, input, .. } = action;
        let intent = CallIntent { id: call.id.clone(), tool: name, module, input };
        let step = ledger.intend(&key, &intent).await.map_err(lost)?;
        let answered = match (tool, &call.unreadable) {
            (None, _) => {
                refuse(format!("There is no tool {}. Use one of those that you were given.", call.name))
            }
            (Some(_), Some(why)) => refuse(format!("The arguments are not valid JSON: {why}. Call again.")),
            (Some(tool), None) => self.visit.call(&tool.name, &call.input, self.deps).await,
        };
        match &answered {
            Ok(answer) => ledger.complete(step, answer).await.map_err(lost)?,
            Err(error) if error.is_answer_lost() => {
                ledger.fail(step, &error.to_string()).await.map_err(lost)?;
            }
            Err(error) => ledger.refuse(step, &error.to_string()).await.map_err(lost)?,
        }
        Ok(answered)
    }

    /// Writes down what became of an action. A lost answer is told to the model as long as the session
    /// lives; a lost session ends the day.
    fn settle(
        &self,
        action: &mut Action,
        answered: Result<ToolAnswer, McpError>,
        took: Duration,
    ) -> Result<ToolAnswer, Fault> {
        action.latency_ms = u32::try_from(took.as_millis()).ok();
        let result = match answered {
            Ok(answer) => {
                action.status = if answer.is_error { ActionStatus::Error } else { ActionStatus::Ok };
                action.error = answer.is_error.then(|| answer.text.clone());
                Ok(answer)
            }
            Err(error) => {
                let lost = error.is_answer_lost();
                action.status = if lost { ActionStatus::Unknown } else { ActionStatus::Error };
                action.error = Some(error.to_string());
                if error.keeps_session() {
                    Ok(ToolAnswer { text: error.to_string(), is_error: true })
                } else {
                    Err(faults::mcp(Stage::ToolLoop, &error))
                }
            }
        };
        let unknown = action.module == UNKNOWN_MODULE;
        self.deps.events.emit(Event::ToolCalled {
            turn: self.turn.turn,
            email: self.turn.persona.email.clone(),
            tool: if unknown { UNKNOWN_MODULE.to_owned() } else { action.tool.clone() },
            ok: action.status == ActionStatus::Ok,
            took,
        });
        result
    }
}
