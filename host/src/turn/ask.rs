//! One model call of a turn: a step, counted and priced.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::budget::{Taken, Unanswered};
use super::deps::Deps;
use super::faults;
use super::values::Assigned;
use crate::engine::{Intent, Stepped};
use crate::mcp::Names;
use crate::model::{
    Admitted, Block, Claude, MessageRequest, ModelError, Reply, Said, StopReason, ToolDefinition,
    refused_tool,
};
use domain::behavior::Problem;
use domain::event::Event;
use domain::experiment::PhaseArm;
use domain::fault::{Fault, Stage};
use domain::step::StepKey;
use domain::transcript::{Phase, Round, ToolCall};
use domain::usage::NanoUsd;

/// So many tools that Claude refuses are left out of one request.
const MOST_REFUSED: usize = 16;

/// A conversation with Claude, for the journal.
pub(super) struct Conversation<'a> {
    pub(super) turn: &'a Assigned,
    pub(super) phase: Phase,
    pub(super) stage: Stage,
    pub(super) names: &'a Names,
    /// What of the turn's own budget is to be left by each call.
    pub(super) kept_back: NanoUsd,
    /// The id of the last reply, so that the API can say why nothing was read from its cache.
    pub(super) last: Mutex<Option<String>>,
}

impl Conversation<'_> {
    /// Asks once. Whatever is answered is kept before it is used. After a stop nothing more is paid for.
    pub(super) async fn ask(&self, round: u32, request: &MessageRequest, deps: &Deps) -> Result<Said, Fault> {
        if self.turn.stop.is_cancelled() {
            return Err(Fault::stopping(self.stage));
        }
        let key = StepKey::model(self.phase, round);
        let intent = json!({ "model": request.model, "messages": request.messages.len() });
        let previous = self.last().clone();
        let claude = deps.claude.clone().heeding(self.turn.stop.clone()).on_behalf_of(&self.turn.persona.id);
        let request = Self::offered(request, deps);
        // Whoever waits for money or a place has not asked, and the journal does not say that it has.
        let ready = async {
            let (turn, stop) = (self.turn.turn, &self.turn.stop);
            let most = || claude.most(&request);
            let taken = deps.budget.take(turn, self.turn.spender(), most, self.kept_back, stop).await?;
            match claude.admit(&request, previous.as_deref()).await {
                Ok(admitted) => Ok((taken, admitted)),
                Err(error) => Err(Unanswered::Failed(error)),
            }
        };
        // Begun before or not: nothing was done to the app, and there is no other way to an answer.
        let ask = |(taken, admitted): (Taken, Admitted)| async {
            let taken = taken.asked();
            let started = Instant::now();
            let reply = self.reply(&claude, admitted, &request, previous.as_deref(), deps).await;
            if let Err(error) = &reply {
                self.tell_failed(&key, &request, error, started.elapsed(), deps);
            }
            match &reply {
                Ok(reply) => taken.cost(reply.cost),
                Err(error) if error.may_be_billed() => taken.cost(None),
                Err(_) => taken.cost(Some(NanoUsd(0))),
            }
            Ok::<_, Unanswered>(self.kept(reply?, claude.is_scripted()))
        };
        let asked = self.turn.steps.once_ready(&key, Intent::of(&intent), ready, ask).await;
        let asked = asked.map_err(|error| faults::steps(self.stage, &error))?;
        let Stepped { value, fresh } = asked.map_err(|why| match why {
            Unanswered::NoRoom(exhausted) => exhausted.fault(self.stage),
            Unanswered::Stopped => Fault::stopping(self.stage),
            Unanswered::Failed(error) if error.is_stopped => Fault::stopping(self.stage),
            Unanswered::Failed(error) => faults::model(self.stage, &error),
        })?;
        if fresh {
            self.tell(&key, &request, &value, deps);
        }
        *self.last() = Some(value.id.clone()).filter(|id| !id.is_empty());
        Ok(value.into_said())
    }

    /// The request without tools that Claude is known to refuse.
    fn offered<'a>(request: &'a MessageRequest, deps: &Deps) -> Cow<'a, MessageRequest> {
        let mut request = Cow::Borrowed(request);
        if let Some(tools) = deps.refused_tools.without(&request.tools) {
            request.to_mut().tools = tools;
        }
        request
    }

    /// Claude's reply. A tool of which it complains is left out, and Claude asked again: it has charged nothing, and
    /// would refuse all of the turn for that one.
    async fn reply(
        &self,
        claude: &Claude,
        admitted: Admitted,
        request: &MessageRequest,
        previous: Option<&str>,
        deps: &Deps,
    ) -> Result<Reply, ModelError> {
        let mut replied = claude.message_through(admitted, request, previous).await;
        let mut request = Cow::Borrowed(request);
        for _ in 0..MOST_REFUSED {
            let refused = match replied {
                Ok(reply) => return Ok(reply),
                Err(refused) => refused,
            };
            match refused_tool(&refused).and_then(|place| request.tools.get(place)) {
                Some(tool) => self.leave_out(tool, &refused, deps).await,
                None => return Err(refused),
            }
            request = Cow::Owned(Self::offered(&request, deps).into_owned());
            replied = claude.message_after(&request, previous).await;
        }
        replied
    }

    async fn leave_out(&self, tool: &ToolDefinition, refused: &ModelError, deps: &Deps) {
        let name = self.names.from_model(&tool.name).unwrap_or(&tool.name);
        if deps.refused_tools.note(tool) {
            tracing::warn!(tool = name, cause = %refused, "Claude refuses a tool; no turn offers it any more");
        }
        let message = format!("Claude refuses the tool, and it is not offered: {refused}");
        let problem = Problem::warning(Some(name.to_owned()), message);
        if let Err(error) = deps.ledger.keep_problems(self.turn.turn, self.stage, &[problem]).await {
            tracing::debug!(cause = %error, "which tool Claude refuses is not in the ledger");
        }
    }

    fn kept(&self, reply: Reply, is_scripted: bool) -> KeptReply {
        let calls = reply.said.tool_uses().into_iter().map(|call| ToolCall {
            tool: self.names.from_model(&call.name).unwrap_or(&call.name).to_owned(),
            id: call.id,
            input: call.input,
        });
        let round = Round {
            text: reply.said.text(),
            tool_calls: calls.collect(),
            stop_reason: reply.said.stop_reason.name().to_owned(),
            model: if is_scripted { PhaseArm::scripted(&reply.model) } else { reply.model },
            usage: reply.usage,
            cost: reply.cost,
            latency_ms: u32::try_from(reply.took.as_millis()).unwrap_or(u32::MAX),
        };
        let kept = KeptReply::of(round, reply.said, reply.attempts, reply.price_table);
        KeptReply { id: reply.id, cache_miss: reply.cache_miss, ..kept }
    }

    fn last(&self) -> MutexGuard<'_, Option<String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, key: &StepKey, request: &MessageRequest, kept: &KeptReply, deps: &Deps) {
        let KeptReply { round, cache_miss, id, attempts, content, .. } = kept;
        let said = || domain::said::Said::Model {
            system: request.system.clone(),
            asked: json!(request.messages),
            answered: content.clone(),
        };
        deps.events.emit(Event::ModelCalled {
            turn: self.turn.turn,
            phase: self.phase,
            step: key.clone(),
            asked: request.model.clone(),
            model: round.model.clone(),
            reply: id.clone(),
            stop_reason: round.stop_reason.clone(),
            attempts: *attempts,
            said: deps.events.said(said),
            usage: round.usage,
            cost: round.cost,
            cache_miss: cache_miss.clone(),
            took: Duration::from_millis(round.latency_ms.into()),
        });
    }

    fn tell_failed(
        &self,
        key: &StepKey,
        request: &MessageRequest,
        error: &ModelError,
        took: Duration,
        deps: &Deps,
    ) {
        // Who was to stop has not failed.
        if error.is_stopped {
            return;
        }
        deps.events.emit(Event::ModelFailed {
            turn: self.turn.turn,
            phase: self.phase,
            step: key.clone(),
            asked: request.model.clone(),
            code: error.fault_code().word(),
            took,
        });
    }
}

