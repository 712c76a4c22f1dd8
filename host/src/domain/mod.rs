//! Words and rules: the values that every room shares. No IO, no waiting, no clock of its own.

pub mod action;
pub mod behavior;
pub mod clock;
pub mod delivery;
pub mod event;
pub mod experiment;
pub mod fault;
pub mod ids;
pub mod kept_turn;
pub mod observation;
pub mod persona;
pub mod plugin;
pub mod rating;
pub mod strategy;
pub mod tool;
pub mod transcript;
pub mod usage;
