//! An interval of the effect, and what follows from where it lies.

use crate::numbers::difference;
use crate::report::{Anytime, Bounds, Estimate, Look, MetricComparison, Outcome, PersonaEffect};
use crate::statistics::{nearly_alike, one_sided};
use domain::experiment::{Design, Plan, Stopping};

/// What the interval at every look is called in a reason.
const NAME_AT_EVERY_LOOK: &str = "the interval";

/// An outcome, with its reason.
pub(super) struct Ruling {
    pub(super) outcome: Outcome,
    pub(super) because: String,
}

impl Ruling {
    /// Nothing can be said, for this reason.
    pub(super) fn inconclusive(because: String) -> Self {
        Self { outcome: Outcome::Inconclusive, because }
    }
}

/// An interval of the effect that is wide enough for all treatments together: each has its part of alpha.
pub(super) struct Interval {
    pub(super) effect: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// What it is called in a reason.
    name: &'static str,
    /// And behind its percentage.
    pub(super) kind: &'static str,
}

impl Interval {
    /// The one that the plan decides by.
    pub(super) fn that_decides(plan: &Plan, primary: &MetricComparison) -> Option<Self> {
        match plan.design {
            Design::Crossover => {
                let varies = primary.clustered.is_some();
                Self::of_crossover(plan, primary.anytime.as_ref(), primary.catalogue.as_ref(), varies)
            }
            Design::Split => Self::between_personas(plan, primary),
        }
    }

    pub(super) fn of_crossover(
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
                name: NAME_AT_EVERY_LOOK,
                kind: "interval, made for looking after every round",
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

    /// As it stood at one look.
    pub(super) fn of_look(look: &Look) -> Option<Self> {
        let (low, high) = look.low.zip(look.high)?;
        Some(Self { effect: look.effect, low, high, name: NAME_AT_EVERY_LOOK, kind: "interval" })
    }

    /// Where the effect is the same on every persona there is no spread between them, and still a bound: so many
    /// personas without another one tell how many others there can be, and those how far they can be.
    pub(super) fn of_personas_alike(plan: &Plan, personas: &[PersonaEffect]) -> Option<Self> {
        let (least, most) = plan.primary.range().filter(|_| plan.design == Design::Crossover)?;
        let effects: Vec<f64> = personas.iter().map(|own| own.effect).collect();
        let own = nearly_alike(&effects, most - least, plan.alpha_of_each())?;
        let name = "the bound from personas that are all alike";
        Some(Self { effect: own.effect, low: own.low, high: own.high, name, kind: "interval" })
    }

    /// The one that speaks about new personas.
    pub(super) fn between_personas(plan: &Plan, primary: &MetricComparison) -> Option<Self> {
        Self::of(primary.population.as_ref()?, plan, "the interval between personas")
    }

    fn of(estimate: &Estimate, plan: &Plan, name: &'static str) -> Option<Self> {
        let Bounds { low, high } = one_sided(estimate, plan.alpha_of_each() / 2.0)?;
        Some(Self { effect: estimate.effect, low, high, name, kind: "interval" })
    }

    /// What follows from it for all of the personas. Its centre is the mean of the rounds; where blocks are missing,
    /// the mean of the personas' own effects may be another. Then the same has to follow around that mean, and,
    /// where the two are far apart, from the interval whose centre it is.
    pub(super) fn ruling(
        &self,
        plan: &Plan,
        of_personas: Option<f64>,
        catalogue: Option<&Estimate>,
    ) -> Ruling {
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
        Ruling::inconclusive(format!(
            "the mean of the personas' own effects is {}, and {} does not decide that: who has few finished blocks counts little in the rounds",
            difference(plan.primary, mean),
            self.name
        ))
    }

    /// Where it lies: beyond zero, within the margin, or neither.
    pub(super) fn position(&self, plan: &Plan) -> Ruling {
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