/// An answered model call, for the books, and so that it can be said back word for word.
#[derive(Debug, Serialize, Deserialize)]
struct KeptReply {
    /// What a reader needs.
    #[serde(flatten)]
    round: Round,
    /// The reply's content as it came.
    content: Vec<Value>,
    /// It ended inside its last block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    /// The places of calls whose arguments are no JSON, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<(usize, String)>,
    /// The kind of concern of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// The API's id of the reply.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    id: String,
    /// Why nothing was read from the cache that the conversation wrote before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_miss: Option<String>,
    /// How often the request was sent.
    attempts: u32,
    /// Which price table the cost is from.
    price_table: String,
}

impl KeptReply {
    fn of(round: Round, said: Said, attempts: u32, price_table: &str) -> Self {
        let refusal = match said.stop_reason {
            StopReason::Refusal { category } => category,
            _ => None,
        };
        let cut = said.blocks.last().is_some_and(|last| last.cut);
        let (mut content, mut unreadable) = (Vec::new(), Vec::new());
        for (place, block) in said.blocks.into_iter().enumerate() {
            content.push(block.raw);
            unreadable.extend(block.unreadable.map(|why| (place, why)));
        }
        let (id, cache_miss, price_table) = (String::new(), None, price_table.to_owned());
        Self { round, content, cut, unreadable, refusal, id, cache_miss, attempts, price_table }
    }

