//! The journal of steps: intent before a paid call or a tool call, result after it.

use std::fmt;

use serde::Serialize;

use super::row::json_text;
use super::{Ledger, LedgerError};
use domain::ids::TurnId;
use domain::transcript::{Phase, Round, ToolAnswer};

/// Which step of which attempt of which turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepKey {
    /// The turn.
    pub turn: TurnId,
    /// From 1.
    pub attempt: u32,
    name: String,
}

impl StepKey {
    /// What a phase opened with: no call of its own, but the first thing a reader wants to see.
    #[must_use]
    pub fn opening(turn: TurnId, attempt: u32, phase: Phase) -> Self {
        Self { turn, attempt, name: format!("{}/opening", phase.name()) }
    }

    /// A model call.
    #[must_use]
    pub fn model(turn: TurnId, attempt: u32, phase: Phase, round: u32) -> Self {
        Self { turn, attempt, name: format!("{}/{round:02}", phase.name()) }
    }

    /// A tool call of a turn, by its position among all of them: ids are the model's own, and may
    /// be anything.
    #[must_use]
    pub fn tool(turn: TurnId, attempt: u32, round: u32, position: usize) -> Self {
        Self { turn, attempt, name: format!("{}/{round:02}/{position:03}", Phase::Main.name()) }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// An answered model call, for the books.
#[derive(Clone, Debug, Serialize)]
pub struct Answered<'a, B: Serialize> {
    /// What a reader needs.
    #[serde(flatten)]
    pub round: &'a Round,
    /// The reply's content as it came, so that it can be sent back verbatim.
    pub content: B,
    /// How often the request was sent.
    pub attempts: u32,
    /// Which price table the cost is from.
    pub price_table: &'a str,
}

impl Ledger {
    /// Writes down what is about to be done, and gives the row's number.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn intend(&self, key: &StepKey, intent: &impl Serialize) -> Result<i64, LedgerError> {
        let statement =
            sqlx::query("INSERT INTO steps (turn, attempt, key, intent, begun_at) VALUES (?, ?, ?, ?, ?)")
                .bind(key.turn.to_string())
                .bind(i64::from(key.attempt))
                .bind(key.to_string())
                .bind(json_text(intent))
                .bind(self.now_ms());
        Ok(self.execute("journal an intent", statement).await?.last_insert_rowid())
    }

    /// Writes down something that is no call, and so has no result to wait for.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn note(&self, key: &StepKey, noted: &impl Serialize) -> Result<(), LedgerError> {
        let statement = sqlx::query(
            "INSERT INTO steps (turn, attempt, key, intent, begun_at, result, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'null', ?5)",
        )
        .bind(key.turn.to_string())
        .bind(i64::from(key.attempt))
        .bind(key.to_string())
        .bind(json_text(noted))
        .bind(self.now_ms());
        self.execute("journal an opening", statement).await?;
        Ok(())
    }

    /// Writes down what came of a step.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn complete(&self, step: i64, result: &impl Serialize) -> Result<(), LedgerError> {
        self.close_step(step, Some(json_text(result)), None).await
    }

    /// Writes down that a step was surely not carried out, and why. That is an answer as well as a failure.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn refuse(&self, step: i64, why: &str) -> Result<(), LedgerError> {
        let answer = ToolAnswer { text: why.to_owned(), is_error: true };
        self.close_step(step, Some(json_text(&answer)), Some(why)).await
    }

    /// Writes down that a step failed, or that its answer was lost.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn fail(&self, step: i64, failure: &str) -> Result<(), LedgerError> {
        self.close_step(step, None, Some(failure)).await
    }

    /// Writes down a model's answer. What it used is booked with it (the trigger `usage_of_answer`).
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn answer<B: Serialize>(
        &self,
        step: i64,
        answered: &Answered<'_, B>,
    ) -> Result<(), LedgerError> {
        self.complete(step, answered).await
    }

    async fn close_step(
        &self,
        step: i64,
        result: Option<String>,
        failure: Option<&str>,
    ) -> Result<(), LedgerError> {
        let statement = sqlx::query("UPDATE steps SET result = ?, failure = ?, ended_at = ? WHERE seq = ?")
            .bind(result)
            .bind(failure)
            .bind(self.now_ms())
            .bind(step);
        self.execute("journal a result", statement).await?;
        Ok(())
    }
}
