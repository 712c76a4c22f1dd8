//! The order of the arms in a block: decided by the hash, so that it can be computed again from the log.

use super::hash::point;

/// The arms of a block of a unit, as places in the plan's list. Two arms: control first if the unit's point is
/// below a half. More: the rows of Williams' square in turn, beginning at one that the hash decides, so that
/// each arm follows each other equally often over the blocks.
#[must_use]
pub fn order_of_block(seed: &str, block: u32, unit: &str, arms: usize) -> Vec<usize> {
    if arms == 2 {
        let reversed = point(&format!("{seed}#b{block}"), unit) >= 0.5;
        return if reversed { vec![1, 0] } else { vec![0, 1] };
    }
    let rows = williams(arms);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a row of a small square"
    )]
    let first = (point(&format!("{seed}#rows"), unit) * rows.len() as f64) as usize;
    rows[(first + block as usize) % rows.len()].clone()
}

/// Williams' square: for an odd number of arms also its mirror image, which balances who follows whom.
fn williams(arms: usize) -> Vec<Vec<usize>> {
    // 0, 1, n−1, 2, n−2, …
    let zigzag = |at: usize| if at % 2 == 1 { at.div_ceil(2) } else { (arms - at / 2) % arms };
    let rows = (0..arms).map(|shift| (0..arms).map(|at| (zigzag(at) + shift) % arms).collect::<Vec<usize>>());
    let rows: Vec<Vec<usize>> = rows.collect();
    if arms.is_multiple_of(2) {
        return rows;
    }
    let mirrored = rows.iter().map(|row| row.iter().rev().copied().collect());
    rows.iter().cloned().chain(mirrored).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn two_arms_are_ordered_by_the_hash_of_each_block() {
        // AC-01, computed with the reference implementation: A is the control.
        for (name, expected) in
            [("anna", ["BA", "AB", "AB", "BA", "BA", "AB"]), ("ben", ["AB", "BA", "BA", "BA", "AB", "BA"])]
        {
            let unit = format!("persona.{name}@mana.test");
            for (block, expected) in (0..).zip(expected) {
                let order = order_of_block("strategy-exp-1", block, &unit, 2);
                let letters: String = order.into_iter().map(|arm| ['A', 'B'][arm]).collect();
                assert_eq!(letters, expected, "{name}, block {block}");
            }
        }
    }

    #[test]
    fn with_more_arms_each_follows_each_other_equally_often() {
        for arms in 3..=6 {
            let blocks = if arms % 2 == 0 { arms } else { 2 * arms };
            let mut follows: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            for block in 0..u32::try_from(blocks).unwrap() {
                let order = order_of_block("seed", block, "unit", arms);
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..arms).collect::<Vec<usize>>(), "every arm once");
                order.windows(2).for_each(|pair| *follows.entry((pair[0], pair[1])).or_default() += 1);
            }
            assert_eq!(follows.len(), arms * (arms - 1));
            assert!(follows.values().all(|times| *times == blocks / arms), "{arms} arms: {follows:?}");
        }
    }
}
