//! Keeps the live generations in step with the plugins folder, and goes back to earlier builds.
//!
//! A new build is compiled and tried aside. Only when it has shown everything it takes the place of the
//! live one, in one step; whatever goes wrong before leaves that one serving.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::admission::{Admission, Admitted, settings};
use super::complaint::Complaint;
use crate::behavior::{Folder, Look, Occasion, Origin, Refusal, Registry, Source};
use crate::store::Ledger;
use crate::telemetry::Events;
use domain::event::Event;
use domain::ids::{GenerationNumber, PluginName, Sha256Hex, StrategyName};
use domain::kept_turn::KeptTurn;
use domain::plugin::{CanaryPlan, ReplayPolicy};
use domain::strategy::Strategy;

/// What a new build has to show.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What happens to a build that does worse on turns of the past.
    pub replay: ReplayPolicy,
    /// How many turns of the past it is asked.
    pub replay_turns: u32,
    /// How it is tried with a share of the personas.
    pub canary: Option<CanaryPlan>,
}

/// Loads plugins into the registry.
#[derive(Debug)]
pub struct Reloader {
    registry: Arc<Registry>,
    folder: Folder,
    ledger: Arc<Ledger>,
    strategies: BTreeMap<StrategyName, Arc<Strategy>>,
    events: Events,
    options: Options,
    /// How each file looked when it was last read, or that there was none.
    looks: Mutex<BTreeMap<PluginName, Look>>,
    unused: Mutex<BTreeSet<PluginName>>,
    /// One build at a time, in the order in which they came.
    loading: tokio::sync::Mutex<()>,
}

/// What came of a look at a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The build that is there serves already.
    Unchanged(GenerationNumber),
    /// It serves now.
    Live(GenerationNumber),
    /// A share of the personas gets it now.
    OnTrial(GenerationNumber),
    /// The build that is there was refused or rolled back before.
    Settled,
}

/// Why nothing was reloaded or rolled back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// No strategy uses it.
    #[error("no strategy uses a plugin \"{plugin}\" (there are: {known})")]
    NoSuchPlugin {
        /// As asked.
        plugin: PluginName,
        /// What there is.
        known: String,
    },
    /// The build was not let in.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// There is no earlier build.
    #[error("there is no earlier build of \"{plugin}\" to go back to")]
    NothingBefore {
        /// The plugin.
        plugin: PluginName,
    },
}

