//! What all stages have in common: what ends them early, the time they take, and the event at their end.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::deps::Deps;
use super::values::Due;
use domain::code::Code;
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::ids::TurnId;
use domain::turn_end::TurnEnd;

/// The stages of one turn.
pub(super) struct Stages<'a> {
    pub(super) deps: &'a Deps,
    /// Moved on by what the turn waits at mana-auth's door.
    deadline: Mutex<Instant>,
    turn: TurnId,
    email: String,
    stop: CancellationToken,
}

impl<'a> Stages<'a> {
    pub(super) fn of(due: &Due, started: Instant, deps: &'a Deps) -> Self {
        let deadline = Mutex::new(started + deps.settings.turn_deadline);
        Self { deps, deadline, turn: due.turn, email: due.persona.email.clone(), stop: due.stop.clone() }
    }

    /// Runs one stage to its end, to the turn's deadline, or until it is cut off; after a stop it is not begun.
    /// What only keeps what was paid for is local and short, and goes on whatever happens. How long a sign-in waits is
    /// mana-auth's matter and not the turn's: each of its requests has a limit of its own.
    pub(super) async fn through<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, TurnEnd>>,
    ) -> Result<T, TurnEnd> {
        let (started, deadline) = (Instant::now(), *self.deadline());
        let result = match stage {
            Stage::KeepActions | Stage::Parse | Stage::KeepRatings => work.await,
            _ if self.stop.is_cancelled() => return Err(Fault::stopping(stage).into()),
            Stage::SignIn => tokio::select! {
                biased;
                result = work => {
                    *self.deadline() += started.elapsed();
                    result
                }
                () = self.deps.cut.cancelled() => Err(Fault::stopping(stage).into()),
            },
            _ => tokio::select! {
                // What is done at the last moment is done.
                biased;
                result = work => result,
                () = self.deps.cut.cancelled() => Err(Fault::stopping(stage).into()),
                () = tokio::time::sleep_until(deadline) => Err(self.too_late(stage).into()),
            },
        };
        // Asked now: it may be this very failure that shows that there is an outage.
        let result = result.map_err(|end| match end {
            TurnEnd::Faulted(fault) => TurnEnd::Faulted(self.deps.fuses.excuse(fault)),
            other => other,
        });
        self.deps.events.emit(Event::StageEnded {
            turn: self.turn,
            email: self.email.clone(),
            stage,
            took: started.elapsed(),
            ok: result.is_ok(),
            code: result.as_ref().err().and_then(TurnEnd::failure).map(|fault| fault.code.clone()),
        });
        result
    }

    fn deadline(&self) -> MutexGuard<'_, Instant> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of a turn that took too long.
    fn too_late(&self, stage: Stage) -> Fault {
        let deadline = humantime::format_duration(self.deps.settings.turn_deadline);
        Fault::new(stage, Code::Deadline, format!("the turn took longer than {deadline}"))
            .hint("raise runner.turn_deadline, or look for what is slow with `persona-host turns show`")
    }
}
