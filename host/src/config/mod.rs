//! What the operator wants: taken from environment, file and defaults, in this order.
//!
//! Plain values in, plain values out: the environment is a function that is passed in.

mod error;
mod experiment;
mod file;
mod production;
mod resolve;
mod secret;
mod settings;
mod shown;
mod written;

pub use error::ConfigError;
pub use experiment::{experiment_files, parse_experiment, read_experiment};
pub use file::File;
pub use resolve::resolve;
pub use settings::{Config, Http, Mana, Model, Plugins, Runner, SignIn, Store, ToolChanges, Watching};
pub use shown::{Origin, Shown};
pub use written::demo_of;
