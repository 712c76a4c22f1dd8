//! `costs`: what turns cost, by whom, under what, and when.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use comfy_table::Cell;
use serde_json::json;

use super::turns::open;
use crate::cli::output::Column::{Number, Whole};
use crate::cli::output::{Output, table};
use crate::cli::text::printable;
use crate::cli::tick_view::cost;
use crate::cli::{Failure, load};
use crate::store::{CostRow, CostsBy};
use domain::clock::Clock;
use domain::usage::Usage;

/// Adds up what turns cost.
///
/// # Errors
/// When there is no ledger.
pub async fn costs(
    by: CostsBy,
    since: Option<Duration>,
    ledger: Option<&Path>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let zone = load::config(file)?.runner.time_zone;
    let ledger = open(ledger, file).await?;
    // Before the calendar begins there are no turns either.
    let back = |ago| Clock::system().now().checked_sub_signed(TimeDelta::from_std(ago).ok()?);
    let since = since.map(|ago| back(ago).unwrap_or(DateTime::UNIX_EPOCH));
    let costs = ledger.costs(by, since, zone).await?;
    let name = CostsBy::ALL.into_iter().find(|(_, own)| *own == by).map_or("", |(name, _)| name);
    output.print(&json!({ "by": name, "since": since, "costs": costs }), || told(name, &costs))
}

fn told(name: &'static str, costs: &[CostRow]) -> String {
    if costs.is_empty() {
        return "nothing was paid for\n".to_owned();
    }
    let mut table = table([
        Whole(name),
        Number("turns"),
        Number("calls"),
        Number("prompt tokens"),
        Number("from cache"),
        Number("reply tokens"),
        Number("cost"),
    ]);
    let mut all = Usage::default();
    for row in costs {
        all += row.usage;
        table.add_row([
            Cell::new(printable(&row.of)),
            Cell::new(row.turns),
            Cell::new(row.calls),
            Cell::new(row.usage.prompt()),
            Cell::new(row.usage.cache_read),
            Cell::new(row.usage.output),
            Cell::new(cost(row.cost_usd)),
        ]);
    }
    let dollars = costs.iter().filter_map(|row| row.cost_usd).fold(0.0, |sum, cost| sum + cost);
    let (calls, unpriced) =
        costs.iter().fold((0, 0), |(calls, unpriced), row| (calls + row.calls, unpriced + row.unpriced));
    let without = match unpriced {
        0 => String::new(),
        _ => format!("; {unpriced} of {calls} calls have no price and are not in it"),
    };
    format!("{}\n${dollars:.4} for {} tokens{without}\n", table.trim_fmt(), all.total())
}
