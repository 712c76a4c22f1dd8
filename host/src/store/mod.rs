//! The ledger: what happened, what it cost, and what has still to leave. Only this room knows SQL;
//! it knows no network and no plugin.

mod context;
mod ended;
mod error;
mod experiments;
mod foreign;
mod hold;
mod journal;
mod journaled;
mod ledger;
mod memory;
mod occasion;
mod outbox;
mod phases;
mod played;
mod problems;
mod read;
mod row;
mod shown;
mod statement;
mod turns;
mod unfinished;
mod writer;

pub use context::tools_digest;
pub use error::LedgerError;
pub use experiments::{Assigned, Registered};
pub use foreign::{ForeignActivity, Seen};
pub use hold::LetGoOn;
pub use journal::{KnownStep, StepRow};
pub use ledger::{Ledger, LedgerUrl};
pub use occasion::{Acknowledged, Occasion};
pub use outbox::{Failed, Waiting};
pub use played::{Played, Turns};
pub use read::{Attempt, Recorded, RecordedStep, Summary, TurnFilter, UndeliveredPart};
pub use turns::{Begin, Begun, KeptRatings, Pin, Standing};
pub use unfinished::{GoesOn, Unfinished};
