//! Writes a recording, on a thread of its own: a disk that is slow, full or silent keeps no turn waiting. What cannot be
//! written is counted, and told.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, oneshot};

use super::error::Broken;
use super::mask::Mask;
use super::tape::{Answer, Body, Came, EXCHANGES, Exchange, Head, Line, Question, TapeError, Totals};
use crate::private;
use domain::clock::Clock;
use domain::ids::hex;
use domain::upstream::Upstream;

/// So many bytes may wait for the disk; what comes then is lost to the recording.
const MOST_WAITING: usize = 64 << 20;
/// The longest body that is kept, in bytes: the limit of the rooms, and a little.
const LARGEST: usize = 40 << 20;
/// How long exchanges that are under way at the end are waited for, and then the disk.
const LAST_EXCHANGES: Duration = Duration::from_secs(2);
const LAST_WRITES: Duration = Duration::from_secs(10);
/// Headers of an answer that a room reads; others may hold anything.
const KEPT: [&str; 13] = [
    "content-type",
    "content-encoding",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-retry-after",
    "x-should-retry",
    "request-id",
    "www-authenticate",
    "set-cookie",
    "mcp-session-id",
    "location",
    "server",
];
/// And those that begin so.
const KEPT_OF_CLAUDE: &str = "anthropic-";
/// The answer that holds a master key, and is read by nobody.
const VAULT: &str = "/encryption-vault/init";

/// Takes down every exchange. Clones write one recording.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    fresh: Fresh,
    clock: Clock,
    asked: AtomicU64,
    came: AtomicU64,
    lost: AtomicU64,
    /// Exchanges that have no end yet.
    under_way: AtomicUsize,
    settled: Notify,
    waiting: Arc<AtomicUsize>,
    /// Where lines go to be written; nowhere once it is over.
    to: Mutex<Option<Sender<Order>>>,
}

/// What the writing thread is told.
enum Order {
    Draft(Box<Draft>),
    Moment(String, DateTime<Utc>),
    End(Box<Head>, u64, oneshot::Sender<Head>),
}

/// An exchange before its secrets are covered.
#[derive(Debug)]
struct Draft {
    seq: u64,
    upstream: Upstream,
    whose: Option<Arc<str>>,
    method: String,
    path: String,
    sent: HeaderMap,
    asked: Bytes,
    came: Option<Came>,
    status: Option<u16>,
    headers: HeaderMap,
    body: Vec<u8>,
    chunks: Vec<usize>,
    is_whole: bool,
    is_too_long: bool,
    broke: Option<Broken>,
}

/// An exchange that is under way. Dropped, it is one that was given up.
#[derive(Debug)]
pub(super) struct Taping {
    recorder: Recorder,
    draft: Option<Box<Draft>>,
}

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
        self.order(Order::Moment(of.to_owned(), at), 0);
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
        Taping { recorder: self.clone(), draft: Some(Box::new(draft)) }
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
        self.order(Order::End(Box::new(head.clone()), lost, tell), 0);
        self.0.to.lock().unwrap_or_else(PoisonError::into_inner).take();
        match tokio::time::timeout(LAST_WRITES, told).await {
            Ok(Ok(head)) => head.ended.unwrap_or_default(),
            _ => {
                let why = Some("the disk does not answer".to_owned());
                Totals { exchanges: 0, lost: lost.max(1), why, ..Totals::default() }
            }
        }
    }

    fn order(&self, order: Order, size: usize) {
        let to = self.0.to.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = self.0.waiting.fetch_add(size, Ordering::Relaxed) + size <= MOST_WAITING;
        let is_sent = has_room && to.as_ref().is_some_and(|to| to.send(order).is_ok());
        if !is_sent {
            self.0.waiting.fetch_sub(size, Ordering::Relaxed);
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn settle(&self, draft: Box<Draft>) {
        if draft.is_too_long {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            let size = draft.size();
            self.order(Order::Draft(draft), size);
        }
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        self.0.settled.notify_one();
    }
}

/// A folder that is ours, before anything is written into it.
#[derive(Debug)]
pub struct Claimed {
    fresh: Fresh,
    file: File,
}

/// A folder of which nothing is left if nothing was begun in it, so that the same can be typed again.
#[derive(Debug)]
struct Fresh {
    dir: PathBuf,
    is_kept: AtomicBool,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.is_kept.load(Ordering::Relaxed) {
            // The next one says what is wrong with the folder.
            let _ = std::fs::remove_file(self.dir.join(EXCHANGES));
        }
    }
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

impl Recorder {
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
}

impl Taping {
    /// The first of an answer is there.
    pub(super) fn answered(&mut self, status: u16, headers: &HeaderMap) {
        let came = self.came();
        if let Some(draft) = &mut self.draft {
            (draft.came, draft.status, draft.headers) = (Some(came), Some(status), headers.clone());
        }
    }

    pub(super) fn chunk(&mut self, chunk: &[u8]) {
        let Some(draft) = &mut self.draft else { return };
        draft.is_too_long |= draft.body.len() + chunk.len() > LARGEST;
        if draft.is_too_long {
            draft.body = Vec::new();
        } else {
            draft.body.extend_from_slice(chunk);
            draft.chunks.push(chunk.len());
        }
    }

    /// All of it came.
    pub(super) fn whole(&mut self) {
        if let Some(mut draft) = self.draft.take() {
            draft.is_whole = true;
            self.recorder.settle(draft);
        }
    }

    /// There was no answer, or not all of it.
    pub(super) fn broke(&mut self, error: &reqwest::Error) {
        let came = self.came();
        if let Some(mut draft) = self.draft.take() {
            draft.came.get_or_insert(came);
            draft.broke = Some(Broken::of(error));
            self.recorder.settle(draft);
        }
    }

    fn came(&self) -> Came {
        let inside = &self.recorder.0;
        Came { nth: inside.came.fetch_add(1, Ordering::Relaxed) + 1, at: inside.clock.now() }
    }
}

impl Drop for Taping {
    fn drop(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.recorder.settle(draft);
        }
    }
}

