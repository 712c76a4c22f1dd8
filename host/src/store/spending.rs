//! What was spent, for whom: what budgets begin with, and what costs are told from.

use chrono::{DateTime, Utc};

use super::database::{Given, Row, sql};
use super::row::turn_id;
use super::{Ledger, LedgerError};
use domain::budget::Spender;
use domain::ids::{PersonaId, StrategyName, TurnId};
use domain::step::StepKey;
use domain::usage::{NanoUsd, Usage};

const READ: &str = "read what was spent";

/// What calls cost that were made for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// For whom.
    pub spender: Spender,
    /// How much.
    pub amount: Amount,
}

/// What is known of a cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// It was so much.
    Cost(NanoUsd),
    /// Answered calls have no price: a model replied that is not in the price list.
    Unpriced {
        /// What was asked.
        model: String,
        /// What they used.
        usage: Usage,
    },
    /// One call has no answer here, and may have been paid for.
    Unanswered {
        /// Whose it is.
        turn: TurnId,
        /// What was asked.
        model: String,
        /// What the turn's journal holds, in characters: the prompt was no longer than that.
        prompt: usize,
    },
}

impl Ledger {
    /// What the calls cost that were begun since then.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn spent_since(&self, since: DateTime<Utc>) -> Result<Vec<Spent>, LedgerError> {
        self.spending(SINCE, since.timestamp_millis()).await
    }

    /// What the calls of a turn cost.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn spent_by(&self, turn: TurnId) -> Result<Vec<Spent>, LedgerError> {
        self.spending("steps.turn = ?1", turn).await
    }

    async fn spending(
        &self,
        which: &'static str,
        given: impl Into<Given>,
    ) -> Result<Vec<Spent>, LedgerError> {
        let given = given.into();
        let answered = sql(ANSWERED.replace("WHICH", which)).bind(given.clone());
        let unpriced = sql(UNPRICED.replace("WHICH", which)).bind(given.clone());
        let unanswered = sql(UNANSWERED.replace("WHICH", which)).bind(given);
        let (answered, unpriced, unanswered) = self
            .read(READ, move |connection| {
                let unpriced = connection.rows(unpriced.clone())?;
                Ok((connection.rows(answered.clone())?, unpriced, connection.rows(unanswered.clone())?))
            })
            .await?;
        let mut spent = Vec::new();
        for row in &answered {
            spent.push(Spent { spender: spender(row)?, amount: Amount::Cost(NanoUsd(sum(row, "cost")?)) });
        }
        for row in &unpriced {
            let usage = Usage {
                input: sum(row, "input")?,
                output: sum(row, "output")?,
                cache_write_5m: sum(row, "cache_write_5m")?,
                cache_write_1h: sum(row, "cache_write_1h")?,
                cache_read: sum(row, "cache_read")?,
            };
            let model = row.get::<Option<String>>("model")?.unwrap_or_default();
            spent.push(Spent { spender: spender(row)?, amount: Amount::Unpriced { model, usage } });
        }
        for row in &unanswered {
            if StepKey::written(row.get("key")?).phase_of_a_model_call().is_some() {
                let model = row.get::<Option<String>>("model")?.unwrap_or_default();
                let prompt = usize::try_from(row.get::<i64>("prompt")?).unwrap_or_default();
                let amount = Amount::Unanswered { turn: turn_id("turn", row.get("turn")?)?, model, prompt };
                spent.push(Spent { spender: spender(row)?, amount });
            }
        }
        Ok(spent)
    }
}

/// The journal is read from its end, and not whole.
const SINCE: &str = "steps.begun_at >= ?1 AND steps.seq > coalesce((SELECT seq FROM steps AS older
        WHERE older.begun_at < ?1 ORDER BY seq DESC LIMIT 1), 0)";

const ANSWERED: &str = "SELECT turns.persona AS persona, turns.strategy AS strategy, experiment, arm,
        sum(CAST(cost AS double precision)) AS cost
    FROM usage JOIN steps ON steps.seq = usage.step JOIN turns ON turns.id = usage.turn
        LEFT JOIN assignments ON assignments.turn = usage.turn
    WHERE WHICH GROUP BY turns.persona, turns.strategy, experiment, arm";

const UNPRICED: &str =
    "SELECT turns.persona AS persona, turns.strategy AS strategy, experiment, arm, turns.model AS model,
        sum(CAST(input AS double precision)) AS input, sum(CAST(output AS double precision)) AS output,
        sum(CAST(cache_write_5m AS double precision)) AS cache_write_5m,
        sum(CAST(cache_write_1h AS double precision)) AS cache_write_1h,
        sum(CAST(cache_read AS double precision)) AS cache_read
    FROM usage JOIN steps ON steps.seq = usage.step JOIN turns ON turns.id = usage.turn
        LEFT JOIN assignments ON assignments.turn = usage.turn
    WHERE WHICH AND cost IS NULL GROUP BY turns.persona, turns.strategy, experiment, arm, turns.model";

const UNANSWERED: &str =
    "SELECT turns.persona AS persona, turns.strategy AS strategy, experiment, arm, model, steps.turn AS turn,
        steps.key AS key,
        (SELECT sum(length(coalesce(own.result, ''))) FROM steps AS own WHERE own.turn = steps.turn)
            + coalesce((SELECT length(tool_definitions.tools) FROM contexts
                JOIN tool_definitions ON tool_definitions.sha256 = contexts.definitions
                WHERE contexts.turn = steps.turn), 0) AS prompt
    FROM steps JOIN turns ON turns.id = steps.turn LEFT JOIN assignments ON assignments.turn = steps.turn
    WHERE WHICH AND result IS NULL AND undone = 0 AND key NOT LIKE '%/%/%'";

fn spender(row: &Row) -> Result<Spender, LedgerError> {
    let text = |column| row.get::<Option<String>>(column);
    let arm = text("experiment")?.zip(text("arm")?).map(|(experiment, arm)| format!("{experiment}/{arm}"));
    Ok(Spender {
        persona: PersonaId::new(text("persona")?.unwrap_or_default()),
        // Nobody is asked before it is known.
        strategy: StrategyName::new(text("strategy")?.unwrap_or_default()),
        arm,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of whole numbers that are not below 0"
)]
fn sum(row: &Row, column: &'static str) -> Result<u64, LedgerError> {
    Ok(row.get::<Option<f64>>(column)?.unwrap_or_default().max(0.0) as u64)
}
