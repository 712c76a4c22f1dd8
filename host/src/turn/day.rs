//! The main phase of a turn as a value: what Claude is asked, what follows from a reply, which tool a call gets, and when
//! the day is over. It asks nobody and calls nothing, so that a turn of the past is gone through by the same rules.

use crate::mcp::{Names, schema};
use crate::model::{
    CallIds, Message, MessageRequest, Offer, Said, StopReason, ToolDefinition, ToolResult, ToolUse,
};
use domain::action::{Action, ActionStatus, MAX_ACTIONS, UNKNOWN_MODULE, modules_used};
use domain::behavior::TurnOutcome;
use domain::call::ANSWER_LOST;
use domain::stop;
use domain::strategy::Strategy;
use domain::tool::Tool;
use domain::transcript::Opening;

/// How often a reply that only pauses is asked to go on.
const MAX_PAUSES: u32 = 3;
/// What the model is told when it pauses and nothing on the API's side is to be awaited.
const GO_ON: &str = "Go on.";
/// What the model is told when its reply was cut off behind calls that are answered.
const CUT_OFF: &str = "Your last reply was cut off because it reached its length limit. The calls whose results are above \
                       were made; what you wrote behind them was lost, and no further call was made.";

/// With whom and by which rules a day is spent.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) strategy: &'a Strategy,
    pub(super) model: &'a str,
    /// The most tokens of one reply.
    pub(super) max_tokens: u32,
    /// The most rounds, whatever the plugin asks for.
    pub(super) max_rounds: u32,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// Claude is asked.
    Ask,
    /// These calls are answered, all in one message.
    Call(Vec<ToolUse>),
    /// Nothing.
    Over,
}

/// The main phase while it lasts.
pub(super) struct Day<'a> {
    strategy: &'a Strategy,
    names: &'a Names,
    offered: &'a [Tool],
    max_rounds: u32,
    round: u32,
    message: MessageRequest,
    ids: CallIds,
    pauses: u32,
    /// Why the last reply ended.
    ended: StopReason,
    /// It asked for more calls than there is room for.
    is_full: bool,
    actions: Vec<Action>,
    final_text: Option<String>,
    stop_reason: String,
}

/// The tools that the phase opened with.
pub(super) fn offered(tools: Vec<Tool>, opening: &Opening) -> Vec<Tool> {
    tools.into_iter().filter(|tool| opening.tools.contains(&tool.name)).collect()
}

/// The tool that is to be called, or what the model is told instead.
pub(super) fn callable<'t>(call: &ToolUse, granted: Result<&'t Tool, String>) -> Result<&'t Tool, String> {
    let tool = granted?;
    if let Some(why) = &call.unreadable {
        return Err(format!("The arguments are not valid JSON: {why}. Call again."));
    }
    match schema::misfit(&tool.input_schema, &call.input) {
        Some(why) => Err(format!("The arguments do not fit: {why}. Call again.")),
        None => Ok(tool),
    }
}

impl<'a> Day<'a> {
    /// With these tools, which the model calls by these names.
    pub(super) fn begin(opening: &Opening, names: &'a Names, offered: &'a [Tool], rules: &Rules<'a>) -> Self {
        Self {
            strategy: rules.strategy,
            names,
            offered,
            max_rounds: opening.max_rounds.unwrap_or(rules.max_rounds).min(rules.max_rounds),
            round: 0,
            message: first_message(opening, names, offered, rules),
            ids: CallIds::default(),
            pauses: 0,
            ended: StopReason::EndTurn,
            is_full: false,
            actions: Vec::new(),
            final_text: None,
            stop_reason: String::new(),
        }
    }

    /// The round that is under way, from 1.
    pub(super) fn round(&self) -> u32 {
        self.round
    }

    /// What Claude is asked in this round.
    pub(super) fn message(&self) -> &MessageRequest {
        &self.message
    }

    /// The tool calls so far.
    pub(super) fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The next round, if there is one.
    pub(super) fn go_on(&mut self) -> Next {
        if self.round == self.max_rounds {
            stop::MAX_ROUNDS.clone_into(&mut self.stop_reason);
            return Next::Over;
        }
        self.round += 1;
        Next::Ask
    }

