//! Which generation serves which turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::builds::{Builds, InUse};
use super::call::Called;
use super::embedded::Embedded;
use super::engine::Engine;
use super::generation::Generation;
use super::health::{Quarantine, Ticket, Turning};
use super::life::{Choice, Does, Happens, LeftOut, Unfit, Verdict};
use super::probation::Probation;
use super::record::{LoggedLine, Occasion, PluginRecord};
use super::refusal::Refusal;
use super::shelf::{Shelf, Shelves};
use super::source::Source;
use super::trust::Trust;
use crate::aside::Aside;
use domain::clock::Clock;
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, StrategyName};
use domain::plugin::{CanaryPlan, Fallback, ServedAs};
use domain::strategy::Strategy;

/// How long the disk of the kept builds has for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kept builds that are loaded for turns that go on with them, as long as one does.
type Recalled = BTreeMap<(PluginName, Sha256Hex), Weak<Generation>>;

/// The plugins of this process. A turn pins a generation and keeps it to its end, so swapping one never
/// touches a turn that is under way; a generation that was replaced is freed by its last turn.
#[derive(Debug)]
pub struct Registry {
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) builds: Builds,
    pub(super) trust: Trust,
    pub(super) shelves: Arc<Shelves>,
    /// Where the disk of the kept builds is asked.
    pub(super) disk: Aside,
    /// Held while a generation is loaded that stands in for another of the same plugin.
    pub(super) standing_in: Mutex<BTreeMap<PluginName, Arc<tokio::sync::Mutex<()>>>>,
    pub(super) embedded: tokio::sync::Mutex<Embedded>,
    /// Kept builds that are loaded for turns that go on with them.
    pub(super) recalled: tokio::sync::Mutex<Recalled>,
    /// The builds that turns go on with.
    pub(super) in_use: Mutex<InUse>,
}

/// What a turn gets, and what was found out on the way.
#[derive(Debug)]
pub struct Pin {
    /// What serves it.
    pub served: Result<Pinned, Unserved>,
    /// What should have stood in and could not, if that is new.
    pub refused: Vec<Refusal>,
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
    /// This turn tries a generation in quarantine.
    pub probation: Option<Arc<Probation>>,
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

/// What is to be done about what lies in the folder, or about a wish to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is to be loaded.
    Load,
    /// The first of these kept builds that is good is to be loaded.
    LoadKept(Vec<Sha256Hex>),
    /// This generation serves everybody: nothing is to be loaded.
    Serves(GenerationNumber),
    /// It is on trial, was refused or was rolled back; or there is nothing.
    Nothing,
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
            shelves: Arc::default(),
            disk: Aside::new(PATIENCE),
            standing_in: Mutex::default(),
            embedded: tokio::sync::Mutex::default(),
            in_use: Mutex::default(),
            recalled: tokio::sync::Mutex::default(),
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

    /// The generation that new turns get.
    #[must_use]
    pub fn current(&self, plugin: &PluginName) -> Option<Arc<Generation>> {
        self.shelves().get(plugin)?.live().map(Arc::clone)
    }

    /// What serves a turn of `persona` under `strategy` that begins now.
    pub async fn pin(&self, strategy: &Arc<Strategy>, persona: &PersonaId) -> Pin {
        let mut refused = Vec::new();
        let served = self.serve(strategy, persona, &mut refused).await;
        Pin { served, refused }
    }

    async fn serve(
        &self,
        strategy: &Arc<Strategy>,
        persona: &PersonaId,
        refused: &mut Vec<Refusal>,
    ) -> Result<Pinned, Unserved> {
        let (quarantine, ill) = {
            let mut shelves = self.shelves();
            let shelf = shelves.entry(strategy.plugin.clone()).or_default();
            let (number, served_as, ticket) = match shelf.choose(&strategy.name, persona, self.clock.now()) {
                Choice::Nothing => return Err(Unserved::NotLoaded),
                Choice::LeftOut(why) => return Err(Unserved::Settings(why)),
                Choice::Live(number, ticket) => (Some(number), ServedAs::Live, Ok(ticket)),
                Choice::Trial(number) => (Some(number), ServedAs::Canary, Ok(None)),
                Choice::Quarantined(quarantine) => (None, ServedAs::Live, Err(quarantine)),
            };
            match (ticket, number.and_then(|number| shelf.generation(number))) {
                (Ok(ticket), Some(generation)) => {
                    return Ok(self.pinned(generation, served_as, strategy, ticket));
                }
                (Ok(_), None) => return Err(Unserved::NotLoaded),
                (Err(quarantine), _) => (quarantine, shelf.live().map(|live| live.digest().clone())),
            }
        };
        for fallback in &strategy.fallback {
            let pinned = match fallback {
                Fallback::Previous => self.previous(strategy, refused).await,
                Fallback::BuiltIn => self.embedded(strategy, ill.as_ref(), refused).await,
            };
            if let Some(pinned) = pinned {
                return Ok(pinned);
            }
        }
        Err(Unserved::Quarantined(quarantine))
    }

