//! Each arm by itself: how far its turns came, what it cost, how it was rated.

use std::collections::BTreeMap;

use super::effect::{is_rate, known, ratings};
use super::sheet::{Sheet, mean, values_of};
use crate::report::{ArmMetric, ArmSummary, Rater, Reliability, Stages};
use crate::statistics::{
    clustered, compression, entropy, icc1, median, mode_share, pass_hat, quantile, spearman, wilson,
};
use domain::experiment::{ArmName, Metric, Plan};
use domain::observation::{Observation, Reached};

/// An arm by itself.
pub(super) fn summary(sheet: &Sheet<'_>, plan: &Plan, arm: &ArmName) -> ArmSummary {
    let ratings = ratings(sheet, arm);
    let distribution = distribution(&ratings);
    let metrics: Vec<ArmMetric> =
        Metric::ALL.into_iter().filter_map(|metric| of(sheet, plan, arm, metric)).collect();
    let mean_of =
        |metric| metrics.iter().find(|own: &&ArmMetric| own.metric == metric).and_then(|own| own.mean);
    let points = mean_of(Metric::Rating).map(|rating| rating - 1.0).filter(|points| *points > 0.0);
    let by_persona: Vec<Vec<f64>> = sheet.values(arm, Metric::Rating).into_values().collect();
    let missing = sheet.turns(arm).flat_map(|turn| turn.modules.values()).filter(|rating| rating.is_none());
    ArmSummary {
        arm: arm.clone(),
        stages: stages(sheet, arm),
        distribution,
        missing_ratings: missing.count() as u64,
        reliability: reliability(sheet, arm),
        rater: Rater {
            icc: icc1(&by_persona),
            mode_share: mode_share(&distribution),
            entropy: entropy(&distribution),
            compression: compression(&ratings),
            say_do: say_do(sheet, arm),
        },
        cost_per_point: mean_of(Metric::Cost).zip(points).map(|(cost, points)| cost / points),
        metrics,
    }
}

fn stages(sheet: &Sheet<'_>, arm: &ArmName) -> Stages {
    let count = |stage| sheet.turns(arm).filter(|turn| turn.reached >= stage).count() as u64;
    Stages {
        assigned: count(Reached::Assigned),
        started: count(Reached::Started),
        completed: count(Reached::Completed),
        rated: count(Reached::Rated),
        parsed: count(Reached::Parsed),
    }
}

/// How often 1, 2, 4 and 8 turns of a persona all end without a fault. Turns that ended early for the host's reasons
/// say nothing about it.
fn reliability(sheet: &Sheet<'_>, arm: &ArmName) -> Vec<Reliability> {
    let mut personas: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let counts = |turn: &&Observation| turn.reached >= Reached::Completed || turn.faulted != Some(false);
    for turn in sheet.turns(arm).filter(counts) {
        let (completed, all) = personas.entry(turn.persona.as_str()).or_default();
        *completed += u64::from(turn.reached >= Reached::Completed);
        *all += 1;
    }
    let of = |turns: u64| {
        let chances = personas.values().filter_map(|(completed, all)| pass_hat(*completed, *all, turns));
        Some(Reliability { turns, chance: known(mean(chances))? })
    };
    [1, 2, 4, 8].into_iter().filter_map(of).collect()
}

/// Whether turns whose tools worked are rated higher.
fn say_do(sheet: &Sheet<'_>, arm: &ArmName) -> Option<f64> {
    let both = |turn: &Observation| {
        let rating = known(mean(values_of(turn, Metric::Rating).into_iter()))?;
        Some((rating, values_of(turn, Metric::ToolSuccess).pop()?))
    };
    let (said, done): (Vec<f64>, Vec<f64>) = sheet.turns(arm).filter_map(both).unzip();
    spearman(&said, &done)
}

/// How many of each; one between two counts for the nearer.
fn distribution(ratings: &[f64]) -> [u64; 5] {
    let mut counts = [0; 5];
    for rating in ratings {
        let at = (1..5).filter(|at| *rating >= f64::from(*at) + 0.5).count();
        counts[at] += 1;
    }
    counts
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of turns"
)]
fn of(sheet: &Sheet<'_>, plan: &Plan, arm: &ArmName, metric: Metric) -> Option<ArmMetric> {
    let by_persona: BTreeMap<&str, Vec<f64>> = sheet.values(arm, metric);
    let values: Vec<f64> = sheet.turns(arm).flat_map(|turn| values_of(turn, metric)).collect();
    if values.is_empty() {
        return None;
    }
    let (low, high) = if is_rate(metric) {
        let bounds = wilson(values.iter().sum::<f64>().round() as u64, values.len() as u64, plan.alpha)?;
        (Some(bounds.low), Some(bounds.high))
    } else {
        let personas: Vec<Vec<f64>> = by_persona.into_values().collect();
        let estimate = clustered(&personas, plan.alpha);
        let (least, most) = metric.range().unwrap_or((0.0, f64::INFINITY));
        (estimate.as_ref().map(|own| own.low.max(least)), estimate.map(|own| own.high.min(most)))
    };
    Some(ArmMetric {
        metric,
        n: values.len() as u64,
        mean: known(values.iter().sum::<f64>() / values.len() as f64),
        low,
        high,
        median: median(&values),
        p95: quantile(&values, 0.95),
    })
}
