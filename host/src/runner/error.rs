//! Why a tick did not take place.

use crate::mana::ManaError;
use crate::store::LedgerError;
use domain::code::Code;

/// Why a tick as a whole did not take place.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// Another one is looking.
    #[error("another tick is just looking who is due; ask again in a moment")]
    AlreadyLooking,
    /// The program is about to end.
    #[error("persona-host is stopping and begins no further tick")]
    Stopping,
    /// mana-auth did not say who is due.
    #[error("{0}")]
    Due(#[from] ManaError),
    /// The ledger cannot be used.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
}

impl TickError {
    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        match self {
            Self::AlreadyLooking => Code::TickUnderWay,
            Self::Stopping => Code::Stopping,
            Self::Due(error) => error.fault_code(),
            Self::Ledger(error) if error.is_of_one_write() => Code::LedgerRow,
            Self::Ledger(_) => Code::Ledger,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Due(error) => Some(error.hint().to_owned()),
            Self::Ledger(error) => error.hint().map(str::to_owned),
            _ => None,
        }
    }
}
