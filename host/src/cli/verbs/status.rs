//! `status`: how it stands, on one screen. The daemon says it; where none runs, the ledger says what it knows.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::plugin::running::running;
use super::turns::open;
use crate::cli::output::{BAD, FAINT, GOOD, ODD, Output, PLACE, styled, text_width};
use crate::cli::text::{counted, in_a_line, printable, set};
use crate::cli::tick_view::{CAUSE, cost};
use crate::cli::{Failure, load};
use crate::runner::Sums;
use crate::running::{Running, RunningError};
use crate::store::Ledger;
use crate::turn::Budget;
use domain::clock::Clock;

/// How wide the words at the left are.
const WORDS: usize = 12;

/// Prints it once.
///
/// # Errors
/// When what answers is no persona-host of this version, or nobody does and there is no ledger.
pub async fn status(url: Option<&str>, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let document = Source::at(url, file)?.document().await?;
    output.print(&document, || text(&document))
}

/// Who says how it stands.
#[derive(Debug)]
pub(super) struct Source<'a> {
    running: Running,
    /// Somebody was named: then nobody else knows.
    is_named: bool,
    file: Option<&'a Path>,
}

impl<'a> Source<'a> {
    pub(super) fn at(url: Option<&str>, file: Option<&'a Path>) -> Result<Self, Failure> {
        Ok(Self { running: running(url, file)?, is_named: url.is_some(), file })
    }

    pub(super) async fn document(&self) -> Result<Value, Failure> {
        match self.running.status().await {
            Err(RunningError::NoAnswer { .. }) if !self.is_named => self.of_the_ledger().await,
            said => Ok(said?),
        }
    }

    /// The same without a daemon, as far as the ledger knows it.
    async fn of_the_ledger(&self) -> Result<Value, Failure> {
        let (config, clock) = (load::config(self.file)?, Clock::system());
        let url = load::ledger(&config)?;
        let ledger = open(None, self.file).await?;
        let (zone, max_tokens) = (config.runner.time_zone, config.model.max_tokens);
        let budget = Budget::of_ledger(config.budget, clock.clone(), zone, &ledger, max_tokens).await?;
        let sums = Sums::of(&ledger, &budget, &clock, zone).await?;
        let pauses = ledger.pauses().await?;
        let pause = pauses.everybody.as_ref();
        let mut document = json!({
            "now": clock.now(),
            "running": false,
            "ledger": url.to_string(),
            "ledgerHeld": Ledger::is_held(&url).ok().flatten(),
            "pause": pause.map(|own| json!({
                "since": own.since, "why": format!("all personas are {own}"), "hint": "`persona-host resume` goes on",
            })),
            "pausedPersonas": pauses.personas.into_keys().collect::<Vec<String>>(),
        });
        if let (Some(document), Value::Object(sums)) = (document.as_object_mut(), json!(sums)) {
            document.extend(sums);
        }
        Ok(document)
    }
}

/// One screen.
pub(super) fn text(status: &Value) -> String {
    let now = instant(&status["now"]).unwrap_or_default();
    let mut screen = standing(status, now);
    if status["running"] == true {
        screen += &row("last tick", &last_tick(&status["lastTick"], now));
        screen += &under_way(status);
        screen += &in_the_way(status, now);
    }
    screen += &row("today", &today(status));
    screen += &row("outbox", &outbox(&status["outbox"], now));
    screen += &row("kept back", &kept_back(status));
    if status["running"] == true {
        screen += &row("plugins", &plugins(status));
    }
    screen
}

fn row(word: &str, said: &str) -> String {
    set(
        &format!("{}{}", styled(PLACE, word), " ".repeat(WORDS.saturating_sub(word.len()))),
        WORDS,
        said,
        text_width(),
    )
}

fn standing(status: &Value, now: DateTime<Utc>) -> String {
    let pause = &status["pause"];
    let why = |pause: &Value| format!("{}; {}", text_of(pause, "why"), text_of(pause, "hint"));
    let (state, said) = match (status["running"] == true, pause.is_object()) {
        (false, is_paused) => {
            let held = match status["ledgerHeld"] == true {
                true => {
                    "no persona-host answers, but one has the ledger: a `tick`, an `experiment run`, or one at another port"
                }
                false => "no persona-host runs",
            };
            let paused = if is_paused { format!(". {}", why(pause)) } else { String::new() };
            (
                styled(ODD, "not running"),
                format!("{held}; this is what {} knows{paused}", text_of(status, "ledger")),
            )
        }
        (true, _) if status["loop"] == "off" => (styled(BAD, "off"), "the loop is off; see below".to_owned()),
        (true, true) => (styled(ODD, "paused"), why(pause)),
        (true, false) => {
            let next = instant(&status["nextTick"]);
            let next =
                next.map_or_else(|| "no timer".to_owned(), |at| format!("next tick {}", when(at, now)));
            (styled(GOOD, "running"), next)
        }
    };
    row("", "").replace('\n', "") + &set(&format!("{state}  "), WORDS, &said, text_width())
}

