//! Paired differences, a group of them for each persona: the persona is the unit, because what one persona
//! says twice is not said by two.

use super::Draws;
use super::mean::with_t;
use crate::report::{Estimate, SignFlip};

/// Up to so many personas every assignment of signs is looked at.
const EXHAUSTIVE: usize = 16;
/// Beyond that, so many seeded ones.
const DRAWS: u32 = 100_000;
/// Up to so many ways to deal the personas to two arms each is looked at.
const MOST_DEALS: f64 = 200_000.0;
/// Sums in another order differ by rounding; they are ties all the same.
const TIE: f64 = 1e-9;

/// The mean of the personas' means for these very personas: the error is that of each one's mean, clustered by
/// its blocks, and what the personas differ by is part of the truth. `se = √(Σ se_g²) / G`, Satterthwaite's
/// degrees of freedom. None when a persona has fewer than two blocks: its error cannot be known.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of personas")]
pub fn within(personas: &[Vec<Vec<f64>>], alpha: f64) -> Option<Estimate> {
    let means: Vec<ClusteredMean> =
        personas.iter().map(|blocks| ClusteredMean::of(blocks)).collect::<Option<_>>()?;
    let count = means.len() as f64;
    let effect = means.iter().map(|own| own.mean).sum::<f64>() / count;
    let errors: f64 = means.iter().map(|own| own.variance).sum();
    let spread: f64 = means.iter().map(|own| own.variance.powi(2) / own.df).sum();
    with_t(effect, errors.sqrt() / count, errors.powi(2) / spread, alpha)
}

/// The mean of all values, each of the same weight, with errors clustered by group:
/// `se = √(G/(G−1) Σ_g (Σ_{i∈g} (d_i − D))²) / n`, Student's t with G − 1.
#[must_use]
pub fn clustered(groups: &[Vec<f64>], alpha: f64) -> Option<Estimate> {
    let ClusteredMean { mean, variance, df } = ClusteredMean::of(groups)?;
    with_t(mean, variance.sqrt(), df, alpha)
}

/// A mean of all values, and its variance from the sums of whole groups.
struct ClusteredMean {
    mean: f64,
    variance: f64,
    df: f64,
}

impl ClusteredMean {
    /// None with fewer than two groups.
    #[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
    fn of(groups: &[Vec<f64>]) -> Option<Self> {
        let groups: Vec<&Vec<f64>> = groups.iter().filter(|group| !group.is_empty()).collect();
        let count = groups.len() as f64;
        let n = groups.iter().map(|group| group.len()).sum::<usize>() as f64;
        let mean = groups.iter().flat_map(|group| group.iter()).sum::<f64>() / n;
        let scores = groups.iter().map(|group| group.iter().map(|value| value - mean).sum::<f64>().powi(2));
        let variance = count / (count - 1.0) * scores.sum::<f64>() / (n * n);
        (count > 1.0).then_some(Self { mean, variance, df: count - 1.0 })
    }
}

/// Whether the mean of the personas' effects is zero: the part of all assignments of signs under which it
/// would be at least as far from zero. Exact up to 16 personas; it can never be below 2/2^G.
#[must_use]
pub fn sign_flip(effects: &[f64], seed: u64) -> Option<SignFlip> {
    let n = effects.len();
    if n == 0 {
        return None;
    }
    let observed = effects.iter().sum::<f64>().abs();
    let size: f64 = effects.iter().map(|effect| effect.abs()).sum();
    let reaches = |sum: f64| sum.abs() >= observed - TIE * size;
    let floor = super::floor(n);
    if n <= EXHAUSTIVE {
        // The first sign stays: the mirror image of an assignment is as far from zero.
        let all = 1_u32 << (n - 1);
        let far = (0..all).filter(|signs| {
            let signed = effects[1..].iter().enumerate();
            reaches(
                effects[0] + signed.map(|(at, e)| if signs >> at & 1 == 1 { -e } else { *e }).sum::<f64>(),
            )
        });
        let far = u32::try_from(far.count()).unwrap_or(u32::MAX);
        return Some(SignFlip { p: f64::from(far) / f64::from(all), exact: true, floor });
    }
    let mut draws = Draws::seeded(seed);
    let mut far = 0_u32;
    for _ in 0..DRAWS {
        let mut bits = (0, 0);
        let sum: f64 = (effects.iter())
            .map(|effect| {
                if bits.1 == 0 {
                    bits = (draws.bits(), 64);
                }
                let flip = bits.0 & 1 == 1;
                bits = (bits.0 >> 1, bits.1 - 1);
                if flip { -effect } else { *effect }
            })
            .sum();
        far += u32::from(reaches(sum));
    }
    Some(SignFlip { p: f64::from(far + 1) / f64::from(DRAWS + 1), exact: false, floor })
}

