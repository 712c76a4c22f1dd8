//! A connection in the hands of one piece of work, which says what it is for.

use super::driver::Driver;
use super::{Failure, Kind, Row, Statement};
use crate::store::LedgerError;

/// A connection, and what is wanted of it.
pub(in crate::store) struct Connection<'d> {
    driver: &'d mut dyn Driver,
    what: &'static str,
}

impl<'d> Connection<'d> {
    pub(super) fn new(driver: &'d mut dyn Driver, what: &'static str) -> Self {
        Self { driver, what }
    }

    /// The rows of a statement.
    pub(in crate::store) fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, LedgerError> {
        self.driver.rows(&statement).map_err(LedgerError::doing(self.what))
    }

    /// The first row of a statement, if it has any.
    pub(in crate::store) fn row(&mut self, statement: Statement) -> Result<Option<Row>, LedgerError> {
        Ok(self.rows(statement)?.into_iter().next())
    }

    /// The row of a statement that always has one.
    pub(in crate::store) fn one(&mut self, statement: Statement) -> Result<Row, LedgerError> {
        let missing = Failure::new(Kind::Other, "there is no such row");
        self.row(statement)?.ok_or_else(|| LedgerError::doing(self.what)(missing))
    }

    /// How much room the ledger takes, in bytes.
    pub(in crate::store) fn size(&mut self) -> Result<u64, LedgerError> {
        self.driver.size().map_err(LedgerError::doing(self.what))
    }

    /// Looks whether the database is there; whoever writes claims it with that.
    pub(in crate::store) fn hold(&mut self) -> Result<(), LedgerError> {
        self.driver.hold().map_err(LedgerError::doing(self.what))
    }

    /// Runs a statement, and gives how many rows it changed.
    pub(in crate::store) fn run(&mut self, statement: Statement) -> Result<u64, LedgerError> {
        self.driver.run(&statement).map_err(LedgerError::doing(self.what))
    }
}
