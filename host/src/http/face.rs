//! What the routes show, and the door to the loop: all that they have in common.

use std::sync::Arc;

use super::lock::Lock;
use crate::runner::{Remote, Runner};

/// What the routes show, and the door to the loop.
#[derive(Clone, Debug)]
pub struct Face {
    /// What is shown.
    pub runner: Arc<Runner>,
    /// The door to the loop.
    pub remote: Remote,
    /// Diagnostics are switched off.
    pub production: bool,
    /// The keys that are missing, by the names of their variables.
    pub missing_keys: Vec<&'static str>,
    /// Who may ask for what.
    pub lock: Arc<Lock>,
}
