//! A turn of the past, gone through again by a strategy of today with what was answered then. Nobody is asked but the
//! plugin: it goes as far as the kept replies fit what would be asked now.

mod course;
mod past;
mod play;

pub use course::{Asked, Course, Fate, Field, No, Parting, Place, Rated, Why};
pub use past::{NotKept, Past};
pub use play::{Cast, play};
