//! Assignment, comparison, health checks, report: plain functions over values. Nothing here reads a clock,
//! a file or the ledger, so the same rows give the same verdict to the last byte.

pub mod observation;
pub mod page;
pub mod report;
