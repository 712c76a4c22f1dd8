//! How ratings look: synthetic raters are often too even and too kind.

use super::mean::Moments;

/// ICC(1) from a one-way analysis of variance, groups of unequal size allowed: the part of the variance that
/// is between groups. It may be below 0. None with fewer than two groups or no repetition.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of ratings")]
pub fn icc1(groups: &[Vec<f64>]) -> Option<f64> {
    let groups: Vec<&Vec<f64>> = groups.iter().filter(|group| !group.is_empty()).collect();
    let (k, n) = (groups.len() as f64, groups.iter().map(|group| group.len()).sum::<usize>() as f64);
    let squares: f64 = groups.iter().map(|group| (group.len() as f64).powi(2)).sum();
    if k < 2.0 || n <= k {
        return None;
    }
    let grand = groups.iter().flat_map(|group| group.iter()).sum::<f64>() / n;
    let (mut between, mut inside) = (0.0, 0.0);
    for group in &groups {
        let mean = Moments::of(group).mean;
        between += group.len() as f64 * (mean - grand).powi(2);
        inside += group.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    }
    let (between, inside) = (between / (k - 1.0), inside / (n - k));
    let size = (n - squares / n) / (k - 1.0);
    let total = between + (size - 1.0) * inside;
    (total > 0.0).then(|| (between - inside) / total)
}

/// The part that the commonest value has.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of ratings")]
pub fn mode_share(counts: &[u64; 5]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    (total > 0).then(|| counts.iter().copied().max().unwrap_or(0) as f64 / total as f64)
}

/// Entropy over its maximum: 0 when all ratings are alike, 1 when all five are equally common.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of ratings")]
pub fn entropy(counts: &[u64; 5]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let share = |count: &u64| *count as f64 / total as f64;
    let sum: f64 = counts.iter().filter(|count| **count > 0).map(share).map(|p| -p * p.ln()).sum();
    (total > 0).then(|| sum / 5.0_f64.ln())
}

/// The standard deviation over that of ratings spread evenly from 1 to 5 (√2).
#[must_use]
pub fn compression(values: &[f64]) -> Option<f64> {
    let deviation = Moments::of(values).variance.sqrt();
    deviation.is_finite().then(|| deviation / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn icc_is_the_part_between_groups() {
        // Shrout and Fleiss (1979), table 4: ICC(1,1) is 0.17 over four judges.
        let judged = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]];
        let groups: Vec<Vec<f64>> =
            judged.iter().map(|row| row.iter().copied().map(f64::from).collect()).collect();
        near(icc1(&groups).unwrap(), 0.165_742, 1e-5);
        assert_eq!(icc1(&groups[..1]), None);
        assert_eq!(icc1(&[vec![1.0], vec![2.0]]), None, "nobody rated twice");
    }

    #[test]
    fn distributions_have_a_mode_and_an_entropy() {
        near(mode_share(&[0, 0, 2, 6, 2]).unwrap(), 0.6, 1e-12);
        near(entropy(&[3; 5]).unwrap(), 1.0, 1e-12);
        near(entropy(&[0, 0, 0, 7, 0]).unwrap(), 0.0, 1e-12);
        assert_eq!(entropy(&[0; 5]), None);
        near(compression(&[4.0, 4.0, 4.0]).unwrap(), 0.0, 1e-12);
    }
}
