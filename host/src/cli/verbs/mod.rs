//! The verbs that need no running daemon.

pub mod config;
pub mod personas;
pub mod plugin;
pub mod seed;
pub mod turns;
