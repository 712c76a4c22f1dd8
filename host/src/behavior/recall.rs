//! The build that a turn was begun with, for a turn that goes on: wherever it is held by now.

use std::sync::{Arc, Weak};

use super::built_in::BUILT_IN;
use super::generation::Generation;
use super::life::Lasts;
use super::registry::Registry;
use super::shelf::lasts;
use super::source::Source;
use super::trust::Trust;
use domain::ids::{PluginName, Sha256Hex};

/// Why a build cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRecalled {
    /// What happened.
    pub why: String,
    /// Asking again later does not help.
    pub for_good: bool,
}

impl Registry {
    /// The build of a plugin that has this digest: one that is loaded, a part of the program, or a kept one.
    ///
    /// # Errors
    /// When there is none any more, or it cannot be loaded now.
    pub async fn recall(
        &self,
        plugin: &PluginName,
        sha256: &Sha256Hex,
    ) -> Result<Arc<Generation>, NotRecalled> {
        if let Some(loaded) = self.shelves().get(plugin).and_then(|shelf| shelf.of_digest(sha256)) {
            return Ok(loaded);
        }
        // Held while it is loaded: turns that go on together share it.
        let mut recalled = self.recalled.lock().await;
        recalled.retain(|_, generation| generation.strong_count() > 0);
        let key = (plugin.clone(), sha256.clone());
        if let Some(generation) = recalled.get(&key).and_then(Weak::upgrade) {
            return Ok(generation);
        }
        let part_of_the_program = Source::built_in(plugin)
            .filter(|source| plugin.as_str() == BUILT_IN[0] && source.digest() == *sha256);
        let loaded = match part_of_the_program {
            Some(source) => {
                self.engine.load(&source, self.next_number(plugin), &Trust::default()).await.map(Arc::new)
            }
            None => self.load_kept(plugin, sha256).await,
        };
        let generation = loaded.map_err(|refusal| NotRecalled {
            why: refusal.message.clone(),
            for_good: lasts(&refusal) != Lasts::AWhile || !self.is_kept(plugin, sha256),
        })?;
        recalled.insert(key, Arc::downgrade(&generation));
        Ok(generation)
    }
}
