//! One model call of a turn: journaled before and after, counted, priced.

use serde_json::{Value, json};

use super::deps::Deps;
use super::faults;
use super::values::Assigned;
use crate::mcp::Names;
use crate::model::{Block, MessageRequest, Reply};
use crate::store::{Answered, StepKey};
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::transcript::{Opening, Phase, Round, ToolCall};

/// A conversation with Claude, for the journal.
pub(super) struct Conversation<'a> {
    pub(super) turn: &'a Assigned,
    pub(super) phase: Phase,
    pub(super) stage: Stage,
    pub(super) names: &'a Names,
}

impl Conversation<'_> {
    /// Writes down what the phase opens with.
    pub(super) async fn open(&self, opening: &Opening, deps: &Deps) -> Result<(), Fault> {
        let key = StepKey::opening(self.turn.turn, self.turn.attempt, self.phase);
        deps.ledger.note(&key, opening).await.map_err(|error| faults::ledger(self.stage, &error))
    }

    /// Asks once. Whatever is answered is in the ledger before it is used. After a stop nothing more is paid for.
    pub(super) async fn ask(
        &self,
        round: u32,
        request: &MessageRequest,
        deps: &Deps,
    ) -> Result<Reply, Fault> {
        if deps.stop.is_cancelled() {
            return Err(Fault::stopping(self.stage));
        }
        let turn = self.turn;
        let lost = |error| faults::ledger(self.stage, &error);
        let key = StepKey::model(turn.turn, turn.attempt, self.phase, round);
        let intent = json!({ "model": request.model, "messages": request.messages.len() });
        let step = deps.ledger.intend(&key, &intent).await.map_err(lost)?;
        match deps.claude.message(request).await {
            Ok(reply) => {
                let round = self.round(&reply);
                let content: Vec<&Value> = reply.blocks.iter().map(|Block { raw, .. }| raw).collect();
                let (attempts, price_table) = (reply.attempts, reply.price_table);
                let answered = Answered { round: &round, content, attempts, price_table };
                deps.ledger.answer(step, &answered).await.map_err(lost)?;
                self.tell(&reply, deps);
                Ok(reply)
            }
            Err(error) => {
                deps.ledger.fail(step, &error.to_string()).await.map_err(lost)?;
                if error.is_stopped {
                    return Err(Fault::stopping(self.stage));
                }
                Err(faults::model(self.stage, &error))
            }
        }
    }

    fn round(&self, reply: &Reply) -> Round {
        let calls = reply.tool_uses().into_iter().map(|call| ToolCall {
            tool: self.names.from_model(&call.name).unwrap_or(&call.name).to_owned(),
            id: call.id,
            input: call.input,
        });
        Round {
            text: reply.text(),
            tool_calls: calls.collect(),
            stop_reason: reply.stop_reason.name().to_owned(),
            model: reply.model.clone(),
            usage: reply.usage,
            cost: reply.cost,
            latency_ms: u32::try_from(reply.took.as_millis()).unwrap_or(u32::MAX),
        }
    }

    fn tell(&self, reply: &Reply, deps: &Deps) {
        deps.events.emit(Event::ModelCalled {
            turn: self.turn.turn,
            phase: self.phase,
            model: reply.model.clone(),
            usage: reply.usage,
            cost: reply.cost,
            took: reply.took,
        });
    }
}
