//! Which persona is due (contract 4.1).

use chrono::{DateTime, Datelike as _, TimeDelta, Utc, Weekday};

/// Whether a persona of this cadence, last active then, is due now. Who was never active is due,
/// but nobody with `weekdays` on a Saturday or Sunday (UTC). Any other word counts as `daily`.
pub(super) fn is_due(cadence: &str, last_active: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    if cadence == "weekdays" && matches!(now.weekday(), Weekday::Sat | Weekday::Sun) {
        return false;
    }
    let pause = if cadence == "hourly" { TimeDelta::hours(1) } else { TimeDelta::hours(24) };
    last_active.is_none_or(|last| last <= now - pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 is a Friday.
    fn noon(day: u32) -> DateTime<Utc> {
        format!("2026-11-{day}T12:00:00Z").parse().expect("a valid instant")
    }

    #[test]
    fn a_persona_is_due_when_its_pause_is_over() {
        let ago = |minutes| Some(noon(20) - TimeDelta::minutes(minutes));
        for (cadence, last_active, expected) in [
            ("hourly", None, true),
            ("hourly", ago(59), false),
            ("hourly", ago(60), true),
            ("daily", None, true),
            ("daily", ago(24 * 60 - 1), false),
            ("daily", ago(24 * 60), true),
            ("weekdays", ago(24 * 60 - 1), false),
            ("weekdays", ago(24 * 60), true),
        ] {
            assert_eq!(is_due(cadence, last_active, noon(20)), expected, "{cadence} {last_active:?}");
        }
    }

    #[test]
    fn weekdays_are_monday_to_friday_in_utc() {
        for (day, expected) in [(20, true), (21, false), (22, false), (23, true)] {
            assert_eq!(is_due("weekdays", None, noon(day)), expected, "{day}");
            assert!(is_due("daily", None, noon(day)) && is_due("hourly", None, noon(day)));
        }
    }
}
