//! Blocks of an experiment, back to back: every arm once for each persona, several personas at a time.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::hold::Hold;
use super::parts::Runner;
use super::report::TickReport;
use crate::store::{LedgerError, Open, Standing};
use crate::turn::Role;
use domain::experiment::{Assignment, Experiment};
use domain::fault::Fault;
use domain::persona::Persona;
use domain::turn_end::TurnEnd;
use experiment::assignment;

/// When to look again whether an upstream that is tried is asked again.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(5);

/// How an experiment is run.
#[derive(Debug)]
pub struct Blocks {
    /// The experiment.
    pub experiment: Arc<Experiment>,
    /// Who takes part.
    pub personas: Vec<Persona>,
    /// Says that no further turn is to be begun. Those that run are finished: a turn that is broken off would count
    /// against its arm.
    pub halt: CancellationToken,
    /// What all of the experiment may have cost when a turn begins, in US dollars.
    pub budget: Option<f64>,
}

/// What came of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Turns that were played now.
    pub played: u32,
    /// Turns that are kept back for a while, because their last attempt failed or their plugin let them out.
    pub held: u32,
    /// How many of them because an upstream, or their model, is left alone for now.
    pub left_alone: u32,
    /// Why the round is not over.
    pub cut_short: Option<CutShort>,
}

/// Why no further turn of a round was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutShort {
    /// Somebody said so.
    Halted,
    /// The money is gone.
    Spent,
    /// A pause, or the budget of all turns, keeps everybody from beginning.
    Kept,
}

/// Where a turn of an arm begins or ends: whoever keeps the arms of a persona apart is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Its turn is about to begin.
    Enter,
    /// Its turn is over.
    Leave,
}

/// A round that was broken off.
#[derive(Debug)]
pub struct Broken<E> {
    /// Turns that were played before.
    pub played: u32,
    /// What broke it off.
    pub why: RoundError<E>,
}

/// Why a round failed; `E` is what keeps the arms apart.
#[derive(Debug, thiserror::Error)]
pub enum RoundError<E> {
    /// The ledger cannot be used.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// The arms of a persona cannot be kept apart.
    #[error("the arms cannot be kept apart: {0}")]
    Border(E),
}

impl Runner {
    /// Plays one block of every persona. Turns that are over are not played again, so a round that was cut
    /// short or broken off is gone on with. `at` is called at each border of an arm: before its turn and after it. What
    /// runs when something fails is finished.
    ///
    /// # Errors
    /// When the ledger cannot be used, or `at` fails.
    pub async fn play_round<E>(
        &self,
        blocks: &Blocks,
        block: u32,
        at: &impl AsyncFn(Border, &Persona, &Assignment) -> Result<(), E>,
    ) -> Result<Round, Broken<E>> {
        let mut round = Round::default();
        // What is marked as running and does not run could not be ended, for want of a ledger.
        let ended = self.deps.ledger.end_interrupted(|| self.pool.turns(), Fault::ledger_away()).await;
        ended.map_err(|error| Broken { played: 0, why: error.into() })?;
        let halt = blocks.halt.child_token();
        let of_personas = blocks.personas.iter().map(|persona| async {
            let mut own = Round::default();
            let played = self.play_block((blocks, &halt), persona, block, at, &mut own).await;
            (own, played)
        });
        let mut playing = stream::iter(of_personas).buffer_unordered(self.options.concurrency);
        let mut broken = None;
        while let Some((own, played)) = playing.next().await {
            round.played += own.played;
            round.held += own.held;
            round.left_alone += own.left_alone;
            round.cut_short = round.cut_short.or(own.cut_short);
            if let Err(why) = played {
                halt.cancel();
                broken.get_or_insert(why);
            }
        }
        self.flush_or_say().await;
        match broken {
            Some(why) => Err(Broken { played: round.played, why }),
            None => Ok(round),
        }
    }