fn last_tick(last: &Value, now: DateTime<Utc>) -> String {
    let Some(at) = instant(&last["endedAt"]) else { return "none since the start".to_owned() };
    let at = when(at, now);
    if let Some(why) = last["why"].as_str() {
        return format!("failed {at}: {}", in_a_line(why, CAUSE));
    }
    let figure = |name: &str| last[name].as_u64().unwrap_or_default();
    format!(
        "{} due, {} played, {} failed, {} kept back, in {:.1} s, {at}",
        figure("due"),
        figure("completed"),
        figure("failed"),
        figure("held"),
        last["seconds"].as_f64().unwrap_or_default()
    )
}

fn under_way(status: &Value) -> String {
    let turns = list(status, "underWay");
    let head = match turns.len() {
        0 => "nobody plays".to_owned(),
        count => counted(count, "turn"),
    };
    let lines = turns.iter().map(|own| {
        let figure = |name: &str| own[name].as_u64().unwrap_or_default();
        let seconds = own["seconds"].as_f64().unwrap_or_default();
        let (id, persona) = (text_of(own, "turn"), printable(&text_of(own, "persona")));
        format!(
            "  {} {persona:<32} {:<14} {} model and {} tool calls in {seconds:.0} s\n",
            styled(FAINT, id.get(..8).unwrap_or(&id)),
            text_of(own, "stage"),
            figure("modelCalls"),
            figure("toolCalls"),
        )
    });
    row("under way", &head) + &lines.collect::<String>()
}

fn in_the_way(status: &Value, now: DateTime<Utc>) -> String {
    let all = list(status, "inTheWay");
    if all.is_empty() {
        return row("in the way", "nothing");
    }
    let lines = all.iter().map(|own| {
        let mark = if own["blocks"] == true { styled(BAD, "✗") } else { styled(ODD, "!") };
        let until =
            instant(&own["until"]).map_or_else(String::new, |at| format!(" (until {})", when(at, now)));
        let hint = own["hint"].as_str().map_or_else(String::new, |hint| format!("; {hint}"));
        let said =
            format!("{}: {}{until}{hint}", text_of(own, "what"), in_a_line(&text_of(own, "why"), CAUSE));
        set(&format!("  {mark} "), 4, &said, text_width())
    });
    row("in the way", &counted(all.len(), "thing")) + &lines.collect::<String>()
}

fn today(status: &Value) -> String {
    let today = &status["today"];
    let spent = match today["calls"].as_u64() {
        None => "nothing was paid for".to_owned(),
        Some(calls) => {
            let unpriced = match today["unpriced"].as_u64() {
                None | Some(0) => String::new(),
                Some(count) => format!(", {count} of them without a price"),
            };
            format!(
                "{} for {}{unpriced}",
                cost(today["costUsd"].as_f64()),
                counted(usize::try_from(calls).unwrap_or(usize::MAX), "call")
            )
        }
    };
    let limits = list(status, "budgetOfToday").iter().map(|part| {
        let dollars = |name: &str| cost(part[name].as_f64());
        let full = if part["isFull"] == true { ", full" } else { "" };
        format!("; {} {} of {}{full}", text_of(part, "of"), dollars("takenUsd"), dollars("limitUsd"))
    });
    let limits: String = limits.collect();
    if limits.is_empty() { format!("{spent}; there is no budget") } else { spent + &limits }
}

fn outbox(outbox: &Value, now: DateTime<Utc>) -> String {
    let figure = |name: &str| outbox[name].as_u64().unwrap_or_default();
    let oldest = instant(&outbox["oldest"])
        .map_or_else(String::new, |at| format!(", the oldest of a turn that began {}", when(at, now)));
    let refused = match figure("refused") {
        0 => String::new(),
        count => format!("; {count} refused for good"),
    };
    match figure("waiting") {
        0 => format!("all is delivered{refused}"),
        count => format!("{count} wait{oldest}{refused}"),
    }
}

fn kept_back(status: &Value) -> String {
    let figure = |name: &str| status[name].as_u64().unwrap_or_default();
    let (alone, by_tick) = (list(status, "pausedPersonas").len(), list(status, "keptBack").len());
    match (figure("held"), figure("parked"), alone, by_tick) {
        (0, 0, 0, 0) => "nobody".to_owned(),
        (held, parked, alone, by_tick) => format!(
            "{held} held, {parked} parked, {alone} paused by address, {by_tick} by the last tick (budget, sign-ins, neighbours); \
             `persona-host personas list` says why"
        ),
    }
}

