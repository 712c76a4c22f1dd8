//! One tool call of a turn: a step that is never repeated in silence.

use std::time::Duration;

use tokio::time::Instant;

use super::day::callable;
use super::deps::Deps;
use super::faults;
use super::values::Assigned;
use super::visit::Visit;
use crate::engine::{Earlier, Intent, Stepped};
use crate::mcp::McpError;
use crate::model::ToolUse;
use domain::action::{Action, ActionStatus, UNKNOWN_MODULE};
use domain::call::{CallIntent, Called};
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::said::Said;
use domain::step::StepKey;
use domain::tool::Tool;
use domain::transcript::ToolAnswer;

/// What the model is told of a call whose answer nobody heard.
const OUTCOME_UNKNOWN: &str = "The outcome of this call is unknown: the connection was interrupted while it was under \
                               way. It may have been carried out. Look before you do it again.";

/// The calls of one round.
pub(super) struct Calling<'a> {
    pub(super) turn: &'a Assigned,
    pub(super) visit: &'a Visit,
    pub(super) round: u32,
    pub(super) deps: &'a Deps,
}

impl Calling<'_> {
    /// Makes one call, unless an earlier attempt has; gives its position, what became of the action, and the answer.
    /// A lost answer is told to the model; a session that cannot be had again ends the attempt.
    pub(super) async fn make(
        &self,
        position: usize,
        call: &ToolUse,
        tool: Result<&Tool, String>,
        mut action: Action,
    ) -> (usize, Action, Result<ToolAnswer, Fault>) {
        let started = Instant::now();
        let key = StepKey::tool(self.round, position);
        let intent = CallIntent {
            id: call.given_id.clone(),
            tool: action.tool.clone(),
            module: action.module.clone(),
            input: action.input.clone(),
        };
        let called = self
            .turn
            .steps
            .once(&key, Intent::of(&intent), |earlier| self.carry_out(&key, call, tool, earlier))
            .await;
        let took = started.elapsed();
        let tell = |action: &Action, output: &str| self.tell(&key, call, action, output, took);
        let answer = match called {
            Err(error) => Err(faults::steps(Stage::ToolLoop, &error)),
            Ok(Err(error)) => {
                action.status =
                    if error.is_answer_lost() { ActionStatus::Unknown } else { ActionStatus::Error };
                action.error = Some(error.to_string());
                action.latency_ms = millis(took);
                tell(&action, action.error.as_deref().unwrap_or_default());
                Err(faults::mcp(Stage::ToolLoop, &error))
            }
            Ok(Ok(Stepped { value, fresh })) => {
                let answer = value.answer.clone();
                action.latency_ms = value.latency_ms;
                (action.status, action.error) = value.status();
                if fresh {
                    tell(&action, &answer.text);
                }
                Ok(answer)
            }
        };
        (position, action, answer)
    }

    /// The call itself. One that may have been carried out is made again only if that does no harm.
    async fn carry_out(
        &self,
        key: &StepKey,
        call: &ToolUse,
        tool: Result<&Tool, String>,
        earlier: Earlier,
    ) -> Result<Called, McpError> {
        let tool = match callable(call, tool) {
            Ok(tool) => tool,
            Err(why) => return Ok(Called::refused(why)),
        };
        if earlier == Earlier::Begun && !self.deps.settings.may_repeat(tool) {
            return Ok(Called::unknown(OUTCOME_UNKNOWN));
        }
        let started = Instant::now();
        let parent = self.deps.events.traceparent(self.turn.turn, key);
        let called = match self.visit.call(&tool.name, &call.input, parent.as_deref(), self.deps).await {
            Ok(answer) => Called::answered(answer),
            Err(error) if !error.keeps_session() => return Err(error),
            Err(error) if error.is_answer_lost() => Called::unknown(error.to_string()),
            Err(error) => Called::refused(error.to_string()),
        };
        Ok(Called { latency_ms: millis(started.elapsed()), ..called })
    }

    fn tell(&self, key: &StepKey, call: &ToolUse, action: &Action, output: &str, took: Duration) {
        let unknown = action.module == UNKNOWN_MODULE;
        let said = || Said::Tool { input: call.input.clone(), output: output.to_owned() };
        self.deps.events.emit(Event::ToolCalled {
            turn: self.turn.turn,
            email: self.turn.persona.email.clone(),
            step: key.clone(),
            call: call.given_id.clone(),
            said: self.deps.events.said(said),
            tool: if unknown { UNKNOWN_MODULE.to_owned() } else { action.tool.clone() },
            ok: action.status == ActionStatus::Ok,
            took,
        });
    }
}

fn millis(took: Duration) -> Option<u32> {
    u32::try_from(took.as_millis()).ok()
}
