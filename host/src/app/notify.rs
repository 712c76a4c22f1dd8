//! What systemd is told, where it wants to know (sd_notify): that the daemon can take work, what it does, that it reads its
//! configuration anew, that it ends, and that its loop goes round. Without systemd nobody is told anything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::runner::Runner;

/// From one sign of life to the next when the loop has ended and turns come to theirs.
const LAST_BEATS: Duration = Duration::from_secs(1);

/// Tells the manager of services.
#[derive(Clone, Debug, Default)]
pub(super) struct Notifier {
    /// What it was told last that the daemon does.
    status: Arc<Mutex<String>>,
}

impl Notifier {
    /// Tells that the daemon is ready when its loop goes round for the first time, and from then on that it still does.
    pub(super) fn follow(&self, runner: Arc<Runner>) {
        let notifier = self.clone();
        // Here and not in the task: the loop goes round for the first time before that is begun.
        let (mut beats, stop) = (runner.beats(), runner.deps().stop.clone());
        tokio::spawn(async move {
            let (watched, mut is_ready) = (sd_notify::watchdog_enabled().is_some(), false);
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    beat = beats.changed() => if beat.is_err() { break },
                }
                if !is_ready {
                    is_ready = true;
                    tell(&[NotifyState::Ready]);
                }
                notifier.say(status(&runner));
                if watched {
                    tell(&[NotifyState::Watchdog]);
                }
            }
            tell(&[NotifyState::Stopping]);
            notifier.say("stopping: turns come to the end of their steps".to_owned());
            // The loop is over, and what comes after it has limits of its own.
            if watched {
                let mut last_beats = tokio::time::interval(LAST_BEATS);
                loop {
                    last_beats.tick().await;
                    tell(&[NotifyState::Watchdog]);
                }
            }
        });
    }

    /// The configuration is read anew. systemd wants to know since when.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "the system has no clock for systemd"),
        }
    }

    /// It was, whatever came of it.
    pub(super) fn reloaded(&self) {
        tell(&[NotifyState::Ready]);
    }

    fn say(&self, now: String) {
        let mut last = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != now {
            tell(&[NotifyState::Status(&now)]);
            *last = now;
        }
    }
}

/// What the daemon does, in a line.
fn status(runner: &Runner) -> String {
    let under_way = runner.deps().events.in_flight().len();
    let next = match (runner.pause_of_all(), runner.next_tick()) {
        (Some(pause), _) => pause.to_string(),
        (None, Some(next)) => format!("next tick at {}", next.format("%H:%M:%S UTC")),
        (None, None) => "no ticks, for want of keys".to_owned(),
    };
    let turns = if under_way == 1 { "turn" } else { "turns" };
    format!("{under_way} {turns} under way; {next}")
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}
