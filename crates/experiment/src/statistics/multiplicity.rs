//! p-values of a family, corrected for its size.

/// Holm's step-down correction: the chance of any false alarm in the family stays below alpha.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "families are small")]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in ascending(p).into_iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

/// Benjamini and Hochberg's correction: of what is found, a part of alpha is false on average.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "families are small")]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut smallest: f64 = 1.0;
    for (rank, index) in ascending(p).into_iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 / (rank + 1) as f64 * p[index]);
        adjusted[index] = smallest;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::all_near;

    #[test]
    fn both_agree_with_the_published_cases() {
        // AC-10 (GrowthBook's test suite).
        all_near(&holm(&[0.01, 0.04, 0.03, 0.005, 0.55, 0.6]), &[0.05, 0.12, 0.12, 0.03, 1.0, 1.0], 1e-9);
        let found = benjamini_hochberg(&[0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138]);
        all_near(&found, &[0.964, 0.2415, 0.0245, 0.964, 0.7532, 0.0245, 0.2415], 1e-9);
        all_near(&holm(&[0.025, 0.03]), &[0.05, 0.05], 1e-9);
        all_near(&benjamini_hochberg(&[0.025, 0.03]), &[0.03, 0.03], 1e-9);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn holm_is_never_below_benjamini_hochberg_and_that_never_below_the_raw(p in prop::collection::vec(0.0..=1.0_f64, 0..9)) {
            for ((raw, holm), bh) in p.iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
                prop_assert!(*raw <= bh + 1e-12 && bh <= holm + 1e-12 && holm <= 1.0);
            }
        }
    }
}
