//! The verdict: one of four, by the rule that was fixed beforehand, with the reason.

use crate::numbers::{difference, level};
use crate::report::{
    Anytime, Bounds, Check, Decisive, Estimate, LeaveOneOut, MetricComparison, Outcome, Progress, Scope,
    Status, Verdict,
};
use crate::statistics::{FIRST_LOOK, one_sided};
use domain::experiment::{Design, Metric, Plan, Stopping};

/// What follows from the primary measure, of which so many rounds have a value.
pub(super) fn verdict(
    plan: &Plan,
    treatment: &str,
    primary: &MetricComparison,
    progress: &Progress,
    values: usize,
    health: &[Check],
    leave_one_out: Option<&LeaveOneOut>,
) -> Verdict {
    let (at_end, catalogue) = (progress.over, primary.catalogue.as_ref());
    let interval = Interval::that_decides(plan, primary);
    let ruling = match (plan.design, plan.stopping, &interval) {
        _ if primary.effect.is_none() => nothing_to_compare(plan, treatment),
        _ if primary.personas < 2 => inconclusive("only one persona has a pair".to_owned()),
        (Design::Crossover, Stopping::Sequential, Some(own)) => own.ruling(plan, primary.effect, catalogue),
        (Design::Crossover, Stopping::Sequential, None) => too_early(plan, progress, values),
        (Design::Crossover, Stopping::Fixed, Some(own)) if at_end => {
            own.ruling(plan, primary.effect, catalogue)
        }
        (Design::Split, _, Some(own)) if at_end => confirmed(own.position(plan), primary, plan),
        (design, _, Some(_)) => before_the_end(design),
        (design, _, None) => all_alike(design),
    };
    let population = match Interval::between_personas(plan, primary) {
        Some(own) if at_end => confirmed(own.position(plan), primary, plan).outcome,
        _ => Outcome::Inconclusive,
    };
    Verdict {
        outcome: ruling.outcome,
        scope: match plan.design {
            Design::Crossover => Scope::Catalogue,
            Design::Split => Scope::Population,
        },
        population,
        sentence: sentence(plan, treatment, primary, ruling.outcome, interval.as_ref(), progress),
        because: ruling.because,
        caveat: caveat(plan, treatment, health, leave_one_out),
    }
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

/// An outcome, with its reason.
struct Ruling {
    outcome: Outcome,
    because: String,
}

/// An interval of the effect that is wide enough for all treatments together: each has its part of alpha.
struct Interval {
    effect: f64,
    low: f64,
    high: f64,
    /// What it is called in a reason.
    name: &'static str,
    /// And behind its percentage.
    kind: &'static str,
}

impl Interval {
    /// The one that the plan decides by.
    fn that_decides(plan: &Plan, primary: &MetricComparison) -> Option<Self> {
        match plan.design {
            Design::Crossover => {
                let varies = primary.clustered.is_some();
                Self::of_crossover(plan, primary.anytime.as_ref(), primary.catalogue.as_ref(), varies)
            }
            Design::Split => Self::between_personas(plan, primary),
        }
    }

    fn of_crossover(
        plan: &Plan,
        anytime: Option<&Anytime>,
        catalogue: Option<&Estimate>,
        varies: bool,
    ) -> Option<Self> {
        let always = || {
            anytime.map(|own| Self {
                effect: own.effect,
                low: own.low,
                high: own.high,
                name: "the interval that holds at every look",
                kind: "interval that holds however often one looks",
            })
        };
        match plan.stopping {
            Stopping::Sequential => always(),
            // Where nothing varies there is no error, and still a bound.
            Stopping::Fixed => catalogue
                .and_then(|own| Self::of(own, plan, "the interval at the planned end"))
                .or_else(|| if varies { None } else { always() }),
        }
    }

    /// The one that speaks about new personas.
    fn between_personas(plan: &Plan, primary: &MetricComparison) -> Option<Self> {
        Self::of(primary.population.as_ref()?, plan, "the interval between personas")
    }

    fn of(estimate: &Estimate, plan: &Plan, name: &'static str) -> Option<Self> {
        let Bounds { low, high } = one_sided(estimate, plan.alpha_of_each() / 2.0)?;
        Some(Self { effect: estimate.effect, low, high, name, kind: "interval" })
    }

    /// What follows from it for all of the personas. Its centre is the mean of the rounds; where blocks are missing,
    /// the mean of the personas' own effects may be another. Then the same has to follow around that mean, and,
    /// where the two are far apart, from the interval whose centre it is.
    fn ruling(&self, plan: &Plan, of_personas: Option<f64>, catalogue: Option<&Estimate>) -> Ruling {
        let ruling = self.position(plan);
        let Some(mean) = of_personas.filter(|_| ruling.outcome != Outcome::Inconclusive) else {
            return ruling;
        };
        let apart = mean - self.effect;
        let shifted = Self { effect: mean, low: self.low + apart, high: self.high + apart, ..*self };
        let own = || catalogue.and_then(|own| Self::of(own, plan, "the interval of these personas"));
        let same = |other: &Self| other.position(plan).outcome == ruling.outcome;
        if same(&shifted) && (apart.abs() <= plan.margin / 2.0 || own().is_some_and(|own| same(&own))) {
            return ruling;
        }
        inconclusive(format!(
            "the mean of the personas' own effects is {}, and {} does not decide that: who has few finished blocks counts little in the rounds",
            difference(plan.primary, mean),
            self.name
        ))
    }

    /// Where it lies: beyond zero, within the margin, or neither.
    fn position(&self, plan: &Plan) -> Ruling {
        let (name, margin) = (self.name, plan.margin);
        let (low, high) =
            if plan.primary.more_is_better() { (self.low, self.high) } else { (-self.high, -self.low) };
        let small = -margin < low && high < margin;
        let outcome = if low > 0.0 {
            Outcome::Better
        } else if high < 0.0 {
            Outcome::Worse
        } else if small {
            Outcome::Equivalent
        } else {
            Outcome::Inconclusive
        };
        let because = match outcome {
            Outcome::Better | Outcome::Worse if small => format!(
                "{name} leaves out zero and lies within ±{margin}: the difference is real, and smaller than what was said to matter"
            ),
            Outcome::Better | Outcome::Worse => format!("{name} leaves out zero"),
            Outcome::Equivalent => {
                format!("{name} lies within the margin of ±{margin}")
            }
            Outcome::Inconclusive => format!("{name} holds zero and reaches beyond the margin of ±{margin}"),
        };
        Ruling { outcome, because }
    }
}

/// A difference between personas counts if the exact test finds it, too.
fn confirmed(ruling: Ruling, primary: &MetricComparison, plan: &Plan) -> Ruling {
    let p = primary.sign_flip.as_ref().map_or(1.0, |flip| flip.p);
    match ruling.outcome {
        Outcome::Better | Outcome::Worse if p > plan.alpha_of_each() => inconclusive(format!(
            "the interval between personas leaves out zero, and the exact test does not confirm it (p = {p:.3})"
        )),
        _ => ruling,
    }
}

fn nothing_to_compare(plan: &Plan, treatment: &str) -> Ruling {
    let (control, metric) = (plan.control(), plan.primary.name());
    inconclusive(match plan.design {
        Design::Crossover => {
            format!("{control} and {treatment} have no {metric} in one block of one persona")
        }
        Design::Split => format!("{control} or {treatment} has no {metric} at all"),
    })
}

fn too_early(plan: &Plan, progress: &Progress, values: usize) -> Ruling {
    let rounds = progress.rounds;
    let values = u64::try_from(values).unwrap_or(u64::MAX);
    inconclusive(if u64::from(rounds) < FIRST_LOOK {
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
    inconclusive(because.to_owned())
}

fn all_alike(design: Design) -> Ruling {
    let because = match design {
        Design::Crossover => "each persona needs two finished blocks that are not all alike",
        Design::Split => "each arm needs two personas or more whose means are not all alike",
    };
    inconclusive(because.to_owned())
}

fn inconclusive(because: String) -> Ruling {
    Ruling { outcome: Outcome::Inconclusive, because }
}

fn sentence(
    plan: &Plan,
    treatment: &str,
    primary: &MetricComparison,
    outcome: Outcome,
    interval: Option<&Interval>,
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
    let shown = |effect| difference(plan.primary, effect);
    // The effect that the interval is of: with gaps in the rows, rounds and personas have other means.
    let effect = interval.map(|own| own.effect).or(primary.effect);
    let effect = effect.map_or_else(String::new, |effect| format!(": {} {unit}", shown(effect)));
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

/// The finding that most speaks against the verdict.
fn caveat(
    plan: &Plan,
    treatment: &str,
    health: &[Check],
    leave_one_out: Option<&LeaveOneOut>,
) -> Option<String> {
    let worst =
        |status| health.iter().find(|check| check.status == status && speaks_of(check, plan, treatment));
    let worst = |status| worst(status).map(|check| check.message.clone());
    let one = leave_one_out.and_then(|own| own.decisive.first().map(|first| (first, own.decisive.len())));
    let one = one.map(|(first, count)| {
        let Decisive { persona, effect, outcome } = first;
        let effect = difference(plan.primary, *effect);
        let outcome = outcome.name();
        if count == 1 {
            format!("one persona carries the result: without {persona} it is {outcome}, and the effect {effect}")
        } else {
            format!(
                "the result hangs on single personas: without any one of {count} of them it is another; without {persona} it is {outcome}, and the effect {effect}"
            )
        }
    });
    worst(Status::Unhealthy).or(one).or_else(|| worst(Status::Warning))
}

/// Whether a check says something about the effect of a treatment: prices say nothing, nor do other treatments.
fn speaks_of(check: &Check, plan: &Plan, treatment: &str) -> bool {
    let whom = check.concerns.split('/').nth(1).unwrap_or_default();
    let of_another = plan.treatments().iter().any(|arm| arm.as_str() == whom) && whom != treatment;
    check.concerns != "progress/cost" && !of_another
}
