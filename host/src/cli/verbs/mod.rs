//! The verbs that need no running daemon.

pub mod completions;
pub mod config;
pub mod costs;
pub mod doctor;
pub mod events;
pub mod experiment;
pub mod explain;
pub mod init;
mod kept_back;
pub mod man;
pub mod pause;
pub mod personas;
pub mod plugin;
mod release;
pub mod seed;
mod slots;
pub mod status;
mod tailing;
pub mod top;
pub mod turns;
pub mod validate;
pub mod version;
