//! The effect of a treatment by one metric, with every uncertainty that it has.

use std::collections::{BTreeMap, BTreeSet};

use super::sheet::{Pairs, Sheet, mean, mean_difference, values_of};
use crate::report::{Anytime, Estimate, McNemar, MetricComparison};
use crate::statistics::{
    Difference, Moments, anytime, clustered, mcnemar, nearly_alike, newcombe, permutation, ratio_difference,
    sign_e_course, sign_flip, student, superiority, welch, within,
};
use domain::experiment::{ArmName, Design, Metric, Plan};
use domain::observation::Observation;

/// Where drawn tests begin; with up to 16 personas nothing is drawn.
pub(super) const SEED: u64 = 0x5eed;

/// A treatment against the control by one metric.
pub(super) fn compare(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    metric: Metric,
) -> MetricComparison {
    match plan.design {
        Design::Crossover => paired(sheet, plan, treatment, metric),
        Design::Split => unpaired(sheet, plan, treatment, metric),
    }
}

fn paired(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName, metric: Metric) -> MetricComparison {
    let pairs = sheet.pairs(plan.control(), treatment, metric);
    let effects: Vec<f64> = pairs.iter().map(Pairs::effect).collect();
    let blocks: Vec<Vec<Vec<f64>>> = pairs.iter().map(Pairs::by_block).collect();
    let all: Vec<Vec<f64>> = pairs.iter().map(Pairs::differences).collect();
    let arm = |of: fn(&(f64, f64)) -> f64| {
        known(mean(pairs.iter().map(|own| mean(own.blocks.values().flatten().map(of)))))
    };
    let rounds = course(sheet, plan, treatment, metric);
    let (effect, control_mean) = (known(mean_difference(effects.iter().copied())), arm(|pair| pair.0));
    MetricComparison {
        metric,
        n: all.iter().map(|own| own.len() as u64).sum(),
        personas: pairs.len() as u64,
        control_mean,
        treatment_mean: arm(|pair| pair.1),
        effect,
        relative: relative(effect, control_mean),
        weighted_by_pairs: known(mean(all.iter().flatten().copied())),
        catalogue: within(&blocks, plan.alpha),
        population: student(&effects, plan.alpha),
        clustered: clustered(&all, plan.alpha),
        sign_flip: sign_flip(&effects, SEED),
        anytime: at_every_look(&rounds.means, plan, metric),
        sign_e: sign_e_course(&rounds.means).pop(),
        mcnemar: if is_rate(metric) { of_rates(&pairs, plan.alpha) } else { None },
        ratio: if metric == Metric::ToolSuccess { of_all_calls(sheet, plan, treatment) } else { None },
        adjusted: None,
    }
}

/// Of tool calls all together: good ones over all, so that who calls few tools says little.
fn of_all_calls(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Estimate> {
    let calls = |turn: &Observation| {
        let (all, failed) =
            (f64::from(turn.actions.unwrap_or(0)), f64::from(turn.failed_actions.unwrap_or(0)));
        (all - failed, all)
    };
    let pairs = sheet.pairs_by(plan.control(), treatment, |control, treatment| {
        let ((good, all), (good_too, all_too)) = (calls(control), calls(treatment));
        vec![(good, good_too), (all, all_too)]
    });
    // Of each block the good calls come first, then all of them.
    let sums = |of: fn(&(f64, f64)) -> f64| -> Vec<(f64, f64)> {
        let of_persona = |own: &Pairs<'_>| {
            let blocks = own.blocks.values();
            blocks.fold((0.0, 0.0), |(good, all), calls| (good + of(&calls[0]), all + of(&calls[1])))
        };
        pairs.iter().map(of_persona).collect()
    };
    ratio_difference(&sums(|arms| arms.0), &sums(|arms| arms.1), plan.alpha)
}

/// Each persona is in one arm: it is one value, and its mean is what is compared.
fn unpaired(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName, metric: Metric) -> MetricComparison {
    let (control, treated) = (sheet.values(plan.control(), metric), sheet.values(treatment, metric));
    let means = |values: &BTreeMap<&str, Vec<f64>>| -> Vec<f64> {
        values.values().map(|own| mean(own.iter().copied())).collect()
    };
    let (a, b) = (means(&control), means(&treated));
    let (of_control, of_treatment) = (Moments::of(&a), Moments::of(&b));
    let (control_mean, treatment_mean) = (known(of_control.mean), known(of_treatment.mean));
    let effect = control_mean.zip(treatment_mean).map(|(control, treatment)| treatment - control);
    let all = |values: &BTreeMap<&str, Vec<f64>>| mean(values.values().flatten().copied());
    MetricComparison {
        metric,
        n: control.values().chain(treated.values()).map(|own| own.len() as u64).sum(),
        personas: control.keys().chain(treated.keys()).collect::<BTreeSet<_>>().len() as u64,
        control_mean,
        treatment_mean,
        effect,
        relative: relative(effect, control_mean),
        weighted_by_pairs: known(all(&treated) - all(&control)),
        catalogue: None,
        population: welch(of_control, of_treatment, plan.alpha, Difference::Absolute),
        clustered: None,
        sign_flip: permutation(&a, &b, SEED),
        anytime: None,
        sign_e: None,
        mcnemar: None,
        ratio: None,
        adjusted: None,
    }
}

