//! Wires everything and decides nothing: the only place that knows all rooms.

mod build;
mod command;
mod demo;
mod experiment;
mod hangup;
mod notify;
mod rounds;
mod run;
mod signals;
mod stack;
mod tape;
mod tick;

pub use build::{App, build, build_going, build_waiting};
pub use command::obey;
