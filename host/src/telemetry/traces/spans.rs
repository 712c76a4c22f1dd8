//! From an event at the end of something to its span.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attribute::{list, number, text, whole};
use super::setup::Setup;
use super::{names, words};
use crate::outbound::Place;
use crate::telemetry::UnderWay;
use domain::event::Event;
use domain::fault::Stage;
use domain::trace::{Part, SpanId, TraceId};
use domain::transcript::Phase;
use domain::turn_end::TurnEnd;

/// In the flags of a span: it is among those that are kept.
const KEPT: u32 = 1;

/// The span of what this event of a turn ends, if it ends something.
pub(super) fn span(event: &Event, turn: &UnderWay, setup: &Setup) -> Option<Span> {
    let draft = match event {
        Event::TurnEnded { .. } => attempt(event)?,
        Event::StageEnded { stage, took, code, .. } => {
            Draft::of(Part::Stage(*stage), Some(Part::Whole), stage.name(), *took)
                .with(text(names::STAGE, stage.name()))
                .failed(code.as_deref())
        }
        Event::ModelCalled { .. } => answered(event, setup)?,
        Event::ModelFailed { phase, step, asked, code, took, .. } => {
            chat(*phase, Part::Step(step), asked, *took, setup)
                .with(text(names::STEP, step.as_str()))
                .failed(Some(code))
        }
        Event::ToolCalled { .. } => tool(event, setup)?,
        Event::PluginCalled { plugin, stage, function, outcome, fuel, memory, took, .. } => {
            let name = format!("plugin {plugin} {function}");
            Draft::of(Part::Plugin(turn.plugin_calls), Some(Part::Stage(*stage)), name, *took)
                .with(text(names::FUNCTION, *function))
                .with(whole(names::FUEL, *fuel))
                .with(whole(names::MEMORY, u64::try_from(*memory).unwrap_or(u64::MAX)))
                .failed(Some(*outcome).filter(|outcome| *outcome != "ok"))
        }
        _ => return None,
    };
    Some(draft.finish(turn))
}

/// All of an attempt.
fn attempt(event: &Event) -> Option<Draft<'_>> {
    let Event::TurnEnded { email, outcome, actions, ratings, took, .. } = event else { return None };
    let draft = Draft::of(Part::Whole, None, format!("{} {email}", names::INVOKE_AGENT), *took)
        .with(text(names::OPERATION, names::INVOKE_AGENT))
        .with(text(names::PROVIDER, names::ANTHROPIC))
        .with(text(names::AGENT, email))
        .with(text(names::OUTCOME, outcome.name()))
        .with(whole(names::ACTIONS, *actions as u64))
        .with(whole(names::RATINGS, ratings.len() as u64));
    Some(match outcome {
        TurnEnd::Faulted(fault) => draft
            .with(text(names::FAULT_CODE, &fault.code))
            .with(text(names::STAGE, fault.stage.name()))
            .failed(outcome.failure().map(|fault| fault.code.as_str())),
        TurnEnd::Completed | TurnEnd::Idle | TurnEnd::Skipped { .. } => draft,
    })
}

/// A call to Claude.
fn chat<'a>(phase: Phase, part: Part<'a>, asked: &str, took: Duration, setup: &Setup) -> Draft<'a> {
    let stage = match phase {
        Phase::Main => Stage::ToolLoop,
        Phase::Rating => Stage::AskRating,
    };
    Draft::of(part, Some(Part::Stage(stage)), format!("{} {asked}", names::CHAT), took)
        .to(&setup.claude)
        .with(text(names::OPERATION, names::CHAT))
        .with(text(names::PROVIDER, names::ANTHROPIC))
        .with(text(names::REQUEST_MODEL, asked))
        .with(text(names::PHASE, phase.name()))
}

/// One that was answered.
fn answered<'a>(event: &'a Event, setup: &Setup) -> Option<Draft<'a>> {
    let Event::ModelCalled {
        phase,
        step,
        asked,
        model,
        reply,
        stop_reason,
        attempts,
        said,
        usage,
        cost,
        took,
        ..
    } = event
    else {
        return None;
    };
    let cache_write = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    let draft = chat(*phase, Part::Step(step), asked, *took, setup)
        .with(text(names::STEP, step.as_str()))
        .with(text(names::RESPONSE_MODEL, model))
        .with(list(names::FINISH_REASONS, stop_reason))
        .with(whole(names::INPUT_TOKENS, usage.prompt()))
        .with(whole(names::OUTPUT_TOKENS, usage.output))
        .with(whole(names::CACHE_READ_TOKENS, usage.cache_read))
        .with(whole(names::CACHE_WRITE_TOKENS, cache_write))
        .with_all((!reply.is_empty()).then(|| text(names::RESPONSE_ID, reply)))
        .with_all((*attempts > 1).then(|| whole(names::RESEND_COUNT, u64::from(attempts - 1))))
        .with_all(cost.map(|cost| number(names::COST, cost.dollars())));
    Some(draft.with_all(words::of(said.as_deref(), setup)))
}

