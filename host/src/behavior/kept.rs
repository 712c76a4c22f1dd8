//! What the disk keeps of each plugin: asked, read and written down, whether it answers in time or late.

use std::io;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};

use super::builds::{InUse, Index};
use super::life::Does;
use super::refusal::{LoadStage, Origin, Refusal};
use super::registry::{Registry, lock};
use super::shelf::{Shelf, Shelves};
use super::source::Source;
use domain::ids::{PluginName, Sha256Hex};

/// How something is written down; it gives what is kept then.
type Write = Box<dyn FnOnce() -> io::Result<Index> + Send>;

impl Registry {
    /// Learns what the disk keeps of a plugin. Without that there is nothing to go back to.
    pub async fn open(&self, plugin: &PluginName) {
        let (builds, own) = (self.builds.clone(), plugin.clone());
        let (shelves, now) = (Arc::clone(&self.shelves), self.clock.now());
        let asked = self.disk.ask(move || indexed(&shelves, &own, builds.index(&own), now));
        if let Err(error) = asked.await {
            tracing::warn!(%plugin, %error, "the kept builds cannot be read: look after the mount of plugins.builds_dir");
        }
    }

    /// Whether a build is among the kept ones.
    #[must_use]
    pub fn keeps(&self, source: &Source) -> bool {
        self.is_kept(&source.plugin, &source.digest())
    }

    pub(super) fn is_kept(&self, plugin: &PluginName, sha256: &Sha256Hex) -> bool {
        let shelves = self.shelves();
        let kept = shelves.get(plugin).map(Shelf::kept).unwrap_or_default();
        kept.iter().any(|build| build.sha256 == *sha256)
    }

    /// Says which builds turns go on with: they are kept as long as that is so.
    pub fn hold_on_to(&self, in_use: InUse) {
        *self.in_use.lock().unwrap_or_else(PoisonError::into_inner) = in_use;
    }

    /// Reads a kept build.
    ///
    /// # Errors
    /// When it is damaged, or the disk does not answer.
    pub async fn kept(&self, plugin: &PluginName, sha256: &Sha256Hex) -> Result<Source, Refusal> {
        let (builds, own, digest) = (self.builds.clone(), plugin.clone(), sha256.clone());
        self.disk.ask(move || builds.read(&own, &digest)).await.unwrap_or_else(|silent| {
            let message = format!("the kept build {} cannot be read: {silent}", sha256.as_str());
            let hint = "look after the mount of plugins.builds_dir";
            let refusal = Refusal::new(plugin, Origin::Kept, LoadStage::Read, message, hint);
            Err(Refusal { sha256: Some(sha256.clone()), ..refusal })
        })
    }

    /// Writes down what was decided, and waits for that. Who waits may go away meanwhile: it is written all the same.
    pub(super) async fn have_written_down(&self, plugin: &PluginName, does: Vec<Does>) {
        // It ends early only with the whole process.
        let _ = tokio::spawn(self.write_down(plugin, does)).await;
    }

    /// Writes down what the kept builds have to tell after a restart. A build that cannot be kept serves all the same.
    /// What the disk keeps then is learned however late it answers, and whether anybody waits for it or not.
    pub(super) fn write_down(
        &self,
        plugin: &PluginName,
        does: Vec<Does>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let written = does.into_iter().filter_map(|done| self.to_write(plugin, done)).collect::<Vec<_>>();
        let (disk, shelves, clock) = (self.disk.clone(), Arc::clone(&self.shelves), self.clock.clone());
        let plugin = plugin.clone();
        async move {
            for write in written {
                let (shelves, own, now) = (Arc::clone(&shelves), plugin.clone(), clock.now());
                let asked = disk.ask(move || write().map(|index| indexed(&shelves, &own, index, now)));
                if let Err(error) = asked.await.map_err(io::Error::other).flatten() {
                    tracing::warn!(%plugin, %error, "what serves now cannot be written down for a rollback or a restart: is plugins.builds_dir writable?");
                }
            }
        }
    }

    /// How that is written down, if it is.
    fn to_write(&self, plugin: &PluginName, done: Does) -> Option<Write> {
        let (builds, own, now) = (self.builds.clone(), plugin.clone(), self.clock.now());
        Some(match done {
            Does::Keeps(number) => {
                let (generation, source) = self.shelves().get_mut(plugin)?.take_to_keep(number)?;
                // A disk that does not answer need not hold the generation.
                let version = generation.descriptor().version.clone();
                let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Box::new(move || builds.keep(&source, &version, now, &in_use))
            }
            Does::SetsAside(sha256) => Box::new(move || builds.set_aside(&own, &sha256)),
            Does::TakesBack(sha256) => Box::new(move || builds.take_back(&own, &sha256)),
            _ => return None,
        })
    }
}

/// The disk has told what it keeps of a plugin.
fn indexed(shelves: &Shelves, plugin: &PluginName, index: Index, now: DateTime<Utc>) {
    lock(shelves).entry(plugin.clone()).or_default().indexed(index, now);
}
