//! TEMPORARY until `analysis` is merged.

use super::hash::point;
use crate::domain::experiment::ArmName;

/// The order of the arms in a block.
#[must_use]
pub fn arms_of_block(seed: &str, block: u32, unit: &str, arms: &[ArmName]) -> Vec<ArmName> {
    let mut arms = arms.to_vec();
    if point(&format!("{seed}#b{block}"), unit) >= 0.5 {
        arms.reverse();
    }
    arms
}