fn plugins(status: &Value) -> String {
    let all = list(status, "plugins").iter().map(|own| {
        let standing = match (own["serving"].as_u64(), own["refused"] == true, own["quarantined"] == true) {
            (None, ..) => "left out: nothing serves".to_owned(),
            (Some(number), true, _) => format!("generation {number}, because its file was refused"),
            (Some(number), _, true) => format!("generation {number}, in quarantine"),
            (Some(number), ..) => format!("generation {number}"),
        };
        format!("{} ({standing})", printable(&text_of(own, "name")))
    });
    let all: Vec<String> = all.collect();
    if all.is_empty() { "none is used".to_owned() } else { all.join(", ") }
}

fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().map_or(&[], Vec::as_slice)
}

fn text_of(document: &Value, name: &str) -> String {
    document[name].as_str().unwrap_or_default().to_owned()
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// How far an instant is from now, and which it is.
fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let away = (at - now).num_seconds();
    let (span, exact) = (rough(away.unsigned_abs()), at.format("%H:%M:%S UTC"));
    if away >= 0 { format!("in {span} ({exact})") } else { format!("{span} ago ({exact})") }
}

fn rough(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: &Value) -> String {
        anstream::adapter::strip_str(&text(status)).to_string()
    }

    #[test]
    fn a_screen_tells_what_goes_on_what_is_in_the_way_and_what_it_costs() {
        let status = json!({
            "now": "2026-11-29T12:00:00Z", "running": true, "loop": "on", "pause": null,
            "nextTick": "2026-11-29T12:00:40Z",
            "lastTick": { "endedAt": "2026-11-29T11:50:00Z", "due": 3, "completed": 1, "failed": 1, "held": 1, "seconds": 2.25 },
            "underWay": [{ "turn": "8c2f1a2b3c4d", "persona": "anna@mana.test", "attempt": 1, "stage": "tool-loop", "modelCalls": 2, "toolCalls": 3, "seconds": 7.4 }],
            "inTheWay": [
                { "what": "mana-auth", "why": "HTTP 503", "until": "2026-11-29T12:05:00Z", "blocks": true },
                { "what": "pausedPersonas", "why": "1 persona is paused by address", "hint": "resume it", "blocks": false },
            ],
            "today": { "of": "2026-11-29", "calls": 12, "costUsd": 0.5, "unpriced": 0 },
            "budgetOfToday": [{ "of": "budget.day", "takenUsd": 0.5, "limitUsd": 5.0, "isFull": false }],
            "outbox": { "waiting": 2, "oldest": "2026-11-29T09:00:00Z", "refused": 1 },
            "held": 1, "parked": 0, "pausedPersonas": ["ben@mana.test"],
            "plugins": [{ "name": "daily", "serving": 2 }, { "name": "own", "serving": null }],
        });
        let screen = shown(&status);
        for line in [
            "running  next tick in 40 s (12:00:40 UTC)",
            "last tick   3 due, 1 played, 1 failed, 1 kept back, in 2.2 s, 10 min ago (11:50:00 UTC)",
            "under way   1 turn",
            "8c2f1a2b anna@mana.test                   tool-loop      2 model and 3 tool calls in 7 s",
            "✗ mana-auth: HTTP 503 (until in 5 min (12:05:00 UTC))",
            "! pausedPersonas: 1 persona is paused by address; resume it",
            "today       $0.5000 for 12 calls; budget.day $0.5000 of $5.0000",
            "outbox      2 wait, the oldest of a turn that began 3 h ago (09:00:00 UTC); 1 refused for good",
            "kept back   1 held, 0 parked, 1 paused by address",
            "plugins     daily (generation 2), own (left out: nothing serves)",
        ] {
            assert!(screen.contains(line), "{line:?} in\n{screen}");
        }
    }

    #[test]
    fn each_way_not_to_run_says_why() {
        let pause = json!({ "why": "all personas are paused since noon (lunch)", "hint": "`persona-host resume` goes on" });
        for (status, says) in [
            (
                json!({ "running": true, "loop": "on", "pause": pause }),
                "paused  all personas are paused since noon (lunch); `persona-host resume` goes on",
            ),
            (json!({ "running": true, "loop": "off" }), "off  the loop is off"),
            (
                json!({ "running": false, "ledger": "sqlite:x.db" }),
                "not running  no persona-host runs; this is what sqlite:x.db knows",
            ),
            (
                json!({ "running": false, "ledger": "sqlite:x.db", "ledgerHeld": true }),
                "but one has the ledger",
            ),
            (
                json!({ "running": false, "ledger": "sqlite:x.db", "pause": pause }),
                "paused since noon (lunch)",
            ),
        ] {
            let screen = shown(&status).replace("\n            ", " ");
            assert!(screen.contains(says), "{says:?} in\n{screen}");
        }
    }
}
