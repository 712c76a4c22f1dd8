//! Chance, so that those who failed together do not come back together.

use uuid::Uuid;

/// A number from 0 to below 1.
#[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
#[must_use]
pub fn jitter() -> f64 {
    // The low half of a random UUID: randomness of the system without a generator of our own.
    let bits = Uuid::new_v4().as_u64_pair().1 & u64::from(u32::MAX);
    bits as f64 / (f64::from(u32::MAX) + 1.0)
}