/// A tool call.
fn tool<'a>(event: &'a Event, setup: &Setup) -> Option<Draft<'a>> {
    let Event::ToolCalled { step, call, said, tool, ok, took, .. } = event else { return None };
    let name = format!("{} {tool}", names::EXECUTE_TOOL);
    let draft = Draft::of(Part::Step(step), Some(Part::Stage(Stage::ToolLoop)), name, *took)
        .to(&setup.mcp)
        .with(text(names::OPERATION, names::EXECUTE_TOOL))
        .with(text(names::TOOL, tool))
        .with(text(names::MCP_METHOD, names::TOOLS_CALL))
        .with(text(names::MCP_VERSION, &setup.mcp_version))
        .with(text(names::TRANSPORT, names::TCP))
        .with(text(names::STEP, step.as_str()))
        .with_all((!call.is_empty()).then(|| text(names::TOOL_CALL, call)))
        .failed((!ok).then_some(names::TOOL_ERROR));
    Some(draft.with_all(words::of(said.as_deref(), setup)))
}

/// A span before it is one.
struct Draft<'a> {
    part: Part<'a>,
    parent: Option<Part<'a>>,
    name: String,
    kind: SpanKind,
    took: Duration,
    attributes: Vec<KeyValue>,
    status: Option<Status>,
}

impl<'a> Draft<'a> {
    fn of(part: Part<'a>, parent: Option<Part<'a>>, name: impl Into<String>, took: Duration) -> Self {
        let (kind, attributes, status) = (SpanKind::Internal, Vec::new(), None);
        Self { part, parent, name: name.into(), kind, took, attributes, status }
    }

    /// It is a call of whoever is there.
    fn to(mut self, place: &Place) -> Self {
        self.kind = SpanKind::Client;
        let Place { host, port } = place;
        let port = port.map(|port| whole(names::SERVER_PORT, u64::from(port)));
        self.with(text(names::SERVER_ADDRESS, host)).with_all(port)
    }

    fn with(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }

    fn with_all(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// It failed, and this is the word for it: what was said about it may quote anything.
    fn failed(mut self, why: Option<&str>) -> Self {
        if let Some(why) = why {
            self.attributes.push(text(names::ERROR_TYPE, why));
            self.status = Some(Status { code: StatusCode::Error.into(), message: why.to_owned() });
        }
        self
    }

    fn finish(self, turn: &UnderWay) -> Span {
        let trace = TraceId::of(turn.turn);
        let id = |attempt, part| SpanId::of(turn.turn, attempt, part).bytes().to_vec();
        // The attempt before had a root of its own.
        let earlier = (self.parent.is_none() && turn.attempt > 1).then(|| Link {
            trace_id: trace.bytes().to_vec(),
            span_id: id(turn.attempt - 1, Part::Whole),
            flags: KEPT,
            ..Link::default()
        });
        let mut attributes = self.attributes;
        attributes.extend(of_the_turn(turn, self.parent.is_none()));
        let end = u64::try_from(turn.now().timestamp_nanos_opt().unwrap_or_default()).unwrap_or_default();
        let took = u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX);
        Span {
            trace_id: trace.bytes().to_vec(),
            span_id: id(turn.attempt, self.part),
            parent_span_id: self.parent.map(|parent| id(turn.attempt, parent)).unwrap_or_default(),
            flags: KEPT,
            name: self.name,
            kind: self.kind.into(),
            start_time_unix_nano: end.saturating_sub(took),
            end_time_unix_nano: end,
            attributes,
            links: earlier.into_iter().collect(),
            status: self.status,
            ..Span::default()
        }
    }
}

/// What all spans of an attempt have, so that each can be looked for by it; more of it is said once.
fn of_the_turn(turn: &UnderWay, is_root: bool) -> Vec<KeyValue> {
    let id = turn.turn.to_string();
    let mut all = vec![
        text(names::CONVERSATION, &id),
        text(names::TURN, &id),
        whole(names::ATTEMPT, u64::from(turn.attempt)),
    ];
    if let Some(playing) = &turn.playing {
        all.push(text(names::STRATEGY, playing.strategy.as_str()));
        all.extend(playing.arm.as_ref().map(|arm| text(names::ARM, arm)));
        all.push(text(names::PLUGIN, playing.plugin.as_str()));
        all.push(whole(names::GENERATION, playing.generation.0));
        if is_root {
            all.push(text(names::DIGEST, playing.sha256.to_string()));
            all.push(text(names::SERVED_AS, playing.served_as.name()));
            all.push(text(names::REQUEST_MODEL, &playing.model));
        }
    }
    if is_root {
        all.push(whole(names::ROUNDS, u64::from(turn.model_calls)));
        all.push(whole(names::TOOL_CALLS, u64::from(turn.tool_calls)));
    }
    all
}
