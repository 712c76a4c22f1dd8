//! The verdict: one of four, by the rule that was fixed beforehand, with the reason.

use super::effect::alpha_of_one;
use crate::domain::experiment::{Design, Metric, Plan, Stopping};
use crate::experiment::report::{
    Check, Estimate, LeaveOneOut, MetricComparison, Outcome, Progress, Scope, Status, Verdict,
};
use crate::experiment::statistics::FIRST_LOOK;

/// What follows from the primary measure.
pub(super) fn verdict(
    plan: &Plan,
    treatment: &str,
    primary: &MetricComparison,
    progress: &Progress,
    health: &[Check],
    leave_one_out: Option<&LeaveOneOut>,
) -> Verdict {
    let at_end = progress.rounds >= plan.planned_blocks;
    let population = population(plan, primary, at_end);
    let (outcome, scope, because) = match (plan.design, plan.stopping) {
        (Design::Crossover, Stopping::Sequential) => sequential(plan, primary),
        (Design::Crossover, Stopping::Fixed) => fixed(plan, primary, at_end),
        (Design::Split, _) => split(plan, primary, population, at_end),
    };
    let interval = match (plan.design, plan.stopping) {
        (Design::Crossover, Stopping::Sequential) => {
            let kind = "interval that holds however often one looks";
            primary.anytime.as_ref().map(|own| (own.effect, own.low, own.high, kind))
        }
        (Design::Crossover, Stopping::Fixed) => {
            primary.catalogue.as_ref().map(|own| (own.effect, own.low, own.high, "interval"))
        }
        (Design::Split, _) => {
            primary.population.as_ref().map(|own| (own.effect, own.low, own.high, "interval"))
        }
    };
    let sentence = sentence(plan, treatment, primary, outcome, interval, progress);
    Verdict { outcome, scope, population, sentence, because, caveat: caveat(health, leave_one_out) }
}

/// Where an interval lies: beyond zero, within the margin, or neither.
fn outcome(plan: &Plan, low: f64, high: f64) -> Outcome {
    let (low, high) = if plan.primary.more_is_better() { (low, high) } else { (-high, -low) };
    if low > 0.0 {
        Outcome::Better
    } else if high < 0.0 {
        Outcome::Worse
    } else if -plan.margin < low && high < plan.margin {
        Outcome::Equivalent
    } else {
        Outcome::Inconclusive
    }
}

fn reason(plan: &Plan, outcome: Outcome, interval: &str) -> String {
    let margin = plan.margin;
    match outcome {
        Outcome::Better | Outcome::Worse => format!("{interval} leaves out zero"),
        Outcome::Equivalent => {
            format!("{interval} lies within ±{margin}, the margin that was set beforehand")
        }
        Outcome::Inconclusive => format!("{interval} holds zero and reaches beyond the margin of ±{margin}"),
    }
}

fn sequential(plan: &Plan, primary: &MetricComparison) -> (Outcome, Scope, String) {
    match &primary.anytime {
        Some(own) => {
            let outcome = outcome(plan, own.low, own.high);
            (outcome, Scope::Catalogue, reason(plan, outcome, "the interval that holds at every look"))
        }
        None => {
            let because = format!("a verdict needs {FIRST_LOOK} finished rounds that are not all alike");
            (Outcome::Inconclusive, Scope::Catalogue, because)
        }
    }
}

fn fixed(plan: &Plan, primary: &MetricComparison, at_end: bool) -> (Outcome, Scope, String) {
    match &primary.catalogue {
        Some(own) if at_end => {
            let outcome = outcome_of(plan, own);
            (outcome, Scope::Catalogue, reason(plan, outcome, "the interval at the planned end"))
        }
        Some(_) => {
            let because = "the plan is to look once, when all planned blocks are done".to_owned();
            (Outcome::Inconclusive, Scope::Catalogue, because)
        }
        None => {
            let because = "each persona needs two finished blocks that are not all alike".to_owned();
            (Outcome::Inconclusive, Scope::Catalogue, because)
        }
    }
}

fn split(
    plan: &Plan,
    primary: &MetricComparison,
    population: Outcome,
    at_end: bool,
) -> (Outcome, Scope, String) {
    let because = match &primary.population {
        None => "each arm needs two personas or more whose means are not all alike".to_owned(),
        Some(_) if !at_end => {
            "a split is judged once, when all planned blocks are done: the personas' means \
             move little from day to day, and who looks daily finds differences that are none"
                .to_owned()
        }
        Some(_) => reason(plan, population, "the interval between personas, with the exact test,"),
    };
    (population, Scope::Population, because)
}

/// An outcome from an interval for all treatments together, at the plan's alpha.
fn outcome_of(plan: &Plan, estimate: &Estimate) -> Outcome {
    let found = outcome(plan, estimate.low, estimate.high);
    // The intervals shown are at alpha; with several treatments a finding needs its part of it.
    let significant = estimate.p <= alpha_of_one(plan);
    match found {
        Outcome::Better | Outcome::Worse if !significant => Outcome::Inconclusive,
        other => other,
    }
}

/// For new personas: the interval between personas and the exact test, once, at the planned end.
fn population(plan: &Plan, primary: &MetricComparison, at_end: bool) -> Outcome {
    let Some(estimate) = primary.population.as_ref().filter(|_| at_end) else { return Outcome::Inconclusive };
    let exact = primary.sign_flip.as_ref().is_some_and(|flip| flip.p <= alpha_of_one(plan));
    match outcome_of(plan, estimate) {
        Outcome::Better | Outcome::Worse if !exact => Outcome::Inconclusive,
        other => other,
    }
}

fn sentence(
    plan: &Plan,
    treatment: &str,
    primary: &MetricComparison,
    outcome: Outcome,
    interval: Option<(f64, f64, f64, &str)>,
    progress: &Progress,
) -> String {
    let control = plan.control();
    let claim = match outcome {
        Outcome::Better => format!("{treatment} is better than {control}"),
        Outcome::Worse => format!("{treatment} is worse than {control}"),
        Outcome::Equivalent => format!("{treatment} and {control} are equivalent within ±{}", plan.margin),
        Outcome::Inconclusive => format!("nothing can be said yet of {treatment} against {control}"),
    };
    let unit = match plan.primary {
        Metric::Rating => "points".to_owned(),
        other => format!("by {}", other.name()),
    };
    // The effect that the interval is of: with gaps in the rows, rounds and personas have other means.
    let effect = interval.map(|own| own.0).or(primary.effect);
    let effect = effect.map_or_else(String::new, |effect| format!(": {effect:+.2} {unit}"));
    let percent = format!("{:.3}", (1.0 - alpha_of_one(plan)) * 100.0);
    let interval = interval.map_or_else(String::new, |(_, low, high, kind)| {
        format!(
            " ({} % {kind}: {low:+.2} to {high:+.2})",
            percent.trim_end_matches('0').trim_end_matches('.')
        )
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

/// The finding that most speaks against the verdict.
fn caveat(health: &[Check], leave_one_out: Option<&LeaveOneOut>) -> Option<String> {
    let worst =
        |status| health.iter().find(|check| check.status == status).map(|check| check.message.clone());
    let one = leave_one_out.filter(|own| own.one_persona_decides).map(|own| {
        format!(
            "one persona carries the result: without {} the effect is {:+.2}, without {} it is {:+.2}",
            own.low_without, own.low, own.high_without, own.high
        )
    });
    worst(Status::Unhealthy).or(one).or_else(|| worst(Status::Warning))
}
