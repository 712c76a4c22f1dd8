//! Why there is no report.

use experiment::analysis::Unanalyzable;

use crate::store::LedgerError;

/// Why there is no report of an experiment.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The ledger has no such experiment.
    #[error("there is no experiment {key:?} in {ledger}")]
    NoExperiment {
        /// What was asked for.
        key: String,
        /// Where.
        ledger: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The ledger has the experiment, and not this version of it.
    #[error("there is no version {version} of {key} in {ledger}")]
    NoVersion {
        /// The experiment.
        key: String,
        /// What was asked for.
        version: u32,
        /// The newest that there is.
        newest: u32,
        /// Where.
        ledger: String,
    },
    /// It has no such phase.
    #[error("{key} has no phase {phase}")]
    NoPhase {
        /// The experiment.
        key: String,
        /// What was asked for.
        phase: u32,
        /// The last that there is.
        last: u32,
    },
    /// Nothing can be compared.
    #[error("{key}: {why}")]
    Unanalyzable {
        /// The experiment.
        key: String,
        /// Why not.
        why: Unanalyzable,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl NoEvidence {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoExperiment { known, .. } => {
                let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
                Some(format!("it has: {known}; another one is named with --ledger"))
            }
            Self::NoVersion { newest, .. } => {
                Some(format!("the newest is {newest}; leave --plan-version out for it"))
            }
            Self::NoPhase { last, .. } => Some(format!("its phases are 1 to {last}")),
            Self::Unanalyzable { .. } => None,
            Self::Ledger(error) => error.hint().map(str::to_owned),
        }
    }
}
