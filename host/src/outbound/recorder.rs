//! Writes a recording, on a thread of its own: a disk that is slow, full or silent keeps no turn waiting. What cannot be
//! written is counted, and told.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, oneshot};

use super::mask::Mask;
use super::tape::{EXCHANGES, Head, TapeError, Totals};
use crate::private;
use domain::clock::Clock;
use domain::upstream::Upstream;
use draft::Draft;
use inside::{Fresh, Inside};
pub(super) use taping::Taping;
use writing::{Digesting, Order, Writing};

mod draft;
mod inside;
mod taping;
#[cfg(test)]
mod tests;
mod writing;

/// How long exchanges that are under way at the end are waited for, and then the disk.
const LAST_EXCHANGES: Duration = Duration::from_secs(2);
const LAST_WRITES: Duration = Duration::from_secs(10);

/// Takes down every exchange. Clones write one recording.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Inside>);

impl Recorder {
    /// Takes an empty folder, or makes one.
    ///
    /// # Errors
    /// When there is something in it, or it cannot be written to.
    pub fn claim(dir: &Path) -> Result<Claimed, TapeError> {
        let failed = |cause| TapeError::File { path: dir.to_owned(), cause };
        match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
            Ok(false) => return Err(TapeError::Taken(dir.to_owned())),
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
            _ => {}
        }
        private::folder(dir).map_err(failed)?;
        let file = private::create(&dir.join(EXCHANGES)).map_err(failed)?;
        Ok(Claimed { fresh: Fresh { dir: dir.to_owned(), is_kept: AtomicBool::new(false) }, file })
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.fresh.dir
    }

    /// Writes down what time somebody was told who must be told the same in a replay.
    pub(super) fn moment(&self, of: &str, at: DateTime<Utc>) {
        self.0.order(Order::Moment(of.to_owned(), at), 0);
    }

    pub(super) fn begin(
        &self,
        upstream: Upstream,
        whose: Option<&Arc<str>>,
        request: &reqwest::Request,
    ) -> Taping {
        let url = request.url();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        let draft = Draft {
            seq: self.0.asked.fetch_add(1, Ordering::Relaxed) + 1,
            upstream,
            whose: whose.cloned(),
            method: request.method().to_string(),
            path: format!("{}{query}", url.path()),
            sent: request.headers().clone(),
            asked: request
                .body()
                .and_then(|body| body.as_bytes())
                .map(Bytes::copy_from_slice)
                .unwrap_or_default(),
            came: None,
            status: None,
            headers: HeaderMap::new(),
            body: Vec::new(),
            chunks: Vec::new(),
            is_whole: false,
            is_too_long: false,
            broke: None,
        };
        Taping { recorder: Arc::clone(&self.0), draft: Some(Box::new(draft)) }
    }

    /// Writes the head, of a recording that has no end yet.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn head(&self, head: &Head) -> Result<(), TapeError> {
        let failed = |cause| TapeError::File { path: self.dir().to_owned(), cause };
        head.write(self.dir()).map_err(failed)?;
        self.0.fresh.is_kept.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the recording, and says what it came to.
    pub async fn end(&self, head: &Head) -> Totals {
        let settled = async {
            while self.0.under_way.load(Ordering::Relaxed) > 0 {
                self.0.settled.notified().await;
            }
        };
        let _ = tokio::time::timeout(LAST_EXCHANGES, settled).await;
        let (tell, told) = oneshot::channel();
        let lost = self.0.lost.load(Ordering::Relaxed) + self.0.under_way.load(Ordering::Relaxed) as u64;
        self.0.order(Order::End(Box::new(head.clone()), lost, tell), 0);
        self.0.to.lock().unwrap_or_else(PoisonError::into_inner).take();
        match tokio::time::timeout(LAST_WRITES, told).await {
            Ok(Ok(head)) => head.ended.unwrap_or_default(),
            _ => {
                let why = Some("the disk does not answer".to_owned());
                Totals { exchanges: 0, lost: lost.max(1), why, ..Totals::default() }
            }
        }
    }
}

/// A folder that is ours, before anything is written into it.
#[derive(Debug)]
pub struct Claimed {
    fresh: Fresh,
    file: File,
}

impl Claimed {
    /// Begins. These secrets are looked for in everything.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn record(self, clock: &Clock, secrets: &[SecretString]) -> Result<Recorder, TapeError> {
        let (to, orders) = channel();
        let waiting = Arc::<AtomicUsize>::default();
        let writing = Writing {
            mask: Mask::of(secrets),
            file: BufWriter::new(Digesting { file: self.file, digest: Sha256::new(), bytes: 0 }),
            dir: self.fresh.dir.clone(),
            waiting: Arc::clone(&waiting),
            exchanges: 0,
            lost: 0,
            why: None,
        };
        let thread = std::thread::Builder::new().name("recording".to_owned());
        let begun = thread.spawn(move || writing.obey(&orders));
        begun.map_err(|cause| TapeError::File { path: self.fresh.dir.clone(), cause })?;
        Ok(Recorder(Arc::new(Inside {
            fresh: self.fresh,
            clock: clock.clone(),
            asked: AtomicU64::default(),
            came: AtomicU64::default(),
            lost: AtomicU64::default(),
            under_way: AtomicUsize::default(),
            settled: Notify::new(),
            waiting,
            to: Mutex::new(Some(to)),
        })))
    }
}
