//! What a database has to be able to do.

use super::{Failure, Row, Statement};

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Opening {
    /// To write to one that is there.
    Write,
    /// To read only. Nothing is set on the way: it may be somebody else's.
    Read,
}

/// A connection to a database, for the thread that has it. It is made when it is first needed, and anew when it
/// went away.
pub(in crate::store) trait Driver: Send {
    /// Runs a statement to its end, and gives its rows.
    fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Failure>;

    /// Runs a statement to its end, and gives how many rows it changed.
    fn run(&mut self, statement: &Statement) -> Result<u64, Failure>;

    /// How much room the ledger takes, in bytes.
    fn size(&mut self) -> Result<u64, Failure>;

    /// Begins a transaction that writes.
    fn begin(&mut self) -> Result<(), Failure>;

    /// Commits it.
    fn commit(&mut self) -> Result<(), Failure>;

    /// Ends the transaction that is open, if one is: after this nothing of it is left.
    fn roll_back(&mut self);

    /// Looks whether the database is there while nobody wants anything of it, so that a claim to it is not lost with a
    /// connection.
    fn hold(&mut self) -> Result<(), Failure>;
}
