//! The journal of steps: intent before a paid call or a tool call, result after it. Rows of all attempts stay; what
//! stands for a step is its row with a result.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::added_up::add_up;
use super::database::{About, Statement, sql};
use super::{Ledger, LedgerError};
use domain::ids::TurnId;
use domain::step::StepKey;
use domain::transcript::Phase;
use domain::usage::Usage;

const READ: &str = "read a journal";
const INTENT: &str = "journal an intent";

/// The row of a step that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRow {
    turn: TurnId,
    seq: i64,
    /// The phase of a model call; nothing for other steps.
    asked_in: Option<Phase>,
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
        let begun =
            "INSERT INTO steps (turn, attempt, key, intent, begun_at) VALUES (?, ?, ?, ?, ?) RETURNING seq";
        let begun = sql(begun).bind(turn).bind(attempt).bind(key.as_str()).bind(intent).bind(self.now_ms());
        let asked_in = key.phase_of_a_model_call();
        let journal = self.writer.write(INTENT, About::Turn(turn), move |connection| {
            Ok(StepRow { turn, seq: connection.one(begun.clone())?.get("seq")?, asked_in })
        });
        journal.await
    }

    /// Writes down what came of something that touched nobody, and so had no intent. It is written with the next
    /// write, or in a moment.
    pub fn note_step(&self, turn: TurnId, attempt: u32, key: &StepKey, result: &str) {
        // A commit whose answer was lost may have had it.
        let noted = "INSERT INTO steps (turn, attempt, key, intent, begun_at, result, ended_at)
             VALUES (?1, ?2, ?3, '{}', ?4, ?5, ?4) ON CONFLICT DO NOTHING";
        let noted = sql(noted).bind(turn).bind(attempt).bind(key.as_str()).bind(self.now_ms()).bind(result);
        self.writer.put_off(turn, vec![noted]);
    }

    /// Writes down what came of a step, as JSON. What a model call used is booked with it: neither is had without the
    /// other. It is written with the next write, or in a moment.
    pub fn keep_step(&self, step: StepRow, result: &str) {
        let kept = sql("UPDATE steps SET result = ?, ended_at = ? WHERE seq = ?")
            .bind(result)
            .bind(self.now_ms())
            .bind(step.seq);
        let booked = step.asked_in.and_then(|phase| booked(step, phase, result));
        let added_up = if booked.is_some() { add_up(step.turn) } else { Vec::new() };
        self.writer.put_off(step.turn, [kept].into_iter().chain(booked).chain(added_up).collect());
    }

    /// Writes down that a step failed: that it was surely not carried out, or that nobody knows. It is written with
    /// the next write, or in a moment.
    pub fn fail_step(&self, step: StepRow, failure: &str, undone: bool) {
        let failed = sql("UPDATE steps SET failure = ?, undone = ?, ended_at = ? WHERE seq = ?")
            .bind(failure)
            .bind(undone)
            .bind(self.now_ms())
            .bind(step.seq);
        self.writer.put_off(step.turn, vec![failed]);
    }

    /// Writes what was put off, and returns when that is safe.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn catch_up(&self) -> Result<(), LedgerError> {
        self.writer.catch_up().await
    }

    /// What the journal has of a turn's steps, of all attempts. Everything stands on what the main phase opened with:
    /// without that nothing else counts.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn known_steps(&self, turn: TurnId) -> Result<BTreeMap<StepKey, KnownStep>, LedgerError> {
        let asked = sql("SELECT key, intent, result, undone FROM steps
             WHERE turn = ?1 AND seq >= (SELECT min(seq) FROM steps WHERE turn = ?1 AND key = 'main/opening'
                 AND result != 'null')
             ORDER BY seq");
        let mut known: BTreeMap<StepKey, KnownStep> = BTreeMap::new();
        for row in self.rows(READ, asked.bind(turn)).await? {
            let step = KnownStep {
                intent: row.get("intent")?,
                result: row.get("result")?,
                undone: row.get("undone")?,
            };
            let key = StepKey::written(row.get::<String>("key")?);
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

/// What an answered model call used, to be booked with its result; nothing, if it is the result of something else.
fn booked(step: StepRow, phase: Phase, result: &str) -> Option<Statement> {
    #[derive(Deserialize)]
    struct Answered {
        model: String,
        usage: Usage,
        cost: Option<i64>,
        price_table: String,
    }
    let Answered { model, usage, cost, price_table } = serde_json::from_str(result).ok()?;
    let booking = "INSERT INTO usage (step, turn, attempt, key, phase, model, input, output, cache_write_5m,
            cache_write_1h, cache_read, cost, price_table)
        SELECT seq, turn, attempt, key, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM steps WHERE seq = ?
        ON CONFLICT DO NOTHING";
    let tokens = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Some(
        sql(booking)
            .bind(phase.name())
            .bind(model)
            .bind(tokens(usage.input))
            .bind(tokens(usage.output))
            .bind(tokens(usage.cache_write_5m))
            .bind(tokens(usage.cache_write_1h))
            .bind(tokens(usage.cache_read))
            .bind(cost)
            .bind(price_table)
            .bind(step.seq),
    )
}
