//! `experiment gate`: the verdict as an exit code, for pipelines.

use std::path::Path;

use serde::Serialize;

use super::kept;
use crate::cli::args::Kept;
use crate::cli::output::{BAD, GOOD, ODD, Output, styled};
use crate::cli::text::printable;
use crate::cli::{Exit, Failure, Gate};
use domain::code::Code;
use experiment::report::{Comparison, Outcome, Report, Status};

/// Says the verdict, and ends with its code.
///
/// # Errors
/// When there is no ledger, or no such experiment or phase in it: with a code that is no verdict's.
pub async fn gate(args: &Kept, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let report = kept::analyzed(args, config).await.map_err(Failure::beside_verdicts)?;
    told(&report, output)
}

/// Says what a report comes to, for pipelines.
///
/// # Errors
/// When nobody can be told: with a code that is no verdict's.
pub(super) fn told(report: &Report, output: Output) -> Result<(), Failure> {
    let judgement = judgement(report);
    let said = output.print(&judgement, || {
        let style = match judgement.gate {
            Gate::Pass => GOOD,
            Gate::Inconclusive => ODD,
            Gate::Worse | Gate::Unhealthy => BAD,
        };
        let about = if judgement.stand_ins { " (on stand-ins: these ratings mean nothing)" } else { "" };
        format!("{}: {}{about}\n", styled(style, judgement.outcome), printable(&judgement.sentence))
    });
    said.map_err(Failure::beside_verdicts)?;
    let code = match judgement.gate {
        Gate::Pass => return Ok(()),
        Gate::Worse => Code::VerdictWorse,
        Gate::Inconclusive => Code::VerdictInconclusive,
        Gate::Unhealthy => Code::VerdictUnhealthy,
    };
    Err(Failure::new(Exit::Verdict(judgement.gate), code, judgement.sentence).told())
}

/// What a pipeline is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Judgement {
    /// The experiment.
    key: String,
    /// `pass`, `worse`, `inconclusive` or `unhealthy`.
    outcome: &'static str,
    /// The exit code.
    exit: u8,
    /// The finding that decides, in one sentence.
    sentence: String,
    /// A script gave the ratings, so they mean nothing.
    #[serde(rename = "standIns")]
    stand_ins: bool,
    /// What was found of each treatment.
    treatments: Vec<Treatment>,
    #[serde(skip)]
    gate: Gate,
}

/// What was found of one treatment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Treatment {
    /// Its name.
    treatment: String,
    /// Its verdict.
    outcome: Outcome,
    /// The guardrails that it has broken.
    broken: Vec<&'static str>,
    /// Its verdict in one sentence.
    sentence: String,
}

/// Unhealthy if any check is; otherwise worse if any treatment is, or has broken a guardrail; otherwise
/// inconclusive if any is. Nothing to compare is inconclusive, too.
fn judgement(report: &Report) -> Judgement {
    let unhealthy = report.health.iter().find(|check| check.status == Status::Unhealthy);
    let worst =
        report.comparisons.iter().max_by_key(|own| (gate_of(own), std::cmp::Reverse(place(report, own))));
    let (gate, sentence) = match (unhealthy, worst) {
        (Some(check), _) => (Gate::Unhealthy, check.message.clone()),
        (None, Some(comparison)) => (gate_of(comparison), sentence(comparison)),
        (None, None) => (Gate::Inconclusive, "there is nothing to compare yet".to_owned()),
    };
    Judgement {
        key: report.plan.key.clone(),
        outcome: match gate {
            Gate::Pass => "pass",
            Gate::Worse => "worse",
            Gate::Inconclusive => "inconclusive",
            Gate::Unhealthy => "unhealthy",
        },
        exit: Exit::Verdict(gate).code(),
        sentence,
        stand_ins: report.identity.stand_ins,
        treatments: report.comparisons.iter().map(treatment).collect(),
        gate,
    }
}

/// What one comparison says by itself.
fn gate_of(comparison: &Comparison) -> Gate {
    match comparison.verdict.outcome {
        Outcome::Worse => Gate::Worse,
        _ if !broken(comparison).is_empty() => Gate::Worse,
        Outcome::Inconclusive => Gate::Inconclusive,
        Outcome::Better | Outcome::Equivalent => Gate::Pass,
    }
}

/// The first of several that are alike is the one that is told.
fn place(report: &Report, comparison: &Comparison) -> Option<usize> {
    report.comparisons.iter().position(|own| own.treatment == comparison.treatment)
}

