//! `turns list` and `turns show`.

use std::path::Path;

use comfy_table::{Attribute, Cell, Color};

use crate::cli::args::Turns;
use crate::cli::output::Column::{Flowing, Number, Whole};
use crate::cli::output::{Output, table};
use crate::cli::text::printable;
use crate::cli::tick_view::{cost, scores};
use crate::cli::{Exit, Failure, load, turn_view};
use crate::store::{Ledger, LedgerUrl, Summary, TurnFilter};
use crate::telemetry::{LogFormat, start_log};
use domain::clock::Clock;

/// The states that a turn can be in.
const STATES: [&str; 5] = ["running", "completed", "idle", "skipped", "faulted"];

/// Looks at turns.
///
/// # Errors
/// When there is no ledger, or no such turn.
pub async fn look(verb: Turns, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    match verb {
        Turns::List { persona, state, limit, ledger } => {
            if let Some(state) = state.as_deref().filter(|state| !STATES.contains(state)) {
                let message = format!("{state:?} is no state of a turn");
                return Err(Failure::new(Exit::Usage, message).hint(format!("one of: {}", STATES.join(", "))));
            }
            let ledger = open(ledger.as_deref(), config).await?;
            let filter = TurnFilter { email: persona, state, limit: Some(limit) };
            let turns = ledger.list(&filter).await?;
            output.print(&turns, || list(&turns))
        }
        Turns::Show { id, ledger } => {
            let turn = open(ledger.as_deref(), config).await?.show(&id).await?;
            output.print(&turn, || turn_view::text(&turn))
        }
    }
}

/// The ledger that was named, or the configured one.
pub(super) async fn open(named: Option<&Path>, config: Option<&Path>) -> Result<Ledger, Failure> {
    let url = match named {
        Some(path) => LedgerUrl::parse(&format!("sqlite:{}", path.display()))?,
        None => LedgerUrl::parse(&load::config(config)?.store.url)?,
    };
    // Rows that cannot be read are left out, and told in the log.
    start_log(
        LogFormat::Text,
        &load::variable("RUST_LOG").unwrap_or_else(|| "persona_host=error".to_owned()),
    );
    Ok(Ledger::open_to_read(&url, Clock::system()).await?)
}

fn list(turns: &[Summary]) -> String {
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
    ]);
    for turn in turns {
        let state = match turn.state.as_str() {
            "faulted" => Cell::new("faulted").fg(Color::Red),
            "completed" => Cell::new("completed"),
            other => Cell::new(other).fg(Color::Yellow),
        };
        let rated = match &turn.fault_message {
            Some(message) => printable(message),
            None => printable(&scores(&turn.ratings)),
        };
        table.add_row([
            Cell::new(turn.id.get(..8).unwrap_or(&turn.id)).add_attribute(Attribute::Dim),
            Cell::new(turn.started_at.format("%m-%d %H:%M:%S")),
            Cell::new(printable(&turn.persona)),
            Cell::new(turn.strategy.as_deref().unwrap_or("–")),
            state,
            Cell::new(turn.actions),
            Cell::new(rated),
            Cell::new(cost(turn.cost_usd)),
        ]);
    }
    let unreadable: String = (turns.iter())
        .flat_map(|turn| turn.unreadable.iter().map(|why| (turn.id.get(..8).unwrap_or(&turn.id), why)))
        .map(|(id, why)| format!("turn {id} is damaged: {}\n", printable(why)))
        .collect();
    format!("{}\n{unreadable}", table.trim_fmt())
}