/// Whether two groups of personas have the same mean: the part of all ways to deal them to two arms of these
/// sizes under which the means are at least as far apart.
#[must_use]
pub fn permutation(control: &[f64], treatment: &[f64], seed: u64) -> Option<SignFlip> {
    if control.is_empty() || treatment.is_empty() {
        return None;
    }
    let all: Vec<f64> = control.iter().chain(treatment).copied().collect();
    let (n, k) = (all.len(), treatment.len());
    let total: f64 = all.iter().sum();
    let size: f64 = all.iter().map(|value| value.abs()).sum();
    // The difference of means is a linear function of the treatment's sum.
    let apart = |sum: f64| (sum - total * ratio(k, n)).abs();
    let observed = apart(treatment.iter().sum());
    let reaches = |sum: f64| apart(sum) >= observed - TIE * size;
    let deals = (0..k).map(|at| ratio(n - at, k - at)).product::<f64>();
    let mirrored = if n == 2 * k { 2.0 } else { 1.0 };
    let floor = (mirrored / deals).min(1.0);
    if deals <= MOST_DEALS {
        let (mut far, mut count) = (0_u32, 0_u32);
        each_deal(&all, k, &mut |sum| {
            far += u32::from(reaches(sum));
            count += 1;
        });
        return Some(SignFlip { p: f64::from(far) / f64::from(count), exact: true, floor });
    }
    let (mut draws, mut dealt, mut far) = (Draws::seeded(seed), all, 0_u32);
    for _ in 0..DRAWS {
        for at in 0..k {
            let other = at + draws.below(n - at);
            dealt.swap(at, other);
        }
        far += u32::from(reaches(dealt[..k].iter().sum()));
    }
    Some(SignFlip { p: f64::from(far + 1) / f64::from(DRAWS + 1), exact: false, floor })
}

#[expect(clippy::cast_precision_loss, reason = "counts of personas")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

