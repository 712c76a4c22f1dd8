//! The scripted Claude: a server of the Messages API that plays personas out of a seeded generator.
//!
//! It is a double for tests, benchmarks and the demo. It speaks the wire on its own and knows
//! nothing of `model`, so that the two can check each other. It says in a header and on its page
//! that it is a stand-in.

mod books;
mod cache;
mod diagnostics;
mod draft;
mod fill;
mod language;
mod limiter;
mod play;
mod rate;
mod request;
mod rules;
mod script;
mod server;
mod transmission;
mod words;

pub use books::{Account, Books};
pub use limiter::{Allowed, Limiter};
pub use rules::refusal;
pub use script::{Fault, Script, Taste};
pub use server::{STAND_IN, Serving, serve, serve_watched};
