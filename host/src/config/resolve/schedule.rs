//! The section `[schedule]`: who decides who is due, and by which calendar.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

use super::plugins::word;
use super::runner::time_zone;
use super::sources::{Sources, shown_span};
use crate::config::ConfigError;
use crate::config::file::{OwnCadence, Schedule, Slots, Span};
use crate::config::settings::{DueBy, Runner};
use domain::persona::Cadence;
use schedule::{Entry, Rules, When, Window, cron};

/// Ticks may be no further apart: a slot of an hour would pass between two of them.
const SLOWEST_TICK: Duration = Duration::from_secs(60 * 60);
const LONGEST_CATCH_UP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LONGEST_INTERVAL: Duration = Duration::from_secs(366 * 24 * 60 * 60);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(60);

/// The rules of the host's own schedule; none: mana-auth decides who is due.
pub(super) fn schedule(
    sources: &mut Sources<'_>,
    file: Schedule,
    runner: &Runner,
) -> Result<Option<Rules>, ConfigError> {
    let mode = sources.pick("schedule.mode", file.mode, DueBy::SinceLast, word);
    if mode == DueBy::SinceLast {
        return without_rules(&file).map(|()| None);
    }
    if runner.tick_interval > SLOWEST_TICK {
        let problem = "must be 1h at most with schedule.mode = \"calendar\", or slots pass between two ticks";
        return refused("runner.tick_interval", problem, shown_span(&runner.tick_interval));
    }
    let zone = sources.pick("schedule.zone", file.zone, runner.time_zone.name().to_owned(), Clone::clone);
    let window = sources.pick("schedule.window", file.window, Window::USUAL.to_string(), Clone::clone);
    let catch_up =
        sources.pick("schedule.catch_up", file.catch_up.map(Some), None, |catch_up| match catch_up {
            Some(Span(length)) => shown_span(length),
            None => "12h, or until the next slot".to_owned(),
        });
    let key = |key: &str| format!("schedule.{key}");
    let mut rules = Rules {
        window: read_window(&key("window"), &window)?,
        catch_up: catch_up.map(|length| read_catch_up(&key("catch_up"), length, runner)).transpose()?,
        ..Rules::of_zone(time_zone(&key("zone"), zone)?)
    };
    for (cadence, slots) in file.cadences {
        let name = key(&format!("cadences.{}", word(&cadence)));
        if let Some(own) = slots.cadence {
            return refused(&name, "may not name a cadence: it is the entry of one", word(&own));
        }
        rules.cadences.insert(cadence, entry(sources, &name, slots, runner)?);
    }
    rules.archetypes = entries(sources, &key("archetypes"), file.archetypes, runner)?;
    rules.personas = entries(sources, &key("personas"), file.personas, runner)?;
    Ok(Some(rules))
}

/// Keys that would count for nothing are a mistake.
fn without_rules(file: &Schedule) -> Result<(), ConfigError> {
    let keys = [
        ("zone", file.zone.is_some()),
        ("window", file.window.is_some()),
        ("catch_up", file.catch_up.is_some()),
        ("cadences", !file.cadences.is_empty()),
        ("archetypes", !file.archetypes.is_empty()),
        ("personas", !file.personas.is_empty()),
    ];
    match keys.iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((key, _)) => {
            let problem = format!("must be \"calendar\" for schedule.{key} to count");
            refused("schedule.mode", &problem, word(&DueBy::SinceLast))
        }
    }
}

fn entries(
    sources: &mut Sources<'_>,
    group: &str,
    file: BTreeMap<String, Slots>,
    runner: &Runner,
) -> Result<BTreeMap<String, Entry>, ConfigError> {
    let mut entries = BTreeMap::new();
    for (who, slots) in file {
        let entry = entry(sources, &format!("{group}.{who}"), slots, runner)?;
        entries.insert(who, entry);
    }
    Ok(entries)
}

