//! A plot with what a screen reader needs.

use maud::{Markup, html as markup};

use super::{forest, histogram, plane, track};
use crate::page::inert::clean;
use crate::page::model::Plot;

/// How wide a drawing is, in its own units; on a phone that is about a pixel each.
pub(super) const WIDTH: f64 = 420.0;

/// A drawing of `plot`; `id` is unique in the document.
pub(in crate::page::html) fn drawn(plot: &Plot, title: &str, description: &str, id: &str) -> Markup {
    let (height, drawing) = match plot {
        Plot::Track(own) => track::track(own, id),
        Plot::Forest(own) => forest::forest(own),
        Plot::Histogram(own) => histogram::histogram(own, id),
        Plot::Plane(own) => plane::plane(own),
    };
    markup! {
        svg role="img" aria-labelledby={ (id) "-title " (id) "-words" } viewBox={ "0 0 " (WIDTH) " " (number(height)) } {
            title id={ (id) "-title" } { (clean(title)) }
            desc id={ (id) "-words" } { (clean(description)) }
            (drawing)
        }
    }
}

/// A coordinate, to a tenth of a unit.
pub(super) fn number(coordinate: f64) -> String {
    let written = format!("{coordinate:.1}");
    written.strip_suffix(".0").map_or(written.clone(), str::to_owned)
}
