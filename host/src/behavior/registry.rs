//! Which generation serves which turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::spawn_blocking;

use super::builds::Builds;
use super::built_in::BUILT_IN;
use super::call::Called;
use super::engine::Engine;
use super::generation::Generation;
use super::health::Quarantine;
use super::record::{LoggedLine, Occasion, PluginRecord};
use super::refusal::Refusal;
use super::shelf::{Choice, Shelf, TrialEnd, Turning, Verdict};
use super::source::Source;
use super::trust::Trust;
use domain::clock::Clock;
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, StrategyName};
use domain::plugin::{CanaryPlan, Fallback, ServedAs};
use domain::strategy::Strategy;

/// The plugins of this process. A turn pins a generation and keeps it to its end, so swapping one never
/// touches a turn that is under way; a generation that was replaced is freed by its last turn.
#[derive(Debug)]
pub struct Registry {
    engine: Engine,
    clock: Clock,
    builds: Builds,
    trust: Trust,
    shelves: Mutex<BTreeMap<PluginName, Shelf>>,
    /// Strategies whose settings the live generation does not take, and why.
    left_out: Mutex<BTreeMap<StrategyName, String>>,
    /// Held while a generation is loaded that stands in for another.
    standing_in: tokio::sync::Mutex<()>,
    embedded: tokio::sync::OnceCell<Option<Arc<Generation>>>,
}

/// What serves a turn.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The generation, for all calls of the turn.
    pub generation: Arc<Generation>,
    /// In what capacity.
    pub served_as: ServedAs,
    /// The strategy as that generation gets it: the embedded behavior has its own default settings.
    pub strategy: Arc<Strategy>,
}

/// Why nothing serves a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// The plugin was never loaded.
    NotLoaded,
    /// It does not take the strategy's settings.
    Settings(String),
    /// It is quarantined, and nothing may or can stand in.
    Quarantined(Quarantine),
}

/// How a trial ended.
#[derive(Clone, Debug)]
pub enum Trial {
    /// The generation serves everybody now.
    Promoted(GenerationNumber),
    /// The generation before serves everybody again.
    Withdrawn(Refusal),
}

impl Registry {
    /// A registry without any plugin.
    #[must_use]
    pub fn new(engine: Engine, clock: Clock, builds: Builds, trust: Trust) -> Self {
        Self {
            engine,
            clock,
            builds,
            trust,
            shelves: Mutex::default(),
            left_out: Mutex::default(),
            standing_in: tokio::sync::Mutex::default(),
            embedded: tokio::sync::OnceCell::new(),
        }
    }

    /// The engine that all generations run on.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is asked of a component before it is compiled.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The good builds on disk.
    #[must_use]
    pub fn builds(&self) -> &Builds {
        &self.builds
    }

    /// The generation that new turns get.
    #[must_use]
    pub fn current(&self, plugin: &PluginName) -> Option<Arc<Generation>> {
        self.shelves().get(plugin)?.live().map(Arc::clone)
    }

    /// What serves a turn of `persona` under `strategy` that begins now.
    ///
    /// # Errors
    /// When nothing does.
    pub async fn pin(&self, strategy: &Arc<Strategy>, persona: &PersonaId) -> Result<Pinned, Unserved> {
        if let Some(said) = self.left_out().get(&strategy.name) {
            return Err(Unserved::Settings(said.clone()));
        }
        let now = self.clock.now();
        let choice = {
            let mut shelves = self.shelves();
            shelves.get_mut(&strategy.plugin).map_or(Choice::Nothing, |shelf| shelf.choose(persona, now))
        };
        let (quarantine, ill) = match choice {
            Choice::Nothing => return Err(Unserved::NotLoaded),
            Choice::Serves(generation, served_as) => {
                return Ok(Pinned { generation, served_as, strategy: Arc::clone(strategy) });
            }
            Choice::Quarantined(quarantine, ill) => (quarantine, ill),
        };
        for fallback in &strategy.fallback {
            let pinned = match fallback {
                Fallback::Previous => self.previous(strategy, &ill).await,
                Fallback::BuiltIn => self.embedded(strategy, &ill).await,
            };
            if let Some(pinned) = pinned {
                return Ok(pinned);
            }
        }
        Err(Unserved::Quarantined(quarantine))
    }

