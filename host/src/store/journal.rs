//! The journal of steps: intent before a paid call or a tool call, result after it. Rows of all attempts stay; what
//! stands for a step is its row with a result.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::statement::Statement;
use super::{Ledger, LedgerError};
use domain::ids::TurnId;
use domain::step::StepKey;

const READ: &str = "read a journal";

/// The row of a step that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRow {
    turn: TurnId,
    seq: i64,
}

/// What the journal has of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStep {
    /// What was about to be done, as JSON.
    pub intent: String,
    /// What came of it, as JSON.
    pub result: Option<String>,
    /// It has no result, but was surely not carried out.
    pub undone: bool,
}

impl Ledger {
    /// Writes down what is about to be done, and with it what was put off.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn begin_step(
        &self,
        turn: TurnId,
        attempt: u32,
        key: &StepKey,
        intent: &str,
    ) -> Result<StepRow, LedgerError> {
        let statement = Statement::new(
            "INSERT INTO steps (turn, attempt, key, intent, begun_at) VALUES (?, ?, ?, ?, ?)",
            [
                turn.to_string().into(),
                i64::from(attempt).into(),
                key.as_str().into(),
                intent.into(),
                self.now_ms().into(),
            ],
        );
        let seq = self.writer.write("journal an intent", turn, statement).await?.last_insert_rowid();
        Ok(StepRow { turn, seq })
    }

    /// Writes down what came of something that touched nobody, and so had no intent. It is written with the next
    /// write, or in a moment.
    pub fn note_step(&self, turn: TurnId, attempt: u32, key: &StepKey, result: &str) {
        let now = self.now_ms();
        let statement = Statement::new(
            "INSERT INTO steps (turn, attempt, key, intent, begun_at, result, ended_at)
             VALUES (?, ?, ?, '{}', ?, ?, ?)",
            [
                turn.to_string().into(),
                i64::from(attempt).into(),
                key.as_str().into(),
                now.into(),
                result.into(),
                now.into(),
            ],
        );
        self.writer.put_off(turn, statement);
    }

    /// Writes down what came of a step, as JSON. What a model call used is booked with it (the trigger
    /// `usage_of_answer`). It is written with the next write, or in a moment.
    pub fn keep_step(&self, step: StepRow, result: &str) {
        self.writer.put_off(
            step.turn,
            Statement::new(
                "UPDATE steps SET result = ?, ended_at = ? WHERE seq = ?",
                [result.into(), self.now_ms().into(), step.seq.into()],
            ),
        );
    }

    /// Writes down that a step failed: that it was surely not carried out, or that nobody knows. It is written with
    /// the next write, or in a moment.
    pub fn fail_step(&self, step: StepRow, failure: &str, undone: bool) {
        self.writer.put_off(
            step.turn,
            Statement::new(
                "UPDATE steps SET failure = ?, undone = ?, ended_at = ? WHERE seq = ?",
                [failure.into(), i64::from(undone).into(), self.now_ms().into(), step.seq.into()],
            ),
        );
    }

    /// Writes what was put off, and returns when that is safe.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn catch_up(&self) -> Result<(), LedgerError> {
        self.writer.write_put_off().await
    }

    /// What the journal has of a turn's steps, of all attempts. Everything stands on what the main phase opened with:
    /// without that nothing else counts.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn known_steps(&self, turn: TurnId) -> Result<BTreeMap<StepKey, KnownStep>, LedgerError> {
        let rows = sqlx::query(
            "SELECT key, intent, result, undone FROM steps
             WHERE turn = ?1 AND seq >= (SELECT min(seq) FROM steps WHERE turn = ?1 AND key = 'main/opening'
                 AND result != 'null')
             ORDER BY seq",
        )
        .bind(turn.to_string())
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        let mut known: BTreeMap<StepKey, KnownStep> = BTreeMap::new();
        for row in rows {
            let doing = LedgerError::doing(READ);
            let result: Option<String> = row.try_get("result").map_err(&doing)?;
            let step = KnownStep {
                intent: row.try_get("intent").map_err(&doing)?,
                result,
                undone: row.try_get("undone").map_err(&doing)?,
            };
            let key = StepKey::written(row.try_get("key").map_err(&doing)?);
            match known.get_mut(&key) {
                Some(earlier) if earlier.result.is_some() => {}
                // Once it may have been carried out, it may have been, whatever came of later attempts.
                Some(earlier) => {
                    let undone = earlier.undone && step.undone;
                    *earlier = KnownStep { undone, ..step };
                }
                None => drop(known.insert(key, step)),
            }
        }
        Ok(known)
    }
}
