//! Hears that something in the plugins folder has changed, and says so once it is quiet again.
//!
//! The folder is watched and not the files: whoever saves by renaming gives the name to another file, and
//! a watch on the old one would hear nothing of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use std::{io, thread};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::folder::Seen;
use crate::aside::Aside;

/// However restless a folder is, a look at it is not put off for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often a folder is compared that cannot be watched, such as a network mount.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long a disk has to let itself be watched.
const PATIENCE: Duration = Duration::from_secs(5);

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
    eye: Arc<Eye>,
    aside: Aside,
}

/// What watches. It may have to wait for a disk.
#[derive(Debug)]
struct Eye {
    folder: PathBuf,
    mode: WatchMode,
    raw: mpsc::UnboundedSender<()>,
    watcher: Mutex<Option<Active>>,
    trouble: Trouble,
}

/// Why the folder cannot be watched, if it cannot.
#[derive(Debug, Default)]
struct Trouble(Mutex<Option<String>>);

#[derive(Debug)]
enum Active {
    Notify(#[expect(dead_code, reason = "watches while it lives")] RecommendedWatcher),
    Poll(#[expect(dead_code, reason = "watches while it lives")] Arc<()>),
}

impl Watch {
    /// A watch that begins with [`Watch::renew`]. `quiet` is how long nothing may happen before a change is told: an
    /// editor writes more than once. The receiver gets one message for any number of changes.
    #[must_use]
    pub fn new(folder: PathBuf, mode: WatchMode, quiet: Duration) -> (Self, mpsc::Receiver<()>) {
        let (raw, heard) = mpsc::unbounded_channel();
        let (told, changes) = mpsc::channel(1);
        tokio::spawn(wait_for_quiet(heard, told, quiet));
        let eye = Arc::new(Eye { folder, mode, raw, watcher: Mutex::default(), trouble: Trouble::default() });
        (Self { eye, aside: Aside::new(PATIENCE) }, changes)
    }

    /// Whether changes are heard at once. A folder that does not exist cannot be watched.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.eye.watcher.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Begins, or begins anew: the folder may be another one by now, or have come only now. A watch stays with a
    /// folder that was moved away, and hears nothing of the one in its place. Whoever calls this looks at
    /// the folder afterwards, for what was saved in between.
    pub async fn renew(&self) {
        let eye = Arc::clone(&self.eye);
        if let Err(silent) = self.aside.ask(move || eye.renew()).await {
            self.eye.tell(Some(silent.to_string()));
        }
    }
}

impl Eye {
    fn renew(&self) {
        let watcher = self.folder.is_dir().then(|| self.activate()).transpose();
        self.tell(watcher.as_ref().err().map(ToString::to_string));
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher.ok().flatten().flatten();
    }

    /// A trouble that lasts is told once.
    fn tell(&self, trouble: Option<String>) {
        if let Some(error) = self.trouble.news(trouble) {
            let folder = self.folder.display();
            tracing::warn!(%folder, error, "the plugins folder cannot be watched; it is looked at once a minute");
        }
    }

    fn activate(&self) -> notify::Result<Option<Active>> {
        let raw = self.raw.clone();
        Ok(match self.mode {
            WatchMode::Off => None,
            WatchMode::Notify => {
                let mut watcher =
                    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                        // Reading is no change; an error may hide one.
                        if event
                            .map_or(true, |event| !event.kind.is_access() || is_end_of_writing(event.kind))
                        {
                            let _ = raw.send(());
                        }
                    })?;
                watcher.watch(&self.folder, RecursiveMode::NonRecursive)?;
                Some(Active::Notify(watcher))
            }
            WatchMode::Poll => {
                let lives = Arc::new(());
                let (folder, before, weak) =
                    (self.folder.clone(), listing(&self.folder), Arc::downgrade(&lives));
                thread::Builder::new()
                    .name("plugin-poll".to_owned())
                    .spawn(move || compare(&folder, before, &weak, &raw))
                    .map_err(notify::Error::io)?;
                Some(Active::Poll(lives))
            }
        })
    }
}

impl Trouble {
    /// It is this now. Gives it if it is another one than before.
    fn news(&self, now: Option<String>) -> Option<String> {
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *before != now;
        before.clone_from(&now);
        now.filter(|_| is_new)
    }
}

fn is_end_of_writing(kind: notify::EventKind) -> bool {
    use notify::event::{AccessKind, AccessMode, EventKind};
    kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// The files of a folder, and how each looks.
type Listing = BTreeMap<OsString, Seen>;

/// Compares a folder with how it was until `lives` is gone. notify's own poller compares whole seconds,
/// and never hears of a build that is saved in the second of the one before.
fn compare(folder: &Path, mut before: Listing, lives: &Weak<()>, raw: &mpsc::UnboundedSender<()>) {
    loop {
        thread::sleep(POLL_INTERVAL);
        if lives.strong_count() == 0 {
            return;
        }
        let now = listing(folder);
        if now != before && raw.send(()).is_err() {
            return;
        }
        before = now;
    }
}

/// A folder that cannot be read is like an empty one.
fn listing(folder: &Path) -> Listing {
    let look = |entry: io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let seen = entry.path().metadata().ok()?;
        Some((entry.file_name(), Seen::of(&seen)))
    };
    std::fs::read_dir(folder).into_iter().flatten().filter_map(look).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_and_again_when_it_comes_back() {
        let trouble = Trouble::default();
        for (now, is_told) in [
            (None, false),
            (Some("silent"), true),
            (Some("silent"), false),
            (Some("too many watches"), true),
            (Some("too many watches"), false),
            (None, false),
            (Some("too many watches"), true),
        ] {
            assert_eq!(trouble.news(now.map(str::to_owned)).is_some(), is_told, "{now:?}");
        }
    }
}
