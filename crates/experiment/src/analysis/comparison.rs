//! One treatment against the control, from the effect to the verdict.

use super::bounds;
use super::effect::{Course, at_every_look, compare, course, is_rate};
use super::modules::modules;
use super::ordinal::ordinal;
use super::personas::{disagreements, leave_one_out, personas};
use super::planning::planning;
use super::robustness::robustness;
use super::seen::Seen;
use super::sheet::{Sheet, mean};
use super::verdict::verdict;
use crate::report::{
    Adjusted, Bounds, Check, Comparison, GuardrailComparison, Look, MetricComparison, Progress,
};
use crate::statistics::{FIRST_LOOK, benjamini_hochberg, holm, newcombe, one_sided, sign_e_course};
use domain::experiment::{ArmName, Design, Guardrail, Metric, Plan, Stopping};

/// Every treatment against the control; primary p-values are corrected among the treatments (Holm), secondary
/// ones among all of theirs (Benjamini and Hochberg).
pub(super) fn comparisons(
    sheet: &Sheet<'_>,
    plan: &Plan,
    progress: &Progress,
    health: &[Check],
) -> Vec<Comparison> {
    let mut all: Vec<Comparison> =
        plan.treatments().iter().map(|arm| comparison(sheet, plan, arm, progress, health)).collect();
    let primary = all.iter_mut().map(|own| &mut own.primary).collect();
    correct(primary, "holm", holm);
    let secondary = all.iter_mut().flat_map(|own| &mut own.secondary).collect();
    correct(secondary, "benjamini-hochberg", benjamini_hochberg);
    all
}

fn correct(family: Vec<&mut MetricComparison>, method: &str, rule: fn(&[f64]) -> Vec<f64>) {
    let (p, tested): (Vec<f64>, Vec<&mut MetricComparison>) =
        family.into_iter().filter_map(|own| Some((to_correct(own)?, own))).unzip();
    let family = tested.len() as u64;
    for (own, p) in tested.into_iter().zip(rule(&p)) {
        own.adjusted = Some(Adjusted { method: method.to_owned(), family, p });
    }
}

/// The p-value that is corrected: of yes or no the larger one of both tests, so that what is corrected is never below
/// what is shown.
fn to_correct(own: &MetricComparison) -> Option<f64> {
    let of_personas = own.population.as_ref().map(|own| own.p);
    let of_turns = own.mcnemar.as_ref().map(|own| own.p);
    of_personas.into_iter().chain(of_turns).reduce(f64::max)
}

fn comparison(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    progress: &Progress,
    health: &[Check],
) -> Comparison {
    let primary = compare(sheet, plan, treatment, plan.primary);
    let course = match plan.design {
        Design::Crossover => course(sheet, plan, treatment, plan.primary),
        Design::Split => Course::default(),
    };
    let personas = personas(sheet, plan, treatment);
    let may_speak = plan.stopping == Stopping::Sequential || progress.over;
    let leave_one_out = leave_one_out(sheet, plan, treatment, &personas, may_speak);
    let looks = looks(&course, plan);
    let seen = Seen {
        treatment: treatment.as_str(),
        primary: &primary,
        personas: &personas,
        looks: &looks,
        progress,
        health,
        leave_one_out: leave_one_out.as_ref(),
    };
    let verdict = verdict(plan, &seen);
    Comparison {
        control: plan.control().clone(),
        treatment: treatment.clone(),
        secondary: plan.secondary.iter().map(|metric| compare(sheet, plan, treatment, *metric)).collect(),
        guardrails: plan.guardrails.iter().map(|own| guardrail(sheet, plan, treatment, *own)).collect(),
        ordinal: ordinal(sheet, plan, treatment),
        modules: modules(sheet, plan, treatment),
        course: looks,
        bounds: bounds::of_effect(sheet, plan, treatment),
        robustness: robustness(sheet, plan, treatment, primary.effect),
        disagreements: disagreements(sheet, plan, treatment),
        planning: planning(sheet, plan, treatment, &course, verdict.outcome, progress.over),
        verdict,
        primary,
        personas,
        leave_one_out,
    }
}

