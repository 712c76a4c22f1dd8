//! CUPED: what is known of a unit from before takes noise out of a comparison between units. Of use in a split; in
//! a crossover each persona is compared with itself already.

use super::mean::{Difference, Moments, welch};
use crate::report::Estimate;

/// The slope of after on before, pooled over both arms: the sum of their covariances over that of their variances.
#[must_use]
fn theta(control: &[(f64, f64)], treatment: &[(f64, f64)]) -> Option<f64> {
    let pooled = |of: fn(&[(f64, f64)]) -> f64| of(control) + of(treatment);
    let slope = pooled(covariance) / pooled(|arm| Moments::of(&befores(arm)).variance);
    slope.is_finite().then_some(slope)
}

/// The difference of means after, adjusted for before. Each unit is a pair of before and after; before is centred
/// over both arms, so that the arms' means stay where they are when both began alike.
#[must_use]
pub fn adjusted(
    control: &[(f64, f64)],
    treatment: &[(f64, f64)],
    alpha: f64,
    difference: Difference,
) -> Option<Estimate> {
    let slope = theta(control, treatment)?;
    let arm = |units: &[(f64, f64)]| {
        let values: Vec<f64> = units.iter().map(|(before, after)| after - slope * before).collect();
        Moments::of(&values)
    };
    let mut arms = (arm(control), arm(treatment));
    let all: Vec<f64> = befores(control).into_iter().chain(befores(treatment)).collect();
    let shift = slope * Moments::of(&all).mean;
    arms.0.mean += shift;
    arms.1.mean += shift;
    welch(arms.0, arms.1, alpha, difference)
}

fn befores(units: &[(f64, f64)]) -> Vec<f64> {
    units.iter().map(|unit| unit.0).collect()
}

fn covariance(units: &[(f64, f64)]) -> f64 {
    let after: Vec<f64> = units.iter().map(|unit| unit.1).collect();
    let (x, y) = (Moments::of(&befores(units)), Moments::of(&after));
    units.iter().map(|unit| (unit.0 - x.mean) * (unit.1 - y.mean)).sum::<f64>() / (x.n - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn the_slope_and_the_difference_agree_with_gbstats() {
        // AC-09.
        let same = [(0.3, 2.0), (0.5, 1.0), (0.9, 5.0), (22.0, 3.0)];
        near(theta(&same, &same).unwrap(), 0.018_64, 1e-5);
        let a = [(3.0, 3.0), (4.0, 4.0), (2.0, 3.0), (5.0, 5.0), (3.0, 3.0), (4.0, 4.0)];
        let b = [(2.0, 3.0), (4.0, 5.0), (3.0, 4.0), (5.0, 5.0), (4.0, 5.0), (3.0, 4.0)];
        near(theta(&a, &b).unwrap(), 0.727_272_7, 1e-7);
        let e = adjusted(&a, &b, 0.05, Difference::Absolute).unwrap();
        for (found, expected) in [e.effect, e.se, e.low, e.high, e.p].into_iter().zip([
            0.666_666_7,
            0.168_175_0,
            0.291_949_4,
            1.041_383_9,
            0.002_668_58,
        ]) {
            near(found, expected, 1e-6);
        }
        let afters = |arm: &[(f64, f64)]| Moments::of(&arm.iter().map(|unit| unit.1).collect::<Vec<f64>>());
        let raw = welch(afters(&a), afters(&b), 0.05, Difference::Absolute).unwrap();
        near(raw.se, 0.471_404_5, 1e-6);
        near(raw.p, 0.187_670, 1e-5);
    }
}