    pub(super) fn pinned(
        &self,
        generation: &Arc<Generation>,
        served_as: ServedAs,
        strategy: &Arc<Strategy>,
        ticket: Option<Ticket>,
    ) -> Pinned {
        let probation = |ticket| {
            let (shelves, clock) = (Arc::clone(&self.shelves), self.clock.clone());
            Arc::new(Probation::new(shelves, clock, generation, ticket))
        };
        let probation = ticket.map(probation);
        Pinned { generation: Arc::clone(generation), served_as, strategy: Arc::clone(strategy), probation }
    }

    /// Books a call of a turn.
    pub fn book<T>(
        &self,
        generation: &Generation,
        strategy: &StrategyName,
        called: &Called<T>,
        probation: Option<&Probation>,
    ) -> Option<Turning> {
        let (now, ticket) = (self.clock.now(), probation.map(Probation::ticket));
        self.shelves().get_mut(generation.plugin())?.book(generation, strategy, called, ticket, now)
    }

    /// Counts a turn that is over, for a generation on trial. The turn does not wait for the disk.
    pub fn judge(&self, generation: &Generation, verdict: Verdict) -> Option<Trial> {
        let plugin = generation.plugin();
        let now = self.clock.now();
        let (refusal, does) = self.shelves().get_mut(plugin)?.judge(generation, verdict, now);
        let is_promoted = does.contains(&Does::GoesLive(generation.number()));
        tokio::spawn(self.write_down(plugin, does));
        let promoted = is_promoted.then(|| Trial::Promoted(generation.number()));
        refusal.map(Trial::Withdrawn).or(promoted)
    }

    /// This build lies in the folder. Gives what is to be done, and whether the file was gone before.
    pub fn found(&self, source: &Source, occasion: Occasion) -> (Next, bool) {
        self.seen(&source.plugin, Happens::Found { sha256: source.digest(), occasion })
    }

    /// The file of a plugin is gone. Gives what serves on, and whether that is new.
    pub fn gone(&self, plugin: &PluginName) -> (Next, bool) {
        self.seen(plugin, Happens::Gone)
    }

    fn seen(&self, plugin: &PluginName, happens: Happens) -> (Next, bool) {
        let does = self.after(plugin, happens);
        for retired in
            does.iter().filter_map(|does| if let Does::Retires(own) = does { Some(own) } else { None })
        {
            let generation = retired.0;
            tracing::info!(%plugin, generation, "the trial is over: its build is no longer in the folder");
        }
        let is_new = does.iter().any(|does| matches!(does, Does::Orphans(_)));
        (next(does), is_new)
    }

    /// Somebody wants what was there before. Gives what is to be done for that.
    pub async fn roll_back(&self, plugin: &PluginName) -> Next {
        let does = self.after(plugin, Happens::RolledBack);
        self.have_written_down(plugin, does.clone()).await;
        next(does)
    }

    /// Whether what lies in the folder is to be tried again, though it looks as before.
    #[must_use]
    pub fn is_due_again(&self, plugin: &PluginName) -> bool {
        let now = self.clock.now();
        self.shelves().get(plugin).is_some_and(|shelf| shelf.life().is_due_again(now))
    }

    /// The number of a plugin's next generation.
    #[must_use]
    pub fn next_number(&self, plugin: &PluginName) -> GenerationNumber {
        self.shelves().entry(plugin.clone()).or_default().next_number()
    }

    /// A build has shown itself: it serves all new turns from now on or, with a plan, a share of the personas, if
    /// another one serves. Gives whether it is on trial.
    pub async fn admit(
        &self,
        generation: &Arc<Generation>,
        source: Source,
        left_out: LeftOut,
        occasion: Occasion,
        plan: Option<CanaryPlan>,
    ) -> bool {
        let (plugin, now) = (generation.plugin(), self.clock.now());
        let does = {
            let mut shelves = self.shelves();
            let shelf = shelves.entry(plugin.clone()).or_default();
            shelf.admitted(generation, source, left_out, occasion, plan, now)
        };
        let on_trial = does.contains(&Does::GoesOnTrial(generation.number()));
        self.have_written_down(plugin, does).await;
        on_trial
    }

