//! How something is read as it happens: from the daemon, over its restarts, or from the ledger where none runs.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::plugin::running::running;
use super::turns::open;
use crate::cli::Failure;
use crate::cli::args::Tail;
use crate::cli::output::{FAINT, ODD, Output, styled};
use crate::cli::text::printable;
use crate::running::{Running, RunningError, Told};
use crate::since::{Place, Since};
use crate::store::{EventFilter, Ledger};
use domain::clock::Clock;

/// From where on without a word on it, where nothing is waited for.
const A_DAY: Since = Since::Ago(Duration::from_secs(24 * 60 * 60));
/// From one try to the next when the daemon is away, at first and at most.
const AGAIN: Duration = Duration::from_millis(200);
const AGAIN_AT_MOST: Duration = Duration::from_secs(5);
/// Events that are read from the ledger at once.
const AT_ONCE: u32 = 500;

/// Prints events of these kinds, all where there are none, until there are no more or nobody reads them: as JSON, or each as
/// the line that `shown` makes of it.
pub(super) async fn follow(
    asked: &Tail,
    kinds: &[String],
    file: Option<&Path>,
    output: Output,
    mut shown: impl FnMut(&Value) -> Option<String>,
) -> Result<(), Failure> {
    let mut print = |event: &Value| match shown(event) {
        Some(line) => output.line(event, || line + "\n"),
        None => Ok(true),
    };
    let daemon = running(asked.url.as_deref(), file)?;
    match Source::of(daemon, asked, kinds).await {
        Ok(source) => source.follow(output, &mut print).await,
        Err(RunningError::NoAnswer { base, .. }) if asked.url.is_none() => {
            let ledger = open(None, file).await?;
            if !asked.no_follow {
                let line =
                    format!("no persona-host answers at {base}: this is what the ledger holds, to its end");
                output.say(&styled(FAINT, line));
            }
            from_ledger(&ledger, asked, kinds, &mut print).await
        }
        Err(error) => Err(error.into()),
    }
}

/// When an event happened, as a line begins.
pub(super) fn when(event: &Value) -> String {
    let at = event["at"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
    at.map_or_else(|| "–".to_owned(), |at| at.format("%m-%d %H:%M:%S").to_string())
}

/// Whom an event is about, with a space behind, and the beginning of its turn's id.
pub(super) fn whose(event: &Value) -> String {
    let turn = event["turn"].as_str().map(|turn| styled(FAINT, turn.get(..8).unwrap_or(turn)));
    let persona = event["persona"].as_str().map(printable);
    [turn, persona].into_iter().flatten().map(|own| own + " ").collect()
}

/// A daemon that tells events.
struct Source {
    daemon: Running,
    asked: Vec<(&'static str, String)>,
    told: Told,
    follows: bool,
}

impl Source {
    async fn of(daemon: Running, tail: &Tail, kinds: &[String]) -> Result<Self, RunningError> {
        let follows = !tail.no_follow;
        let since = tail.since.or((!follows).then_some(Place::Since(A_DAY)));
        let mut asked = vec![("follow", follows.to_string())];
        asked.extend(since.map(|since| ("since", since.to_string())));
        asked.extend(tail.persona.clone().map(|persona| ("persona", persona)));
        asked.extend((!kinds.is_empty()).then(|| ("kind", kinds.join(","))));
        let told = daemon.events(&asked, None).await?;
        Ok(Self { daemon, asked, told, follows })
    }

    async fn follow(
        mut self,
        output: Output,
        print: &mut impl FnMut(&Value) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut last = None;
        loop {
            let why = loop {
                match self.told.next().await {
                    Ok(Some(event)) if print(&event)? => {}
                    Ok(Some(_)) => return Ok(()),
                    Ok(None) => break "persona-host has ended".to_owned(),
                    // What was told is not all of it.
                    Err(error) if !self.follows => return Err(error.into()),
                    Err(error) => break error.to_string(),
                }
            };
            if !self.follows {
                return Ok(());
            }
            last = self.told.last().or(last);
            output.say(&styled(ODD, format!("{why}; waiting for it to come back")));
            self.told = self.again(last).await?;
            output.say(&styled(FAINT, "it is back"));
        }
    }

    /// Asks until somebody answers, and for what comes behind the number up to which all was told.
    async fn again(&mut self, last: Option<i64>) -> Result<Told, Failure> {
        let mut wait = AGAIN;
        loop {
            tokio::time::sleep(wait).await;
            match self.daemon.events(&self.asked, last).await {
                Ok(told) => return Ok(told),
                Err(error) if may_pass(&error) => wait = (wait * 2).min(AGAIN_AT_MOST),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether it may answer otherwise in a moment.
fn may_pass(error: &RunningError) -> bool {
    match error {
        RunningError::NoAnswer { .. } => true,
        RunningError::Stranger { status, .. } | RunningError::Refused { status, .. } => {
            status.is_server_error()
        }
    }
}

async fn from_ledger(
    ledger: &Ledger,
    tail: &Tail,
    kinds: &[String],
    print: &mut impl FnMut(&Value) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let now = Clock::system().now();
    let mut after = match tail.since.unwrap_or(Place::Since(A_DAY)) {
        Place::Behind(number) => number,
        Place::Since(since) => ledger.event_before(since.seen_from(now)).await?,
    };
    let filter = EventFilter { kinds: kinds.to_vec(), persona: tail.persona.clone() };
    loop {
        let page = ledger.events(after, &filter, AT_ONCE).await?;
        for event in page.gap.map(|gap| gap.told(now)).iter().chain(&page.events) {
            if !print(&json!(event))? {
                return Ok(());
            }
        }
        let is_last = page.upto == after || page.upto >= ledger.newest_event().await?;
        after = page.upto;
        if is_last {
            return Ok(());
        }
    }
}
