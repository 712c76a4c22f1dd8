//! What so few personas can never show.

use crate::statistics::floor;

/// Why no p-value between so many personas can be below `alpha`, in one sentence; none if it can.
#[must_use]
pub fn out_of_reach(personas: usize, alpha: f64) -> Option<String> {
    let floor = floor(personas);
    (floor > alpha).then(|| {
        format!(
            "{personas} personas can never reach p < {alpha} between personas: the smallest p-value of the exact test is {floor}; take more to speak about new ones"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_personas_are_one_too_few_for_the_usual_alpha() {
        for (personas, alpha, says) in [
            (
                5,
                0.05,
                Some(
                    "5 personas can never reach p < 0.05 between personas: the smallest p-value of the exact test is 0.0625",
                ),
            ),
            (6, 0.05, None),
            (6, 0.025, Some("is 0.03125; take more")),
        ] {
            let found = out_of_reach(personas, alpha);
            assert_eq!(found.is_some(), says.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().contains(says.unwrap_or_default()), "{personas} {alpha}");
        }
    }
}
