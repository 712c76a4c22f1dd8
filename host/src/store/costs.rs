//! What turns cost, added up.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::added_up::{Bucket, DAY, QUARTER};
use super::database::{Connection, Row, Statement, sql};
use super::local_days::LocalDays;
use super::row::whole;
use super::{Ledger, LedgerError};
use domain::usage::NanoUsd;

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

    /// How wide the steps are in which it is added up.
    fn bucket(self) -> Bucket {
        Bucket::of_ms(if self == Self::Day { QUARTER } else { DAY })
    }

    /// Of a row of `spent`: which one it is, and whether it counts as a turn. One that asked two models has a row for each.
    fn of_a_turn(self) -> (&'static str, &'static str) {
        match self {
            Self::Persona => ("email", "is_first"),
            Self::Strategy => ("coalesce(strategy, '–')", "is_first"),
            Self::Arm => ("arm", "is_first"),
            Self::Model => ("model", "1"),
            Self::Day => ("''", "is_first"),
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
        let read = move |connection: &mut Connection<'_>| {
            let kind = match by {
                CostsBy::Day => LocalDays::read(connection, zone)?.number_of("since"),
                _ => "what".to_owned(),
            };
            let kinds = connection.rows(added_up(COSTS, by, since, &kind))?;
            // Of other kinds each turn is of one, and they add up.
            let turns = (by == CostsBy::Model)
                .then(|| connection.one(added_up(TURNS, CostsBy::Day, since, "what")))
                .transpose()?;
            Ok((kinds, turns))
        };
        let (kinds, turns) = self.read("add up what turns cost", read).await?;
        let mut costs: BTreeMap<String, CostRow> = BTreeMap::new();
        let mut total = CostRow { of: "total".to_owned(), ..CostRow::default() };
        for row in &kinds {
            let of = row.get::<String>("kind")?;
            let of = if by == CostsBy::Day { LocalDays::named(&of) } else { of };
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

/// What is added up already, and turn by turn what began since then and before the first of these steps.
fn added_up(what: &str, by: CostsBy, since: i64, kind: &str) -> Statement {
    let (of, turns) = by.of_a_turn();
    let text = what.replace("ALL_OF_THEM", ALL_OF_THEM).replace("KIND", kind);
    sql(text.replace("WHICH", of).replace("COUNTED", turns))
        .bind(by.name())
        .bind(since)
        .bind(by.bucket().after(since))
}

const COSTS: &str = "SELECT CAST(KIND AS text) AS kind, CAST(sum(turns) AS BIGINT) AS turns,
        CAST(sum(calls) AS BIGINT) AS calls, CAST(sum(unpriced) AS BIGINT) AS unpriced,
        sum(CAST(cost AS double precision)) AS cost,
        sum(CAST(input AS double precision)) AS input, sum(CAST(output AS double precision)) AS output,
        sum(CAST(to_cache AS double precision)) AS to_cache, sum(CAST(from_cache AS double precision)) AS from_cache
    FROM (ALL_OF_THEM) AS own GROUP BY KIND HAVING sum(calls) > 0";

const TURNS: &str = "SELECT CAST(coalesce(sum(turns), 0) AS BIGINT) AS turns FROM (ALL_OF_THEM) AS own";

const ALL_OF_THEM: &str = "SELECT what, since, turns, calls, unpriced, cost, input, output, to_cache, from_cache
        FROM sums WHERE kind = ?1 AND since >= ?3
    UNION ALL SELECT WHICH, started_at, COUNTED, calls, unpriced, coalesce(cost, 0), input, output, to_cache, from_cache
        FROM spent WHERE started_at >= ?2 AND started_at < ?3 AND WHICH IS NOT NULL";

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
        if count("calls")? > count("unpriced")? {
            self.nano = self.nano.saturating_add(sum("cost")?.unwrap_or_default());
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
