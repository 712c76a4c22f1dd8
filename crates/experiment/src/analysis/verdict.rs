//! The verdict: one of four, by the rule that was fixed beforehand, with the reason.

use super::interval::{Interval, Ruling};
use super::seen::Seen;
use super::wording::{caveat, sentence};
use crate::report::{Anytime, Crossing, Estimate, Look, MetricComparison, Outcome, Progress, Scope, Verdict};
use crate::statistics::FIRST_LOOK;
use domain::experiment::{Design, Plan, Stopping};

/// What follows from the primary measure.
pub(super) fn verdict(plan: &Plan, seen: &Seen<'_>) -> Verdict {
    let interval = Interval::that_decides(plan, seen.primary);
    let ruling = ruling(plan, seen, interval.as_ref());
    let population = for_new_ones(plan, seen);
    let crossings = crossings(plan, seen.looks);
    Verdict {
        outcome: ruling.outcome,
        scope: match plan.design {
            Design::Crossover => Scope::Catalogue,
            Design::Split => Scope::Population,
        },
        population: population.as_ref().map_or(Outcome::Inconclusive, |own| own.outcome),
        population_because: population
            .filter(|own| own.outcome == Outcome::Inconclusive && plan.design == Design::Crossover)
            .map(|own| own.because),
        sentence: sentence(plan, seen, ruling.outcome, interval.as_ref()),
        because: ruling.because,
        caveat: caveat(plan, seen, &crossings),
        crossings,
    }
}

/// What follows for whom the plan is about.
fn ruling(plan: &Plan, seen: &Seen<'_>, interval: Option<&Interval>) -> Ruling {
    let Seen { treatment, primary, progress, .. } = *seen;
    let (at_end, catalogue) = (progress.over, primary.catalogue.as_ref());
    match (plan.design, plan.stopping, interval) {
        _ if primary.effect.is_none() => nothing_to_compare(plan, treatment),
        _ if primary.personas < 2 => Ruling::inconclusive("only one persona has a pair".to_owned()),
        (Design::Crossover, Stopping::Sequential, Some(own)) => own.ruling(plan, primary.effect, catalogue),
        (Design::Crossover, Stopping::Sequential, None) => too_early(plan, progress, seen.looks.len()),
        (Design::Crossover, Stopping::Fixed, Some(own)) if at_end => {
            own.ruling(plan, primary.effect, catalogue)
        }
        (Design::Split, _, Some(own)) if at_end => confirmed(own.position(plan), primary, plan),
        (design, _, Some(_)) => before_the_end(design),
        (design, _, None) => all_alike(design),
    }
}

/// What follows for new personas, once the planned rounds are over.
fn for_new_ones(plan: &Plan, seen: &Seen<'_>) -> Option<Ruling> {
    let interval = || {
        let own = Interval::between_personas(plan, seen.primary);
        own.or_else(|| Interval::of_personas_alike(plan, seen.personas))
    };
    let none = || {
        Ruling::inconclusive(format!(
            "the effect is the same on all of them, and it takes {FIRST_LOOK} personas, and a metric with a least and a greatest value, to bound it"
        ))
    };
    let may_speak = seen.progress.over && seen.primary.personas >= 2;
    may_speak.then(|| interval().map_or_else(none, |own| confirmed(own.position(plan), seen.primary, plan)))
}

/// What the interval at every look came to say. Before its first word, and for verdicts that are spoken once, there is
/// nothing to remember.
fn crossings(plan: &Plan, looks: &[Look]) -> Vec<Crossing> {
    if plan.design == Design::Split || plan.stopping == Stopping::Fixed {
        return Vec::new();
    }
    let mut crossings: Vec<Crossing> = Vec::new();
    for look in looks {
        let outcome = Interval::of_look(look).map_or(Outcome::Inconclusive, |own| own.position(plan).outcome);
        if crossings.last().map_or(Outcome::Inconclusive, |last| last.outcome) != outcome {
            crossings.push(Crossing { round: look.round, outcome });
        }
    }
    crossings
}

/// What follows for a crossover from its intervals, whether or not it is over.
pub(super) fn standing(
    plan: &Plan,
    effect: Option<f64>,
    anytime: Option<&Anytime>,
    catalogue: Option<&Estimate>,
    varies: bool,
) -> Outcome {
    let interval = Interval::of_crossover(plan, anytime, catalogue, varies);
    interval.map_or(Outcome::Inconclusive, |own| own.ruling(plan, effect, catalogue).outcome)
}

/// A difference between personas counts if the exact test finds it, too.
fn confirmed(ruling: Ruling, primary: &MetricComparison, plan: &Plan) -> Ruling {
    let p = primary.sign_flip.as_ref().map_or(1.0, |flip| flip.p);
    match ruling.outcome {
        Outcome::Better | Outcome::Worse if p > plan.alpha_of_each() => Ruling::inconclusive(format!(
            "the interval between personas leaves out zero, and the exact test does not confirm it (p = {p:.3})"
        )),
        _ => ruling,
    }
}

fn nothing_to_compare(plan: &Plan, treatment: &str) -> Ruling {
    let (control, metric) = (plan.control(), plan.primary.name());
    Ruling::inconclusive(match plan.design {
        Design::Crossover => {
            format!("{control} and {treatment} have no {metric} in one block of one persona")
        }
        Design::Split => format!("{control} or {treatment} has no {metric} at all"),
    })
}

fn too_early(plan: &Plan, progress: &Progress, values: usize) -> Ruling {
    let rounds = progress.rounds;
    let values = u64::try_from(values).unwrap_or(u64::MAX);
    Ruling::inconclusive(if u64::from(rounds) < FIRST_LOOK {
        format!("a verdict needs {FIRST_LOOK} finished rounds")
    } else if values < FIRST_LOOK {
        let metric = plan.primary.name();
        format!(
            "a verdict needs {FIRST_LOOK} rounds with a {metric} under both arms, and {values} of {rounds} have one"
        )
    } else {
        "all rounds are alike, and this metric has no greatest value that would bound the next one".to_owned()
    })
}

fn before_the_end(design: Design) -> Ruling {
    let because = match design {
        Design::Crossover => "the plan is to look once, when all planned blocks are done",
        Design::Split => {
            "a split is judged once, when all planned blocks are done: the personas' means move little from day to day, and who looks daily finds differences that are none"
        }
    };
    Ruling::inconclusive(because.to_owned())
}

fn all_alike(design: Design) -> Ruling {
    let because = match design {
        Design::Crossover => "each persona needs two finished blocks that are not all alike",
        Design::Split => "each arm needs two personas or more whose means are not all alike",
    };
    Ruling::inconclusive(because.to_owned())
}
