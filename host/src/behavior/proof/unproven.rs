//! A build that is not proven, and why.

use crate::behavior::contract::Mismatch;
use crate::behavior::refusal::LoadStage;

/// Why a build is not proven.
#[derive(Clone, Debug)]
pub(in crate::behavior) struct Unproven {
    pub(in crate::behavior) stage: LoadStage,
    pub(in crate::behavior) wrong: Mismatch,
    /// The same bytes may be proven another time.
    pub(in crate::behavior) is_passing: bool,
}

/// An answer to something else.
pub(in crate::behavior) fn misunderstood() -> Unproven {
    Unproven {
        stage: LoadStage::Contract,
        wrong: Mismatch::new(
            "the process that was to check it answered something else",
            "start persona-host again; it was perhaps replaced while it ran",
        ),
        is_passing: true,
    }
}
