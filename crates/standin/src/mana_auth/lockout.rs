//! Who failed to log in too often has to wait (contract 3.1).

use chrono::{DateTime, TimeDelta, Utc};

use super::auth::ManaAuth;
use crate::database::{DatabaseError, Moment};
use crate::random;

/// So many failures…
const FAILURES: usize = 5;
/// …within this time…
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// …lock the address for this long after the last of them.
const LOCKED: TimeDelta = TimeDelta::minutes(30);

impl ManaAuth {
    /// How many seconds the address stays locked, if it is.
    pub(super) async fn locked_seconds(&self, email: &str) -> Result<Option<i64>, DatabaseError> {
        let sql = "SELECT created_at FROM auth.login_attempts WHERE email = $1
                   ORDER BY created_at DESC LIMIT 5";
        let rows = self.database().rows(sql, &[email.to_lowercase().into()]).await?;
        let latest = rows
            .iter()
            .map(|row| row.moment("created_at").map(Moment::at))
            .collect::<Result<Vec<_>, DatabaseError>>()?;
        Ok(locked_until(&latest).and_then(|until| seconds_left(until, self.options.clock.now())))
    }

    /// Counts a wrong password.
    pub(super) async fn failed_login(&self, email: &str) -> Result<(), DatabaseError> {
        let sql = "INSERT INTO auth.login_attempts (id, email, created_at) VALUES ($1, $2, $3)";
        let values = [random::id(32).into(), email.to_lowercase().into(), self.now().into()];
        self.database().execute(sql, &values).await.map(drop)
    }

    /// Forgets the wrong ones after a right one.
    pub(super) async fn forget_failures(&self, email: &str) -> Result<(), DatabaseError> {
        let sql = "DELETE FROM auth.login_attempts WHERE email = $1";
        self.database().execute(sql, &[email.to_lowercase().into()]).await.map(drop)
    }
}

/// Until when the failures, latest first, lock an address.
fn locked_until(failures: &[DateTime<Utc>]) -> Option<DateTime<Utc>> {
    let (last, fifth) = (failures.first()?, failures.get(FAILURES - 1)?);
    (*last - *fifth <= WINDOW).then(|| *last + LOCKED)
}

/// Whole seconds until then, rounded up.
fn seconds_left(until: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
    let left = (until - now).num_milliseconds();
    (left > 0).then(|| (left + 999) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn five_failures_in_fifteen_minutes_lock_for_thirty_from_the_last() {
        for (minutes, expected) in [
            (vec![], None),
            (vec![4, 3, 2, 1], None),
            (vec![4, 3, 2, 1, 0], Some(34)),
            (vec![15, 3, 2, 1, 0], Some(45)),
            (vec![16, 3, 2, 1, 0], None),
        ] {
            let failures: Vec<_> = minutes.iter().copied().map(minute).collect();
            assert_eq!(locked_until(&failures), expected.map(minute), "{minutes:?}");
        }
    }

    #[test]
    fn the_seconds_left_are_rounded_up_and_end() {
        let until = minute(30);
        for (before, expected) in [(1_800_000, Some(1800)), (1_001, Some(2)), (1, Some(1)), (0, None)] {
            assert_eq!(seconds_left(until, until - TimeDelta::milliseconds(before)), expected, "{before}");
        }
    }
}
