//! TEMPORARY until `analysis` is merged.

/// A unit's point from 0 to 1.
#[must_use]
pub fn point(seed: &str, unit: &str) -> f64 {
    let fnv =
        |text: &str| text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    f64::from(fnv(&fnv(&format!("{seed}{unit}")).to_string()) % 10_000) / 10_000.0
}
