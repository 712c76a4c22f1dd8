//! Middle values and tails.

/// The value that a part `q` does not exceed, between two of them where it falls between (type 7).
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list"
)]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().checked_sub(1)? as f64) * q.clamp(0.0, 1.0);
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

/// The middle value.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_fall_between_values() {
        for (values, q, expected) in [
            (&[3.0, 1.0, 2.0][..], 0.5, Some(2.0)),
            (&[1.0, 2.0, 3.0, 4.0], 0.5, Some(2.5)),
            (&[1.0, 2.0, 3.0, 4.0], 0.95, Some(3.85)),
            (&[7.0], 0.95, Some(7.0)),
            (&[], 0.5, None),
        ] {
            let found = quantile(values, q);
            assert!(
                found.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-12)
                    && found.is_some() == expected.is_some()
            );
        }
    }
}
