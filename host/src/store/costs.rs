//! What turns cost, added up.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Connection, Row, sql};
use super::row::whole;
use super::{Ledger, LedgerError};
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
            Self::Persona => "turns.email",
            Self::Strategy => "coalesce(turns.strategy, '–')",
            Self::Arm => "experiment || '/' || arm",
            Self::Model => "usage.model",
            Self::Day => "CAST(turns.started_at / QUARTER AS text)",
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
            sql(text.replace("OF", by.column()).replace("QUARTER", &QUARTER.to_string())).bind(since)
        };
        let (kinds, turns) = (asked(COSTS), asked(TURNS));
        let read = move |connection: &mut Connection<'_>| {
            Ok((connection.rows(kinds.clone())?, connection.rows(turns.clone())?))
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
        total.turns = match turns.first() {
            Some(row) => whole("turns", row.get("turns")?)?,
            None => 0,
        };
        let mut costs: Vec<CostRow> = costs.into_values().collect();
        if by != CostsBy::Day {
            costs.sort_by_key(|row| Reverse(row.nano));
        }
        Ok(Costs { costs, total })
    }
}

const COSTS: &str = "SELECT OF AS kind, count(DISTINCT usage.turn) AS turns, count(*) AS calls, count(*) - count(cost) AS unpriced,
        sum(CAST(cost AS double precision)) AS cost,
        sum(CAST(input AS double precision)) AS input, sum(CAST(output AS double precision)) AS output,
        sum(CAST(cache_write_5m AS double precision)) AS cache_write_5m,
        sum(CAST(cache_write_1h AS double precision)) AS cache_write_1h,
        sum(CAST(cache_read AS double precision)) AS cache_read
    FROM usage JOIN turns ON turns.id = usage.turn LEFT JOIN assignments ON assignments.turn = usage.turn
    WHERE turns.started_at >= ? AND OF IS NOT NULL GROUP BY OF";

const TURNS: &str = "SELECT count(DISTINCT usage.turn) AS turns
    FROM usage JOIN turns ON turns.id = usage.turn LEFT JOIN assignments ON assignments.turn = usage.turn
    WHERE turns.started_at >= ? AND OF IS NOT NULL";

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
        let to_cache = tokens("cache_write_5m")?.saturating_add(tokens("cache_write_1h")?);
        let from_cache = tokens("cache_read")?;
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