    /// The arms of a block are played one after the other: a persona does one thing at a time.
    async fn play_block<E>(
        &self,
        (blocks, halt): (&Blocks, &CancellationToken),
        persona: &Persona,
        block: u32,
        at: &impl AsyncFn(Border, &Persona, &Assignment) -> Result<(), E>,
        round: &mut Round,
    ) -> Result<(), RoundError<E>> {
        let places =
            (0..).map_while(|place| assignment::at(&blocks.experiment, &persona.email, block, place));
        for place in places {
            let part = Role { experiment: Arc::clone(&blocks.experiment), place };
            match self.standing(persona, &part).await? {
                Some(Standing::Over | Standing::Running) => continue,
                None | Some(Standing::Held) => {
                    round.held += 1;
                    continue;
                }
                Some(Standing::Free) if self.is_taken(persona, &part).await? => continue,
                Some(Standing::Free) => {}
            }
            if halt.is_cancelled() {
                round.cut_short = Some(CutShort::Halted);
                break;
            }
            if self.is_spent(blocks).await? {
                round.cut_short = Some(CutShort::Spent);
                break;
            }
            if self.deps.mana.keeps_out(&persona.email).is_some() {
                round.held += 1;
                break;
            }
            if let Some(hold) = self.is_left_alone(persona, &part).await? {
                self.hold(persona, hold, &mut TickReport::default());
                round.held += 1;
                round.left_alone += 1;
                break;
            }
            let place = part.place.clone();
            at(Border::Enter, persona, &place).await.map_err(RoundError::Border)?;
            let played = self.play(persona, part.clone()).await;
            at(Border::Leave, persona, &place).await.map_err(RoundError::Border)?;
            if let Some(ended) = played? {
                round.played += 1;
                let is_away = matches!(&ended.end, TurnEnd::Faulted(fault) if fault.is_of_a_neighbour());
                round.left_alone += u32::from(is_away);
                let standing = self.standing(persona, &part).await?;
                round.held += u32::from(matches!(standing, Some(Standing::Held | Standing::Free)));
            }
        }
        Ok(())
    }

    /// Whether the turn would meet what every other meets now, as a tick looks.
    async fn is_left_alone(&self, persona: &Persona, part: &Role) -> Result<Option<Hold>, LedgerError> {
        if let Err((upstream, away)) = self.deps.fuses.admit_turn() {
            return Ok(Some(Hold::away(upstream, &away)));
        }
        let turn = match self.deps.ledger.turn_of(&persona.id, &part.slot()).await {
            // It says itself what is wrong with its row.
            Err(error) if error.is_of_one_row() => return Ok(None),
            turn => turn?,
        };
        self.model_is_left_alone(turn, persona, Some(part)).await
    }

    /// When whatever is left alone may be asked again, or it makes sense to look.
    #[must_use]
    pub fn asks_again(&self) -> DateTime<Utc> {
        self.next_opening().unwrap_or_else(|| self.deps.clock.now() + LOOK_AGAIN)
    }

    /// When the first hold of a turn of theirs ends, of those that had not ended by `since`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn next_hold(
        &self,
        personas: &[Persona],
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let turns = self.deps.ledger.open_turns().await?.into_iter();
        let ends = turns.filter_map(|own| match own.open {
            Open::Held { until, .. } if until > since => {
                personas.iter().any(|persona| persona.email == own.persona).then_some(until)
            }
            _ => None,
        });
        Ok(ends.min())
    }

    /// How a turn stands; nothing when the ledger's row of it cannot be read, which is told.
    async fn standing(&self, persona: &Persona, part: &Role) -> Result<Option<Standing>, LedgerError> {
        let ledger = &self.deps.ledger;
        let standing = match ledger.turn_of(&persona.id, &part.slot()).await {
            Ok(turn) => ledger.standing(turn).await,
            Err(error) => Err(error),
        };
        match standing {
            Err(error) if error.is_of_one_row() => {
                let email = &persona.email;
                tracing::error!(email, cause = %error, hint = error.hint(), "a turn is kept back");
                Ok(None)
            }
            standing => standing.map(Some),
        }
    }

    /// Whether another turn has this place: those of the daemon take their arms by the same plan.
    async fn is_taken(&self, persona: &Persona, part: &Role) -> Result<bool, LedgerError> {
        let ledger = &self.deps.ledger;
        let own = ledger.turn_of(&persona.id, &part.slot()).await?;
        if ledger.assignment(own).await?.is_some() {
            return Ok(false);
        }
        let Assignment { experiment, version, block, place, .. } = &part.place;
        let earlier = ledger.assignments(experiment, Some(&persona.email)).await?;
        let is_there = |own: &Assignment| (own.version, own.block, own.place) == (*version, *block, *place);
        Ok(earlier.iter().any(|own| is_there(&own.assignment)))
    }

    /// Whether the money is gone. With a price that is not known nobody can say, and a budget is a promise.
    async fn is_spent(&self, blocks: &Blocks) -> Result<bool, LedgerError> {
        let Some(budget) = blocks.budget else { return Ok(false) };
        let spent = self.deps.ledger.spent(blocks.experiment.key(), blocks.experiment.version).await?;
        Ok(spent.is_none_or(|spent| spent >= budget))
    }
}
