//! What the ledger and the budget add up to: what a screen of how it stands tells beside what goes on.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::{CostRow, CostsBy, Ledger, LedgerError, Open, Undelivered};
use crate::turn::Budget;
use domain::budget::{Part, Taken};
use domain::clock::Clock;

/// A day that begins in any time zone begins within so long.
const A_DAY: TimeDelta = TimeDelta::hours(30);

/// What the ledger and the budget add up to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// What turns cost whose latest attempt began today, in the time zone of the configuration; null if none did. A budget
    /// counts each call on its own day.
    pub today: Option<CostRow>,
    /// Each limit, and what of it is taken today.
    pub budget_of_today: Vec<Taken>,
    /// What has not left the ledger.
    pub outbox: Undelivered,
    /// Turns that a hold keeps back.
    pub held: usize,
    /// Turns that wait for somebody.
    pub parked: usize,
}

impl Sums {
    /// Adds up.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn of(ledger: &Ledger, budget: &Budget, clock: &Clock, zone: Tz) -> Result<Self, LedgerError> {
        let open = ledger.open_turns().await?;
        let count = |is: fn(&Open) -> bool| open.iter().filter(|own| is(&own.open)).count();
        Ok(Self {
            today: cost_of_today(ledger, clock.now(), zone).await?,
            budget_of_today: budget.of_today().iter().map(Part::shown).collect(),
            outbox: ledger.undelivered().await?,
            held: count(|open| matches!(open, Open::Held { .. })),
            parked: count(|open| matches!(open, Open::Parked { .. })),
        })
    }
}

/// What turns cost whose latest attempt began today; nothing if none did.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn cost_of_today(
    ledger: &Ledger,
    now: DateTime<Utc>,
    zone: Tz,
) -> Result<Option<CostRow>, LedgerError> {
    let today = now.with_timezone(&zone).date_naive().to_string();
    let costs = ledger.costs(CostsBy::Day, Some(now - A_DAY), zone).await?.costs;
    Ok(costs.into_iter().find(|row| row.of == today))
}
