//! What stands in for a generation in quarantine: the build before it, or the behavior that is part of the program.

use std::sync::{Arc, PoisonError};

use super::built_in::BUILT_IN;
use super::generation::Generation;
use super::life::{Happens, InPlace, Lasts};
use super::record::Occasion;
use super::refusal::Refusal;
use super::registry::{Pinned, Registry};
use super::shelf::lasts;
use super::source::Source;
use super::trust::Trust;
use domain::ids::{PluginName, Sha256Hex};
use domain::plugin::ServedAs;
use domain::strategy::Strategy;

impl Registry {
    /// The build before the one that is ill, loaded when it is needed for the first time.
    pub(super) async fn previous(
        &self,
        strategy: &Arc<Strategy>,
        refused: &mut Vec<Refusal>,
    ) -> Option<Pinned> {
        let plugin = &strategy.plugin;
        let one_at_a_time = {
            let mut standing_in = self.standing_in.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(standing_in.entry(plugin.clone()).or_default())
        };
        let _one_at_a_time = one_at_a_time.lock().await;
        let kept = {
            let mut shelves = self.shelves();
            let shelf = shelves.get_mut(plugin)?;
            match shelf.in_place(self.clock.now()) {
                InPlace::Nothing => return None,
                InPlace::Load(kept) => kept,
                InPlace::Serves(number, ticket) => {
                    let generation = shelf.generation(number)?;
                    return Some(self.pinned(generation, ServedAs::Previous, strategy, ticket));
                }
            }
        };
        let mut lasting = Lasts::ForTheBytes;
        for sha256 in kept {
            match self.load_kept(plugin, &sha256).await {
                Ok(generation) => {
                    let now = self.clock.now();
                    self.shelves().get_mut(plugin)?.stands_in(&generation, now);
                    return Some(self.pinned(&generation, ServedAs::Previous, strategy, None));
                }
                Err(refusal) => {
                    if lasts(&refusal) == Lasts::AWhile {
                        lasting = Lasts::AWhile;
                    }
                    refused.extend(self.refuse(refusal, Occasion::Fallback).0);
                }
            }
        }
        self.after(plugin, Happens::NoneStandsIn(lasting));
        None
    }

    pub(super) async fn load_kept(
        &self,
        plugin: &PluginName,
        sha256: &Sha256Hex,
    ) -> Result<Arc<Generation>, Refusal> {
        let source = self.kept(plugin, sha256).await?;
        self.engine.load(&source, self.next_number(plugin), &self.trust).await.map(Arc::new)
    }

    /// The behavior that is part of the program.
    pub(super) async fn embedded(
        &self,
        strategy: &Arc<Strategy>,
        ill: Option<&Sha256Hex>,
        refused: &mut Vec<Refusal>,
    ) -> Option<Pinned> {
        let plugin = PluginName::new(BUILT_IN[0]);
        let mut embedded = self.embedded.lock().await;
        if embedded.is_to_be_loaded(&self.clock) {
            let source = Source::built_in(&plugin)?;
            let number = self.next_number(&plugin);
            match self.engine.load(&source, number, &Trust::default()).await {
                Ok(generation) => {
                    self.shelves().get_mut(&plugin)?.note_fallback(&generation, self.clock.now());
                    embedded.generation = Some(Arc::new(generation));
                }
                Err(refusal) => {
                    embedded.did_not_load(lasts(&refusal), &self.clock);
                    refused.extend(self.refuse(refusal, Occasion::Fallback).0);
                }
            }
        }
        let generation = embedded.generation.clone().filter(|own| Some(own.digest()) != ill)?;
        let plain = Strategy::plain(strategy.name.clone(), plugin);
        let tools = strategy.tools.clone();
        let own = Strategy { model: strategy.model.clone(), limits: strategy.limits, tools, ..plain };
        Some(self.pinned(&generation, ServedAs::BuiltIn, &Arc::new(own), None))
    }
}
