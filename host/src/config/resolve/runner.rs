//! When turns are begun, how many at once, and how long one may take.

use std::time::Duration;

use chrono_tz::Tz;

use super::sources::{Sources, at_least_one, positive, shown_span, up_to_a_day};
use crate::config::settings::Runner;
use crate::config::shown::Origin;
use crate::config::{ConfigError, file};

/// A clock knows no instant that lies much further ahead.
const LONGEST_TICK: Duration = Duration::from_secs(366 * 24 * 60 * 60);

pub(super) fn runner(sources: &mut Sources<'_>, file: file::Runner) -> Result<Runner, ConfigError> {
    let milliseconds = |raw: &str| positive("TICK_INTERVAL_MS", raw).map(Duration::from_millis);
    let tick_interval = sources.pick_with(
        "runner.tick_interval",
        "TICK_INTERVAL_MS",
        milliseconds,
        file.tick_interval.map(|span| span.0),
        Duration::from_secs(60),
        shown_span,
    )?;
    let concurrency =
        sources.number("runner.concurrency", "PERSONA_CONCURRENCY", file.concurrency, 2, usize::MAX)?;
    let paused =
        sources.pick_with("runner.paused", "RUNNER_PAUSED", paused, file.paused, false, bool::to_string)?;
    let deadline = file.turn_deadline.map(|span| span.0);
    let turn_deadline = sources.pick("runner.turn_deadline", deadline, Duration::from_secs(600), shown_span);
    let max_rounds = sources.pick("runner.max_rounds", file.max_rounds, 15, u32::to_string);
    let zone = sources.pick("runner.time_zone", file.time_zone, "UTC".to_owned(), Clone::clone);
    let production = (sources.environment)("NODE_ENV").as_deref() == Some("production");
    let origin = if production { Origin::Environment("NODE_ENV".to_owned()) } else { Origin::Default };
    sources.show("runner.production", production.to_string(), origin);
    at_least_one("runner.concurrency", concurrency as u64)?;
    at_least_one("runner.max_rounds", u64::from(max_rounds))?;
    at_least_one("runner.tick_interval", u64::try_from(tick_interval.as_millis()).unwrap_or(u64::MAX))?;
    if tick_interval > LONGEST_TICK {
        let problem = "must be a year at most: runner.paused = true is for no ticks at all";
        let (name, raw) = ("runner.tick_interval".to_owned(), shown_span(&tick_interval));
        return Err(ConfigError::Value { name, problem: problem.to_owned(), raw });
    }
    up_to_a_day("runner.turn_deadline", turn_deadline)?;
    let time_zone = time_zone("runner.time_zone", zone)?;
    Ok(Runner { tick_interval, concurrency, turn_deadline, paused, max_rounds, time_zone, production })
}

/// The original took whatever is none of the two for no, and ran although somebody had said `yes`.
fn paused(raw: &str) -> Result<bool, ConfigError> {
    match raw.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => {
            let problem = "must be 1 or true, or else 0 or false".to_owned();
            Err(ConfigError::Value { name: "RUNNER_PAUSED".to_owned(), problem, raw: raw.to_owned() })
        }
    }
}

pub(super) fn time_zone(name: &str, zone: String) -> Result<Tz, ConfigError> {
    zone.parse::<Tz>().map_err(|_| ConfigError::Value {
        name: name.to_owned(),
        problem: "must be a time zone such as \"Europe/Berlin\"".to_owned(),
        raw: zone,
    })
}
