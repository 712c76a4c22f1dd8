//! The verbs that need no running daemon.

pub mod config;
pub mod costs;
pub mod experiment;
mod kept_back;
pub mod pause;
pub mod personas;
pub mod plugin;
mod release;
pub mod seed;
mod slots;
pub mod turns;
