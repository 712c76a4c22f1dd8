//! What a plugin, or a check of the host, had to say about a turn.

use sqlx::SqliteConnection;

use super::row::word_text;
use super::{Ledger, LedgerError};
use domain::behavior::Problem;
use domain::fault::Stage;
use domain::ids::TurnId;

const WHAT: &str = "keep a turn's problems";

impl Ledger {
    /// Writes down what a stage had to say.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_problems(
        &self,
        turn: TurnId,
        stage: Stage,
        problems: &[Problem],
    ) -> Result<(), LedgerError> {
        if problems.is_empty() {
            return Ok(());
        }
        let mut transaction = self.write(WHAT).await?;
        for problem in problems {
            keep_problem(&mut transaction, turn, stage, problem).await?;
        }
        transaction.commit().await.map_err(LedgerError::doing(WHAT))
    }
}

/// Writes one down, as part of a transaction.
pub(super) async fn keep_problem(
    connection: &mut SqliteConnection,
    turn: TurnId,
    stage: Stage,
    problem: &Problem,
) -> Result<(), LedgerError> {
    sqlx::query("INSERT INTO problems (turn, stage, severity, path, message) VALUES (?, ?, ?, ?, ?)")
        .bind(turn.to_string())
        .bind(stage.name())
        .bind(word_text(&problem.severity))
        .bind(problem.path.as_deref())
        .bind(&problem.message)
        .execute(connection)
        .await
        .map_err(LedgerError::doing(WHAT))?;
    Ok(())
}
