//! What every drawing is drawn on: how wide it is, and how a place on it is written.

/// How wide a drawing is, in its own units; on a phone that is about a pixel each.
pub(super) const WIDTH: f64 = 420.0;

/// A coordinate, to a tenth of a unit.
pub(super) fn number(coordinate: f64) -> String {
    let written = format!("{coordinate:.1}");
    written.strip_suffix(".0").map_or(written.clone(), str::to_owned)
}