impl Draft {
    fn size(&self) -> usize {
        self.asked.len() + self.body.len()
    }

    fn covered(mut self, mask: &mut Mask) -> Exchange {
        let whose = self.whose.as_deref().map_or_else(|| mask.whose(&self.sent), str::to_owned);
        let asked = (self.upstream, self.method.as_str(), self.path.as_str());
        let (question, mut own) = Question::of(asked, &self.sent, &self.asked, mask);
        // What a tool says is the app's: a field `token` of it is a word like any other.
        let said = if self.upstream == Upstream::ManaAuth { self.body.as_slice() } else { &[] };
        let mut told = mask.secrets_of(&self.headers, said);
        if self.path.ends_with(VAULT) {
            told.extend(mask.all_texts_of(said));
        }
        own.extend(told);
        mask.cover(&mut self.body, &own);
        let is_kept = |name: &str| KEPT.contains(&name) || name.starts_with(KEPT_OF_CLAUDE);
        let kept = self.headers.iter().filter(|(name, _)| is_kept(name.as_str()));
        let headers = kept
            .map(|(name, value)| {
                (name.to_string(), mask.covered(&String::from_utf8_lossy(value.as_bytes()), &own))
            })
            .collect();
        let (body, chunks, is_whole) = (Body::of(self.body), self.chunks, self.is_whole);
        let broke = self.broke.map(|broken| Broken {
            causes: broken.causes.iter().map(|cause| mask.covered(cause, &own)).collect(),
            ..broken
        });
        let answer = self.status.map(|status| Answer { status, headers, body, chunks, is_whole });
        Exchange {
            seq: self.seq,
            upstream: self.upstream,
            question: question.by(whose),
            came: self.came,
            answer,
            broke,
        }
    }
}

/// The thread that writes.
struct Writing {
    mask: Mask,
    file: BufWriter<Digesting>,
    dir: PathBuf,
    waiting: Arc<AtomicUsize>,
    exchanges: u64,
    lost: u64,
    why: Option<String>,
}

impl Writing {
    fn obey(mut self, orders: &Receiver<Order>) {
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
struct Digesting {
    file: File,
    digest: Sha256,
    bytes: u64,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_is_full_ends_the_recording_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        let fresh = Fresh { dir: folder.path().to_owned(), is_kept: AtomicBool::new(false) };
        let claimed = Claimed { fresh, file: full };
        let recorder = claimed.record(&Clock::system(), &[]).expect("there is a thread");
        let url = "http://localhost/due".parse().expect("a URL");
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        for _ in 0..3 {
            let mut taping = recorder.begin(Upstream::ManaAuth, None, &request);
            taping.answered(200, &HeaderMap::new());
            taping.chunk(b"{}");
            taping.whole();
        }
        let head = Head {
            v: crate::outbound::VERSION,
            program: String::new(),
            command: String::new(),
            began: DateTime::UNIX_EPOCH,
            plugins: std::collections::BTreeMap::new(),
            strategies: std::collections::BTreeMap::new(),
            setup: serde_json::Value::Null,
            ended: None,
        };
        let totals = recorder.end(&head).await;
        assert_eq!((totals.exchanges, totals.lost), (0, 3));
        assert!(totals.why.is_some_and(|why| why.contains("No space left")));
    }

    #[tokio::test]
    async fn a_disk_that_is_silent_is_waited_for_by_nobody_who_asks() {
        let folder = tempfile::tempdir().expect("a folder");
        // What nobody reads takes no more once it is full.
        let (_reader, silent) = std::io::pipe().expect("a pipe");
        let file = File::from(std::os::fd::OwnedFd::from(silent));
        let fresh = Fresh { dir: folder.path().to_owned(), is_kept: AtomicBool::new(false) };
        let recorder = Claimed { fresh, file }.record(&Clock::system(), &[]).expect("there is a thread");
        let url = "http://localhost/due".parse().expect("a URL");
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        for _ in 0..40 {
            let mut taping = recorder.begin(Upstream::ManaAuth, None, &request);
            taping.answered(200, &HeaderMap::new());
            taping.chunk(&vec![b'a'; 2 << 20]);
            taping.whole();
        }
        assert!(recorder.0.lost.load(Ordering::Relaxed) >= 8, "what does not fit into memory is lost");
        assert!(recorder.0.waiting.load(Ordering::Relaxed) <= MOST_WAITING);
    }
}