/// The effect as it came in: one value for each round that is over.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// The mean difference of each round.
    pub means: Vec<f64>,
    /// What a round cost, if every price is known.
    pub costs: Vec<Option<f64>>,
    /// Rounds that every persona finished.
    pub rounds: u32,
}

/// Round by round: a persona's k-th complete block of the phase belongs to round k, and a round is over when
/// every persona has it. Who has less than half as many blocks as the middle one is not waited for.
#[must_use]
pub fn course(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName, metric: Metric) -> Course {
    let complete = sheet.complete_blocks(plan.control(), treatment);
    let mut counts: Vec<usize> = complete.values().map(Vec::len).collect();
    counts.sort_unstable();
    let middle = counts.get(counts.len() / 2).copied().unwrap_or(0);
    let rounds = counts.into_iter().filter(|count| count * 2 >= middle && *count > 0).min().unwrap_or(0);
    let pairs = sheet.pairs(plan.control(), treatment, metric);
    let pairs: BTreeMap<&str, &Pairs<'_>> = pairs.iter().map(|own| (own.persona, own)).collect();
    let mut course = Course { rounds: u32::try_from(rounds).unwrap_or(u32::MAX), ..Course::default() };
    for round in 0..rounds {
        let blocks = complete.iter().filter_map(|(persona, blocks)| Some((*persona, *blocks.get(round)?)));
        let blocks: Vec<(&str, u32)> = blocks.collect();
        let effect = |(persona, block): &(&str, u32)| {
            let own = pairs.get(persona)?.blocks.get(block)?;
            Some(mean(own.iter().map(|(control, treatment)| treatment - control)))
        };
        let Some(effect) = known(mean_difference(blocks.iter().filter_map(effect))) else { continue };
        let turns = blocks.iter().flat_map(|(persona, block)| sheet.personas[persona][block].values());
        course.means.push(effect);
        course.costs.push(turns.map(|turn| turn.cost).sum());
    }
    course
}

/// The interval of the rounds so far that holds however often one looks.
pub(super) fn at_every_look(rounds: &[f64], plan: &Plan, metric: Metric) -> Option<Anytime> {
    let alpha = plan.alpha_of_each();
    let reach = metric.range().map(|(least, most)| most - least);
    let bounded = reach.and_then(|reach| nearly_alike(rounds, reach, alpha));
    bounded.or_else(|| anytime(rounds, u64::from(plan.planned_blocks), alpha))
}

/// Whether a metric is yes or no for each turn.
pub(super) fn is_rate(metric: Metric) -> bool {
    matches!(metric, Metric::ParseFailures | Metric::Refusals | Metric::Faults)
}

/// A number, unless it is none.
pub(super) fn known(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

fn relative(effect: Option<f64>, control: Option<f64>) -> Option<f64> {
    known(effect? / control?.abs())
}

/// The exact test on blocks where exactly one arm said yes.
#[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
fn of_rates(pairs: &[Pairs<'_>], alpha: f64) -> Option<McNemar> {
    let all: Vec<(bool, bool)> = (pairs.iter())
        .flat_map(|own| own.blocks.values().flatten())
        .map(|(control, treatment)| (*control > 0.5, *treatment > 0.5))
        .collect();
    let count = |wanted: fn(&(bool, bool)) -> bool| all.iter().filter(|pair| wanted(pair)).count() as u64;
    let (control, treatment, n) = (count(|pair| pair.0), count(|pair| pair.1), all.len() as u64);
    let bounds = newcombe(control, n, treatment, n, alpha)?;
    let (treatment_only, control_only) = (count(|pair| pair.1 && !pair.0), count(|pair| pair.0 && !pair.1));
    Some(McNemar {
        treatment_only,
        control_only,
        p: mcnemar(treatment_only, control_only),
        difference: (treatment as f64 - control as f64) / n as f64,
        low: bounds.low,
        high: bounds.high,
        chance_higher: superiority(control, n, treatment, n),
    })
}

/// All ratings of an arm.
pub(super) fn ratings(sheet: &Sheet<'_>, arm: &ArmName) -> Vec<f64> {
    sheet.turns(arm).flat_map(|turn| values_of(turn, Metric::Rating)).collect()
}
