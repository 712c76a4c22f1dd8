//! The loop: select what woke it, handle that, go on. Ticks run beside it, so that it always hears.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::error::TickError;
use super::parts::Runner;
use super::report::TickReport;
use super::sight::For;
use crate::behavior::{Watch, WatchMode};
use crate::reload::{ReloadError, Reloaded};
use domain::event::Event;
use domain::ids::PluginName;

/// From one look at the outbox to the next.
const OUTBOX_INTERVAL: Duration = Duration::from_secs(5);
/// From one look at all plugins to the next, for changes that the system did not tell of.
const RESCAN_INTERVAL: Duration = Duration::from_secs(60);

/// From one look at what is old in the ledger to the next.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Everything that can be asked of the loop.
#[derive(Debug)]
pub enum Command {
    /// A tick, now.
    Tick {
        /// Only this persona's address.
        only: Option<String>,
        /// Where to say what it did.
        reply: oneshot::Sender<Result<TickReport, TickError>>,
    },
    /// Another generation of a plugin.
    Plugin {
        /// Which plugin.
        plugin: PluginName,
        /// Which generation.
        change: PluginChange,
        /// Where to say what came of it.
        reply: oneshot::Sender<Result<Reloaded, ReloadError>>,
    },
}

/// Which generation of a plugin is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginChange {
    /// The build that is in the folder now.
    Reload,
    /// The last good build before the one that serves.
    Rollback,
}

/// Everything that can wake the loop.
enum Wake {
    Timer {
        due_at: Instant,
    },
    Outbox,
    /// Something may have grown old.
    Prune,
    /// A hold has ended, or a pause.
    Hold,
    /// The timer goes otherwise from now on.
    Interval,
    Folder,
    Rescan,
    /// A file may still be written: it is looked at again after this time.
    Unsettled(Duration),
    /// That time is over for one of them.
    Settles,
    Command(Command),
    Stop,
}

/// The one door into a running loop.
#[derive(Clone, Debug)]
pub struct Remote(mpsc::Sender<Command>);

impl Remote {
    /// Asks for a tick and waits for its end.
    ///
    /// # Errors
    /// As [`Runner::tick`], or when the loop has ended.
    pub async fn tick(&self, only: Option<String>) -> Result<TickReport, TickError> {
        let (reply, answer) = oneshot::channel();
        let asked = self.0.send(Command::Tick { only, reply }).await;
        asked.map_err(|_| TickError::Stopping)?;
        answer.await.map_err(|_| TickError::Stopping)?
    }

    /// Asks for another generation of a plugin and waits until it serves. Nothing: the loop has ended.
    pub async fn change_plugin(
        &self,
        plugin: PluginName,
        change: PluginChange,
    ) -> Option<Result<Reloaded, ReloadError>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Plugin { plugin, change, reply }).await.ok()?;
        answer.await.ok()
    }
}

impl Runner {
    /// A door, and what comes in by it.
    #[must_use]
    pub fn door() -> (Remote, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(16);
        (Remote(sender), receiver)
    }