fn broken(comparison: &Comparison) -> Vec<&'static str> {
    let broken = comparison.guardrails.iter().filter(|own| own.broken);
    broken.map(|own| own.comparison.metric.name()).collect()
}

fn sentence(comparison: &Comparison) -> String {
    let broken = broken(comparison);
    match comparison.verdict.outcome {
        Outcome::Worse => comparison.verdict.sentence.clone(),
        _ if !broken.is_empty() => format!(
            "{} is worse than {} by more than is allowed in {}; besides, {}",
            comparison.treatment,
            comparison.control,
            broken.join(" and "),
            comparison.verdict.sentence
        ),
        _ => match not_shown(comparison).as_slice() {
            [] => comparison.verdict.sentence.clone(),
            open => format!(
                "{}; not shown to be no worse in {} by more than is allowed",
                comparison.verdict.sentence,
                open.join(" and ")
            ),
        },
    }
}

/// Guardrails that neither hold nor are broken.
fn not_shown(comparison: &Comparison) -> Vec<&'static str> {
    let open = comparison.guardrails.iter().filter(|own| !own.holds && !own.broken);
    open.map(|own| own.comparison.metric.name()).collect()
}

fn treatment(comparison: &Comparison) -> Treatment {
    Treatment {
        treatment: comparison.treatment.to_string(),
        outcome: comparison.verdict.outcome,
        broken: broken(comparison),
        sentence: comparison.verdict.sentence.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use experiment::page::sample::sample;

    /// A report whose treatments have these outcomes, each with or without a broken guardrail, and whose
    /// gravest check is this one.
    fn report(treatments: &[(Outcome, bool)], gravest: Status) -> Report {
        let mut report = sample();
        let first = report.comparisons.remove(0);
        report.health.truncate(1);
        report.health[0].status = gravest;
        report.comparisons = (treatments.iter())
            .map(|(outcome, broken)| {
                let mut own = first.clone();
                own.verdict.outcome = *outcome;
                own.guardrails.iter_mut().for_each(|guardrail| guardrail.broken = false);
                own.guardrails[0].broken = *broken;
                own
            })
            .collect();
        report
    }

    #[test]
    fn the_gravest_finding_decides() {
        use Outcome::{Better, Equivalent, Inconclusive, Worse};
        for (treatments, gravest, gate, outcome, exit) in [
            (vec![(Better, false)], Status::Ok, Gate::Pass, "pass", 0),
            (vec![(Equivalent, false)], Status::Warning, Gate::Pass, "pass", 0),
            (vec![(Worse, false)], Status::Ok, Gate::Worse, "worse", 1),
            (vec![(Inconclusive, false)], Status::Ok, Gate::Inconclusive, "inconclusive", 2),
            (vec![(Better, false)], Status::Unhealthy, Gate::Unhealthy, "unhealthy", 3),
            (vec![(Worse, true)], Status::Unhealthy, Gate::Unhealthy, "unhealthy", 3),
            (vec![(Better, true)], Status::Ok, Gate::Worse, "worse", 1),
            (vec![(Inconclusive, true)], Status::Warning, Gate::Worse, "worse", 1),
            (vec![(Better, false), (Inconclusive, false)], Status::Ok, Gate::Inconclusive, "inconclusive", 2),
            (vec![(Inconclusive, false), (Worse, false)], Status::Ok, Gate::Worse, "worse", 1),
            (vec![(Better, false), (Equivalent, false)], Status::Ok, Gate::Pass, "pass", 0),
            (vec![], Status::Ok, Gate::Inconclusive, "inconclusive", 2),
            (vec![], Status::Unhealthy, Gate::Unhealthy, "unhealthy", 3),
        ] {
            let found = judgement(&report(&treatments, gravest));
            let shown = (found.gate, found.outcome, found.exit);
            assert_eq!(shown, (gate, outcome, exit), "{treatments:?} {gravest:?}");
        }
    }

    #[test]
    fn the_sentence_is_that_of_the_finding_that_decides() {
        let mut several = report(&[(Outcome::Better, false), (Outcome::Worse, false)], Status::Ok);
        several.comparisons[1].verdict.sentence = "the second is worse".to_owned();
        assert_eq!(judgement(&several).sentence, "the second is worse");
        several.comparisons[1].verdict.outcome = Outcome::Better;
        several.comparisons[1].guardrails[0].broken = true;
        let broken = judgement(&several).sentence;
        assert!(broken.contains("by more than is allowed in"), "{broken}");
        several.health[0].status = Status::Unhealthy;
        several.health[0].message = "turns are lost".to_owned();
        assert_eq!(judgement(&several).sentence, "turns are lost");
    }
}
