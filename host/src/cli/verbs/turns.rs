//! `turns list`, `turns show`, `turns tail`, `turns diff`, `turns resume` and `turns replay`.

mod course;
mod diff;
mod replay;
mod tail;

use std::path::Path;

use comfy_table::{Attribute, Cell, Color};
use serde_json::{Value, json};

use super::plugin::running::running;
use crate::cli::args::Turns;
use crate::cli::output::Column::{Flowing, Number, Whole};
use crate::cli::output::{FAINT, Output, styled, table};
use crate::cli::text::{in_a_line, printable};
use crate::cli::tick_view::{CAUSE, cost, scores};
use crate::cli::{Exit, Failure, load, turn_view};
use crate::store::{Ledger, LedgerError, LedgerUrl, LetGoOn, Summary, Then, TurnFilter};
use crate::telemetry::{LogFormat, start_log};
use domain::clock::Clock;
use domain::code::Code;
use domain::state::State;
use domain::stop;

/// Where ledgers are that no configuration names.
const ELSEWHERE: &str = "point store.url at one (in the file that --config names, or with PERSONA_STORE_URL); a ledger elsewhere is named with --ledger: a demo's is persona-host-demo/DATE/ledger.db \
                         (`persona-host demo --once` makes one), that of an experiment with stand-ins \
                         persona-host-experiments/KEY/ledger.db";

/// Looks at turns.
///
/// # Errors
/// When there is no ledger, or no such turn.
pub async fn look(verb: Turns, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    match verb {
        Turns::Tail(args) => tail::tail(&args, config, output).await?,
        Turns::Diff(args) => diff::diff(&args, config, output).await?,
        Turns::Replay(args) => replay::replay(&args, config, output).await?,
        Turns::List { persona, state, ever_faulted, since, until, limit, ledger } => {
            let ledger = open(ledger.as_deref(), config).await?;
            let now = Clock::system().now();
            let (since, until) = (since.map(|at| at.seen_from(now)), until.map(|at| at.seen_from(now)));
            let filter = TurnFilter {
                email: persona,
                state,
                ever_faulted,
                since,
                until,
                limit: Some(limit),
                ..TurnFilter::default()
            };
            let turns = ledger.list(&filter).await?;
            output.print(&turns, || list(&turns, ever_faulted))?;
        }
        Turns::Resume { id, url } => resume(&id, url.as_deref(), config, output).await?,
        Turns::Show { id, ledger } => {
            let turn = open(ledger.as_deref(), config).await?.show(&id).await?;
            output.print(&turn, || turn_view::text(&turn))?;
        }
    }
    Ok(())
}

/// Lets a turn go on. A daemon that runs holds the ledger, and is asked.
async fn resume(id: &str, url: Option<&str>, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let document = match url {
        Some(_) => running(url, config)?.resume(id).await?,
        None => {
            let store = load::ledger(&load::config(config)?)?;
            match in_ledger(id, &store).await {
                Err(LedgerError::InUse { .. }) => running(None, config)?.resume(id).await?,
                said => said_so(id, said?)?,
            }
        }
    };
    output.print(&document, || {
        let (turn, persona) = (document["turn"].as_str(), document["persona"].as_str());
        let (turn, persona) = (printable(turn.unwrap_or(id)), printable(persona.unwrap_or("–")));
        let then = match document["then"].as_str() {
            Some("beginsAnew") => Then::BeginsAnew,
            _ => Then::GoesOn,
        };
        format!("turn {turn} of {persona} {}\n", then.words())
    })?;
    if url.is_none() {
        output.next(&["turns", "show", id]);
    }
    Ok(())
}

async fn in_ledger(id: &str, url: &LedgerUrl) -> Result<LetGoOn, LedgerError> {
    let ledger = Ledger::open_existing(url, Clock::system()).await?;
    let said = ledger.let_go_on(id).await;
    ledger.close().await;
    said
}

