//! From weights and the share that takes part to a range of points for each arm.

/// From, and up to.
pub type Range = (f64, f64);

/// A range for each arm: arm k begins where the weights before it end, and is as long as its weight times
/// the share. Weights that do not sum to 1 (± 0.01) are replaced by equal ones, and a share beyond 0 or 1 by
/// the nearest, as GrowthBook does; whoever asks people for them refuses both before.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a handful of arms")]
pub fn ranges(arms: usize, share: f64, weights: &[f64]) -> Vec<Range> {
    let share = share.clamp(0.0, 1.0);
    let usable = weights.len() == arms && (0.99..=1.01).contains(&weights.iter().sum::<f64>());
    let equal = vec![1.0 / arms as f64; arms];
    let weights = if usable { weights } else { &equal };
    let mut from = 0.0;
    let range = |weight: &f64| {
        let begin = from;
        from += weight;
        (begin, begin + share * weight)
    };
    weights.iter().map(range).collect()
}

/// The arm whose range holds a point; the end of a range is not part of it.
#[must_use]
pub fn choose(point: f64, ranges: &[Range]) -> Option<usize> {
    ranges.iter().position(|(from, to)| *from <= point && point < *to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn ranges_are_those_of_the_specification() {
        // AC-02.
        for (arms, share, weights, expected) in [
            (2, 1.0, &[][..], &[(0.0, 0.5), (0.5, 1.0)][..]),
            (2, 0.5, &[], &[(0.0, 0.25), (0.5, 0.75)]),
            (2, 0.0, &[], &[(0.0, 0.0), (0.5, 0.5)]),
            (3, 0.2, &[0.2, 0.3, 0.5], &[(0.0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
            (2, -0.2, &[], &[(0.0, 0.0), (0.5, 0.5)]),
            (2, 1.5, &[], &[(0.0, 0.5), (0.5, 1.0)]),
            (2, 1.0, &[0.4, 0.1], &[(0.0, 0.5), (0.5, 1.0)]),
            (2, 1.0, &[0.7, 0.6], &[(0.0, 0.5), (0.5, 1.0)]),
            (2, 1.0, &[0.4, 0.5999], &[(0.0, 0.4), (0.4, 0.9999)]),
        ] {
            let found = ranges(arms, share, weights);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                near(found.0, expected.0, 1e-9);
                near(found.1, expected.1, 1e-9);
            }
        }
    }

    #[test]
    fn units_fall_into_thirds_as_in_the_specification() {
        // AC-03: seed "feature-exp", weights .3334, .3333, .3333. That a stored arm stays, and that a minimum version
        // shuts out who was assigned before, is told in `place`.
        let thirds = ranges(3, 1.0, &[0.3334, 0.3333, 0.3333]);
        for (unit, at, arm) in [("d123", 0.6468, 1), ("i123", 0.9943, 2)] {
            let point = crate::assignment::point("feature-exp", unit);
            near(point, at, 1e-9);
            assert_eq!(choose(point, &thirds), Some(arm));
        }
    }

    #[test]
    fn the_end_of_a_range_is_not_part_of_it() {
        // AC-02.
        assert_eq!(choose(0.5, &[(0.0, 0.5), (0.5, 1.0)]), Some(1));
        assert_eq!(choose(0.25, &[(0.0, 0.25), (0.5, 0.75)]), None);
        assert_eq!(choose(0.5, &[(0.0, 0.5), (0.5, 0.5), (0.5, 1.0)]), Some(2));
    }
}
