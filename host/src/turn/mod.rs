//! One persona, one turn, in order: a stage takes a value and returns a bigger one, and nothing
//! flows back. It does not know when it is called, nor who looks at what it leaves.

pub mod again;
mod ask;
mod ask_rating;
mod assign;
pub mod budget;
mod call;
mod compose;
mod day;
mod deps;
mod enrol;
mod experiments;
mod faults;
mod foresee;
mod keep;
mod parse;
mod pass;
mod plugin;
mod refused_tools;
mod sign_in;
mod space;
mod stages;
mod tool_loop;
mod tool_pins;
mod tools;
mod values;
mod visit;

pub use budget::Budget;
pub use deps::{Deps, Settings};
pub use experiments::Experiments;
pub use foresee::left_alone;
pub use pass::run;
pub use refused_tools::RefusedTools;
pub use tool_pins::{ToolPins, ToolPolicy};
pub use values::{Due, Ended, Role};
