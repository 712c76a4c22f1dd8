//! What turns cost, added up.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Connection, Row, Statement, sql};
use super::row::whole;
use super::{Ledger, LedgerError};
use domain::ids::{StrategyName, TurnId};
use domain::usage::NanoUsd;

/// A quarter of an hour, in milliseconds: local days begin at one of these everywhere.
const QUARTER: i64 = 15 * 60 * 1000;

/// By what costs are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostsBy {
    /// By persona's address.
    Persona,
    /// By strategy.
    Strategy,
    /// By arm of an experiment, as `experiment/arm`; turns outside of experiments are left out.
    Arm,
    /// By model.
    Model,
    /// By the day on which the turn began, in the operator's zone.
    Day,
}

/// What turns of one kind cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostRow {
    /// Which kind.
    pub of: String,
    /// How many turns with a paid call.
    pub turns: u64,
    /// How many answered model calls.
    pub calls: u64,
    /// How many of them have no price, and are not in the cost.
    pub unpriced: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// What those with a price cost, in US dollars; nothing if none has one.
    pub cost_usd: Option<f64>,
    #[serde(skip)]
    nano: u64,
}

/// What calls used, as a report shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Of prompts, whether they went through the cache or not.
    pub prompt: u64,
    /// Of these, read from the cache.
    pub from_cache: u64,
    /// Of these, written to the cache.
    pub to_cache: u64,
    /// Of replies.
    pub reply: u64,
}

/// What turns cost, kind by kind, and together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Costs {
    /// Each kind.
    pub costs: Vec<CostRow>,
    /// All of them. A turn of two kinds, such as one that asked two models, is one turn here.
    pub total: CostRow,
}

impl CostsBy {
    /// All of them, with their names on the command line and in the API.
    pub const ALL: [(&'static str, Self); 5] = [
        ("persona", Self::Persona),
        ("strategy", Self::Strategy),
        ("arm", Self::Arm),
        ("model", Self::Model),
        ("day", Self::Day),
    ];

    /// The kind of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(own, _)| *own == name).map(|(_, by)| by)
    }

    /// Its name on the command line and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// What rows are grouped by.
    fn column(self) -> &'static str {
        match self {
            Self::Persona => "email",
            Self::Strategy => "coalesce(strategy, '–')",
            Self::Arm => "arm",
            Self::Model => "model",
            Self::Day => "started_at / QUARTER",
        }
    }

    /// What turns are counted by. One that asked two models has a row for each.
    fn turns(self) -> &'static str {
        match self {
            Self::Model => "count(*)",
            _ => "count(CASE WHEN is_first = 1 THEN 1 END)",
        }
    }
}

impl Ledger {
    /// What turns cost that began since then, the dearest first; days in their order.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn costs(
        &self,
        by: CostsBy,
        since: Option<DateTime<Utc>>,
        zone: Tz,
    ) -> Result<Costs, LedgerError> {
        let since = since.map_or(0, |since| since.timestamp_millis());
        let asked = |text: &str| {
            let text = text.replace("OF", by.column()).replace("COUNTED", by.turns());
            sql(text.replace("QUARTER", &QUARTER.to_string())).bind(since)
        };
        let kinds = asked(COSTS);
        // Of other kinds each turn is of one, and they add up.
        let turns = (by == CostsBy::Model).then(|| asked(TURNS));
        let read = move |connection: &mut Connection<'_>| {
            let turns = turns.clone().map(|turns| connection.one(turns)).transpose()?;
            Ok((connection.rows(kinds.clone())?, turns))
        };
        let (kinds, turns) = self.read("add up what turns cost", read).await?;
        let mut costs: BTreeMap<String, CostRow> = BTreeMap::new();
        let mut total = CostRow { of: "total".to_owned(), ..CostRow::default() };
        for row in &kinds {
            let of = row.get::<String>("kind")?;
            let of = if by == CostsBy::Day { day(&of, zone) } else { of };
            costs.entry(of.clone()).or_insert_with(|| CostRow { of, ..CostRow::default() }).add(row)?;
            total.add(row)?;
        }
        if let Some(row) = turns {
            total.turns = whole("turns", row.get("turns")?)?;
        }
        let mut costs: Vec<CostRow> = costs.into_values().collect();
        if by != CostsBy::Day {
            costs.sort_by_key(|row| Reverse(row.nano));
        }
        Ok(Costs { costs, total })
    }
}

const COSTS: &str = "SELECT CAST(OF AS text) AS kind, COUNTED AS turns, CAST(sum(calls) AS BIGINT) AS calls, CAST(sum(unpriced) AS BIGINT) AS unpriced,
        sum(CAST(cost AS double precision)) AS cost,
        sum(CAST(input AS double precision)) AS input, sum(CAST(output AS double precision)) AS output,
        sum(CAST(to_cache AS double precision)) AS to_cache, sum(CAST(from_cache AS double precision)) AS from_cache
    FROM spent WHERE started_at >= ? AND OF IS NOT NULL GROUP BY OF";

