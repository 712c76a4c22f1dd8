//! Whole analyses: lives with a known truth, verdicts, and the page in a browser.

#![expect(clippy::unwrap_used, reason = "what cannot be had ends the test")]

mod lives;
mod page;
mod simulation;
mod told;
mod verdicts;