    /// Writes a refusal down. Gives it with what serves on, unless it was told before, and the kept builds that are to
    /// be tried in its place.
    pub fn refuse(&self, refusal: Refusal, occasion: Occasion) -> (Option<Refusal>, Vec<Sha256Hex>) {
        let mut shelves = self.shelves();
        let shelf = shelves.entry(refusal.plugin.clone()).or_default();
        let (told, does) = shelf.refused(refusal, occasion, self.clock.now());
        let kept = match next(does) {
            Next::LoadKept(kept) => kept,
            _ => Vec::new(),
        };
        (told, kept)
    }

    /// The kept builds that could serve, newest first.
    #[must_use]
    pub fn good_kept(&self, plugin: &PluginName) -> Vec<Sha256Hex> {
        self.shelves().get(plugin).map(|shelf| shelf.life().good_kept()).unwrap_or_default()
    }

    /// What serves, such as `1.3.0, generation 4`.
    #[must_use]
    pub fn serving(&self, plugin: &PluginName) -> Option<String> {
        self.shelves().get(plugin)?.serving()
    }

    /// Why the live generation leaves a strategy out, if it does.
    #[must_use]
    pub fn why_left_out(&self, strategy: &Strategy) -> Option<String> {
        let shelves = self.shelves();
        let unfit: &Unfit = shelves.get(&strategy.plugin)?.life().why_left_out(&strategy.name)?;
        Some(unfit.said.clone())
    }

    /// The live generation, if it is to be asked again about strategies that it left out for now, and which these are.
    #[must_use]
    pub fn to_ask_again(&self, plugin: &PluginName) -> Option<(Arc<Generation>, Vec<StrategyName>)> {
        let (now, shelves) = (self.clock.now(), self.shelves());
        let shelf = shelves.get(plugin)?;
        let strategies = shelf.life().to_ask_again(now);
        (!strategies.is_empty()).then(|| shelf.live().map(|live| (Arc::clone(live), strategies)))?
    }

    /// It was asked about all of them, and still leaves these out.
    pub fn asked_again(&self, generation: &Generation, left_out: LeftOut) {
        let now = self.clock.now();
        if let Some(shelf) = self.shelves().get_mut(generation.plugin()) {
            shelf.asked_again(generation, left_out, now);
        }
    }

    /// Whether the file of a plugin is gone, and it is served from memory.
    #[must_use]
    pub fn is_orphaned(&self, plugin: &PluginName) -> bool {
        self.shelves().get(plugin).is_some_and(|shelf| shelf.life().is_orphaned())
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
            orphaned: shelf.life().is_orphaned(),
            refused: shelf.has_refused(),
            quarantine: shelf.life().quarantine().cloned(),
            generations: shelf.records(),
            kept: shelf.kept().to_vec(),
        };
        self.shelves().iter().map(record).collect()
    }

    /// The last lines that a plugin logged, oldest first; nothing if there is no such plugin.
    #[must_use]
    pub fn log(&self, plugin: &PluginName) -> Option<Vec<LoggedLine>> {
        Some(self.shelves().get(plugin)?.log.iter().cloned().collect())
    }

    pub(super) fn after(&self, plugin: &PluginName, happens: Happens) -> Vec<Does> {
        let now = self.clock.now();
        self.shelves().entry(plugin.clone()).or_default().after(happens, now)
    }

    pub(super) fn shelves(&self) -> MutexGuard<'_, BTreeMap<PluginName, Shelf>> {
        lock(&self.shelves)
    }
}

pub(super) fn lock(shelves: &Shelves) -> MutexGuard<'_, BTreeMap<PluginName, Shelf>> {
    shelves.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is to be loaded after all that is done already.
fn next(does: Vec<Does>) -> Next {
    let next = does.into_iter().find_map(|does| match does {
        Does::Load => Some(Next::Load),
        Does::LoadKept(kept) => Some(Next::LoadKept(kept)),
        Does::Serves(number) => Some(Next::Serves(number)),
        _ => None,
    });
    next.unwrap_or(Next::Nothing)
}
