//! Everything that a verdict on one treatment is taken from.

use crate::report::{Check, LeaveOneOut, Look, MetricComparison, PersonaEffect, Progress};

/// What a verdict is taken from.
pub(super) struct Seen<'a> {
    pub(super) treatment: &'a str,
    pub(super) primary: &'a MetricComparison,
    pub(super) personas: &'a [PersonaEffect],
    /// One for each round that has a value.
    pub(super) looks: &'a [Look],
    pub(super) progress: &'a Progress,
    pub(super) health: &'a [Check],
    pub(super) leave_one_out: Option<&'a LeaveOneOut>,
}
