//! What all stages have in common: the deadline, the time they take, and the event at their end.

use std::future::Future;

use tokio::time::Instant;

use super::values::{Deps, Due};
use domain::event::{Event, TurnEnd};
use domain::fault::{Fault, Stage};
use domain::ids::TurnId;

/// The stages of one turn.
pub(super) struct Stages<'a> {
    pub(super) deps: &'a Deps,
    pub(super) deadline: Instant,
    turn: TurnId,
    email: String,
}

impl<'a> Stages<'a> {
    pub(super) fn of(due: &Due, started: Instant, deps: &'a Deps) -> Self {
        let deadline = started + deps.settings.turn_deadline;
        Self { deps, deadline, turn: due.turn, email: due.persona.email.clone() }
    }

    /// Runs one stage to its end, or to the turn's deadline.
    pub(super) async fn through<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, TurnEnd>>,
    ) -> Result<T, TurnEnd> {
        let started = Instant::now();
        // The tool loop watches the deadline itself, so that what it did is kept; and keeping is
        // local and short.
        let limit = match stage {
            Stage::ToolLoop | Stage::KeepActions | Stage::KeepRatings => None,
            _ => Some(self.deadline),
        };
        let result = match limit {
            None => work.await,
            Some(deadline) => {
                let late = |_| Err(TurnEnd::Faulted(too_late(stage, self.deps)));
                tokio::time::timeout_at(deadline, work).await.unwrap_or_else(late)
            }
        };
        self.deps.events.emit(Event::StageEnded {
            turn: self.turn,
            email: self.email.clone(),
            stage,
            took: started.elapsed(),
            ok: result.is_ok(),
        });
        result
    }
}

/// The fault of a turn that took too long.
pub(super) fn too_late(stage: Stage, deps: &Deps) -> Fault {
    let deadline = humantime::format_duration(deps.settings.turn_deadline);
    Fault::new(stage, "deadline", format!("the turn took longer than {deadline}"))
        .hint("raise runner.turn_deadline, or look for what is slow with `persona-host turns show`")
}
