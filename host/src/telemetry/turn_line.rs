//! The one line that the log has of each attempt of a turn: all by which it can be looked for elsewhere, and what it came to.

use super::in_flight::UnderWay;
use domain::event::Event;
use domain::letter::one_line;
use domain::trace::TraceId;
use domain::turn_end::TurnEnd;

/// Writes it, and a warning beside it if something failed.
pub(super) fn write(event: &Event, under_way: Option<&UnderWay>) {
    let Event::TurnEnded { turn, email, outcome, actions, ratings, took } = event else { return };
    let playing = under_way.and_then(|own| own.playing.as_deref());
    let fault = match outcome {
        TurnEnd::Faulted(fault) => Some(fault),
        _ => None,
    };
    tracing::info!(
        %turn,
        trace_id = %TraceId::of(*turn),
        email,
        attempt = under_way.map(|own| own.attempt),
        strategy = playing.map(|own| own.strategy.as_str()),
        arm = playing.and_then(|own| own.arm.as_deref()),
        plugin = playing.map(|own| own.plugin.as_str()),
        generation = playing.map(|own| own.generation.0),
        sha256 = playing.map(|own| own.sha256.short()),
        served_as = playing.map(|own| own.served_as.name()),
        model = playing.map(|own| own.model.as_str()),
        end = outcome.name(),
        stage = fault.map(|fault| fault.stage.name()),
        code = fault.map(|fault| fault.code.as_str()),
        rounds = under_way.map(|own| own.model_calls),
        tool_calls = under_way.map(|own| own.tool_calls),
        actions,
        ratings = ratings.len(),
        tokens_in = under_way.map(|own| own.usage.prompt()),
        tokens_out = under_way.map(|own| own.usage.output),
        cost_usd = under_way.and_then(|own| own.cost).map(domain::usage::NanoUsd::dollars),
        took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "turn ended"
    );
    if let Some(fault) = outcome.failure() {
        let (stage, code, hint) = (fault.stage.name(), &fault.code, fault.hint.as_deref());
        tracing::warn!(%turn, email, stage, code, cause = one_line(&fault.message), hint, "turn faulted");
    }
}
