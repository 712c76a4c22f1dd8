//! Intervals and evidence that stay valid however often one looks.

use statrs::distribution::{Beta, Binomial, ContinuousCDF as _, DiscreteCDF as _};
use statrs::function::gamma::ln_gamma;

use super::mean::{Moments, ROUNDING};
use crate::report::{Anytime, SignE};

/// So many rounds have to differ from the commonest one before their spread is worth anything.
const FEW: u64 = 5;
/// Before this many rounds the normal approximation behind the interval is not to be relied on.
pub const FIRST_LOOK: u64 = 10;

/// How the asymptotic confidence sequence is tuned, so that it is narrowest about when `planned`
/// observations are in (Waudby-Smith and others, arXiv 2103.06476).
#[must_use]
fn rho(alpha: f64, planned: f64) -> f64 {
    let log = -2.0 * alpha.ln();
    ((log + (log + 1.0).ln()) / planned).sqrt()
}

/// Half the width of the interval for the mean of `n` observations with this variance.
#[must_use]
pub fn half_width(variance: f64, n: f64, planned: f64, alpha: f64) -> f64 {
    let rho = rho(alpha, planned);
    let growth = n * rho * rho + 1.0;
    (variance * 2.0 * growth / (n * rho).powi(2) * (growth.sqrt() / alpha).ln()).sqrt()
}

/// The p-value that belongs to it: the smallest alpha would have to be for the interval to reach zero, with
/// the tuning of `alpha`. `t` is the effect over its standard error.
#[must_use]
fn p_value(t: f64, n: f64, planned: f64, alpha: f64) -> f64 {
    let spread = n * rho(alpha, planned).powi(2);
    let log_e = spread * t * t / (2.0 * (spread + 1.0)) - (spread + 1.0).ln() / 2.0;
    (-log_e).exp().min(1.0)
}

/// The mean of the rounds so far, whenever one looks. None before the tenth round, and none when all rounds
/// are alike: then nothing is known about their spread.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of rounds")]
pub fn anytime(rounds: &[f64], planned: u64, alpha: f64) -> Option<Anytime> {
    let Moments { n, mean, variance } = Moments::of(rounds);
    if n < FIRST_LOOK as f64 || variance.is_nan() || variance.sqrt() <= mean.abs() * ROUNDING {
        return None;
    }
    let planned = planned.max(FIRST_LOOK) as f64;
    let half = half_width(variance, n, planned, alpha);
    let p = p_value(mean / (variance / n).sqrt(), n, planned, alpha);
    Some(Anytime { rounds: rounds.len() as u64, effect: mean, low: mean - half, high: mean + half, p })
}

/// The interval of rounds nearly all of which are alike: so few others tell nothing of the spread, and the usual
/// interval would be far too narrow. How often a round is another one is bounded all the same, by Clopper and
/// Pearson's upper limit `q` of m others among n − 1 (one round is spent on which value is the common one), and
/// another one is at most `reach` away from zero. With no other round, `q = 1 − alpha^(1/(n−1))` holds at every
/// look; with a few of them it holds at each by itself. None before the tenth round, and when more rounds differ.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of rounds")]
pub fn nearly_alike(rounds: &[f64], reach: f64, alpha: f64) -> Option<Anytime> {
    let (common, others) = commonest(rounds)?;
    let n = rounds.len() as u64;
    if n < FIRST_LOOK || others >= FEW {
        return None;
    }
    let limit = Beta::new(others as f64 + 1.0, (n - 1 - others) as f64).ok()?.inverse_cdf(1.0 - alpha);
    // The alpha at which the interval ends at zero.
    let p = Binomial::new(common.abs() / (common.abs() + reach), n - 1).ok()?.cdf(others);
    Some(Anytime {
        rounds: n,
        effect: Moments::of(rounds).mean,
        low: common - limit * (common + reach),
        high: common + limit * (reach - common),
        p,
    })
}

/// The commonest value, and how many rounds have another one.
fn commonest(rounds: &[f64]) -> Option<(f64, u64)> {
    let like =
        |value: &f64| rounds.iter().filter(|other| (**other - value).abs() <= value.abs() * ROUNDING).count();
    let common = rounds.iter().max_by_key(|value| like(value))?;
    Some((*common, (rounds.len() - like(common)) as u64))
}

/// Evidence against "a round is won as often as lost": 2^n · W! · L! / (n + 1)!.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of rounds")]
fn sign_e(wins: u64, losses: u64) -> f64 {
    let (w, l) = (wins as f64, losses as f64);
    let n = w + l;
    if n == 0.0 {
        return 1.0;
    }
    (n * 2.0_f64.ln() + ln_gamma(w + 1.0) + ln_gamma(l + 1.0) - ln_gamma(n + 2.0)).exp()
}

