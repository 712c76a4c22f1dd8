//! Experiments: whether a verdict can be trusted, and everything from a file to a report.

mod live;
mod lives;
mod page;
mod run;
mod shown;
mod simulation;
mod verdicts;
mod words;