    fn into_said(self) -> Said {
        let mut blocks: Vec<Block> =
            self.content.into_iter().map(|raw| Block { raw, cut: false, unreadable: None }).collect();
        if let Some(last) = blocks.last_mut() {
            last.cut = self.cut;
        }
        for (place, why) in self.unreadable {
            if let Some(block) = blocks.get_mut(place) {
                block.unreadable = Some(why);
            }
        }
        Said { blocks, stop_reason: StopReason::read(&self.round.stop_reason, self.refusal) }
    }
}

/// What Claude said in a reply that is kept.
pub(super) fn said_in(kept: &str) -> Result<Said, serde_json::Error> {
    serde_json::from_str(kept).map(KeptReply::into_said)
}

#[cfg(test)]
mod tests {
    use domain::usage::Usage;

    use super::*;

    #[test]
    fn what_was_said_is_the_same_when_it_is_read_again() {
        let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "todo_list", "input": {"a": 1.0}});
        let block = |raw, cut, unreadable| Block { raw, cut, unreadable };
        for stop_reason in [
            StopReason::ToolUse,
            StopReason::MaxTokens,
            StopReason::Refusal { category: Some("cyber".to_owned()) },
            StopReason::Refusal { category: None },
            StopReason::Other("a new one".to_owned()),
        ] {
            let said = Said {
                blocks: vec![
                    block(json!({"type": "text", "text": "Ja."}), false, None),
                    block(call("a"), false, Some("no JSON".to_owned())),
                    block(call("b"), true, None),
                ],
                stop_reason,
            };
            let round = Round {
                text: said.text(),
                tool_calls: Vec::new(),
                stop_reason: said.stop_reason.name().to_owned(),
                model: "claude".to_owned(),
                usage: Usage { input: 3, ..Usage::default() },
                cost: None,
                latency_ms: 12,
            };
            let written =
                serde_json::to_string(&KeptReply::of(round, said.clone(), 1, "2026-11")).expect("JSON");
            let read: KeptReply = serde_json::from_str(&written).expect("a kept reply");
            assert_eq!(read.into_said(), said);
        }
    }
}
