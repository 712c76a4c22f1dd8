//! Who is due and kept back all the same, why, and how that ends before its time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::brakes::Pause;
use super::parts::Runner;
use super::pool::UnderWayAs;
use super::report::{HeldBy, HeldPersona, TickReport};
use crate::breaker::{Away, Standing};
use crate::mana::SignInsStopped;
use crate::model::LeftAlone;
use crate::store::{LedgerError, Occasion, Seen};
use crate::turn::budget::Exhausted;
use domain::event::Event;
use domain::ids::{Slot, TurnId};
use domain::persona::Persona;
use domain::upstream::Upstream;

/// How instants are told.
const TIME: &str = "%Y-%m-%d %H:%M:%S UTC";
/// How long nobody looks at the wall clock while a hold lasts.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Why a due persona's turn is not begun.
pub(super) struct Hold {
    reason: String,
    cause: HeldBy,
}

/// What speaks against another turn of a due persona whose turns are over, in the words of a tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptBack {
    /// One of `unacknowledged`, `refused` and `forgotten`, or `budget`, `sign-ins` and `upstream` of a daemon that runs.
    pub is: &'static str,
    /// Until when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The tick's own words.
    pub why: String,
}

impl KeptBack {
    /// Nothing, where a turn may begin, or where one is open, which says itself how it stands.
    #[must_use]
    pub fn of(occasion: Occasion) -> Option<Self> {
        let (is, until) = match occasion {
            Occasion::Unacknowledged => ("unacknowledged", None),
            Occasion::Refused { .. } => ("refused", None),
            Occasion::Forgotten { until, .. } => ("forgotten", Some(until)),
            Occasion::Open { .. } | Occasion::Running | Occasion::Held { .. } | Occasion::Parked { .. } => {
                return None;
            }
        };
        let why = Hold::of(occasion).err()?.reason;
        Some(Self { is, until, why })
    }
}

impl Hold {
    /// No further turn of this tick is begun.
    pub(super) fn stop(reason: String) -> Self {
        Self { reason, cause: HeldBy::Stop }
    }

    /// Somebody paused it, or everybody.
    pub(super) fn pause(pause: &Pause) -> Self {
        Self { reason: format!("{pause}; {}", pause.hint()), cause: HeldBy::Pause }
    }

    /// There is no money for its calls.
    pub(super) fn budget(exhausted: &Exhausted) -> Self {
        let until =
            exhausted.until.map_or_else(String::new, |until| format!("waits until {}: ", until.format(TIME)));
        let never = match exhausted.never_has_room() {
            true => format!("; no day has room for it: {}", exhausted.raise()),
            false => String::new(),
        };
        Self { reason: format!("{until}{exhausted}{never}"), cause: HeldBy::Budget }
    }

    /// It would have to sign in, and nobody does.
    pub(super) fn sign_ins_stopped(stopped: &SignInsStopped) -> Self {
        Self { reason: format!("{stopped}. {}", SignInsStopped::HINT), cause: HeldBy::SignIns }
    }

    /// Nothing is begun that needs this upstream.
    pub(super) fn away(upstream: Upstream, away: &Away) -> Self {
        let Away { why, until, .. } = away;
        let reason =
            format!("nothing is begun before {}: {upstream} is left alone: {why}", until.format(TIME));
        Self { reason, cause: HeldBy::Upstream }
    }

    /// Its model is asked nothing for now.
    pub(super) fn left_alone(left_alone: &LeftAlone) -> Self {
        Self { reason: left_alone.to_string(), cause: HeldBy::Upstream }
    }

    /// Its turn runs already.
    pub(super) fn running() -> Self {
        Self { reason: "its turn is running".to_owned(), cause: HeldBy::OwnTurn }
    }

    /// It is under way already.
    pub(super) fn under_way(how: UnderWayAs) -> Self {
        match how {
            UnderWayAs::Plays => Self::running(),
            UnderWayAs::Waits => Self {
                reason: "it waits for a place: an earlier tick has put it in line".to_owned(),
                cause: HeldBy::OwnTurn,
            },
        }
    }

    /// It was due when the tick began.
    pub(super) fn not_due() -> Self {
        let reason = "mana-auth does not report it as due any more: another runner has played it since, or its day is over";
        Self { reason: reason.to_owned(), cause: HeldBy::NotDue }
    }

    /// Its slot was to be played when the tick began.
    pub(super) fn slot_passed() -> Self {
        let reason = "its slot has passed while it waited for a place";
        Self { reason: reason.to_owned(), cause: HeldBy::NotDue }
    }

