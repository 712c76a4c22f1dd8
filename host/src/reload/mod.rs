//! From a changed file to a new live generation: what a build has to show, turns of the past, and the way
//! back. It decides what serves, and never when a turn runs.

mod admission;
mod complaint;
mod lane;
mod reloader;
mod replay;
mod start;

pub use admission::{Admission, Admitted};
pub use complaint::Complaint;
pub use reloader::{Options, ReloadError, Reloaded, Reloader};
pub use replay::{Answers, No, Read, Replay, Replayed};
pub use start::Patience;
