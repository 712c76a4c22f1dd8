//! When a persona's turn is due by the host's own schedule, and who of many is begun first. Plain functions on values:
//! no clock, no ledger, no waiting.
//!
//! Begin at [`Rules`] (what the operator wants) and [`Plan`] (whose slot has come). [`Lateness`] is the order in which
//! they get places, whoever decided that they are due.

mod lateness;
mod load;
mod local;
mod plan;
mod rule;
mod rules;
mod spread;
mod when;
mod window;

pub use lateness::{Lateness, Urgency};
pub use load::{Pace, utilisation};
pub use local::first_instant;
pub use plan::{Due, Look, Plan, Record, Verdict};
pub use rule::{Moment, Rule};
pub use rules::{Entry, Rules};
pub use when::{CronError, When, cron};
pub use window::{Window, WindowError};