/// The sum of each choice of `k` values.
fn each_deal(values: &[f64], k: usize, tell: &mut impl FnMut(f64)) {
    fn go(values: &[f64], k: usize, sum: f64, tell: &mut impl FnMut(f64)) {
        if k == 0 {
            return tell(sum);
        }
        for first in 0..=values.len() - k {
            go(&values[first + 1..], k - 1, sum + values[first], tell);
        }
    }
    go(values, k, 0.0, tell);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::near;

    const EFFECTS: [f64; 8] = [0.5, 0.25, -0.1, 0.4, 0.3, 0.0, 0.6, 0.2];

    fn groups() -> Vec<Vec<f64>> {
        vec![vec![1.0, 0.0, 1.0, 0.5], vec![0.0, -1.0, 0.5], vec![2.0, 1.0, 0.0, 1.0, 1.0], vec![0.0, 0.5]]
    }

    #[test]
    fn clustered_errors_agree_with_statsmodels() {
        // OLS on a constant, cov_type "cluster", use_correction False, times √(G/(G−1)); t with G − 1.
        let e = clustered(&groups(), 0.05).unwrap();
        near(e.effect, 0.5357142857142857, 1e-9);
        near(e.se, 0.2644872238894006, 1e-9);
        near(e.p, 0.13593490512552472, 1e-9);
        assert_eq!(clustered(&[vec![1.0, 2.0]], 0.05), None, "one persona has no spread");
    }

    #[test]
    fn the_error_within_agrees_with_numpy() {
        // A pair in each block: the error of a persona's mean is s/√n.
        let single = |group: Vec<f64>| group.into_iter().map(|value| vec![value]).collect::<Vec<_>>();
        let personas: Vec<Vec<Vec<f64>>> = groups().into_iter().map(single).collect();
        let e = within(&personas, 0.05).unwrap();
        near(e.effect, 0.42708333333333337, 1e-9);
        near(e.se, 0.16090294262208024, 1e-9);
        near(e.df.unwrap(), 6.498527471222907, 1e-9);
        assert_eq!(
            within(&[single(vec![1.0]), single(vec![1.0, 2.0])], 0.05),
            None,
            "one block has no error"
        );
    }

    #[test]
    fn blocks_of_unequal_size_keep_the_mean_over_pairs() {
        // A persona as statsmodels sees it: OLS on a constant, clustered by block, times √(B/(B−1)).
        let persona = groups();
        let alone = within(std::slice::from_ref(&persona), 0.05).unwrap();
        let as_clusters = clustered(&persona, 0.05).unwrap();
        near(alone.effect, as_clusters.effect, 1e-12);
        near(alone.se, as_clusters.se, 1e-12);
        near(alone.p, as_clusters.p, 1e-9);
    }

    #[test]
    fn the_exact_tests_agree_with_scipy() {
        // scipy.stats.permutation_test, samples and independent, n_resamples=inf, statistic mean / difference.
        near(sign_flip(&EFFECTS, 1).unwrap().p, 0.03125, 1e-9);
        near(
            permutation(&[3.0, 3.5, 4.0, 2.5, 3.2], &[4.1, 3.9, 4.4, 3.6], 1).unwrap().p,
            0.06349206349206349,
            1e-9,
        );
        near(permutation(&[3.0, 3.5, 4.0], &[4.1, 3.9, 4.4], 1).unwrap().floor, 0.1, 1e-9);
    }

    #[test]
    fn no_p_value_is_below_the_floor_of_so_few_personas() {
        // AC-17.
        for (personas, floor) in
            [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (8, 0.007_812_5), (10, 0.001_953_125)]
        {
            let all_alike = sign_flip(&vec![1.0; personas], 1).unwrap();
            near(all_alike.p, floor, 1e-12);
            near(all_alike.floor, floor, 1e-12);
        }
    }

    #[test]
    fn many_personas_are_drawn_and_agree_with_the_exact_test() {
        let sixteen: Vec<f64> =
            EFFECTS.iter().chain(&[0.1, -0.3, 0.2, -0.2, 0.1, 0.0, -0.4, 0.3]).copied().collect();
        let exact = sign_flip(&sixteen, 1).unwrap();
        let mut seventeen = sixteen;
        seventeen.push(0.0);
        let drawn = sign_flip(&seventeen, 1).unwrap();
        assert!(exact.exact && !drawn.exact);
        near(drawn.p, exact.p, 0.005);
    }

    proptest! {
        #[test]
        fn neither_sign_nor_order_changes_the_test(effects in prop::collection::vec(-2.0..2.0_f64, 1..9), shift in 0..9_usize) {
            let p = sign_flip(&effects, 1).map(|flip| flip.p);
            let mut other: Vec<f64> = effects.iter().map(|effect| -effect).collect();
            other.rotate_left(shift % effects.len());
            prop_assert_eq!(p, sign_flip(&other, 1).map(|flip| flip.p));
        }
    }
}
