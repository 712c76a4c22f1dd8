//! Circuit breakers: whether it is worth asking an upstream. They know no upstream's wire.

mod fuse;
mod state;

pub use fuse::{Fuse, Fuses};
pub use state::{Away, Breaker, Standing, Traveller};
