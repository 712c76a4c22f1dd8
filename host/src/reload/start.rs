//! The start: every plugin is loaded for the first time. None waits for another, and the daemon for none of them for
//! long: what takes its time goes on beside, as a build that was just saved.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

use super::complaint::Complaint;
use super::lane::Lane;
use super::reloader::Reloader;
use crate::behavior::{Look, Next, Occasion, Refusal, Source};
use domain::ids::PluginName;

/// How long the start waits for the files of plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a file that never served, if a kept build can serve meanwhile; that has as long once more.
    pub for_what_is_new: Duration,
    /// For the next plugin to be done with, as long as there is one that nothing serves yet.
    pub for_the_next: Duration,
}

impl Patience {
    /// That of a daemon: it has a port to open and ticks to run.
    pub const OF_A_DAEMON: Self =
        Self { for_what_is_new: Duration::from_secs(2), for_the_next: Duration::from_secs(30) };
    /// That of a command which needs every plugin at once. What a build may take has limits of its own.
    pub const OF_A_COMMAND: Self = Self { for_what_is_new: Duration::MAX, for_the_next: Duration::MAX };
}

impl Reloader {
    /// Loads every plugin for the first time. One whose file is no good, or takes long, is served by the last good build
    /// of it, if there is one. What is not done when this ends is found by the next [`Reloader::rescan`].
    pub async fn start(&self, patience: Patience) -> Vec<Complaint> {
        let mut complaints = self.start_all(patience).await;
        complaints.extend(self.left_out());
        self.tell_unused().await;
        complaints
    }

    /// Whether there are files that the start did not wait for.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    async fn start_all(&self, patience: Patience) -> Vec<Complaint> {
        let started = self.lanes.iter().map(async |(plugin, lane)| {
            let complaint = self.start_one(plugin, lane, patience.for_what_is_new).await;
            (plugin, complaint)
        });
        let mut starting: FuturesUnordered<_> = started.collect();
        let mut done = BTreeMap::new();
        while let Ok(Some((plugin, complaint))) = timeout(patience.for_the_next, starting.next()).await {
            done.insert(plugin, complaint);
        }
        // Ends what is not done, with its children.
        drop(starting);
        let complaint = |plugin| done.remove(plugin).unwrap_or_else(|| Some(self.unready(plugin)));
        self.lanes.keys().filter_map(complaint).collect()
    }

    async fn start_one(&self, plugin: &PluginName, lane: &Lane, patience: Duration) -> Option<Complaint> {
        let mut turn = lane.take().await;
        self.registry.open(plugin).await;
        let look = self.folder.look(plugin).await.ok();
        let loaded = match self.folder.read(plugin).await {
            Ok(source) => match self.load_what_serves(source, patience).await {
                Some(loaded) => loaded,
                None => return Some(self.unready(plugin)),
            },
            Err(refusal) => Err(refusal),
        };
        let told = match loaded {
            Ok(()) => None,
            Err(refusal) => {
                let (told, kept) = self.registry.refuse(refusal, Occasion::Start);
                if self.load_kept(plugin, kept).await && look.as_ref().is_some_and(Look::is_gone) {
                    self.registry.gone(plugin);
                }
                let still_serving = self.registry.serving(plugin);
                told.map(|refusal| Complaint::Plugin(Refusal { still_serving, ..refusal }))
            }
        };
        // Only now: who is not done has seen nothing.
        turn.seen = look;
        told
    }

    /// The file, or the build before it if that one was set aside. None: the file is not ready, and a kept build serves.
    async fn load_what_serves(&self, source: Source, patience: Duration) -> Option<Result<(), Refusal>> {
        let plugin = source.plugin.clone();
        if let (Next::LoadKept(kept), _) = self.registry.found(&source, Occasion::Start)
            && self.load_kept(&plugin, kept).await
        {
            return Some(Ok(()));
        }
        let has_served = self.registry.keeps(&source);
        let mut file = pin!(async { self.load(source, Occasion::Start).await.map(|_| ()) });
        if has_served {
            // It was good, and merely takes its time.
            return Some(file.await);
        }
        if let Ok(loaded) = timeout(patience, &mut file).await {
            return Some(loaded);
        }
        let kept = self.load_kept(&plugin, self.registry.good_kept(&plugin));
        tokio::select! {
            biased;
            loaded = &mut file => return Some(loaded),
            serves = timeout(patience, kept) => if serves == Ok(true) { return None },
        }
        Some(file.await)
    }

    fn unready(&self, plugin: &PluginName) -> Complaint {
        self.is_behind.store(true, Ordering::Relaxed);
        Complaint::Unready { plugin: plugin.clone(), still_serving: self.registry.serving(plugin) }
    }
}