fn said_so(id: &str, said: LetGoOn) -> Result<Value, Failure> {
    match said {
        LetGoOn::GoesOn { turn, persona, then } => {
            Ok(json!({ "turn": turn, "persona": persona, "then": then }))
        }
        not => Err(Failure::new(Exit::No, Code::NotResumable, not.why_not(id))
            .hint("`persona-host turns show` tells how it went")),
    }
}

/// The ledger that was named, or the configured one, for a verb that has `--ledger`.
pub(super) async fn open(named: Option<&Path>, config: Option<&Path>) -> Result<Ledger, Failure> {
    let url = match named {
        Some(path) => LedgerUrl::named(path).map_err(LedgerError::from)?,
        None => load::ledger(&load::config(config)?)?,
    };
    // Rows that cannot be read are left out, and told in the log.
    start_log(
        LogFormat::Text,
        &load::variable("RUST_LOG").unwrap_or_else(|| "persona_host=error".to_owned()),
    );
    Ledger::open_to_read(&url, Clock::system()).await.map_err(|error| match error {
        LedgerError::Missing { .. } => Failure::from(error).hint(ELSEWHERE),
        error => error.into(),
    })
}

/// The configured ledger, for a verb that also says something without it.
pub(super) async fn open_or_say(config: Option<&Path>, output: Output) -> Option<Ledger> {
    let opened = open(None, config).await;
    opened.map_err(|failure| output.say(&styled(FAINT, failure.to_string()))).ok()
}

/// The columns beside what was said, and the least that is left for that.
const FIXED: usize = 62;
const LEAST: usize = 24;

/// What there is to say of a turn beside its ratings: why it failed, was stopped or was let out, or what was unusual
/// about its day's end.
fn said(turn: &Summary, failures: bool) -> Option<String> {
    let failure = turn.last_failure.as_ref().filter(|_| failures);
    let own = failure.or(turn.fault_message.as_ref()).or(turn.skip_reason.as_ref()).cloned();
    own.or_else(|| turn.stop_reason.clone().filter(|reason| stop::unusual(reason).is_some()))
}

/// A line each. Who asks for failures sees why, whatever came later.
fn list(turns: &[Summary], failures: bool) -> String {
    if turns.is_empty() {
        return "no such turns yet\n".to_owned();
    }
    let mut table = table([
        Whole("turn"),
        Whole("began"),
        Whole("persona"),
        Whole("strategy"),
        Whole("state"),
        Number("tools"),
        Flowing("rated"),
        Number("cost"),
        Flowing(if failures { "failed" } else { "said" }),
    ]);
    let personas = turns.iter().map(|turn| turn.persona.chars().count()).max().unwrap_or_default();
    let room = table.width().map_or(CAUSE, |width| usize::from(width).saturating_sub(FIXED + personas));
    for turn in turns {
        let state = Cell::new(&turn.state);
        let state = match State::of(&turn.state) {
            Some(State::Completed) => state,
            Some(State::Faulted | State::Parked) => state.fg(Color::Red),
            _ => state.fg(Color::Yellow),
        };
        table.add_row([
            Cell::new(turn.id.get(..8).unwrap_or(&turn.id)).add_attribute(Attribute::Dim),
            Cell::new(turn.begun_at.format("%m-%d %H:%M:%S")),
            Cell::new(printable(&turn.persona)),
            Cell::new(turn.strategy.as_deref().unwrap_or("–")),
            state,
            Cell::new(turn.actions),
            Cell::new(printable(&scores(&turn.ratings))),
            Cell::new(cost(turn.cost_usd)),
            Cell::new(
                said(turn, failures)
                    .map_or_else(String::new, |why| in_a_line(&why, room.clamp(LEAST, CAUSE))),
            ),
        ]);
    }
    let unreadable: String = (turns.iter())
        .flat_map(|turn| turn.unreadable.iter().map(|why| (turn.id.get(..8).unwrap_or(&turn.id), why)))
        .map(|(id, why)| format!("turn {id} is damaged: {}\n", printable(why)))
        .collect();
    format!("{}\n{unreadable}", table.trim_fmt())
}