fn entry(sources: &mut Sources<'_>, name: &str, slots: Slots, runner: &Runner) -> Result<Entry, ConfigError> {
    let origin = sources.file.clone();
    sources.show(name, shown(&slots), origin);
    let Slots { cadence, every, cron: expression, zone, window, catch_up } = slots;
    let named = [("cadence", cadence.is_some()), ("every", every.is_some()), ("cron", expression.is_some())];
    let named: Vec<&str> = named.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| *key).collect();
    if named.len() > 1 {
        return refused(name, "must have one of cadence, every and cron at most", named.join(", "));
    }
    if let (Some(window), true) = (&window, every.is_some() || expression.is_some()) {
        let problem =
            "is for one slot a day: leave it out beside every and cron, which say themselves when slots are";
        return refused(&format!("{name}.window"), problem, window.clone());
    }
    let key = |key: &str| format!("{name}.{key}");
    let mut entry = Entry {
        zone: zone.map(|zone| time_zone(&key("zone"), zone)).transpose()?,
        window: window.map(|window| read_window(&key("window"), &window)).transpose()?,
        catch_up: catch_up.map(|length| read_catch_up(&key("catch_up"), length, runner)).transpose()?,
        ..Entry::default()
    };
    match cadence {
        None => {}
        Some(OwnCadence::Never) => entry.when = Some(When::Never),
        Some(OwnCadence::Hourly) => entry.cadence = Some(Cadence::Hourly),
        Some(OwnCadence::Daily) => entry.cadence = Some(Cadence::Daily),
        Some(OwnCadence::Weekdays) => entry.cadence = Some(Cadence::Weekdays),
    }
    if let Some(Span(length)) = every {
        entry.when = Some(When::Every(read_interval(&key("every"), length, runner)?));
    }
    if let Some(expression) = expression {
        entry.when = Some(cron(&expression).or_else(|error| refused(&key("cron"), error, expression))?);
    }
    Ok(entry)
}

fn read_window(name: &str, text: &str) -> Result<Window, ConfigError> {
    Window::parse(text).or_else(|error| refused(name, error, text.to_owned()))
}

fn read_catch_up(name: &str, Span(length): Span, runner: &Runner) -> Result<TimeDelta, ConfigError> {
    if length < runner.tick_interval {
        let problem =
            "must be as long as runner.tick_interval at least, or slots are too old when they are seen";
        return refused(name, problem, shown_span(&length));
    }
    within(name, length, LONGEST_CATCH_UP, "must be 7days at most")
}

fn read_interval(name: &str, length: Duration, runner: &Runner) -> Result<TimeDelta, ConfigError> {
    let shortest = SHORTEST_INTERVAL.max(runner.tick_interval);
    if length < shortest || length.subsec_nanos() > 0 {
        let problem = format!(
            "must be whole seconds, and {} at least: there is one turn a tick (runner.tick_interval) at most",
            shown_span(&shortest)
        );
        return refused(name, problem, shown_span(&length));
    }
    within(name, length, LONGEST_INTERVAL, "must be 366days at most")
}

fn within(name: &str, length: Duration, longest: Duration, problem: &str) -> Result<TimeDelta, ConfigError> {
    match TimeDelta::from_std(length) {
        Ok(delta) if length <= longest => Ok(delta),
        _ => refused(name, problem, shown_span(&length)),
    }
}

fn refused<T>(name: &str, problem: impl fmt::Display, raw: String) -> Result<T, ConfigError> {
    Err(ConfigError::Value { name: name.to_owned(), problem: problem.to_string(), raw })
}

/// An entry as one would write it.
fn shown(slots: &Slots) -> String {
    let quoted = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
    let span = |span: &Option<Span>| span.map(|Span(length)| format!("{:?}", shown_span(&length)));
    let parts = [
        ("cadence", slots.cadence.map(|own| format!("{:?}", word(&own)))),
        ("every", span(&slots.every)),
        ("cron", quoted(&slots.cron)),
        ("zone", quoted(&slots.zone)),
        ("window", quoted(&slots.window)),
        ("catch_up", span(&slots.catch_up)),
    ];
    let parts = parts.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?)));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "as everybody".to_owned() } else { parts.join(", ") }
}
