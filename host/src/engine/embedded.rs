//! Steps kept in the ledger of this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::steps::{Earlier, Intent, Outcome, Steps, StepsError, Undone, Work};
use crate::store::{KnownStep, Ledger, LedgerError};
use domain::ids::TurnId;
use domain::step::StepKey;

/// The steps of one attempt at a turn, in the ledger.
#[derive(Debug)]
pub struct Embedded {
    ledger: Arc<Ledger>,
    turn: TurnId,
    attempt: u32,
    /// What earlier attempts left.
    known: BTreeMap<StepKey, KnownStep>,
}

impl Embedded {
    /// The steps of this attempt, and those that earlier ones left.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn open(ledger: Arc<Ledger>, turn: TurnId, attempt: u32) -> Result<Self, LedgerError> {
        let known = if attempt > 1 { ledger.known_steps(turn).await? } else { BTreeMap::new() };
        Ok(Self { ledger, turn, attempt, known })
    }

    /// What is known of a step, if it is the one that is meant.
    fn recall(&self, key: &StepKey, intent: &Intent) -> Result<Recalled<'_>, StepsError> {
        let Some(known) = self.known.get(key) else { return Ok(Recalled::Open(Earlier::Nothing)) };
        // What was surely not carried out may be tried another way.
        let is_open = known.result.is_none() && known.undone;
        if let Intent::Of(intent) = intent
            && known.intent != *intent
            && !is_open
        {
            let message = format!("{key} was {} and would be {}", shown(&known.intent), shown(intent));
            return Err(StepsError::Misfit(message));
        }
        Ok(match &known.result {
            Some(result) => Recalled::Done(result),
            None if known.undone => Recalled::Open(Earlier::Nothing),
            None => Recalled::Open(Earlier::Begun),
        })
    }

    /// The intent is safe before the work begins. The result is put off until the next step's intent, with which it
    /// shares a commit: nothing is begun before it is safe.
    async fn carry_out(
        &self,
        key: &StepKey,
        intent: &str,
        earlier: Earlier,
        work: Work<'_>,
    ) -> Result<Outcome, StepsError> {
        let row = self.ledger.begin_step(self.turn, self.attempt, key, intent).await.map_err(lost)?;
        let outcome = work(earlier).await;
        match &outcome {
            Outcome::Kept(result) => self.ledger.keep_step(row, result),
            Outcome::Failed { why, undone } => self.ledger.fail_step(row, why, *undone == Undone::Surely),
        }
        Ok(outcome)
    }

    async fn note(&self, key: &StepKey, earlier: Earlier, work: Work<'_>) -> Outcome {
        let outcome = work(earlier).await;
        if let Outcome::Kept(result) = &outcome {
            self.ledger.note_step(self.turn, self.attempt, key, result);
        }
        outcome
    }
}

impl Steps for Embedded {
    fn known(&self, key: &StepKey, intent: &Intent) -> Result<Option<String>, StepsError> {
        Ok(match self.recall(key, intent)? {
            Recalled::Done(result) => Some(result.to_owned()),
            Recalled::Open(_) => None,
        })
    }

    fn step<'a>(
        &'a self,
        key: &'a StepKey,
        intent: Intent,
        work: Work<'a>,
    ) -> BoxFuture<'a, Result<Outcome, StepsError>> {
        async move {
            match (self.recall(key, &intent)?, intent) {
                (Recalled::Done(result), _) => Ok(Outcome::Kept(result.to_owned())),
                (Recalled::Open(earlier), Intent::Of(intent)) => {
                    self.carry_out(key, &intent, earlier, work).await
                }
                (Recalled::Open(earlier), Intent::None) => Ok(self.note(key, earlier, work).await),
            }
        }
        .boxed()
    }
}

/// What is known of a step.
enum Recalled<'a> {
    Done(&'a str),
    Open(Earlier),
}

fn lost(error: LedgerError) -> StepsError {
    StepsError::Lost(Box::new(error))
}

/// The beginning of an intent, for people.
fn shown(intent: &str) -> String {
    const MOST: usize = 120;
    match intent.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &intent[..end]),
        None => intent.to_owned(),
    }
}
