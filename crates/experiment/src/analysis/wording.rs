//! A verdict in words: the sentence, and what most speaks against it.

use super::interval::Interval;
use super::seen::Seen;
use crate::numbers::{difference, level};
use crate::report::{Check, Crossing, Decisive, MetricComparison, Outcome, Status};
use domain::experiment::{Design, Metric, Plan, Stopping};

pub(super) fn sentence(
    plan: &Plan,
    seen: &Seen<'_>,
    outcome: Outcome,
    interval: Option<&Interval>,
) -> String {
    let Seen { treatment, primary, progress, .. } = *seen;
    let control = plan.control();
    let claim = match outcome {
        Outcome::Better => format!("{treatment} is better than {control}"),
        Outcome::Worse => format!("{treatment} is worse than {control}"),
        Outcome::Equivalent => format!("{treatment} and {control} are equivalent within ±{}", plan.margin),
        Outcome::Inconclusive if progress.over => {
            format!("nothing can be said of {treatment} against {control}")
        }
        Outcome::Inconclusive => format!("nothing can be said yet of {treatment} against {control}"),
    };
    let unit = match plan.primary {
        Metric::Rating => "points".to_owned(),
        other => format!("by {}", other.name()),
    };
    let shown = |effect| difference(plan.primary, effect);
    // The effect that the interval is of: with gaps in the rows, rounds and personas have other means.
    let effect = interval.map(|own| own.effect).or(primary.effect);
    let over = if over_rounds(plan, primary) { " over rounds" } else { "" };
    let effect = effect.map_or_else(String::new, |effect| format!(": {} {unit}{over}", shown(effect)));
    let interval = interval.map_or_else(String::new, |Interval { low, high, kind, .. }| {
        format!(" ({} {kind}: {} to {})", level(plan.alpha_of_each()), shown(*low), shown(*high))
    });
    let personas = primary.personas;
    let whom = match plan.design {
        Design::Crossover => format!("these {personas} personas"),
        Design::Split => format!("personas like these {personas}"),
    };
    format!(
        "{claim}{effect}{interval}, for {whom}, after {} of {} rounds",
        progress.rounds, progress.planned_rounds
    )
}

/// Whether the verdict is about the mean of the rounds, and not about that of the personas' own effects.
fn over_rounds(plan: &Plan, primary: &MetricComparison) -> bool {
    plan.design == Design::Crossover && plan.stopping == Stopping::Sequential && primary.anytime.is_some()
}

/// The finding that most speaks against the verdict.
pub(super) fn caveat(plan: &Plan, seen: &Seen<'_>, crossings: &[Crossing]) -> Option<String> {
    let Seen { treatment, health, leave_one_out, .. } = *seen;
    let worst =
        |status| health.iter().find(|check| check.status == status && speaks_of(check, plan, treatment));
    let worst = |status| worst(status).map(|check| check.message.clone());
    let one = leave_one_out.and_then(|own| own.decisive.first().map(|first| (first, own.decisive.len())));
    let one = one.map(|(first, count)| {
        let Decisive { persona, effect, outcome } = first;
        let effect = difference(plan.primary, *effect);
        let outcome = outcome.name();
        if count == 1 {
            format!("one persona carries the result: without {persona} it is {outcome}, and the effect over personas {effect}")
        } else {
            format!(
                "the result hangs on single personas: without any one of {count} of them it is another; without {persona} it is {outcome}, and the effect over personas {effect}"
            )
        }
    });
    worst(Status::Unhealthy).or(one).or_else(|| taken_back(crossings)).or_else(|| worst(Status::Warning))
}

/// That it came to say something before, and took it back.
fn taken_back(crossings: &[Crossing]) -> Option<String> {
    let [first, next, ..] = crossings else { return None };
    Some(format!(
        "it said {} after round {} and took that back after round {}: one of the two was a false alarm, or the effect changes with time; look at its course",
        first.outcome.name(),
        first.round,
        next.round
    ))
}

/// Whether a check says something about the effect of a treatment: prices say nothing, nor do other treatments.
fn speaks_of(check: &Check, plan: &Plan, treatment: &str) -> bool {
    let whom = check.concerns.split('/').nth(1).unwrap_or_default();
    let of_another = plan.treatments().iter().any(|arm| arm.as_str() == whom) && whom != treatment;
    check.concerns != "progress/cost" && !of_another
}
