//! Pause and resume at run time: of everybody or of one persona, and at once if that is asked for. Who began, and who
//! types `resume`, may be another process: the ledger keeps it.

use super::brakes::{Pause, Reach};
use super::parts::Runner;
use crate::store::{LedgerError, Paused, Pauses};
use domain::event::Event;
use domain::persona::Persona;

/// How a pause was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// `persona-host pause`.
    Command,
    /// `POST /api/pause`, by who is not the command.
    Http,
    /// SIGUSR1.
    Signal,
}

impl AskedBy {
    /// The word in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Http => "http",
            Self::Signal => "signal",
        }
    }
}

impl Runner {
    /// Pauses a persona, or everybody. Gives how many turns were told to go no further. That holds also where the ledger
    /// cannot keep it.
    ///
    /// # Errors
    /// When the ledger cannot be written: after a restart there would be no pause.
    pub async fn pause(
        &self,
        email: Option<&str>,
        reach: Reach,
        by: AskedBy,
        reason: Option<&str>,
    ) -> Result<usize, LedgerError> {
        let (since, by) = (self.deps.clock.now(), Some(by.name().to_owned()));
        let paused = Paused { since, by, reason: reason.map(str::to_owned) };
        let stopped = self.brakes.pull(email, reach, &paused);
        self.deps.events.emit(Event::Paused { email: email.map(str::to_owned), paused: true, stopped });
        self.deps.ledger.pause(email, &paused).await.map(|()| stopped)
    }

    /// Ends the pause of a persona, or the one of everybody; who is paused alone stays so. Turns go on at the next tick.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is changed then.
    pub async fn resume(&self, email: Option<&str>) -> Result<(), LedgerError> {
        self.deps.ledger.resume(email).await?;
        self.brakes.release(email);
        self.deps.events.emit(Event::Paused { email: email.map(str::to_owned), paused: false, stopped: 0 });
        self.resumed.notify_one();
        Ok(())
    }

    /// `runner.paused` says otherwise than before. A pause that somebody asked for stays as it is.
    pub fn pause_as_configured(&self, paused: bool) {
        let was_paused = self.is_paused();
        self.brakes.configure(paused);
        let is_paused = self.is_paused();
        if is_paused != was_paused {
            self.deps.events.emit(Event::Paused { email: None, paused: is_paused, stopped: 0 });
        }
        if !paused {
            self.resumed.notify_one();
        }
    }

    /// From now on what `runner.paused` says does not matter.
    pub fn play_although_configured(&self) {
        self.brakes.play_although_configured();
    }

    /// Whether ticks are left out.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.brakes.of_all().is_some()
    }

    /// Why nobody plays.
    #[must_use]
    pub fn pause_of_all(&self) -> Option<Pause> {
        self.brakes.of_all()
    }

    /// Why nobody plays, or this persona does not.
    #[must_use]
    pub fn pause_of(&self, email: &str) -> Option<Pause> {
        self.brakes.of(email)
    }

    /// Why none of these can begin a turn now, if that is so: a pause, or a budget.
    #[must_use]
    pub fn keeps_all(&self, personas: &[Persona]) -> Option<String> {
        let why = |persona: &Persona| {
            let pause = self.pause_of(&persona.email).map(|pause| format!("{pause}; {}", pause.hint()));
            pause.or_else(|| Some(self.deps.budget.is_full_for(&persona.id)?.to_string()))
        };
        let reasons: Option<Vec<String>> = personas.iter().map(why).collect();
        reasons?.into_iter().next()
    }

    /// Who is paused.
    #[must_use]
    pub fn pauses(&self) -> Pauses {
        self.brakes.pauses()
    }
}
