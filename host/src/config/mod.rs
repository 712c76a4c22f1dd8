//! What the operator wants: taken from environment, file and defaults, in this order.
//!
//! Plain values in, plain values out: the environment is a function that is passed in.

mod changes;
mod choices;
mod commented;
mod error;
mod experiment;
mod file;
mod mistakes;
mod place;
mod production;
mod resolve;
mod schema;
mod secret;
mod settings;
mod shown;
mod units;
mod variables;
mod written;

pub use changes::{CHANGE_AT_RUN_TIME, Change, can_change, changes};
pub use commented::commented;
pub use error::ConfigError;
pub use experiment::{experiment_files, parse_experiment, read_experiment};
pub use file::File;
pub use mistakes::mistakes;
pub use resolve::resolve;
pub use schema::schema;
pub use settings::{
    Config, Http, Mana, Model, Plugins, Runner, SignIn, Store, ToolChanges, Traces, Watching,
};
pub use shown::{Origin, Shown};
pub use variables::{VARIABLES, Variable, unknown_variables};
pub use written::demo_of;
