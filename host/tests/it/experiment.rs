//! Experiments: whether a verdict can be trusted, and everything from a file to a report.

mod held;
mod live;
mod run;
mod shown;
mod words;
