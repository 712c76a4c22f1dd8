//! Rates: intervals and tests for yes or no.

use statrs::distribution::{Beta, Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal};

use crate::report::Bounds;

/// Wilson's interval of a rate. None without any turns.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
pub fn wilson(k: u64, n: u64, alpha: f64) -> Option<Bounds> {
    if n == 0 {
        return None;
    }
    let z = Normal::standard().inverse_cdf(1.0 - alpha / 2.0);
    let (p, n) = (k as f64 / n as f64, n as f64);
    let scale = 1.0 + z * z / n;
    let center = (p + z * z / (2.0 * n)) / scale;
    let half = z / scale * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    // At its ends the interval ends with the scale, and not where rounding leaves it.
    Some(Bounds {
        low: if k == 0 { 0.0 } else { (center - half).max(0.0) },
        high: if p >= 1.0 { 1.0 } else { (center + half).min(1.0) },
    })
}

/// Newcombe's interval of the difference of two independent rates, second minus first.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
pub fn newcombe(k1: u64, n1: u64, k2: u64, n2: u64, alpha: f64) -> Option<Bounds> {
    let (first, second) = (wilson(k1, n1, alpha)?, wilson(k2, n2, alpha)?);
    let (p1, p2) = (k1 as f64 / n1 as f64, k2 as f64 / n2 as f64);
    let difference = p2 - p1;
    Some(Bounds {
        low: difference - ((p2 - second.low).powi(2) + (first.high - p1).powi(2)).sqrt(),
        high: difference + ((second.high - p2).powi(2) + (p1 - first.low).powi(2)).sqrt(),
    })
}

/// McNemar's exact test on pairs of which exactly one said yes: two-sided, 1 without any.
#[must_use]
pub fn mcnemar(one: u64, other: u64) -> f64 {
    let Ok(coin) = Binomial::new(0.5, one + other) else { return 1.0 };
    (2.0 * coin.cdf(one.min(other))).min(1.0)
}

/// The chance that `k` attempts all succeed, estimated without bias from `successes` of `n`: C(c,k)/C(n,k), pass^k of
/// tau-bench. None with fewer than `k` attempts.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
pub fn pass_hat(successes: u64, n: u64, k: u64) -> Option<f64> {
    let drawn = |at: u64| successes.saturating_sub(at) as f64 / (n - at) as f64;
    (k <= n && successes <= n).then(|| (0..k).map(drawn).product())
}

/// The chance that the second rate is above the first, each with a uniform prior.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
pub fn superiority(k1: u64, n1: u64, k2: u64, n2: u64) -> Option<f64> {
    let posterior = |k: u64, n: u64| Beta::new(k as f64 + 1.0, n.checked_sub(k)? as f64 + 1.0).ok();
    let (first, second) = (posterior(k1, n1)?, posterior(k2, n2)?);
    // E[F1(X2)] over the quantiles of X2: smooth, so that the midpoint rule is good to 1e-5.
    const STEPS: u32 = 4_000;
    let at = |step: u32| first.cdf(second.inverse_cdf((f64::from(step) + 0.5) / f64::from(STEPS)));
    Some((0..STEPS).map(at).sum::<f64>() / f64::from(STEPS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn all_of_several_attempts_succeed_less_often_than_one() {
        // AC-20: four attempts, three of them good.
        for (k, chance) in [(1, 0.75), (2, 0.5), (3, 0.25), (4, 0.0)] {
            near(pass_hat(3, 4, k).unwrap(), chance, 1e-12);
        }
        assert_eq!(pass_hat(3, 4, 5), None, "so many were not tried");
        near(pass_hat(0, 3, 2).unwrap(), 0.0, 1e-12);
    }

    #[test]
    fn intervals_agree_with_the_published_cases() {
        // AC-18; 17/20 and 5/5 are published, the others computed with statsmodels.
        for (k, n, low, high) in [
            (17, 20, 0.639_581, 0.947_631),
            (5, 5, 0.565_518, 1.0),
            (0, 10, 0.0, 0.277_533),
            (850, 1000, 0.826_531, 0.870_790),
        ] {
            let bounds = wilson(k, n, 0.05).unwrap();
            near(bounds.low, low, 1e-6);
            near(bounds.high, high, 1e-6);
        }
        for n in [1, 2, 3, 7, 10, 49, 300, 10_001] {
            assert_eq!(wilson(0, n, 0.05).unwrap().low, 0.0, "none of {n}");
            assert_eq!(wilson(n, n, 0.05).unwrap().high, 1.0, "all of {n}");
        }
        let bounds = newcombe(120, 150, 135, 150, 0.05).unwrap();
        near(bounds.low, 0.018_954, 1e-6);
        near(bounds.high, 0.180_871, 1e-6);
        assert_eq!(wilson(0, 0, 0.05), None);
    }

    #[test]
    fn tests_agree_with_the_published_cases() {
        // AC-18.
        near(mcnemar(14, 4), 0.030_883_8, 1e-6);
        near(mcnemar(3, 1), 0.625, 1e-9);
        near(mcnemar(0, 0), 1.0, 0.0);
        near(mcnemar(5, 5), 1.0, 0.0);
        near(superiority(120, 150, 135, 150).unwrap(), 0.992_189_3, 1e-5);
        near(superiority(49, 100, 51, 100).unwrap(), 0.610_770_5, 1e-5);
    }
}
