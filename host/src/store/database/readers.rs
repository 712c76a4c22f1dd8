//! Connections that read, each on a thread of its own. Who reads waits for no write.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::{fmt, io, mem, thread};

use super::driver::Driver;
use super::order::{Order, Work};
use super::{Connection, Failure, Kind};
use crate::store::LedgerError;

/// The threads that read, and what they have to do.
pub(in crate::store) struct Readers(Arc<Queue>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    something_came: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: VecDeque<Box<dyn Work>>,
    is_closed: bool,
}

impl Readers {
    /// Starts a thread for each of these connections.
    pub(in crate::store) fn start(drivers: impl IntoIterator<Item = Box<dyn Driver>>) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        for mut driver in drivers {
            let own = Arc::clone(&queue);
            thread::Builder::new()
                .name("ledger-reader".to_owned())
                .spawn(move || own.serve(driver.as_mut()))?;
        }
        Ok(Self(queue))
    }

    /// Reads, and gives what was read.
    pub(in crate::store) async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnMut(&mut Connection<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (order, told) = Order::new(what, read);
        self.0.add(Box::new(order));
        told.await.unwrap_or_else(|_| Err(LedgerError::doing(what)(Failure::closed())))
    }

    /// Ends the threads once they have nothing to do.
    pub(in crate::store) fn close(&self) {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.0.something_came.notify_all();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Readers")
    }
}

impl Queue {
    fn add(&self, work: Box<dyn Work>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.is_closed {
            waiting.work.push_back(work);
            self.something_came.notify_one();
        }
    }

    fn serve(&self, driver: &mut dyn Driver) {
        while let Some(mut work) = self.next() {
            let failure = work.attempt(driver).err().flatten();
            let is_silent = failure.as_ref().is_some_and(|failure| failure.kind == Kind::Silent);
            work.tell(failure.clone());
            if is_silent {
                // Whoever has waited since before that would only be told the same later.
                self.take_all().into_iter().for_each(|work| work.tell(failure.clone()));
            }
        }
    }

    fn take_all(&self) -> VecDeque<Box<dyn Work>> {
        mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).work)
    }

    fn next(&self) -> Option<Box<dyn Work>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(work) = waiting.work.pop_front() {
                return Some(work);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.something_came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
