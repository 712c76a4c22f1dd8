//! The runner: what it is made of, and what can be asked of it at any time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backlog::Backlog;
use super::brakes::Brakes;
use super::calendar::Calendar;
use super::chronicle::Chronicle;
use super::left_alone::LeftAlone;
use super::listed::ListedSoFar;
use super::live::{Live, Now};
use super::pool::Pool;
use super::report::HeldPersona;
use super::ticks::{LastTick, Ticks};
use crate::aside::Aside;
use crate::behavior::{PluginRecord, WatchMode};
use crate::mana::UnreadableEntry;
use crate::reload::Reloader;
use crate::store::Pauses;
use crate::turn::Deps;
use schedule::Rules;

/// How long a tick waits for the folder of experiments. Later ticks do not wait for it again.
const EXPERIMENTS_PATIENCE: Duration = Duration::from_secs(2);

/// How much, how often, and how it ends.
#[derive(Clone, Debug)]
pub struct Options {
    /// From one tick to the next.
    pub tick_interval: Duration,
    /// Turns at once.
    pub concurrency: usize,
    /// Start paused.
    pub paused: bool,
    /// The host's own schedule; none: mana-auth decides who is due.
    pub schedule: Option<Rules>,
    /// How long running turns may take to reach their next boundary when the loop ends.
    pub drain: Duration,
    /// How long the steps of a turn that is over are kept.
    pub keep: Duration,
    /// How long events are kept.
    pub keep_events: Duration,
    /// The folder of experiments that the daemon's turns take part in.
    pub experiments: PathBuf,
    /// How changes in the plugins folder are heard.
    pub watch: WatchMode,
    /// How long nothing may change before a changed plugin is read.
    pub debounce: Duration,
}

/// Decides who runs now. There is one in a process.
#[derive(Debug)]
pub struct Runner {
    pub(super) deps: Arc<Deps>,
    pub(super) reloader: Arc<Reloader>,
    pub(super) options: Options,
    /// What of them may be another by now.
    pub(super) live: Live,
    /// Held by the tick that looks who is due.
    pub(super) looking: Mutex<()>,
    /// When the next tick is, and what came of the last one.
    pub(super) ticks: Ticks,
    /// The places that turns take, and who is under way.
    pub(super) pool: Pool,
    /// The host's own schedule, if there is one.
    pub(super) calendar: Option<Calendar>,
    /// Whether who waits can be served.
    pub(super) backlog: Backlog,
    /// Told when a turn may have been held.
    pub(super) holds: Notify,
    /// Told when a pause is over.
    pub(super) resumed: Notify,
    /// Held by who delivers, who leaves these alone.
    pub(super) delivering: Mutex<LeftAlone>,
    /// The turns that run.
    pub(super) turns: TaskTracker,
    /// What runs beside them: ticks, and looks at the outbox.
    pub(super) beside: TaskTracker,
    /// Says that no further step is to be begun.
    pub(super) stop: CancellationToken,
    /// The entries of mana-auth's list that cannot be read, so that each is told once.
    pub(super) unreadable: std::sync::Mutex<BTreeSet<UnreadableEntry>>,
    /// Whom mana-auth has named.
    pub(super) listed: ListedSoFar,
    /// What is wrong with experiments, so that it is told once.
    pub(super) experiment_complaints: std::sync::Mutex<BTreeSet<String>>,
    /// Where the folder of experiments is asked.
    pub(super) experiment_disk: Aside,
    /// Who is paused, and how running turns are told.
    pub(super) brakes: Brakes,
    /// Writes down what happened.
    chronicle: Chronicle,
}

impl Runner {
    /// A runner that has not begun, of a ledger in which these are paused. `stop` ends it, and is the one that `deps`
    /// holds.
    #[must_use]
    pub fn new(
        deps: Arc<Deps>,
        reloader: Arc<Reloader>,
        options: Options,
        pauses: Pauses,
        chronicle: Chronicle,
    ) -> Self {
        Self {
            chronicle,
            reloader,
            looking: Mutex::default(),
            ticks: Ticks::default(),
            pool: Pool::of(options.concurrency, deps.clock.clone()),
            calendar: options.schedule.clone().map(Calendar::new),
            backlog: Backlog::default(),
            holds: Notify::new(),
            resumed: Notify::new(),
            delivering: Mutex::default(),
            turns: TaskTracker::new(),
            beside: TaskTracker::new(),
            unreadable: std::sync::Mutex::default(),
            listed: ListedSoFar::default(),
            experiment_complaints: std::sync::Mutex::default(),
            experiment_disk: Aside::new(EXPERIMENTS_PATIENCE),
            stop: deps.stop.clone(),
            brakes: Brakes::new(pauses, options.paused),
            live: Live::of(Now {
                tick_interval: options.tick_interval,
                concurrency: options.concurrency,
                keep: options.keep,
            }),
            deps,
            options,
        }
    }

    /// What turns are run with.
    #[must_use]
    pub fn deps(&self) -> &Arc<Deps> {
        &self.deps
    }

    /// What writes down what happened.
    #[must_use]
    pub fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    /// Writes what is not written yet, and closes the ledger.
    pub async fn close(&self) {
        self.chronicle.end().await;
        self.deps.ledger.close().await;
    }

    /// What loads plugins.
    #[must_use]
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// Every plugin with its builds and the strategies that use it.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginRecord> {
        let strategies = self.deps.strategies.values().map(|own| (own.name.clone(), own.plugin.clone()));
        self.deps.registry.records(&strategies.collect::<Vec<_>>())
    }

    /// When the timer asks next who is due; nothing where there is no timer.
    #[must_use]
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        Some(self.deps.clock.now() + self.ticks.next_in()?)
    }

    /// What came of the last tick that is over.
    #[must_use]
    pub fn last_tick(&self) -> Option<LastTick> {
        self.ticks.last()
    }

    /// Whom the last tick kept back for what no ledger knows, such as a budget that is spent, and who does not play since.
    #[must_use]
    pub fn kept_back(&self) -> Vec<HeldPersona> {
        let playing = self.deps.events.in_flight();
        let mut kept = self.ticks.kept_back();
        kept.retain(|own| !playing.iter().any(|turn| turn.email == own.persona));
        kept
    }

    /// How it was set up. What can be another by now has a function of its own.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }
}