impl Reloader {
    /// Loads into `registry` what `strategies` use.
    #[must_use]
    pub fn new(
        registry: Arc<Registry>,
        folder: Folder,
        ledger: Arc<Ledger>,
        strategies: BTreeMap<StrategyName, Arc<Strategy>>,
        events: Events,
        options: Options,
    ) -> Self {
        Self {
            registry,
            folder,
            ledger,
            strategies,
            events,
            options,
            looks: Mutex::default(),
            unused: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// The folder that it looks at.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Loads every plugin for the first time. One whose file is no good is served by the last good build
    /// of it, if there is one.
    pub async fn start(&self) -> Vec<Complaint> {
        let _guard = self.loading.lock().await;
        let mut complaints = Vec::new();
        for plugin in self.plugins() {
            self.note_look(&plugin);
            let read = self.folder.read(&plugin).await;
            if let Ok(source) = &read
                && self.is_set_aside(source)
                && self.load_kept(&plugin, Some(source.digest())).await
            {
                continue;
            }
            let loaded = match read {
                Ok(source) => self.load(source, Occasion::Start).await,
                Err(refusal) => Err(refusal),
            };
            let Err(refusal) = loaded else { continue };
            if self.load_kept(&plugin, refusal.sha256.clone()).await {
                self.registry.mark_orphaned(&plugin, self.folder.look(&plugin).is_gone());
            }
            if let Some(refusal) = self.registry.refuse(refusal, Occasion::Start) {
                complaints.push(Complaint::Plugin(refusal));
            }
        }
        complaints.extend(self.left_out());
        self.tell_unused();
        complaints
    }

    /// Looks at the folder and loads what is new in it.
    pub async fn rescan(&self) {
        let _guard = self.loading.lock().await;
        for plugin in self.plugins() {
            if self.looks_as_before(&plugin) {
                continue;
            }
            // A build that was refused before is told once, and not at every save of the same.
            let _ = self.look(&plugin, Occasion::File).await;
        }
        self.tell_unused();
    }

    /// Loads a plugin's file now, also a build that was refused or rolled back before.
    ///
    /// # Errors
    /// When no strategy uses it, or its build is refused.
    pub async fn reload(&self, plugin: &PluginName) -> Result<Reloaded, ReloadError> {
        self.known(plugin)?;
        let _guard = self.loading.lock().await;
        self.look(plugin, Occasion::Reload).await.map_err(|refusal| ReloadError::Refused(Box::new(refusal)))
    }

    /// Goes back to the last good build before the one that serves. That one is not loaded again from the
    /// folder until its file changes or somebody asks for it.
    ///
    /// # Errors
    /// When no strategy uses it, there is no earlier build, or that is refused.
    pub async fn rollback(&self, plugin: &PluginName) -> Result<Reloaded, ReloadError> {
        self.known(plugin)?;
        let _guard = self.loading.lock().await;
        let nothing = || ReloadError::NothingBefore { plugin: plugin.clone() };
        let live = self.registry.current(plugin).ok_or_else(nothing)?;
        let source = self.registry.kept_before(plugin, live.digest()).ok_or_else(nothing)?;
        let rolled = self.load(source, Occasion::Rollback).await;
        let rolled = rolled.map_err(|refusal| ReloadError::Refused(Box::new(refusal)))?;
        if let Err(error) = self.registry.builds().set_aside(plugin, live.digest()) {
            tracing::warn!(%plugin, %error, "the rollback does not outlast a restart: is plugins.builds_dir writable?");
        }
        Ok(rolled)
    }

    /// Lets the newest kept build serve that is another one than `this`.
    async fn load_kept(&self, plugin: &PluginName, this: Option<Sha256Hex>) -> bool {
        let this = this.unwrap_or_else(|| Sha256Hex::of(b""));
        let Some(kept) = self.registry.kept_before(plugin, &this) else { return false };
        self.load(kept, Occasion::Start).await.is_ok()
    }

    /// Reads a plugin's file and loads it, if there is anything to find out about it.
    async fn look(&self, plugin: &PluginName, occasion: Occasion) -> Result<Reloaded, Refusal> {
        let live = self.registry.current(plugin);
        if self.note_look(plugin).is_gone()
            && let Some(live) = live.filter(|live| *live.origin() != Origin::BuiltIn)
        {
            self.orphan(plugin, true);
            return Ok(Reloaded::Unchanged(live.number()));
        }
        self.orphan(plugin, false);
        let read = self.folder.read(plugin).await;
        let loaded = match read {
            Ok(source) => {
                let digest = source.digest();
                let serving = self.registry.current(plugin).filter(|live| *live.digest() == digest);
                if let Some(live) = serving {
                    return Ok(Reloaded::Unchanged(live.number()));
                }
                if occasion == Occasion::File && self.registry.is_settled(plugin, &digest) {
                    return Ok(Reloaded::Settled);
                }
                self.load(source, occasion).await
            }
            Err(refusal) => Err(refusal),
        };
        loaded.map_err(|refusal| {
            let serving = self.registry.serving(plugin);
            match self.registry.refuse(refusal.clone(), occasion) {
                Some(refusal) => {
                    self.tell_refused(&refusal);
                    refusal
                }
                None => Refusal { still_serving: serving, ..refusal },
            }
        })
    }

    async fn load(&self, source: Source, occasion: Occasion) -> Result<Reloaded, Refusal> {
        let began = Instant::now();
        let plugin = source.plugin.clone();
        let live = self.registry.current(&plugin);
        let admission = self.admission(&source, occasion).await;
        let number = self.registry.next_number(&plugin);
        let admitted = admission.admit(self.registry.engine(), &source, number).await?;
        let Admitted { generation, warnings, left_out, .. } = admitted;
        let generation = Arc::new(generation);
        // Nothing to compare with, nothing to be careful about: then all get it at once.
        let plan = self.options.canary.filter(|_| live.is_some() && occasion != Occasion::Rollback);
        match plan {
            Some(plan) => self.registry.go_on_trial(&generation, source, plan, occasion),
            None => {
                self.registry.go_live(&generation, source, occasion).await;
                for strategy in self.strategies_of(&plugin) {
                    let why = left_out.iter().find(|(name, _)| *name == strategy.name);
                    let why = match why {
                        Some((_, why)) => Some(why.clone()),
                        None if self.registry.is_left_out(&strategy.name) => {
                            settings(&generation, &strategy, &mut Vec::new()).await.err()
                        }
                        None => None,
                    };
                    self.registry.leave_out(&strategy.name, why);
                }
            }
        }
        self.events.emit(Event::PluginLoaded {
            plugin,
            generation: number,
            version: generation.descriptor().version.clone(),
            sha256: generation.digest().clone(),
            on_trial: plan.is_some(),
            warnings,
            took: began.elapsed(),
        });
        Ok(if plan.is_some() { Reloaded::OnTrial(number) } else { Reloaded::Live(number) })
    }

    /// What a build is measured by. A build that was live before need not show itself in turns of the
    /// past, neither after a restart nor when somebody goes back to it.
    async fn admission(&self, source: &Source, occasion: Occasion) -> Admission {
        let plugin = &source.plugin;
        let mut strategies = self.strategies_of(plugin);
        let lenient = occasion == Occasion::Start;
        if !lenient {
            strategies.retain(|strategy| !self.registry.is_left_out(&strategy.name));
        }
        let digest = source.digest();
        let known = self.registry.builds().list(plugin).iter().any(|build| build.sha256 == digest);
        let excused = known && matches!(occasion, Occasion::Start | Occasion::Rollback);
        let policy = if excused { ReplayPolicy::Off } else { self.options.replay };
        Admission {
            trust: self.registry.trust().clone(),
            turns: self.kept_turns(&strategies, policy).await,
            strategies,
            live: self.registry.current(plugin),
            policy,
            lenient,
        }
    }

    async fn kept_turns(&self, strategies: &[Arc<Strategy>], policy: ReplayPolicy) -> Vec<KeptTurn> {
        if policy == ReplayPolicy::Off || self.options.replay_turns == 0 {
            return Vec::new();
        }
        let names: Vec<StrategyName> = strategies.iter().map(|strategy| strategy.name.clone()).collect();
        self.ledger.kept_turns(&names, self.options.replay_turns).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "turns of the past cannot be read; the build is let in without them");
            Vec::new()
        })
    }

    fn known(&self, plugin: &PluginName) -> Result<(), ReloadError> {
        let plugins = self.plugins();
        if plugins.contains(plugin) {
            return Ok(());
        }
        let known = plugins.iter().map(PluginName::as_str).collect::<Vec<_>>().join(", ");
        Err(ReloadError::NoSuchPlugin { plugin: plugin.clone(), known })
    }

    /// The plugins that strategies use.
    fn plugins(&self) -> BTreeSet<PluginName> {
        self.strategies.values().map(|strategy| strategy.plugin.clone()).collect()
    }

    fn strategies_of(&self, plugin: &PluginName) -> Vec<Arc<Strategy>> {
        self.strategies.values().filter(|strategy| strategy.plugin == *plugin).map(Arc::clone).collect()
    }

    fn left_out(&self) -> Vec<Complaint> {
        let left_out = self.strategies.values().filter_map(|strategy| {
            let why = self.registry.why_left_out(&strategy.name)?;
            Some(Complaint::Settings { strategy: strategy.name.clone(), why })
        });
        left_out.collect()
    }

    fn is_set_aside(&self, source: &Source) -> bool {
        self.registry.builds().is_set_aside(&source.plugin, &source.digest())
    }

    fn looks_as_before(&self, plugin: &PluginName) -> bool {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(plugin) == Some(&self.folder.look(plugin))
    }

    /// Remembers how the file looks, before it is read: one that changes meanwhile is looked at again.
    fn note_look(&self, plugin: &PluginName) -> Look {
        let look = self.folder.look(plugin);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert(plugin.clone(), look.clone());
        look
    }

    fn orphan(&self, plugin: &PluginName, orphaned: bool) {
        if self.registry.mark_orphaned(plugin, orphaned) {
            self.events.emit(Event::PluginOrphaned { plugin: plugin.clone(), orphaned });
        }
    }

    fn tell_refused(&self, refusal: &Refusal) {
        self.events.emit(Event::PluginRefused {
            plugin: refusal.plugin.clone(),
            stage: refusal.stage.name(),
            cause: refusal.message.clone(),
            hint: refusal.hint.clone(),
            still_serving: refusal.still_serving.clone(),
        });
    }

    fn tell_unused(&self) {
        let used = self.plugins();
        let mut told = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        for plugin in self.folder.plugins().into_iter().filter(|plugin| !used.contains(plugin)) {
            if told.insert(plugin.clone()) {
                self.events.emit(Event::PluginUnused { plugin });
            }
        }
    }
}
