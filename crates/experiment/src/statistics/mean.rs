//! Means and their differences: Student's and Welch's intervals.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::report::{Bounds, Estimate};

/// Sums of equal numbers are off by about so much.
pub(super) const ROUNDING: f64 = 1e-12;

/// How many values, their mean and their variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance, with n − 1.
    pub variance: f64,
}

/// A difference as it is, or in parts of the control's mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Treatment minus control.
    Absolute,
    /// The same divided by the absolute value of the control's mean (delta method).
    Relative,
}

impl Moments {
    /// Of these values. The variance of fewer than two is not a number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many values")]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { n, mean, variance: if n < 2.0 { f64::NAN } else { squares / (n - 1.0) } }
    }

    /// Of the sum of values and the sum of their squares.
    #[must_use]
    pub fn from_sums(n: f64, sum: f64, squares: f64) -> Self {
        Self { n, mean: sum / n, variance: (squares - sum * sum / n) / (n - 1.0) }
    }

    /// Of yes and no, with the variance p(1 − p).
    #[must_use]
    pub fn proportion(successes: f64, n: f64) -> Self {
        let p = successes / n;
        Self { n, mean: p, variance: p * (1.0 - p) }
    }
}

/// An effect with a standard error and Student's distribution.
pub(super) fn with_t(effect: f64, se: f64, df: f64, alpha: f64) -> Option<Estimate> {
    // Values that are all alike differ by rounding: that is no spread.
    if !(se > effect.abs() * ROUNDING && se.is_finite() && df > 0.0) {
        return None;
    }
    let t = StudentsT::new(0.0, 1.0, df).ok()?;
    let half = se * t.inverse_cdf(1.0 - alpha / 2.0);
    let p = 2.0 * t.cdf(-(effect / se).abs());
    Some(Estimate { effect, se, df: Some(df), low: effect - half, high: effect + half, p })
}

/// The mean of values, by Student's t with n − 1. None for fewer than two, or when all are alike.
#[must_use]
pub fn student(values: &[f64], alpha: f64) -> Option<Estimate> {
    let Moments { n, mean, variance } = Moments::of(values);
    with_t(mean, (variance / n).sqrt(), n - 1.0, alpha)
}

/// The difference of two independent means, by Welch's t (Satterthwaite's degrees of freedom, from the
/// arms' own variances also when the difference is relative). None when a variance is not above 0.
#[must_use]
pub fn welch(control: Moments, treatment: Moments, alpha: f64, difference: Difference) -> Option<Estimate> {
    let (a, b) = (control.variance / control.n, treatment.variance / treatment.n);
    if !(control.variance > 0.0 && treatment.variance > 0.0 && control.n >= 2.0 && treatment.n >= 2.0) {
        return None;
    }
    let df = (a + b).powi(2) / (a * a / (control.n - 1.0) + b * b / (treatment.n - 1.0));
    let raw = treatment.mean - control.mean;
    let (effect, variance) = match difference {
        Difference::Absolute => (raw, a + b),
        Difference::Relative => {
            let base = control.mean.abs();
            (raw / base, a * treatment.mean.powi(2) / base.powi(4) + b / base.powi(2))
        }
    };
    with_t(effect, variance.sqrt(), df, alpha)
}

/// The ends of the two one-sided intervals of an estimate: with each of them 1 − alpha of such intervals are right.
#[must_use]
pub fn one_sided(estimate: &Estimate, alpha: f64) -> Option<Bounds> {
    let half = estimate.se * StudentsT::new(0.0, 1.0, estimate.df?).ok()?.inverse_cdf(1.0 - alpha);
    Some(Bounds { low: estimate.effect - half, high: estimate.effect + half })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    fn arms() -> (Moments, Moments) {
        (Moments::from_sums(3407.0, 1396.87, 52_377.976_7), Moments::from_sums(3461.0, 2422.7, 134_698.29))
    }

    #[test]
    fn welch_agrees_with_the_published_cases() {
        // AC-06 (GrowthBook's test suite).
        let (a, b) = arms();
        let rates = (Moments::proportion(14.0, 28.0), Moments::proportion(16.0, 30.0));
        for ((a, b), difference, expected) in [
            ((a, b), Difference::Relative, [0.70732, -0.03526, 1.44989, 0.37879, 0.06191]),
            ((a, b), Difference::Absolute, [0.29, 0.04538, 0.53462, 0.12478, 0.02016]),
            (rates, Difference::Relative, [0.06667, -0.47767, 0.61101, 0.2717, 0.80707]),
        ] {
            let e = welch(a, b, 0.05, difference).unwrap();
            for (found, expected) in [e.effect, e.low, e.high, e.se, e.p].into_iter().zip(expected) {
                near(found, expected, 1e-5);
            }
        }
    }

    /// The same one-sided, whether the treatment is greater: the interval has no upper end.
    fn welch_greater(
        control: Moments,
        treatment: Moments,
        alpha: f64,
        difference: Difference,
    ) -> Option<Estimate> {
        let both = welch(control, treatment, alpha, difference)?;
        let p = StudentsT::new(0.0, 1.0, both.df?).ok()?.sf(both.effect / both.se);
        Some(Estimate { low: one_sided(&both, alpha)?.low, high: f64::INFINITY, p, ..both })
    }

    #[test]
    fn one_sided_agrees_with_the_published_cases() {
        // AC-06: the same sums over 3000 in the control.
        let (_, b) = arms();
        let a = Moments::from_sums(3000.0, 1396.87, 52_377.976_7);
        for (difference, [effect, low, p]) in [
            (Difference::Relative, [0.503_36, -0.045_14, 0.065_58]),
            (Difference::Absolute, [0.234_38, 0.020_79, 0.035_54]),
        ] {
            let e = welch_greater(a, b, 0.05, difference).unwrap();
            near(e.effect, effect, 1e-5);
            near(e.low, low, 1e-5);
            near(e.p, p, 1e-5);
            assert!(e.high.is_infinite());
        }
    }

    #[test]
    fn what_has_no_variance_has_no_interval() {
        let two = Moments::from_sums(2.0, 1396.87, 52_377.976_7);
        assert!(two.variance < 0.0, "sums that no two values have");
        assert_eq!(welch(two, two, 0.05, Difference::Absolute), None);
        assert_eq!(student(&[1.0, 1.0, 1.0], 0.05), None);
        assert_eq!(student(&[0.1; 7], 0.05), None, "whose mean is off by rounding");
        assert_eq!(student(&[1.0], 0.05), None);
    }

    #[test]
    fn student_agrees_with_scipy() {
        // scipy.stats.ttest_1samp([.3, .1, -.2, .4, .25, 0], 0): t 1.561738, p 0.179121; 95 % interval.
        let e = student(&[0.3, 0.1, -0.2, 0.4, 0.25, 0.0], 0.05).unwrap();
        near(e.effect, 0.141_666_7, 1e-6);
        near(e.p, 0.1756096632242898, 1e-5);
        near(e.low, -0.08924892203891463, 1e-5);
    }
}
