//! A report as people read it. `content` puts a report into sections, once, for every form; `markdown` and
//! `html` set them, and so does the terminal's view in `cli/`. Nothing here computes more than where a line
//! of a plot ends.

mod content;
mod html;
mod inert;
mod markdown;
mod model;
mod place;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
#[cfg(test)]
mod tests;
mod words;

pub use content::page;
pub use html::html;
pub use markdown::markdown;
pub use model::{
    Block, Column, Fact, Figure, Forest, ForestRow, Histogram, Page, Plane, PlanePoint, Plot, Row, Ruling,
    Section, Stop, Table, Track, TrackPoint,
};
pub use place::{Note, Path, Place, Tone};
