//! Who is due, as mana-auth last said it. The list grows old while turns run: another runner may have played a persona
//! meanwhile that waits for a free place, so mana-auth is asked again before a turn is begun by an old one.

use chrono::{DateTime, TimeDelta, Utc};

use super::error::TickError;
use super::parts::Runner;
use crate::mana::DueList;
use crate::store::{Acknowledged, Seen};
use domain::persona::Persona;

/// How old a list may be when a turn is begun by it. mana-auth hands out no claims, so two runners that ask within
/// this time may still begin the same turn.
const FRESH: TimeDelta = TimeDelta::seconds(10);

/// What mana-auth said, and how far it had acknowledged turns before.
pub(super) struct DueLook {
    pub(super) known: Acknowledged,
    pub(super) list: DueList,
    asked_at: DateTime<Utc>,
}

impl DueLook {
    /// When it was, by both clocks.
    pub(super) fn seen(&self) -> Seen {
        Seen { ours: self.asked_at, theirs: self.list.server_time }
    }

    /// The persona, if it is due.
    pub(super) fn entry(&self, of: &Persona) -> Option<&Persona> {
        self.list.personas.iter().find(|persona| persona.id == of.id)
    }
}

impl Runner {
    /// Asks who is due.
    pub(super) async fn look_who_is_due(&self) -> Result<DueLook, TickError> {
        let known = self.deps.ledger.acknowledged().await?;
        let asked_at = self.deps.clock.now();
        Ok(DueLook { known, list: self.deps.mana.due().await?, asked_at })
    }

    /// The same look while it is fresh, else a new one. A mana-auth that cannot be asked now says so at sign-in.
    pub(super) async fn renew(&self, look: &mut DueLook) {
        let now = self.deps.clock.now();
        // Also when the clock was set back.
        if (now - look.asked_at).abs() <= FRESH {
            return;
        }
        match self.look_who_is_due().await {
            Ok(fresh) => *look = fresh,
            Err(error) => {
                tracing::debug!(cause = %error, "who is due cannot be asked again; the old list counts");
                look.asked_at = now;
            }
        }
    }
}
