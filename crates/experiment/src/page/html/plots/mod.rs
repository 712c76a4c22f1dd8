//! Plots as drawings in the document. Each has a title, its numbers in words, and shapes that can be told
//! apart without colours.

mod axis;
mod canvas;
mod drawn;
mod forest;
mod histogram;
mod plane;
mod track;

pub(super) use drawn::drawn;
