//! The thread that writes a recording.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use super::draft::Draft;
use crate::outbound::mask::Mask;
use crate::outbound::tape::{Head, Line, Totals};
use domain::ids::hex;

/// What the writing thread is told.
pub(super) enum Order {
    Draft(Box<Draft>),
    Moment(String, DateTime<Utc>),
    End(Box<Head>, u64, oneshot::Sender<Head>),
}

/// The thread that writes.
pub(super) struct Writing {
    pub(super) mask: Mask,
    pub(super) file: BufWriter<Digesting>,
    pub(super) dir: PathBuf,
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) exchanges: u64,
    pub(super) lost: u64,
    pub(super) why: Option<String>,
}

impl Writing {
    /// Does what it is told, until the end.
    pub(super) fn obey(mut self, orders: &Receiver<Order>) {
        for order in orders {
            match order {
                Order::Draft(draft) => {
                    let size = draft.size();
                    let line = Line::Exchange(Box::new(draft.covered(&mut self.mask)));
                    self.write(&line);
                    self.waiting.fetch_sub(size, Ordering::Relaxed);
                }
                Order::Moment(of, at) => self.write(&Line::Moment { of, at }),
                Order::End(head, lost, tell) => {
                    let _ = tell.send(self.end(*head, lost));
                    return;
                }
            }
        }
    }

    /// A line that was begun and cannot be written is the last one: what comes after it could not be read.
    fn write(&mut self, line: &Line) {
        if self.why.is_some() {
            self.lost += 1;
            return;
        }
        let written = serde_json::to_writer(&mut self.file, line).map_err(io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n")).and_then(|()| self.file.flush());
        match written {
            Ok(()) => self.exchanges += u64::from(matches!(line, Line::Exchange(_))),
            Err(cause) => {
                let dir = self.dir.display();
                tracing::error!(%dir, %cause, "the recording ends here: it is incomplete; turns go on");
                (self.lost, self.why) = (self.lost + 1, Some(cause.to_string()));
            }
        }
    }

    fn end(&mut self, head: Head, lost: u64) -> Head {
        let synced = self.file.get_ref().file.sync_all();
        let lost = lost + self.lost;
        let unknown = "more was waiting for the disk than is kept in memory".to_owned();
        let why = self.why.take().or_else(|| synced.err().map(|cause| cause.to_string()));
        let Digesting { bytes, digest, .. } = self.file.get_ref();
        let totals = Totals {
            exchanges: self.exchanges,
            bytes: *bytes,
            sha256: hex(&digest.clone().finalize()),
            lost,
            why: why.or((lost > 0).then_some(unknown)),
        };
        let mut head = Head { ended: Some(totals), ..head };
        if let (Err(cause), Some(totals)) = (head.write(&self.dir), &mut head.ended) {
            totals.why.get_or_insert(cause.to_string());
        }
        head
    }
}

/// A file, with the digest of all that was written into it.
pub(super) struct Digesting {
    pub(super) file: File,
    pub(super) digest: Sha256,
    pub(super) bytes: u64,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
