//! A piece of work for the thread that has the connection, and who waits for what comes of it.

use std::panic::{self, AssertUnwindSafe};

use tokio::sync::oneshot;

use super::driver::Driver;
use super::{Connection, Failure, Kind};
use crate::store::LedgerError;

/// A piece of work, whatever comes of it. It may be done more than once: what it wrote may have to be taken back
/// because of others.
pub(super) trait Work: Send {
    /// Does it, and remembers what came of it. Fails if nothing of it is to stay, for a failure of the database or
    /// because it does not want it.
    fn attempt(&mut self, driver: &mut dyn Driver) -> Result<(), Option<Failure>>;

    /// Tells whoever waits: what came of it, or why that is not safe.
    fn tell(self: Box<Self>, failure: Option<Failure>);
}

/// Work that gives a `T`.
pub(super) struct Order<T, F> {
    what: &'static str,
    work: F,
    came_of_it: Option<Result<T, LedgerError>>,
    waits: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T, F> Order<T, F> {
    /// The work, and where to wait for what comes of it.
    pub(super) fn new(what: &'static str, work: F) -> (Self, oneshot::Receiver<Result<T, LedgerError>>) {
        let (waits, told) = oneshot::channel();
        (Self { what, work, came_of_it: None, waits }, told)
    }
}

impl<T, F> Work for Order<T, F>
where
    T: Send,
    F: FnMut(&mut Connection<'_>) -> Result<T, LedgerError> + Send,
{
    fn attempt(&mut self, driver: &mut dyn Driver) -> Result<(), Option<Failure>> {
        // A bug of ours in one piece of work is no reason to do nothing for anybody any more.
        let work = AssertUnwindSafe(|| (self.work)(&mut Connection::new(driver, self.what)));
        let done = panic::catch_unwind(work)
            .map_err(|_| Some(Failure::new(Kind::Other, "a bug in persona-host")))?;
        let ended = done.as_ref().map(|_| ()).map_err(|error| error.failure().cloned());
        self.came_of_it = Some(done);
        ended
    }

    fn tell(self: Box<Self>, failure: Option<Failure>) {
        let Self { what, came_of_it, waits, .. } = *self;
        let told = match (came_of_it, failure) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(failure)) => Err(LedgerError::doing(what)(failure)),
            (Some(done), None) => done,
            (None, None) => Err(LedgerError::doing(what)(Failure::closed())),
        };
        // Whoever has stopped waiting was cut off; what was written is written.
        let _ = waits.send(told);
    }
}
