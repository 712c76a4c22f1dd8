//! A plot with what a screen reader needs.

use maud::{Markup, html as markup};

use super::canvas::{WIDTH, number};
use super::{forest, histogram, plane, track};
use crate::page::inert::clean;
use crate::page::model::Plot;

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
