//! Hears that something in the plugins folder has changed, and says so once it is quiet again.
//!
//! The folder is watched and not the files: whoever saves by renaming gives the name to another file, and
//! a watch on the old one would hear nothing of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Config, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// However restless a folder is, a look at it is not put off for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often a folder is compared that cannot be watched, such as a network mount.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How a folder is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchMode {
    /// The system tells.
    Notify,
    /// It is compared once a second: for mounts of other machines and containers.
    Poll,
    /// Nobody looks, but for the rescan once a minute.
    Off,
}

/// A watch on a folder, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    mode: WatchMode,
    raw: mpsc::UnboundedSender<()>,
    watcher: Option<Active>,
}

#[derive(Debug)]
enum Active {
    Notify(#[expect(dead_code, reason = "watches while it lives")] RecommendedWatcher),
    Poll(#[expect(dead_code, reason = "watches while it lives")] PollWatcher),
}

impl Watch {
    /// Begins to watch. `quiet` is how long nothing may happen before a change is told: an editor writes
    /// more than once. The receiver gets one message for any number of changes.
    #[must_use]
    pub fn start(folder: PathBuf, mode: WatchMode, quiet: Duration) -> (Self, mpsc::Receiver<()>) {
        let (raw, heard) = mpsc::unbounded_channel();
        let (told, changes) = mpsc::channel(1);
        tokio::spawn(wait_for_quiet(heard, told, quiet));
        let mut watch = Self { folder, mode, raw, watcher: None };
        watch.renew();
        (watch, changes)
    }

    /// Whether changes are heard at once. A folder that does not exist cannot be watched.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.watcher.is_some()
    }

    /// Tries again to watch a folder that could not be watched, or is no longer there.
    pub fn renew(&mut self) {
        if !self.folder.is_dir() {
            self.watcher = None;
        } else if self.watcher.is_none() {
            self.watcher = self.activate().unwrap_or_else(|error| {
                let folder = self.folder.display();
                tracing::warn!(%folder, %error, "the plugins folder cannot be watched; it is looked at once a minute");
                None
            });
        }
    }

    fn activate(&self) -> notify::Result<Option<Active>> {
        let raw = self.raw.clone();
        let hear = move |event: notify::Result<notify::Event>| {
            // Reading is no change; an error may hide one.
            if event.map_or(true, |event| !event.kind.is_access() || is_end_of_writing(event.kind)) {
                let _ = raw.send(());
            }
        };
        Ok(match self.mode {
            WatchMode::Off => None,
            WatchMode::Notify => {
                let mut watcher = notify::recommended_watcher(hear)?;
                watch(&mut watcher, &self.folder)?;
                Some(Active::Notify(watcher))
            }
            WatchMode::Poll => {
                let config = Config::default().with_poll_interval(POLL_INTERVAL);
                let mut watcher = PollWatcher::new(hear, config)?;
                watch(&mut watcher, &self.folder)?;
                Some(Active::Poll(watcher))
            }
        })
    }
}

fn watch(watcher: &mut impl Watcher, folder: &Path) -> notify::Result<()> {
    watcher.watch(folder, RecursiveMode::NonRecursive)
}

fn is_end_of_writing(kind: notify::EventKind) -> bool {
    use notify::event::{AccessKind, AccessMode, EventKind};
    kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

async fn wait_for_quiet(mut heard: mpsc::UnboundedReceiver<()>, told: mpsc::Sender<()>, quiet: Duration) {
    while heard.recv().await.is_some() {
        let latest = Instant::now() + LONGEST_WAIT;
        loop {
            let calm = (Instant::now() + quiet).min(latest);
            tokio::select! {
                more = heard.recv() => if more.is_none() { return },
                () = sleep_until(calm) => break,
            }
        }
        // A message that nobody has fetched yet stands for this change too.
        if matches!(told.try_send(()), Err(mpsc::error::TrySendError::Closed(()))) {
            return;
        }
    }
}
