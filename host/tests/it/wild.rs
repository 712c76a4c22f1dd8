//! Whatever comes from Claude, from the MCP server and from mana-auth: a menu of cases, all of them in one daemon at once,
//! each with how it ends, what is told of it, how long it may take and how much may be read for it. A bad case costs its
//! own turn what it says here, and no neighbour anything.

mod claude;
mod menu;
mod pins;
mod porter;
mod row;
mod sent;
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use persona_host::config::Config;
use serde_json::Value;

use crate::support::house::{Blueprint, House, eventually};
use claude::Oracle;
use menu::lists;
use porter::Porter;
use row::Row;
use sent::Meter;
use server::Bazaar;

/// How long a silent neighbour is waited for.
const SILENCE: Duration = Duration::from_secs(3);
/// A tick that takes longer hangs.
const WATCH: Duration = Duration::from_secs(120);

/// The three neighbours of a house, and what is taken from them.
pub(crate) struct Neighbours {
    rows: Arc<Vec<Row>>,
    oracle: Oracle,
    bazaar: Bazaar,
    porter: Arc<Porter>,
    meter: Meter,
}

impl Neighbours {
    async fn start(rows: Vec<Row>) -> Self {
        let (meter, rows) = (Meter::of(rows.len()), Arc::new(rows));
        Self {
            oracle: Oracle::start(Arc::clone(&rows), meter.clone()).await,
            bazaar: Bazaar::start(Arc::clone(&rows), meter.clone()).await,
            porter: Arc::new(Porter::start(Arc::clone(&rows), meter.clone()).await),
            rows,
            meter,
        }
    }

    /// A house with one persona for each row.
    async fn house(&self, configure: impl FnOnce(&mut Config) + 'static) -> House {
        let (claude, mcp, porter) = (self.oracle.url(), self.bazaar.url(), Arc::clone(&self.porter));
        let blueprint = Blueprint::crowd(self.rows.len()).described(|place| format!("Row {place}."));
        blueprint
            .config(move |config| {
                let mana = &mut config.mana;
                let auth_url = porter.stand_before(&mana.auth_url);
                mana.personas_url = mana.personas_url.replace(&mana.auth_url, &auth_url);
                (mana.auth_url, mana.mcp_url) = (auth_url, mcp);
                (mana.answer_timeout, mana.tool_timeout) = (SILENCE, SILENCE);
                (config.model.base_url, config.model.idle_timeout) = (claude, SILENCE);
                (config.runner.concurrency, config.model.max_attempts) = (32, 1);
            })
            .config(configure)
            .build()
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_case_of_the_menu_ends_as_it_says_and_costs_no_other_turn_anything() {
    let rows = menu::rows();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut names = BTreeSet::new();
    let twice: Vec<_> = rows.iter().filter(|row| !names.insert(row.name)).map(|row| row.name).collect();
    assert!(twice.is_empty(), "each row is found by its name: {twice:?}");
    let neighbours = Neighbours::start(rows).await;
    let house = neighbours.house(|_| ()).await;
    let mut complaints = bad_lists(&neighbours, &house).await;
    neighbours.porter.says_of_due(lists::odd());
    let tick = house.runner.tick(None, Duration::ZERO);
    let Ok(ticked) = tokio::time::timeout(WATCH, tick).await else {
        panic!("after {WATCH:?} these go on: {:?}", unfinished(&neighbours, &house).await);
    };
    let report = ticked.expect("it takes place");
    let held: Vec<_> = report.held.iter().map(|held| &held.reason).collect();
    let stopped = neighbours.rows.iter().filter(|row| row.ends_as("stopped")).count();
    assert_eq!((&report.stopped_by, held.len()), (&None, stopped), "{held:?}");
    let unreadable: Vec<_> = report.failed.iter().filter(|failed| failed.error.contains("entry")).collect();
    assert_eq!(unreadable.len(), lists::UNREADABLE, "{unreadable:?}");
    // What mana-auth did not take at once it takes later.
    for _ in 0..100 {
        if house.ledger().deliveries_waiting().await.unwrap() == 0 {
            break;
        }
        house.later(TimeDelta::minutes(11));
        house.runner.flush().await.unwrap();
    }
    for (place, row) in neighbours.rows.iter().enumerate() {
        let name = format!("anna{place}");
        let arrived = house.actions(&name).await.len();
        match house.turns(&name).await.as_slice() {
            [turn] => complaints.extend(row.complaints(place, turn, arrived, &neighbours)),
            turns => complaints.push(format!("{}: {} turns", row.name, turns.len())),
        }
    }
    let of = neighbours.rows.len();
    assert!(complaints.is_empty(), "{} of {of} rows:\n{}", complaints.len(), complaints.join("\n"));
    eventually(async || neighbours.bazaar.open_sessions() == 0).await;
}

/// Lists of who is due with which nothing can be begun: each is told, and nobody is played.
async fn bad_lists(neighbours: &Neighbours, house: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, at, words) in lists::bad() {
        neighbours.porter.says_of_due(at);
        let said = match house.runner.tick(None, Duration::ZERO).await {
            Ok(report) => format!("{} due", report.due),
            Err(error) => format!("{error} {}", error.hint().unwrap_or_default()),
        };
        if !said.contains(words) {
            complaints.push(format!("{name}: {said}"));
        }
        // Long enough for the breaker to forget it.
        house.later(TimeDelta::minutes(2));
    }
    complaints
}

async fn unfinished(neighbours: &Neighbours, house: &House) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (place, row) in neighbours.rows.iter().enumerate() {
        let turns = house.turns(&format!("anna{place}")).await;
        if turns.iter().any(|turn| turn.summary.outcome == "running") {
            names.push(row.name);
        }
    }
    names
}

/// The row whose persona this text names.
fn row_named_in(text: &str) -> Option<usize> {
    let rest = &text[text.find("Row ")? + 4..];
    rest[..rest.find('.')?].parse().ok()
}

/// The row of this address: `persona.anna7@mana.test` is the persona of row 7.
fn row_of(email: &str) -> Option<usize> {
    let digits: String = email.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The text of everything that is asked.
fn text_of(value: &Value) -> String {
    value.to_string()
}
