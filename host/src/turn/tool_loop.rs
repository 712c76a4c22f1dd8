//! Stage `tool-loop`: Claude and the tools, round by round. Nothing that happened is lost, whatever
//! ends it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::ask::Conversation;
use super::faults;
use super::stages::too_late;
use super::values::{Acted, Assigned, Composed, Deps, Equipped};
use crate::mana::{self, Space};
use crate::mcp::{McpError, Names, Session};
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
/// A token that runs out sooner than this is renewed before tools are called with it.
const TOKEN_RESERVE: TimeDelta = TimeDelta::seconds(60);
/// How long it may take to get a token to close the session with.
const FAREWELL: Duration = Duration::from_secs(5);

pub(super) async fn spend(composed: Composed, deps: &Deps) -> Result<Acted, TurnEnd> {
    let Composed { equipped, context, request } = composed;
    let Equipped { turn, account, space, session, tools } = equipped;
    let names = Names::for_tools(&tools);
    let offered = offered(tools, &request);
    let mut day = Day {
        turn: &turn,
        names: &names,
        offered: &offered,
        account,
        space,
        session,
        actions: Vec::new(),
        final_text: None,
        stop_reason: String::new(),
    };
    let fault = tokio::select! {
        went = day.go(&request, deps) => went.err(),
        () = tokio::time::sleep_until(turn.deadline) => Some(too_late(Stage::ToolLoop, deps)),
        () = deps.cut.cancelled() => Some(stopping()),
    };
    let Day { account, session, actions, final_text, stop_reason, .. } = day;
    leave(session, &account, deps).await;
    let stop_reason = if fault.is_some() { "fault".to_owned() } else { stop_reason };
    let outcome = TurnOutcome { modules_used: modules_used(&actions), actions, final_text, stop_reason };
    Ok(Acted { turn, context, outcome, fault })
}

/// Closes the session. mana-mcp accepts nothing with a token that has ended, and would keep the session
/// for ever.
async fn leave(session: Session, account: &mana::SignedIn, deps: &Deps) {
    if ends_soon(account, deps) {
        match tokio::time::timeout(FAREWELL, deps.mana.refresh(account)).await {
            Ok(Ok(fresh)) => session.present(&fresh.jwt),
            Ok(Err(error)) => tracing::debug!(cause = %error, "no fresh token to close the MCP session with"),
            Err(_) => tracing::debug!("a fresh token to close the MCP session with took too long"),
        }
    }
    session.close().await;
}

/// Whether the token had better be renewed before it is used again.
fn ends_soon(account: &mana::SignedIn, deps: &Deps) -> bool {
    account.expires_at.is_some_and(|end| end - deps.clock.now() <= TOKEN_RESERVE)
}

fn stopping() -> Fault {
    Fault::new(Stage::ToolLoop, "stopping", "persona-host was stopped in the middle of this turn")
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
    account: mana::SignedIn,
    space: Space,
    session: Session,
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
            if deps.stop.is_cancelled() {
                return Err(stopping());
            }
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
            // Not before the reply is there: it may have taken longer than the token lives.
            self.renew_token(deps).await?;
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

    /// mana-mcp keeps the token that a session was opened with, and tokens live 15 minutes
    /// (contract D12): a fresh one needs a new session.
    async fn renew_token(&mut self, deps: &Deps) -> Result<(), Fault> {
        if !ends_soon(&self.account, deps) {
            return Ok(());
        }
        let refused = |error| faults::mana(Stage::ToolLoop, &error);
        self.account = deps.mana.refresh(&self.account).await.map_err(refused)?;
        self.session.present(&self.account.jwt);
        let opened = deps.mcp.open(&self.account.jwt, &self.space.id).await;
        let fresh = opened.map_err(|error| faults::mcp(Stage::ToolLoop, &error))?;
        std::mem::replace(&mut self.session, fresh).close().await;
        Ok(())
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
            // Written down before they are made: if the answer never comes they stay `unknown`.
            let first = self.actions.len();
            for call in together {
                let action = self.action(call);
                self.actions.push(action);
            }
            let calls = (first..).zip(together).map(|(at, call)| self.call(round, at, call, deps));
            let answers = join_all(calls).await;
            // Every answer is written down before the first fault among them ends the day.
            let settled = (first..).zip(answers);
            let settled = settled.map(|(at, (answer, took))| self.settle(at, answer?, took, deps));
            for (call, answer) in together.iter().zip(settled.collect::<Vec<_>>()) {
                let ToolAnswer { text, is_error } = answer?;
                results.push(ToolResult { tool_use_id: call.id.clone(), text, is_error });
            }
        }
        Ok(results)
    }

    fn tool(&self, call: &ToolUse) -> Option<&Tool> {
        meant(call, self.names, self.offered)
    }

    fn action(&self, call: &ToolUse) -> Action {
        let (tool, module) = match self.tool(call) {
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

    /// Makes one call, journaled; gives the answer and how long it took.
    async fn call(
        &self,
        round: u32,
        position: usize,
        call: &ToolUse,
        deps: &Deps,
    ) -> (Result<Result<ToolAnswer, McpError>, Fault>, Duration) {
        let started = Instant::now();
        let answered = self.call_journaled(round, position, call, deps).await;
        (answered, started.elapsed())
    }

    async fn call_journaled(
        &self,
        round: u32,
        position: usize,
        call: &ToolUse,
        deps: &Deps,
    ) -> Result<Result<ToolAnswer, McpError>, Fault> {
        let lost = |error| faults::ledger(Stage::ToolLoop, &error);
        let key = StepKey::tool(self.turn.turn, self.turn.attempt, round, position);
        let Action { tool, module, input, .. } = self.actions[position].clone();
        let intent = CallIntent { id: call.id.clone(), tool, module, input };
        let step = deps.ledger.intend(&key, &intent).await.map_err(lost)?;
        let answered = match (self.tool(call), &call.unreadable) {
            (None, _) => {
                refuse(format!("There is no tool {}. Use one of those that you were given.", call.name))
            }
            (Some(_), Some(why)) => refuse(format!("The arguments are not valid JSON: {why}. Call again.")),
            (Some(tool), None) => self.session.call(&tool.name, &call.input).await,
        };
        match &answered {
            Ok(answer) => deps.ledger.complete(step, answer).await.map_err(lost)?,
            Err(error) => deps.ledger.fail(step, &error.to_string()).await.map_err(lost)?,
        }
        Ok(answered)
    }

    /// Writes down what became of the action at `position`. A lost answer is told to the model as
    /// long as the session lives; a lost session ends the day.
    fn settle(
        &mut self,
        position: usize,
        answered: Result<ToolAnswer, McpError>,
        took: Duration,
        deps: &Deps,
    ) -> Result<ToolAnswer, Fault> {
        let action = &mut self.actions[position];
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
        deps.events.emit(Event::ToolCalled {
            turn: self.turn.turn,
            email: self.turn.persona.email.clone(),
            tool: if action.module == UNKNOWN_MODULE {
                UNKNOWN_MODULE.to_owned()
            } else {
                action.tool.clone()
            },
            ok: action.status == ActionStatus::Ok,
            took,
        });
        result
    }
}
