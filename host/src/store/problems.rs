//! What a plugin, or a check of the host, had to say about a turn.

use super::database::{Connection, Statement, sql};
use super::row::word_text;
use super::{Ledger, LedgerError};
use domain::behavior::Problem;
use domain::fault::Stage;
use domain::ids::TurnId;
use domain::stop;

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
        let kept: Vec<Statement> = problems.iter().map(|problem| keep(turn, stage, problem)).collect();
        self.write(WHAT, move |connection| {
            kept.iter().try_for_each(|statement| connection.run(statement.clone()).map(drop))
        })
        .await
    }

    /// Writes down why a turn is left without ratings for want of money, which is how it ended.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_unrated(&self, turn: TurnId, why: &Problem) -> Result<(), LedgerError> {
        let why = keep(turn, Stage::AskRating, why);
        self.write(WHAT, move |connection| {
            connection.run(why.clone())?;
            let ended =
                sql("UPDATE turns SET stop_reason = ? WHERE id = ?").bind(stop::BUDGET_EXHAUSTED).bind(turn);
            connection.run(ended).map(drop)
        })
        .await
    }
}

/// Writes one down, as part of a transaction.
pub(super) fn keep_problem(
    connection: &mut Connection<'_>,
    turn: TurnId,
    stage: Stage,
    problem: &Problem,
) -> Result<(), LedgerError> {
    connection.run(keep(turn, stage, problem)).map(drop)
}

fn keep(turn: TurnId, stage: Stage, problem: &Problem) -> Statement {
    sql("INSERT INTO problems (turn, stage, severity, path, message) VALUES (?, ?, ?, ?, ?)")
        .bind(turn)
        .bind(stage.name())
        .bind(word_text(&problem.severity))
        .bind(problem.path.as_deref())
        .bind(&problem.message)
}
