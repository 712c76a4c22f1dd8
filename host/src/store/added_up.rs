//! What turns spent, added up as it is booked: turn by turn and model by model (`spent`), and by each kind by which costs are
//! told, a day after the other (`sums`). Costs are told from these rows, and need not look at each call of each turn.

use super::database::{Statement, sql};
use domain::ids::{StrategyName, TurnId};

/// A quarter of an hour, in milliseconds: local days begin at one of these everywhere.
pub(super) const QUARTER: i64 = 15 * 60 * 1000;
/// A day, in milliseconds.
pub(super) const DAY: i64 = 24 * 60 * 60 * 1000;
const COLUMNS: [&str; 8] =
    ["turns", "calls", "unpriced", "cost", "input", "output", "to_cache", "from_cache"];

/// Steps of one width, the first of which begins at the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket(i64);

impl Bucket {
    pub(super) fn of_ms(width: i64) -> Self {
        Self(width)
    }

    /// The first instant at or after this one at which a step begins.
    pub(super) fn after(self, instant: i64) -> i64 {
        let into = instant.rem_euclid(self.0);
        if into == 0 { instant } else { instant.saturating_add(self.0 - into) }
    }
}

/// Adds up what a turn has spent, a row for each model that it asked, from all that is booked of it.
pub(super) fn add_up(turn: TurnId) -> Vec<Statement> {
    let sums = ["cost", "input", "output", "cache_write_5m + cache_write_1h", "cache_read"]
        .map(|of| bounded(&format!("sum({})", doubles(of))));
    let text = format!(
        "INSERT INTO spent (turn, model, email, strategy, arm, started_at, is_first, calls, unpriced,
             cost, input, output, to_cache, from_cache)
         SELECT turns.id, usage.model, turns.email, turns.strategy,
             (SELECT experiment || '/' || arm FROM assignments WHERE assignments.turn = turns.id), turns.started_at,
             CASE WHEN usage.model = (SELECT min(own.model) FROM usage AS own WHERE own.turn = turns.id) THEN 1 ELSE 0 END,
             count(*), count(*) - count(cost), {}
         FROM usage JOIN turns ON turns.id = usage.turn WHERE usage.turn = ?
         GROUP BY turns.id, usage.model
         ON CONFLICT (turn, model) DO UPDATE SET email = excluded.email, strategy = excluded.strategy, arm = excluded.arm,
             started_at = excluded.started_at, is_first = excluded.is_first, calls = excluded.calls,
             unpriced = excluded.unpriced, cost = excluded.cost, input = excluded.input, output = excluded.output,
             to_cache = excluded.to_cache, from_cache = excluded.from_cache",
        sums.join(", ")
    );
    moved(turn, sql(text).bind(turn))
}

/// The attempt of a turn that begins now is the one by whose day its costs are told.
pub(super) fn begun_anew(turn: TurnId, at: i64) -> Vec<Statement> {
    moved(turn, sql("UPDATE spent SET started_at = ? WHERE turn = ?").bind(at).bind(turn))
}

/// What serves a turn from now on is what its costs are told by.
pub(super) fn served_by(turn: TurnId, strategy: &StrategyName) -> Vec<Statement> {
    moved(turn, sql("UPDATE spent SET strategy = ? WHERE turn = ?").bind(strategy.as_str()).bind(turn))
}

/// A change of what a turn spent, and of the sums with it: without what the turn had before, and with what it has then.
fn moved(turn: TurnId, change: Statement) -> Vec<Statement> {
    vec![summed(turn, "-"), change, summed(turn, "")]
}

/// Adds what a turn spent to the sums, or takes it from them.
fn summed(turn: TurnId, sign: &str) -> Statement {
    let added = COLUMNS.map(|column| format!("{sign}{}", bounded(&format!("sum({})", doubles(column)))));
    let both = COLUMNS.map(|column| {
        format!("{column} = {}", bounded(&doubles(&format!("sums.{column} + excluded.{column}"))))
    });
    let text = SUMMED
        .replace("COLUMNS", &COLUMNS.join(", "))
        .replace("ADDED", &added.join(", "))
        .replace("BOTH", &both.join(", "))
        .replace("USED", "calls, unpriced, coalesce(cost, 0) AS cost, input, output, to_cache, from_cache FROM spent WHERE turn = ?1")
        .replace("QUARTER", &format!("started_at / {QUARTER} * {QUARTER}"))
        .replace("DAY", &format!("started_at / {DAY} * {DAY}"));
    sql(text).bind(turn)
}

const SUMMED: &str = "INSERT INTO sums (kind, what, since, COLUMNS)
    SELECT kind, what, since, ADDED FROM (
        SELECT 'persona' AS kind, email AS what, DAY AS since, is_first AS turns, USED
        UNION ALL SELECT 'strategy', coalesce(strategy, '–'), DAY, is_first, USED
        UNION ALL SELECT 'arm', arm, DAY, is_first, USED AND arm IS NOT NULL
        UNION ALL SELECT 'model', model, DAY, 1, USED
        UNION ALL SELECT 'day', '', QUARTER, is_first, USED) AS own
    GROUP BY kind, what, since
    ON CONFLICT (kind, what, since) DO UPDATE SET BOTH";

/// Columns with a `+` between them, as numbers with a fraction, so that nothing overflows.
fn doubles(columns: &str) -> String {
    let columns: Vec<String> =
        columns.split(" + ").map(|column| format!("CAST({column} AS double precision)")).collect();
    columns.join(" + ")
}

/// A number that stops at about the most that a whole one can be, so that what a damaged row holds ends nothing.
fn bounded(number: &str) -> String {
    format!(
        "CAST(CASE WHEN {number} > 9e18 THEN 9e18 WHEN {number} < -9e18 THEN -9e18 ELSE {number} END AS BIGINT)"
    )
}