    /// Runs until it is told to stop, and drains then. With `timer` off it only obeys commands.
    ///
    /// The first tick comes after one interval; ticks that were missed are not made up for, and one
    /// that is due while the last one runs is left out (contract 7.3).
    pub async fn serve(self: Arc<Self>, mut commands: mpsc::Receiver<Command>, timer: bool) {
        self.deps.events.emit(Event::Started { version: env!("CARGO_PKG_VERSION") });
        let mut interval = self.tick_interval();
        let mut ticks = timer_of(interval);
        let mut outbox = tokio::time::interval(OUTBOX_INTERVAL);
        outbox.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rescan = tokio::time::interval_at(Instant::now() + RESCAN_INTERVAL, RESCAN_INTERVAL);
        rescan.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut prune = tokio::time::interval(PRUNE_INTERVAL);
        prune.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let folder = self.reloader.folder().path().to_owned();
        let (watch, mut changes) = Watch::new(folder, self.options.watch, self.options.debounce);
        let (watch, (put_off, mut unsettled)) = (Arc::new(watch), mpsc::channel(1));
        let mut settles_at = None;
        if self.options.watch != WatchMode::Off {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = watch.renew() => {}
            }
        }
        if self.options.watch != WatchMode::Off || self.reloader.is_behind() {
            // For what the start did not wait for, and for what was saved before the watch began.
            self.look_at_plugins(None, &put_off);
        }
        // What was interrupted goes on at once; who is due is asked after one interval (contract 7.3).
        if timer {
            self.ticks.set_next(interval);
            self.beside_tick(For::Unfinished, Duration::ZERO);
        }
        loop {
            let hold_ends = self.hold_ends();
            let wake = tokio::select! {
                () = self.stop.cancelled() => Wake::Stop,
                () = hold_ends, if timer => Wake::Hold,
                () = self.resumed.notified(), if timer => Wake::Hold,
                () = self.live.timer.notified(), if timer => Wake::Interval,
                Some(command) = commands.recv() => Wake::Command(command),
                due_at = ticks.tick(), if timer => Wake::Timer { due_at },
                Some(()) = changes.recv() => Wake::Folder,
                _ = rescan.tick() => Wake::Rescan,
                Some(wait) = unsettled.recv() => Wake::Unsettled(wait),
                () = until(settles_at) => Wake::Settles,
                _ = outbox.tick() => Wake::Outbox,
                _ = prune.tick() => Wake::Prune,
            };
            self.live.beats.send_replace(());
            match wake {
                Wake::Stop => break,
                Wake::Command(Command::Tick { only, reply }) => self.answer_tick(only, reply),
                Wake::Timer { due_at } => {
                    self.ticks.set_next(interval.saturating_sub(due_at.elapsed()));
                    self.beside_tick(For::Everybody, due_at.elapsed());
                }
                Wake::Interval => {
                    interval = self.tick_interval();
                    ticks = timer_of(interval);
                    self.ticks.set_next(interval);
                }
                Wake::Hold => self.beside_tick(For::Everybody, Duration::ZERO),
                Wake::Command(Command::Plugin { plugin, change, reply }) => {
                    self.change_plugin(plugin, change, reply);
                }
                // The folder itself may have been replaced: that is told once, by the watch on the old one.
                Wake::Folder | Wake::Rescan => self.look_at_plugins(Some(&watch), &put_off),
                Wake::Unsettled(wait) => {
                    let at = Instant::now() + wait;
                    settles_at = Some(settles_at.map_or(at, |sooner: Instant| sooner.min(at)));
                }
                // Whoever is to be looked at later says so again.
                Wake::Settles => {
                    settles_at = None;
                    self.look_at_plugins(Some(&watch), &put_off);
                }
                Wake::Outbox => self.look_at_outbox(),
                Wake::Prune => self.prune_beside(),
            }
        }
        commands.close();
        self.drain().await;
    }

    fn answer_tick(
        self: &Arc<Self>,
        only: Option<String>,
        reply: oneshot::Sender<Result<TickReport, TickError>>,
    ) {
        let runner = Arc::clone(self);
        self.beside.spawn(async move {
            let report = runner.tick(only.as_deref(), Duration::ZERO).await;
            // Who asked may have gone; the tick was made all the same.
            let _ = reply.send(report);
        });
    }

    /// A tick that nobody asked for.
    fn beside_tick(self: &Arc<Self>, whom: For<'static>, lag: Duration) {
        let runner = Arc::clone(self);
        self.beside.spawn(async move {
            match runner.tick_for(whom, lag).await {
                Ok(report) => {
                    for failed in report.failed.iter().filter(|failed| !failed.is_told) {
                        tracing::warn!(email = failed.persona, cause = failed.error, "persona failed");
                    }
                }
                Err(TickError::AlreadyLooking) => {
                    tracing::debug!("the last tick is still looking; this one is left out");
                }
                Err(error) => {
                    tracing::error!(cause = %error, hint = error.hint(), "tick failed; the next one tries again");
                }
            }
        });
    }

    /// Beside the loop and beside turns: compiling takes seconds, a disk may not answer, and nobody waits for either.
    fn look_at_plugins(self: &Arc<Self>, watch: Option<&Arc<Watch>>, put_off: &mpsc::Sender<Duration>) {
        let (reloader, watch, put_off) = (Arc::clone(&self.reloader), watch.cloned(), put_off.clone());
        tokio::spawn(async move {
            if let Some(watch) = watch {
                watch.renew().await;
            }
            reloader.rescan_telling(&put_off).await;
        });
    }

    fn change_plugin(
        self: &Arc<Self>,
        plugin: PluginName,
        change: PluginChange,
        reply: oneshot::Sender<Result<Reloaded, ReloadError>>,
    ) {
        let (reloader, stop) = (Arc::clone(&self.reloader), self.stop.clone());
        tokio::spawn(async move {
            let mut changing = pin!(async {
                match change {
                    PluginChange::Reload => reloader.reload(&plugin).await,
                    PluginChange::Rollback => reloader.rollback(&plugin).await,
                }
            });
            tokio::select! {
                biased;
                // Who asked may have gone; it serves all the same.
                changed = &mut changing => drop(reply.send(changed)),
                () = stop.cancelled() => {
                    // Who asked hears that there is no answer any more. What is begun is not given up for that.
                    drop(reply);
                    drop(changing.await);
                }
            }
        });
    }

    fn look_at_outbox(self: &Arc<Self>) {
        let runner = Arc::clone(self);
        self.beside.spawn(async move {
            if let Err(error) = runner.flush_if_idle().await {
                tracing::error!(cause = %error, "the outbox cannot be read");
            }
        });
    }
}

/// The first tick after one interval; those that were missed are left out.
fn timer_of(interval: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Waits until this moment; for ever, if there is none.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