    /// What follows from this round's reply.
    pub(super) fn hear(&mut self, said: &Said) -> Next {
        self.note(said);
        let messages = &mut self.message.messages;
        let before = messages.len();
        let (said_back, mut calls) = self.ids.settle(self.round, said);
        // Of a reply without anything that can be said back there is no message.
        messages.extend(Some(said_back).filter(|message| !message.content.is_empty()));
        if calls.is_empty() {
            if said.stop_reason != StopReason::PauseTurn || self.pauses == MAX_PAUSES {
                return Next::Over;
            }
            self.pauses += 1;
            if !said.goes_on_by_itself() && messages.len() > before {
                messages.push(Message::user(GO_ON));
            }
            return self.go_on();
        }
        // Whatever the reason given: what the model wants done is done, as far as it came whole.
        let room = MAX_ACTIONS - self.actions.len();
        self.is_full = calls.len() > room;
        calls.truncate(room);
        self.ended = said.stop_reason.clone();
        Next::Call(calls)
    }

    /// What follows when all calls of the reply are answered.
    pub(super) fn answer(&mut self, results: Vec<ToolResult>) -> Next {
        if self.is_full {
            stop::MAX_ACTIONS.clone_into(&mut self.stop_reason);
            return Next::Over;
        }
        let results = Message::tool_results(results);
        self.message.messages.push(match self.ended {
            // There is no room for an answer.
            StopReason::ContextWindowExceeded => return Next::Over,
            StopReason::MaxTokens => results.and(CUT_OFF),
            _ => results,
        });
        self.go_on()
    }

    /// The tool that a call means, if there is one on offer.
    pub(super) fn meant(&self, call: &ToolUse) -> Option<&'a Tool> {
        let name = self.names.from_model(&call.name)?;
        self.offered.iter().find(|tool| tool.name == name)
    }

    /// Writes a call down as one that is about to be made; gives its place among all of the day.
    pub(super) fn take_up(&mut self, call: &ToolUse) -> usize {
        let (tool, module) = match self.meant(call) {
            Some(tool) => (tool.name.clone(), tool.module().to_owned()),
            None => (call.name.clone(), UNKNOWN_MODULE.to_owned()),
        };
        self.actions.push(Action {
            index: u32::try_from(self.actions.len()).unwrap_or(u32::MAX),
            tool,
            module,
            input: call.input.clone(),
            status: ActionStatus::Unknown,
            error: Some(ANSWER_LOST.to_owned()),
            latency_ms: None,
        });
        self.actions.len() - 1
    }

    /// The tool that a call gets, or what the model is told instead: whatever has talked it into this, it gets no
    /// other tools than the strategy gives it, and those not more often.
    pub(super) fn granted(&self, at: usize, call: &ToolUse) -> Result<&'a Tool, String> {
        let Some(tool) = self.meant(call) else {
            return Err(format!("There is no tool {}. Use one of those that you were given.", call.name));
        };
        let called = self.actions[..at].iter().map(|action| action.tool.as_str());
        match self.strategy.tools.used_up(&tool.name, called) {
            None => Ok(tool),
            Some((entry, most)) => {
                Err(format!("{entry} may be called {most} times in a day, and has been. Do without."))
            }
        }
    }

    /// Writes down what became of a call.
    pub(super) fn settle(&mut self, at: usize, action: Action) {
        self.actions[at] = action;
    }

    /// What came of the day. Who ended it from outside says why.
    pub(super) fn end(self, because: Option<&str>) -> TurnOutcome {
        let Self { actions, final_text, stop_reason, .. } = self;
        let stop_reason = because.map_or(stop_reason, str::to_owned);
        TurnOutcome { modules_used: modules_used(&actions), actions, final_text, stop_reason }
    }

    fn note(&mut self, said: &Said) {
        let text = said.text();
        if !text.trim().is_empty() {
            self.final_text = Some(text);
        }
        let reason = said.stop_reason.name();
        if reason.is_empty() { stop::MISSING } else { reason }.clone_into(&mut self.stop_reason);
    }
}

fn first_message(opening: &Opening, names: &Names, offered: &[Tool], rules: &Rules<'_>) -> MessageRequest {
    let mut definitions: Vec<ToolDefinition> = (offered.iter())
        .map(|tool| ToolDefinition {
            name: names.for_model(&tool.name).to_owned(),
            description: tool.description.clone(),
            input_schema: schema::for_model(&tool.input_schema),
        })
        .collect();
    // The same order for every persona, so that they share one entry of the prompt cache.
    definitions.sort_by(|a, b| a.name.cmp(&b.name));
    MessageRequest {
        model: rules.model.to_owned(),
        system: opening.system.clone(),
        tools: Offer::from(definitions),
        messages: vec![Message::user(&opening.user)],
        max_tokens: rules.max_tokens,
        reply_schema: None,
    }
}