/// Not worse by the margin, one-sided at alpha between personas.
fn guardrail(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    guardrail: Guardrail,
) -> GuardrailComparison {
    let comparison = compare(sheet, plan, treatment, guardrail.metric);
    let sign = if guardrail.metric.more_is_better() { 1.0 } else { -1.0 };
    // In the direction in which more is better.
    let towards = |ends: Bounds| match guardrail.metric.more_is_better() {
        true => ends,
        false => Bounds { low: -ends.high, high: -ends.low },
    };
    let ends = comparison.population.as_ref().and_then(|own| one_sided(own, plan.alpha));
    let ends = ends.or_else(|| without_spread(sheet, plan, treatment, &comparison)).map(towards);
    GuardrailComparison {
        margin: guardrail.margin,
        worst: ends.map(|ends| sign * ends.low),
        holds: ends.is_some_and(|ends| ends.low > -guardrail.margin),
        broken: ends.is_some_and(|ends| ends.high < -guardrail.margin),
        comparison,
    }
}

/// Where an effect may lie whose metric is the same for every persona: of rates as far as so many turns (of a split:
/// so many personas) can tell, two-sided; of others where it is, once there are some values. None if it is not the
/// same, or there are fewer than two personas for each arm.
fn without_spread(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    comparison: &MetricComparison,
) -> Option<Bounds> {
    if let Some(turns) = &comparison.mcnemar {
        return Some(Bounds { low: turns.low, high: turns.high });
    }
    let [control, treated] = [plan.control(), treatment].map(|arm| means(sheet, arm, comparison.metric));
    let few = control.len().min(treated.len()) < 2;
    if few || !all_same(&control) || !all_same(&treated) {
        return None;
    }
    if is_rate(comparison.metric) {
        let always = |means: &[f64]| means.iter().filter(|mean| **mean > 0.5).count() as u64;
        let [control, treated] = [&control, &treated].map(|means| (always(means), means.len() as u64));
        return newcombe(control.0, control.1, treated.0, treated.1, plan.alpha);
    }
    if comparison.metric == Metric::ToolSuccess {
        return comparison.anytime.as_ref().map(|own| Bounds { low: own.low, high: own.high });
    }
    let effect = comparison.effect.filter(|_| comparison.n >= FIRST_LOOK)?;
    Some(Bounds { low: effect, high: effect })
}

/// Each persona's mean under an arm.
fn means(sheet: &Sheet<'_>, arm: &ArmName, metric: Metric) -> Vec<f64> {
    sheet.values(arm, metric).into_values().map(|own| mean(own.into_iter())).collect()
}

#[expect(clippy::float_cmp, reason = "values that never vary are the same to the last bit")]
fn all_same(values: &[f64]) -> bool {
    values.windows(2).all(|two| two[0] == two[1])
}

/// The effect as it stood after each round.
fn looks(course: &Course, plan: &Plan) -> Vec<Look> {
    let evidence = sign_e_course(&course.means);
    let (mut sum, mut cost) = (0.0, Some(0.0));
    let mut looks = Vec::with_capacity(course.means.len());
    for (at, (mean, evidence)) in course.means.iter().zip(evidence).enumerate() {
        sum += mean;
        cost = cost.zip(course.costs[at]).map(|(so_far, own)| so_far + own);
        let interval = at_every_look(&course.means[..=at], plan, plan.primary);
        #[expect(clippy::cast_precision_loss, reason = "counts of rounds")]
        let effect = sum / (at + 1) as f64;
        looks.push(Look {
            round: u32::try_from(at + 1).unwrap_or(u32::MAX),
            effect,
            low: interval.as_ref().map(|own| own.low),
            high: interval.map(|own| own.high),
            e: evidence.e,
            cost,
        });
    }
    looks
}