/// The evidence after each round; the last is the present state. Its largest value counts, so a look that was
/// enough stays enough.
#[must_use]
pub fn sign_e_course(rounds: &[f64]) -> Vec<SignE> {
    let (mut wins, mut losses, mut max_e) = (0, 0, 1.0_f64);
    let after = |round: &f64| {
        wins += u64::from(*round > 0.0);
        losses += u64::from(*round < 0.0);
        let e = sign_e(wins, losses);
        max_e = max_e.max(e);
        SignE { wins, losses, e, max_e, p: (1.0 / max_e).min(1.0) }
    };
    rounds.iter().map(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;
    use crate::report::Estimate;
    use crate::statistics::{Difference, welch};

    #[test]
    fn tuning_and_width_agree_with_gbstats() {
        // AC-07, variance 1.
        near(rho(0.05, 5000.0), 0.039_840_066_8, 1e-9);
        near(rho(0.05, 600.0), 0.115_008_366_4, 1e-9);
        for (planned, n, half) in [
            (600.0, 100.0, 0.346_425_6),
            (600.0, 600.0, 0.123_911_9),
            (600.0, 5000.0, 0.045_502_5),
            (5000.0, 100.0, 0.669_438_9),
            (5000.0, 600.0, 0.150_854_9),
            (5000.0, 5000.0, 0.042_924_3),
        ] {
            near(half_width(1.0, n, planned, 0.05), half, 1e-6);
        }
    }

    #[test]
    fn rounds_that_are_all_alike_are_bounded_by_how_many_there_are() {
        // scipy.stats.binomtest(0, n − 1).proportion_ci(alternative "less"): 0.283129, 0.098145, 0.049508.
        for (n, q) in [(10, 0.283_129), (30, 0.098_145), (60, 0.049_508)] {
            let zero = nearly_alike(&vec![0.0; n], 4.0, 0.05).unwrap();
            near(zero.high, 4.0 * q, 1e-5);
            near(zero.low, -zero.high, 1e-12);
            near(zero.p, 1.0, 1e-12);
        }
        let always_one = |n: usize| nearly_alike(&vec![1.0; n], 4.0, 0.05).unwrap();
        assert!(always_one(12).low < 0.0 && always_one(12).p > 0.05);
        assert!(always_one(20).low > 0.0 && always_one(20).p < 0.05);
        near(nearly_alike(&[1.0; 12], 4.0, always_one(12).p).unwrap().low, 0.0, 1e-12);
        assert_eq!(nearly_alike(&[1.0; 9], 4.0, 0.05), None, "too early");
        // One other among 29: scipy.stats.beta.ppf(0.95, 2, 28).
        let mut rounds = vec![0.0; 29];
        rounds.push(0.1);
        let one = nearly_alike(&rounds, 4.0, 0.05).unwrap();
        near(one.high, 4.0 * 0.153_392, 1e-5);
        near(one.effect, 0.1 / 30.0, 1e-12);
        let many: Vec<f64> = (0..30).map(|round| f64::from(round % 6)).collect();
        assert_eq!(nearly_alike(&many, 4.0, 0.05), None, "they vary");
    }

    /// An estimate from two independent arms, whenever one looks: both are one stream of `n` observations whose
    /// variance is `se²·n` (as in gbstats).
    fn at_any_time(estimate: &Estimate, n: f64, planned: f64, alpha: f64) -> Estimate {
        let Estimate { effect, se, .. } = *estimate;
        let half = half_width(se * se * n, n, planned, alpha);
        let p = p_value(effect / se, n, planned, alpha);
        Estimate { effect, se, df: None, low: effect - half, high: effect + half, p }
    }

    #[test]
    fn two_arms_agree_with_gbstats() {
        // AC-07, relative differences.
        let means = (
            Moments::from_sums(3000.0, 1396.87, 52_377.976_7),
            Moments::from_sums(3461.0, 2422.7, 134_698.29),
        );
        let rates = (Moments::proportion(1396.0, 3000.0), Moments::proportion(2422.0, 3461.0));
        for ((a, b), planned, [effect, low, high, se, p]) in [
            (means, 1000.0, [0.503_36, -0.558_44, 1.565_16, 0.333_41, 1.0]),
            (rates, 5000.0, [0.503_86, 0.400_98, 0.606_75, 0.033_86, 5.17e-44]),
        ] {
            let fixed = welch(a, b, 0.05, Difference::Relative).unwrap();
            let e = at_any_time(&fixed, a.n + b.n, planned, 0.05);
            for (found, expected) in
                [e.effect, e.low, e.high, e.se, e.p].into_iter().zip([effect, low, high, se, p])
            {
                near(found, expected, 1e-5);
            }
            assert!(p > 0.5 || (e.p / p - 1.0).abs() < 0.01, "{} is not {p}", e.p);
        }
    }

    #[test]
    fn the_interval_reaches_zero_exactly_when_p_is_alpha() {
        let mut rounds: Vec<f64> = (0..20).map(|round| f64::from(round % 5) / 5.0).collect();
        let wide = anytime(&rounds, 20, 0.05).unwrap();
        rounds.iter_mut().for_each(|round| *round -= wide.low);
        let at = anytime(&rounds, 20, 0.05).unwrap();
        near(at.low, 0.0, 1e-9);
        near(at.p, 0.05, 1e-9);
        assert_eq!(anytime(&rounds[..9], 20, 0.05), None, "too early");
        assert_eq!(anytime(&[0.1; 20], 20, 0.05), None, "no spread");
    }

    #[test]
    fn evidence_agrees_with_the_formula() {
        // AC-19.
        for (wins, losses, e) in [
            (12, 8, 0.396_382),
            (14, 3, 10.708_497),
            (9, 1, 9.309_091),
            (20, 5, 24.290_515),
            (10, 10, 0.270_260),
        ] {
            near(sign_e(wins, losses), e, 1e-5);
        }
        let mut rounds = vec![1.0; 20];
        rounds.extend([-1.0; 5]);
        let last = sign_e_course(&rounds).pop().unwrap();
        near(last.e, 24.290_515, 1e-5);
        near(last.max_e, sign_e(20, 0), 1e-6);
    }
}
