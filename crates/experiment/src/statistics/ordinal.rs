//! The order of values, which 1 to 5 are sure of while the distances between them are not.

use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal, StudentsT};

use super::mean::Moments;

/// Up to so many values without ties and zeros Wilcoxon's distribution is counted out.
const COUNTED: usize = 25;

/// The sign test: two-sided, exact, 1 without any.
#[must_use]
pub fn sign_test(wins: u64, losses: u64) -> f64 {
    let Ok(coin) = Binomial::new(0.5, wins + losses) else { return 1.0 };
    (2.0 * coin.cdf(wins.min(losses))).min(1.0)
}

/// Cliff's delta: the chance that a value of the treatment is above one of the control, less the chance that
/// it is below.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of ratings")]
pub fn cliffs_delta(control: &[f64], treatment: &[f64]) -> Option<f64> {
    if control.is_empty() || treatment.is_empty() {
        return None;
    }
    let mut sorted = control.to_vec();
    sorted.sort_by(f64::total_cmp);
    let over = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let above = sorted.len() - sorted.partition_point(|other| other <= value);
        below as f64 - above as f64
    };
    Some(treatment.iter().map(over).sum::<f64>() / (control.len() as f64 * treatment.len() as f64))
}

/// Spearman's correlation of two lists by ranks. None where either list has fewer than three values, or no two
/// that differ.
#[must_use]
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 3 {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let (of_a, of_b) = (Moments::of(&a), Moments::of(&b));
    let products: f64 = a.iter().zip(&b).map(|(a, b)| (a - of_a.mean) * (b - of_b.mean)).sum();
    let correlation = products / (of_a.n - 1.0) / (of_a.variance * of_b.variance).sqrt();
    correlation.is_finite().then_some(correlation)
}

/// A word for a delta (Romano and others, 2006).
#[must_use]
pub fn magnitude(delta: f64) -> &'static str {
    match delta.abs() {
        size if size < 0.147 => "negligible",
        size if size < 0.33 => "small",
        size if size < 0.474 => "medium",
        _ => "large",
    }
}

/// Brunner and Munzel's test: whether either of two independent samples tends to larger values, with unequal
/// variances allowed. Two-sided, t distribution. None where the ranks have no variance.
#[must_use]
pub fn brunner_munzel(control: &[f64], treatment: &[f64]) -> Option<f64> {
    let both: Vec<f64> = control.iter().chain(treatment).copied().collect();
    let overall = ranks(&both);
    let (of_control, of_treatment) = overall.split_at(control.len());
    let excess = |overall: &[f64], own: &[f64]| -> Vec<f64> {
        overall.iter().zip(ranks(own)).map(|(overall, own)| overall - own).collect()
    };
    let (a, b) = (Moments::of(&excess(of_control, control)), Moments::of(&excess(of_treatment, treatment)));
    let (mean_a, mean_b) = (Moments::of(of_control).mean, Moments::of(of_treatment).mean);
    // Variances of the placements, each weighted by its sample.
    let (va, vb) = (a.n * a.variance, b.n * b.variance);
    if va + vb <= 0.0 || (va + vb).is_nan() {
        return None;
    }
    let statistic = a.n * b.n * (mean_b - mean_a) / ((a.n + b.n) * (va + vb).sqrt());
    let df = (va + vb).powi(2) / (va.powi(2) / (a.n - 1.0) + vb.powi(2) / (b.n - 1.0));
    Some(2.0 * StudentsT::new(0.0, 1.0, df).ok()?.cdf(-statistic.abs()))
}

/// Wilcoxon's signed ranks, two-sided. Zeros are ranked and then left out (Pratt), because a third of the
/// differences of ratings are zero. Exact where there are neither ties nor zeros and at most 25 values,
/// otherwise normal with the ties' correction. None when all are zero.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of personas")]
pub fn wilcoxon_pratt(values: &[f64]) -> Option<f64> {
    let sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    let ranks = ranks(&sizes);
    let of_sign = |sign: f64| -> f64 {
        values.iter().zip(&ranks).filter(|(value, _)| **value * sign > 0.0).map(|(_, rank)| rank).sum()
    };
    let (plus, minus) = (of_sign(1.0), of_sign(-1.0));
    let zeros = values.iter().filter(|value| **value == 0.0).count() as f64;
    let n = values.len() as f64;
    if zeros == n {
        return None;
    }
    let mut sorted = sizes;
    sorted.sort_by(f64::total_cmp);
    let tied = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    if zeros == 0.0 && !tied && values.len() <= COUNTED {
        return Some(counted(values.len(), plus.min(minus)));
    }
    let mean = (n * (n + 1.0) - zeros * (zeros + 1.0)) / 4.0;
    let ties: f64 = groups_of_ties(&sorted).into_iter().map(|size| size.powi(3) - size).sum();
    let squares = n * (n + 1.0) * (2.0 * n + 1.0) - zeros * (zeros + 1.0) * (2.0 * zeros + 1.0) - ties / 2.0;
    let z = (plus.min(minus) - mean) / (squares / 24.0).sqrt();
    Some((2.0 * Normal::standard().cdf(-z.abs())).min(1.0))
}