const TURNS: &str = "SELECT count(CASE WHEN is_first = 1 THEN 1 END) AS turns FROM spent WHERE started_at >= ? AND OF IS NOT NULL";

/// Adds up what the turn of a step has spent, a row for each model that it asked: costs are told from these rows, and need
/// not look at each call of each turn.
pub(super) fn add_up(step: i64) -> Statement {
    let sums = ["cost", "input", "output", "cache_write_5m + cache_write_1h", "cache_read"].map(whole_sum);
    let text = format!(
        "INSERT INTO spent (turn, model, email, strategy, arm, started_at, is_first, calls, unpriced,
             cost, input, output, to_cache, from_cache)
         SELECT turns.id, usage.model, turns.email, turns.strategy,
             (SELECT experiment || '/' || arm FROM assignments WHERE assignments.turn = turns.id), turns.started_at,
             CASE WHEN usage.model = (SELECT min(own.model) FROM usage AS own WHERE own.turn = turns.id) THEN 1 ELSE 0 END,
             count(*), count(*) - count(cost), {}
         FROM usage JOIN turns ON turns.id = usage.turn WHERE usage.turn = (SELECT turn FROM steps WHERE seq = ?)
         GROUP BY turns.id, usage.model
         ON CONFLICT (turn, model) DO UPDATE SET email = excluded.email, strategy = excluded.strategy, arm = excluded.arm,
             started_at = excluded.started_at, is_first = excluded.is_first, calls = excluded.calls,
             unpriced = excluded.unpriced, cost = excluded.cost, input = excluded.input, output = excluded.output,
             to_cache = excluded.to_cache, from_cache = excluded.from_cache",
        sums.join(", ")
    );
    sql(text).bind(step)
}

/// A sum that stops at about the most that a whole number can be, so that what a damaged row holds ends nothing.
fn whole_sum(of: &str) -> String {
    let of: Vec<String> =
        of.split(" + ").map(|column| format!("CAST({column} AS double precision)")).collect();
    let sum = format!("sum({})", of.join(" + "));
    format!("CAST(CASE WHEN {sum} > 9e18 THEN 9e18 WHEN {sum} < -9e18 THEN -9e18 ELSE {sum} END AS BIGINT)")
}

/// The attempt of a turn that begins now is the one by whose day its costs are told.
pub(super) fn begun_anew(turn: TurnId, at: i64) -> Statement {
    sql("UPDATE spent SET started_at = ? WHERE turn = ?").bind(at).bind(turn)
}

/// What serves a turn from now on is what its costs are told by.
pub(super) fn served_by(turn: TurnId, strategy: &StrategyName) -> Statement {
    sql("UPDATE spent SET strategy = ? WHERE turn = ?").bind(strategy.as_str()).bind(turn)
}

/// The local day of a quarter of an hour.
fn day(quarter: &str, zone: Tz) -> String {
    let instant = quarter
        .parse::<i64>()
        .ok()
        .and_then(|quarter| DateTime::from_timestamp_millis(quarter.checked_mul(QUARTER)?));
    instant.map_or_else(|| "–".to_owned(), |instant| instant.with_timezone(&zone).date_naive().to_string())
}

impl CostRow {
    fn add(&mut self, row: &Row) -> Result<(), LedgerError> {
        let count = |column: &'static str| whole::<u64>(column, row.get(column)?);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sums of whole numbers that are not below 0"
        )]
        let sum =
            |column| Ok::<_, LedgerError>(row.get::<Option<f64>>(column)?.map(|sum| sum.max(0.0) as u64));
        self.turns += count("turns")?;
        self.calls += count("calls")?;
        self.unpriced += count("unpriced")?;
        let tokens = |column| Ok::<_, LedgerError>(sum(column)?.unwrap_or_default());
        let (to_cache, from_cache) = (tokens("to_cache")?, tokens("from_cache")?);
        let prompt = tokens("input")?.saturating_add(to_cache).saturating_add(from_cache);
        self.tokens += Tokens { prompt, from_cache, to_cache, reply: tokens("output")? };
        if let Some(cost) = sum("cost")? {
            self.nano = self.nano.saturating_add(cost);
            self.cost_usd = Some(NanoUsd(self.nano).dollars());
        }
        Ok(())
    }
}

/// Sums stop at the most that there is: what a damaged row holds is shown, and ends nothing.
impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        for (own, other) in [
            (&mut self.prompt, other.prompt),
            (&mut self.from_cache, other.from_cache),
            (&mut self.to_cache, other.to_cache),
            (&mut self.reply, other.reply),
        ] {
            *own = own.saturating_add(other);
        }
    }
}
