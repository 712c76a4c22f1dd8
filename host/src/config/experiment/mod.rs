//! An experiment file: its keys, and one sentence for each way in which it cannot be meant.

mod arms;
mod file;
mod plan;
mod unmeant;
mod written;

pub use file::{experiment_files, parse_experiment, read_experiment};

#[cfg(test)]
mod tests;