/// The part of all assignments of signs to ranks 1 to n with a sum of at most this, twice.
fn counted(n: usize, smaller: f64) -> f64 {
    let most = n * (n + 1) / 2;
    let mut ways = vec![0.0; most + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..=most).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of whole ranks")]
    let up_to = smaller.round() as usize;
    let below: f64 = ways[..=up_to.min(most)].iter().sum();
    (2.0 * below / ways.iter().sum::<f64>()).min(1.0)
}

/// The sizes of groups of equal values above zero, of sorted values.
#[expect(clippy::cast_precision_loss, reason = "counts of personas")]
fn groups_of_ties(sorted: &[f64]) -> Vec<f64> {
    sorted.chunk_by(|a, b| a == b).filter(|group| group[0] > 0.0).map(|group| group.len() as f64).collect()
}

/// Ranks from 1; equal values share the mean of theirs.
#[expect(clippy::cast_precision_loss, reason = "counts of ratings")]
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let up_to = sorted.partition_point(|other| other <= value);
        (below + up_to + 1) as f64 / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn correlation_by_ranks_agrees_with_scipy() {
        // scipy.stats.spearmanr, with ties in both lists.
        let (said, done) = ([3.0, 4.0, 4.0, 5.0, 2.0, 3.5], [0.5, 1.0, 0.75, 1.0, 0.25, 0.9]);
        near(spearman(&said, &done).unwrap(), 0.867_647_058_823_529_4, 1e-9);
        assert_eq!(spearman(&said, &[1.0; 6]), None, "nothing varies");
        assert_eq!(spearman(&said[..2], &done[..2]), None);
    }

    #[test]
    fn tests_agree_with_scipy() {
        // scipy.stats.brunnermunzel (distribution="t") and wilcoxon (zero_method="pratt").
        let (a, b) = (
            [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 1.0, 1.0],
            [3.0, 3.0, 4.0, 3.0, 1.0, 2.0, 3.0, 1.0, 1.0, 5.0, 4.0],
        );
        near(brunner_munzel(&a, &b).unwrap(), 0.005786208666151469, 1e-9);
        for (values, p) in [
            (&[0.5, 0.25, -0.1, 0.4, 0.3, 0.6, 0.2, -0.15][..], 0.0390625),
            (&[0.5, 0.25, -0.1, 0.0, 0.25, 0.6, 0.0, 0.2, -0.2, 0.3], 0.05735936242574571),
            (&[1.0, 1.0, -1.0, 0.0, 2.0, 1.0, 0.0, 3.0, -1.0, 2.0, 2.0, 1.0], 0.03407758036811622),
        ] {
            near(wilcoxon_pratt(values).unwrap(), p, 1e-9);
        }
        assert_eq!(wilcoxon_pratt(&[0.0, 0.0]), None);
        assert_eq!(brunner_munzel(&[1.0, 1.0], &[2.0, 2.0]), None, "they do not overlap");
    }

    #[test]
    fn delta_counts_pairs() {
        near(cliffs_delta(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).unwrap(), 5.0 / 9.0, 1e-12);
        near(cliffs_delta(&[5.0], &[1.0]).unwrap(), -1.0, 1e-12);
        assert_eq!(cliffs_delta(&[], &[1.0]), None);
        let words = [0.1, -0.2, 0.4, -0.5].map(magnitude);
        assert_eq!(words, ["negligible", "small", "medium", "large"]);
    }

    #[test]
    fn the_sign_test_is_a_fair_coin() {
        near(sign_test(14, 4), 0.030_883_8, 1e-6);
        near(sign_test(0, 0), 1.0, 0.0);
        near(sign_test(0, 5), 0.0625, 1e-12);
    }
}