    /// Books a call of a turn.
    pub fn book<T>(
        &self,
        generation: &Generation,
        strategy: &StrategyName,
        called: &Called<T>,
    ) -> Option<Turning> {
        let now = self.clock.now();
        self.shelves().get_mut(generation.plugin())?.book(generation, strategy, called, now)
    }

    /// Counts a turn that is over, for a generation on trial.
    pub async fn judge(&self, generation: &Generation, verdict: Verdict) -> Option<Trial> {
        let now = self.clock.now();
        let end = self.shelves().get_mut(generation.plugin())?.judge(generation, verdict, now)?;
        Some(match end {
            TrialEnd::Withdrawn(refusal) => Trial::Withdrawn(refusal),
            TrialEnd::Promoted(generation, source) => {
                self.keep(source, &generation).await;
                Trial::Promoted(generation.number())
            }
        })
    }

    /// The number of a plugin's next generation.
    #[must_use]
    pub fn next_number(&self, plugin: &PluginName) -> GenerationNumber {
        self.shelves().entry(plugin.clone()).or_default().next_number()
    }

    /// Lets a generation serve all new turns, and keeps its build.
    pub async fn go_live(&self, generation: &Arc<Generation>, source: Source, occasion: Occasion) {
        let now = self.clock.now();
        {
            let mut shelves = self.shelves();
            let shelf = shelves.entry(generation.plugin().clone()).or_default();
            shelf.go_live(generation, occasion, now);
        }
        self.keep(source, generation).await;
    }

    /// Lets a generation serve a share of the personas until it has shown itself.
    pub fn go_on_trial(
        &self,
        generation: &Arc<Generation>,
        source: Source,
        plan: CanaryPlan,
        occasion: Occasion,
    ) {
        let now = self.clock.now();
        let mut shelves = self.shelves();
        let shelf = shelves.entry(generation.plugin().clone()).or_default();
        shelf.go_on_trial(generation, source, plan, occasion, now);
    }

    /// Writes a refusal down, and gives it with what serves on; nothing if it was told before.
    pub fn refuse(&self, refusal: Refusal, occasion: Occasion) -> Option<Refusal> {
        let mut shelves = self.shelves();
        let shelf = shelves.entry(refusal.plugin.clone()).or_default();
        if shelf.was_told(&refusal) {
            return None;
        }
        shelf.refuse(&refusal, occasion, self.clock.now());
        Some(Refusal { still_serving: shelf.serving(), ..refusal })
    }

    /// Whether there is nothing to find out about a build: it serves, is on trial, was refused or was
    /// rolled back.
    #[must_use]
    pub fn is_settled(&self, plugin: &PluginName, sha256: &Sha256Hex) -> bool {
        let on_shelf = self.shelves().get(plugin).is_some_and(|shelf| shelf.is_settled(sha256));
        on_shelf || self.builds.is_set_aside(plugin, sha256)
    }

    /// What serves, such as `1.3.0, generation 4`.
    #[must_use]
    pub fn serving(&self, plugin: &PluginName) -> Option<String> {
        self.shelves().get(plugin)?.serving()
    }

    /// Whether a strategy cannot be served, because the live generation does not take its settings.
    #[must_use]
    pub fn is_left_out(&self, strategy: &StrategyName) -> bool {
        self.left_out().contains_key(strategy)
    }

    /// Why a strategy is left out, if it is.
    #[must_use]
    pub fn why_left_out(&self, strategy: &StrategyName) -> Option<String> {
        self.left_out().get(strategy).cloned()
    }

    /// Serves a strategy, or leaves it out for this reason.
    pub fn leave_out(&self, strategy: &StrategyName, why: Option<String>) {
        match why {
            Some(why) => self.left_out().insert(strategy.clone(), why),
            None => self.left_out().remove(strategy),
        };
    }

    /// Whether the file of a plugin is gone. Gives whether that is new.
    pub fn mark_orphaned(&self, plugin: &PluginName, orphaned: bool) -> bool {
        let mut shelves = self.shelves();
        let shelf = shelves.entry(plugin.clone()).or_default();
        std::mem::replace(&mut shelf.orphaned, orphaned) != orphaned
    }

