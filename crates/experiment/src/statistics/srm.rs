//! Sample ratio mismatch: whether arms have about as many as they were meant to.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

/// Below this the counts are no accident.
pub const ALARM: f64 = 0.001;
/// With fewer in an arm nothing can be said.
pub const MIN_PER_ARM: u64 = 8;

/// Whether there are enough for the test to say anything: in each arm that has a weight as many as [`MIN_PER_ARM`]
/// should be, or are. Not "are" alone: the arm that has lost nearly all of its turns would speak for itself.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
pub fn is_testable(counts: &[u64], weights: &[f64]) -> bool {
    let arms = || counts.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
    let total = arms().map(|(count, _)| *count as f64).sum::<f64>();
    let weight: f64 = arms().map(|(_, weight)| weight).sum();
    let should_be = arms().all(|(_, own)| total * own / weight >= MIN_PER_ARM as f64);
    should_be || arms().all(|(count, _)| *count >= MIN_PER_ARM)
}

/// The chi-square test of counts against weights, with one degree of freedom less than arms that have a
/// weight. None without two of them.
///
/// GrowthBook leaves arms of weight 0 out of the sum and still counts them in the degrees of freedom, which
/// hides a mismatch; here they count in neither.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
pub fn chi_square(counts: &[u64], weights: &[f64]) -> Option<f64> {
    let arms: Vec<(f64, f64)> = (counts.iter().zip(weights))
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(count, weight)| (*count as f64, *weight))
        .collect();
    let total: f64 = arms.iter().map(|(count, _)| count).sum();
    let weight: f64 = arms.iter().map(|(_, weight)| weight).sum();
    if arms.len() < 2 {
        return None;
    }
    if total == 0.0 {
        return Some(1.0);
    }
    let terms = arms.iter().map(|(count, own)| {
        let expected = total * own / weight;
        (count - expected).powi(2) / expected
    });
    let distribution = ChiSquared::new(arms.len() as f64 - 1.0).ok()?;
    Some(distribution.sf(terms.sum()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn it_agrees_with_the_published_cases() {
        // AC-04 (GrowthBook's check_srm).
        let halves = [0.5, 0.5];
        for (counts, weights, p) in [
            (&[500, 600][..], &halves[..], 0.002_568_83),
            (&[1000, 1200], &halves, 2.007_87e-5),
            (&[46, 54], &halves, 0.423_711),
            (&[460, 540], &halves, 0.011_412_0),
            (&[4600, 5400], &halves, 1.244_19e-15),
            (&[100, 110, 90], &[1.0 / 3.0; 3], 0.367_879),
            (&[821_588, 815_482], &halves, 1.821_79e-6),
            (&[300, 700], &[0.3, 0.7], 1.0),
            (&[0, 0], &halves, 1.0),
        ] {
            near(chi_square(counts, weights).unwrap(), p, 1e-5 * p.max(1e-9) + 1e-9);
        }
    }

    #[test]
    fn it_speaks_when_each_arm_has_enough_or_should_have() {
        let halves = &[0.5, 0.5][..];
        for (counts, weights, is) in [
            (&[36, 4][..], halves, true),
            (&[77, 3], halves, true),
            (&[16, 0], halves, true),
            (&[8, 8], halves, true),
            (&[9, 6], halves, false),
            (&[8, 7], halves, false),
            (&[0, 0], halves, false),
            // Four should be in the small arm, and are.
            (&[36, 4], &[0.9, 0.1], false),
            (&[20, 20], &[0.9, 0.1], true),
            (&[72, 8], &[0.9, 0.1], true),
            (&[24, 0, 0], &[1.0 / 3.0; 3], true),
            (&[23, 0, 0], &[1.0 / 3.0; 3], false),
            (&[36, 4, 0], &[0.5, 0.5, 0.0], true),
        ] {
            assert_eq!(is_testable(counts, weights), is, "{counts:?} for {weights:?}");
        }
    }

    #[test]
    fn an_arm_without_weight_hides_nothing() {
        let two = chi_square(&[500, 600], &[0.5, 0.5]);
        assert_eq!(chi_square(&[500, 600, 0], &[0.5, 0.5, 0.0]), two);
        assert_eq!(chi_square(&[5], &[1.0]), None);
    }
}
