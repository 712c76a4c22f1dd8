//! Keeps the live generations in step with the plugins folder, and goes back to earlier builds.
//!
//! A new build is compiled and tried aside. Only when it has shown everything it takes the place of the
//! live one, in one step; whatever goes wrong before leaves that one serving.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::admission::{Admission, Admitted, settings, settings_anew};
use super::complaint::Complaint;
use super::lane::Lane;
use crate::behavior::{Folder, LeftOut, Next, Occasion, Origin, Refusal, Registry, Source};
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
    pub(super) registry: Arc<Registry>,
    pub(super) folder: Folder,
    ledger: Arc<Ledger>,
    strategies: BTreeMap<StrategyName, Arc<Strategy>>,
    events: Events,
    options: Options,
    /// One build of a plugin at a time, in the order in which they came; no plugin waits for another.
    pub(super) lanes: BTreeMap<PluginName, Lane>,
    unused: Mutex<BTreeSet<PluginName>>,
    /// The start did not wait for every file.
    pub(super) is_behind: AtomicBool,
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
        let lanes = strategies.values().map(|own| (own.plugin.clone(), Lane::default())).collect();
        let (unused, is_behind) = (Mutex::default(), AtomicBool::default());
        Self { registry, folder, ledger, strategies, events, options, lanes, unused, is_behind }
    }

    /// The folder that it looks at.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Looks at the folder and loads what is new in it. Gives when to look again, if a file is refused that somebody may
    /// still be writing: it is told when it is settled.
    pub async fn rescan(&self) -> Option<Duration> {
        let looks = join_all(self.lanes.iter().map(|(plugin, lane)| self.rescan_one(plugin, lane)));
        let (waits, ()) = tokio::join!(looks, self.tell_unused());
        waits.into_iter().flatten().min()
    }

    /// The same for a loop that goes on: it hears of each plugin as soon as something is known, whatever others take.
    pub async fn rescan_telling(&self, unsettled: &mpsc::Sender<Duration>) {
        let looks = join_all(self.lanes.iter().map(async |(plugin, lane)| {
            if let Some(wait) = self.rescan_one(plugin, lane).await {
                // Who has ended looks no more.
                let _ = unsettled.send(wait).await;
            }
        }));
        tokio::join!(looks, self.tell_unused());
    }

    async fn rescan_one(&self, plugin: &PluginName, lane: &Lane) -> Option<Duration> {
        // Whoever waits there looks after this moment.
        let mut turn = lane.queue().await?;
        self.ask_again(plugin).await;
        let look = match self.folder.look(plugin).await {
            Ok(look) => look,
            Err(refusal) => {
                self.refuse(refusal, Occasion::File);
                return None;
            }
        };
        if turn.seen.as_ref() == Some(&look) && !self.registry.is_due_again(plugin) {
            let refusal = turn.settled()?;
            return refusal.map_err(|refusal| self.refuse(*refusal, Occasion::File)).ok();
        }
        let may_be_half = turn.changed_to(look);
        let wait = match self.look(plugin, turn.is_gone(), Occasion::File).await {
            Err(refusal) if may_be_half => Some(turn.put_off(refusal)),
            // A build that was refused before is told once, and not at every save of the same.
            Err(refusal) => {
                self.refuse(refusal, Occasion::File);
                None
            }
            Ok(_) => None,
        };
        self.fall_back(plugin, turn.is_gone()).await;
        wait
    }

    /// A start that did not wait for the file has not tried the kept builds either.
    async fn fall_back(&self, plugin: &PluginName, is_gone: bool) {
        if self.registry.current(plugin).is_none()
            && self.load_kept(plugin, self.registry.good_kept(plugin)).await
            && is_gone
        {
            self.tell_orphaned(plugin, self.registry.gone(plugin).1);
        }
    }

    /// Asks the live build about strategies that it left out because there was too little time.
    async fn ask_again(&self, plugin: &PluginName) {
        let Some((live, names)) = self.registry.to_ask_again(plugin) else { return };
        let mut left_out = LeftOut::new();
        for strategy in names.iter().filter_map(|name| self.strategies.get(name)) {
            match settings_anew(&live, strategy).await {
                Ok(()) => {
                    tracing::info!(%plugin, strategy = %strategy.name, "the plugin takes the strategy's settings after all");
                }
                Err(unfit) => drop(left_out.insert(strategy.name.clone(), unfit)),
            }
        }
        self.registry.asked_again(&live, left_out);
    }

    /// Loads a plugin's file now, also a build that was refused or rolled back before.
    ///
    /// # Errors
    /// When no strategy uses it, or its build is refused.
    pub async fn reload(&self, plugin: &PluginName) -> Result<Reloaded, ReloadError> {
        let mut turn = self.lane(plugin)?.take().await;
        let reloaded = match self.folder.look(plugin).await {
            Ok(look) => {
                turn.changed_to(look);
                self.look(plugin, turn.is_gone(), Occasion::Reload).await
            }
            Err(refusal) => Err(refusal),
        };
        reloaded.map_err(|refusal| ReloadError::Refused(Box::new(self.refuse(refusal, Occasion::Reload))))
    }

    /// Goes back to the last good build before the one that serves; with a build on trial, that one is gone back from.
    /// What is left is not loaded again from the folder until its file changes or somebody asks for it.
    ///
    /// # Errors
    /// When no strategy uses it, there is no earlier build, or that is refused.
    pub async fn rollback(&self, plugin: &PluginName) -> Result<Reloaded, ReloadError> {
        let _turn = self.lane(plugin)?.take().await;
        let kept = match self.registry.roll_back(plugin).await {
            Next::Serves(number) => return Ok(Reloaded::Live(number)),
            Next::LoadKept(kept) => kept,
            Next::Load | Next::Nothing => {
                return Err(ReloadError::NothingBefore { plugin: plugin.clone() });
            }
        };
        let mut refused = None;
        for sha256 in kept {
            let loaded = match self.registry.kept(plugin, &sha256).await {
                // It is damaged: the one before it will do, and somebody has to know.
                Err(refusal) => {
                    refused = Some(self.refuse(refusal, Occasion::Rollback));
                    continue;
                }
                Ok(source) => self.load(source, Occasion::Rollback).await,
            };
            return loaded
                .map_err(|refusal| ReloadError::Refused(Box::new(self.refuse(refusal, Occasion::Rollback))));
        }
        Err(refused.map_or_else(
            || ReloadError::NothingBefore { plugin: plugin.clone() },
            |refusal| ReloadError::Refused(Box::new(refusal)),
        ))
    }

    /// Lets the first of these kept builds serve that is good.
    pub(super) async fn load_kept(&self, plugin: &PluginName, kept: Vec<Sha256Hex>) -> bool {
        for sha256 in kept {
            let loaded = match self.registry.kept(plugin, &sha256).await {
                Ok(source) => self.load(source, Occasion::Start).await,
                Err(refusal) => Err(refusal),
            };
            match loaded {
                Ok(_) => return true,
                Err(refusal) => drop(self.refuse(refusal, Occasion::Start)),
            }
        }
        false
    }

    /// Reads a plugin's file and loads it, if there is anything to find out about it.
    async fn look(
        &self,
        plugin: &PluginName,
        is_gone: bool,
        occasion: Occasion,
    ) -> Result<Reloaded, Refusal> {
        let live = self.registry.current(plugin);
        if is_gone && let Some(live) = live.filter(|live| *live.origin() != Origin::BuiltIn) {
            self.tell_orphaned(plugin, self.registry.gone(plugin).1);
            return Ok(Reloaded::Unchanged(live.number()));
        }
        let source = self.folder.read(plugin).await?;
        let (next, is_back) = self.registry.found(&source, occasion);
        self.tell_orphaned(plugin, is_back);
        match next {
            Next::Serves(number) => Ok(Reloaded::Unchanged(number)),
            Next::Nothing | Next::LoadKept(_) => Ok(Reloaded::Settled),
            Next::Load => self.load(source, occasion).await,
        }
    }

    /// Writes a refusal down and tells it, unless it was told before. Gives it with what serves on.
    fn refuse(&self, refusal: Refusal, occasion: Occasion) -> Refusal {
        let still_serving = self.registry.serving(&refusal.plugin);
        if let (Some(refusal), _) = self.registry.refuse(refusal.clone(), occasion) {
            self.tell_refused(&refusal);
        }
        Refusal { still_serving, ..refusal }
    }

    pub(super) async fn load(&self, source: Source, occasion: Occasion) -> Result<Reloaded, Refusal> {
        let began = Instant::now();
        let plugin = source.plugin.clone();
        let admission = self.admission(&source, occasion).await;
        let number = self.registry.next_number(&plugin);
        let admitted = admission.admit(self.registry.engine(), &source, number).await?;
        let Admitted { generation, warnings, mut left_out, .. } = admitted;
        let generation = Arc::new(generation);
        // What the live build leaves out was no condition. Each build says anew whether it takes it.
        for strategy in self.strategies_of(&plugin) {
            if !admission.strategies.contains(&strategy)
                && let Err(unfit) = settings(&generation, &strategy, &mut Vec::new()).await
            {
                left_out.insert(strategy.name.clone(), unfit);
            }
        }
        let plan = self.options.canary;
        let on_trial = self.registry.admit(&generation, source, left_out, occasion, plan).await;
        self.events.emit(Event::PluginLoaded {
            plugin,
            generation: number,
            version: generation.descriptor().version.clone(),
            sha256: generation.digest().clone(),
            on_trial,
            warnings,
            took: began.elapsed(),
        });
        Ok(if on_trial { Reloaded::OnTrial(number) } else { Reloaded::Live(number) })
    }

    /// What a build is measured by. A build that was live before need not show itself in turns of the
    /// past, neither after a restart nor when somebody goes back to it.
    async fn admission(&self, source: &Source, occasion: Occasion) -> Admission {
        let plugin = &source.plugin;
        let live = self.registry.current(plugin);
        let mut strategies = self.strategies_of(plugin);
        strategies.retain(|strategy| self.registry.why_left_out(strategy).is_none());
        let excused = self.registry.keeps(source) && matches!(occasion, Occasion::Start | Occasion::Rollback);
        let policy = if excused { ReplayPolicy::Off } else { self.options.replay };
        Admission {
            trust: self.registry.trust().clone(),
            turns: self.kept_turns(&strategies, policy).await,
            strategies,
            policy,
            lenient: live.is_none(),
            live,
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

    fn lane(&self, plugin: &PluginName) -> Result<&Lane, ReloadError> {
        self.lanes.get(plugin).ok_or_else(|| {
            let known = self.lanes.keys().map(PluginName::as_str).collect::<Vec<_>>().join(", ");
            ReloadError::NoSuchPlugin { plugin: plugin.clone(), known }
        })
    }

    fn strategies_of(&self, plugin: &PluginName) -> Vec<Arc<Strategy>> {
        self.strategies.values().filter(|strategy| strategy.plugin == *plugin).map(Arc::clone).collect()
    }

    pub(super) fn left_out(&self) -> Vec<Complaint> {
        let left_out = self.strategies.values().filter_map(|strategy| {
            let why = self.registry.why_left_out(strategy)?;
            Some(Complaint::Settings { strategy: strategy.name.clone(), why })
        });
        left_out.collect()
    }

    fn tell_orphaned(&self, plugin: &PluginName, is_new: bool) {
        if is_new {
            let orphaned = self.registry.is_orphaned(plugin);
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

    pub(super) async fn tell_unused(&self) {
        // A disk that does not answer is told of by each plugin.
        let plugins = self.folder.plugins().await.unwrap_or_default();
        let mut told = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        for plugin in plugins.into_iter().filter(|plugin| !self.lanes.contains_key(plugin)) {
            if told.insert(plugin.clone()) {
                self.events.emit(Event::PluginUnused { plugin });
            }
        }
    }
}