    /// Everything about every plugin, by name. `strategies` says who uses which.
    #[must_use]
    pub fn records(&self, strategies: &[(StrategyName, PluginName)]) -> Vec<PluginRecord> {
        let record = |(name, shelf): (&PluginName, &Shelf)| PluginRecord {
            name: name.clone(),
            strategies: (strategies.iter())
                .filter(|(_, plugin)| plugin == name)
                .map(|(strategy, _)| strategy.clone())
                .collect(),
            serving: shelf.live().map(|live| live.number()),
            orphaned: shelf.orphaned,
            quarantine: shelf.quarantine().cloned(),
            generations: shelf.records(),
            kept: Vec::new(),
        };
        let mut records: Vec<PluginRecord> = self.shelves().iter().map(record).collect();
        for record in &mut records {
            record.kept = self.builds.list(&record.name);
        }
        records
    }

    /// The last lines that a plugin logged, oldest first; nothing if there is no such plugin.
    #[must_use]
    pub fn log(&self, plugin: &PluginName) -> Option<Vec<LoggedLine>> {
        Some(self.shelves().get(plugin)?.log.iter().cloned().collect())
    }

    /// The build before the one that is ill, loaded when it is needed for the first time.
    async fn previous(&self, strategy: &Arc<Strategy>, ill: &Sha256Hex) -> Option<Pinned> {
        let plugin = &strategy.plugin;
        let _one_at_a_time = self.standing_in.lock().await;
        let ready = self.shelves().get_mut(plugin)?.standing_in(self.clock.now());
        let generation = match ready {
            Some(generation) => generation?,
            None => {
                let source = self.kept_before(plugin, ill)?;
                let number = self.next_number(plugin);
                let generation = Arc::new(self.engine.load(&source, number, &self.trust).await.ok()?);
                self.shelves().get_mut(plugin)?.let_stand_in(&generation, self.clock.now());
                generation
            }
        };
        Some(Pinned { generation, served_as: ServedAs::Previous, strategy: Arc::clone(strategy) })
    }

    /// The newest kept build that is another one and was not rolled back.
    #[must_use]
    pub fn kept_before(&self, plugin: &PluginName, this: &Sha256Hex) -> Option<Source> {
        let other = self.builds.list(plugin).into_iter().map(|build| build.sha256);
        let mut other = other.filter(|sha256| sha256 != this && !self.builds.is_set_aside(plugin, sha256));
        other.find_map(|sha256| self.builds.read(plugin, &sha256).ok())
    }

    /// The behavior that is part of the program.
    async fn embedded(&self, strategy: &Arc<Strategy>, ill: &Sha256Hex) -> Option<Pinned> {
        let plugin = PluginName::new(BUILT_IN[0]);
        let load = async || {
            let source = Source::built_in(&plugin)?;
            let number = self.next_number(&plugin);
            let generation = self.engine.load(&source, number, &Trust::default()).await.ok().map(Arc::new)?;
            self.shelves().get_mut(&plugin)?.note_fallback(&generation, self.clock.now());
            Some(generation)
        };
        let generation = self.embedded.get_or_init(load).await.clone()?;
        if generation.digest() == ill {
            return None;
        }
        let plain = Strategy::plain(strategy.name.clone(), plugin.clone());
        let own = Strategy { model: strategy.model.clone(), limits: strategy.limits, ..plain };
        Some(Pinned { generation, served_as: ServedAs::BuiltIn, strategy: Arc::new(own) })
    }

    /// A build that cannot be kept serves all the same.
    async fn keep(&self, source: Source, generation: &Generation) {
        let (builds, version) = (self.builds.clone(), generation.descriptor().version.clone());
        let now = self.clock.now();
        let plugin = source.plugin.clone();
        let kept = spawn_blocking(move || builds.keep(&source, &version, now)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%plugin, %error, "the build serves, but cannot be kept for a rollback: is plugins.builds_dir writable?");
        }
    }

    fn left_out(&self) -> MutexGuard<'_, BTreeMap<StrategyName, String>> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelves(&self) -> MutexGuard<'_, BTreeMap<PluginName, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