    /// Its turn waits to be gone on with.
    pub(super) fn until(until: DateTime<Utc>, attempts: u32, why: &str, faulted: bool) -> Self {
        let time = until.format(TIME).to_string();
        // Said once: a quarantine, say, names its end itself.
        let until = if why.contains(&time) { String::new() } else { format!(" until {time}") };
        let after = if attempts == 0 { String::new() } else { format!(" after attempt {attempts}") };
        Self {
            reason: format!("waits{until}{after}: {why}"),
            cause: if faulted { HeldBy::Fault } else { HeldBy::Plugin },
        }
    }

    /// The turn to begin, or what speaks against it.
    pub(super) fn of(occasion: Occasion) -> Result<(TurnId, Slot), Self> {
        Err(match occasion {
            Occasion::Open { turn, slot } => return Ok((turn, slot)),
            Occasion::Running => Self::running(),
            Occasion::Unacknowledged => Self {
                reason: "its turn is over; mana-auth does not know it yet".to_owned(),
                cause: HeldBy::OwnTurn,
            },
            Occasion::Refused { why } => Self {
                reason: format!("its turn is over, and mana-auth will not take its rows: {why}"),
                cause: HeldBy::Fault,
            },
            Occasion::Held { until, attempts, why, faulted } => Self::until(until, attempts, &why, faulted),
            Occasion::Parked { turn, why } => Self {
                reason: format!("its turn {turn} is parked until somebody lets it go on: {why}"),
                cause: HeldBy::Fault,
            },
            Occasion::Forgotten { turns, until } => Self {
                reason: format!(
                    "waits until {}: mana-auth acknowledged {turns} turns of it and has forgotten each of them",
                    until.format(TIME)
                ),
                cause: HeldBy::Fault,
            },
        })
    }
}

impl Runner {
    /// Lifts what keeps a persona back: it plays at the next tick at which it is due. Gives how many of its
    /// turns were held; nothing if the ledger has no turn of it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn release(&self, email: &str) -> Result<Option<u64>, LedgerError> {
        self.deps.ledger.release(email).await
    }

    /// Waits until a hold ends, or an upstream may be asked again. What comes meanwhile is heard of.
    pub(super) async fn hold_ends(&self) {
        loop {
            let next = self.deps.ledger.next_hold_end().await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the ledger does not say when the next hold ends");
                None
            });
            let next = next.into_iter().chain(self.next_opening()).min();
            let left = next.map(|end| (end - self.deps.clock.now()).to_std().unwrap_or_default());
            // The wall clock may be set meanwhile, so it is looked at again.
            let wait = left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN));
            tokio::select! {
                () = self.holds.notified() => {}
                () = tokio::time::sleep(wait) => if left.is_some_and(|left| left <= wait) { return },
            }
        }
    }

    /// When the first upstream, or model of Claude's, is asked again that is left alone now.
    pub(super) fn next_opening(&self) -> Option<DateTime<Utc>> {
        let upstreams = self.deps.fuses.standings().filter_map(|(_, standing)| match standing {
            Standing::Open { until, .. } => Some(until),
            Standing::Closed | Standing::HalfOpen { .. } => None,
        });
        let models = self.deps.claude.left_alone().into_iter().filter_map(|own| own.until);
        upstreams.chain(models).min()
    }

    /// Tells that a persona is kept back.
    pub(super) fn hold(&self, persona: &Persona, hold: Hold, report: &mut TickReport) {
        let Hold { reason, cause } = hold;
        self.deps.events.emit(Event::Held { email: persona.email.clone(), reason: reason.clone() });
        report.held.push(HeldPersona { persona: persona.email.clone(), reason, cause });
    }

    /// Tells, once each, whose activity somebody else has moved.
    pub(super) async fn look_for_others(
        &self,
        personas: &[Persona],
        seen: Seen,
        report: &mut TickReport,
    ) -> Result<(), LedgerError> {
        for foreign in self.deps.ledger.notice_foreign(personas, seen).await? {
            let (email, last_active_at, ours) =
                (foreign.persona.clone(), foreign.last_active_at, foreign.ours);
            self.deps.events.emit(Event::ForeignActivity { email, last_active_at, ours });
            report.foreign.push(foreign);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_once() {
        let until: DateTime<Utc> = "2026-11-29T15:00:00Z".parse().expect("an instant");
        for (attempts, why, reason) in [
            (2, "HTTP 503", "waits until 2026-11-29 15:00:00 UTC after attempt 2: HTTP 503"),
            (0, "HTTP 503", "waits until 2026-11-29 15:00:00 UTC: HTTP 503"),
            (
                1,
                "it is quarantined until 2026-11-29 15:00:00 UTC",
                "waits after attempt 1: it is quarantined until 2026-11-29 15:00:00 UTC",
            ),
        ] {
            assert_eq!(Hold::until(until, attempts, why, true).reason, reason);
        }
    }
}
