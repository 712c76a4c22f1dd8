//! Ratios of sums, such as good tool calls over all of them: the delta method, with the persona as unit.

use super::mean::{Moments, with_t};
use crate::report::Estimate;

/// The difference of two ratios, treatment minus control, of personas who are in both arms. Each entry is a
/// persona's numerator and denominator. A ratio's error is that of `(N − R·D) / mean(D)` per persona; paired,
/// the two are subtracted first. None with fewer than two personas, or nothing to divide by.
#[must_use]
pub fn ratio_difference(control: &[(f64, f64)], treatment: &[(f64, f64)], alpha: f64) -> Option<Estimate> {
    if control.len() != treatment.len() {
        return None;
    }
    let (of_control, a) = linear(control)?;
    let (of_treatment, b) = linear(treatment)?;
    let paired: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
    let Moments { n, variance, .. } = Moments::of(&paired);
    with_t(of_treatment - of_control, (variance / n).sqrt(), n - 1.0, alpha)
}

/// A ratio of sums, and what each persona adds to its error.
fn linear(sums: &[(f64, f64)]) -> Option<(f64, Vec<f64>)> {
    let (above, below) = sums.iter().fold((0.0, 0.0), |(n, d), own| (n + own.0, d + own.1));
    #[expect(clippy::cast_precision_loss, reason = "counts of personas")]
    let mean = below / sums.len() as f64;
    let ratio = above / below;
    let parts = sums.iter().map(|own| (own.0 - ratio * own.1) / mean).collect();
    (below > 0.0).then_some((ratio, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn one_arm_agrees_with_the_delta_method_of_gbstats() {
        // 1.3: s² = sN²/mD² + sD² mN²/mD⁴ − 2 cND mN/mD³, over n; against an arm whose ratio has no error.
        let arm = [(3.0, 4.0), (5.0, 5.0), (2.0, 6.0), (8.0, 9.0)];
        let sure = [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0), (1.5, 3.0)];
        let e = ratio_difference(&sure, &arm, 0.05).unwrap();
        let (n, d): (Vec<f64>, Vec<f64>) = arm.iter().copied().unzip();
        let (n, d) = (Moments::of(&n), Moments::of(&d));
        let c = arm.iter().map(|own| (own.0 - n.mean) * (own.1 - d.mean)).sum::<f64>() / 3.0;
        let variance = n.variance / d.mean.powi(2) + d.variance * n.mean.powi(2) / d.mean.powi(4)
            - 2.0 * c * n.mean / d.mean.powi(3);
        near(e.effect, 18.0 / 24.0 - 0.5, 1e-12);
        near(e.se, (variance / 4.0).sqrt(), 1e-12);
        assert_eq!(ratio_difference(&sure, &[(0.0, 0.0); 4], 0.05), None, "nothing to divide by");
    }
}
