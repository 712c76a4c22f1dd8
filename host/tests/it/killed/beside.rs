//! The ledger, read from beside the process that holds it or held it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::clock::Clock;
use peers::postgres::Database;
use persona_host::store::{Ledger, LedgerUrl, RecordedStep, Summary, TurnFilter};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::support::house::eventually;
use crate::support::meddling::meddle;

/// A ledger.
#[derive(Clone)]
pub(super) enum Beside {
    /// In a file, which an older program may have made.
    File(PathBuf),
    /// In a database of a server.
    Server(Database),
}

/// Turns that are not over.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Something runs, goes on by itself at once, or waits to be delivered.
    pub(super) is_under_way: bool,
    /// What does not go on by itself, or not soon.
    pub(super) kept_back: Vec<KeptBack>,
}

/// A turn that does not go on by itself, or not soon.
#[derive(Clone, Debug)]
pub(super) enum KeptBack {
    /// Held after a fault.
    Held,
    /// Parked, by the turn's id.
    Parked(String),
}

/// What a process that was killed has left.
#[derive(Clone, Debug, Default)]
pub(super) struct Left {
    /// Turns that ran.
    pub(super) turns: Vec<String>,
    /// Model calls with an intent and no result.
    pub(super) model_calls: usize,
    /// Tool calls with an intent and no result.
    pub(super) tool_calls: usize,
    /// Deliveries without an acknowledgment.
    pub(super) deliveries: usize,
}

impl Beside {
    /// Where it is, as a daemon is told.
    pub(super) fn url_text(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Server(database) => database.url(),
        }
    }

    pub(super) fn url(&self) -> LedgerUrl {
        LedgerUrl::parse(&self.url_text()).unwrap()
    }

    /// For turns that are held the time passes.
    pub(super) async fn end_holds(&self) {
        let now = Clock::system().now().timestamp_millis();
        let passed = |table| format!("UPDATE {table} SET held_until = {now} WHERE held_until > {now}");
        match self {
            Self::File(path) => meddle(path, &passed("turns")).await,
            Self::Server(database) => drop(database.psql(&passed("persona_host.turns"))),
        }
    }

    /// What is not over. To be asked while a process runs.
    pub(super) async fn open_turns(&self) -> Open {
        match self {
            Self::File(path) => open_turns(path).await,
            Self::Server(_) => {
                let ledger = Ledger::open_to_read(&self.url(), Clock::system()).await.unwrap();
                let is_under_way = ledger.deliveries_waiting().await.unwrap() > 0;
                let turns = turns(&ledger).await;
                ledger.close().await;
                open(is_under_way, turns.iter().filter_map(Standing::of_summary))
            }
        }
    }

    /// Turns that were stopped in good order and do not go on at once for that.
    pub(super) async fn kept_back_by_a_stop(&self) -> Vec<String> {
        // It may have been stopped before it had a ledger.
        let Ok(ledger) = Ledger::open_to_read(&self.url(), Clock::system()).await else { return Vec::new() };
        let all = turns(&ledger).await;
        ledger.close().await;
        let stopped = all.iter().filter(|turn| turn.fault_code.as_deref() == Some("stopping"));
        let kept_back =
            stopped.filter_map(Standing::of_summary).filter(|turn| turn.kept_back(now()).is_some());
        kept_back.map(|turn| turn.id).collect()
    }

    /// What a process has left. To be asked after it was killed and before the next one starts.
    pub(super) async fn left(&self) -> Left {
        match self {
            Self::File(path) => left(path).await,
            Self::Server(database) => {
                // The server may still be at what the process had sent.
                eventually(async || database.is_alone()).await;
                // It may have died before it had a ledger.
                let Ok(ledger) = Ledger::open_to_read(&self.url(), Clock::system()).await else {
                    return Left::default();
                };
                let left = left_on_server(&ledger).await;
                ledger.close().await;
                left
            }
        }
    }
}

/// How a turn stands that is not completed.
struct Standing {
    id: String,
    is_running: bool,
    held_until: Option<i64>,
    is_parked: bool,
}

impl Standing {
    fn of_row(turn: &SqliteRow) -> Self {
        let state: String = turn.get("state");
        // A column of a later schema, which the ledger may not have yet.
        let parked_at: Option<i64> = turn.try_get("parked_at").unwrap_or_default();
        Self {
            id: turn.get("id"),
            is_running: state == "running",
            held_until: turn.get("held_until"),
            is_parked: parked_at.is_some(),
        }
    }

    fn of_summary(turn: &Summary) -> Option<Self> {
        let is_open = !matches!(turn.outcome.as_str(), "completed" | "idle");
        is_open.then(|| Self {
            id: turn.id.clone(),
            is_running: turn.outcome == "running",
            held_until: turn.held_until.map(|until| until.timestamp_millis()),
            is_parked: turn.parked_at.is_some(),
        })
    }

    /// Why it does not go on soon, if so.
    fn kept_back(&self, now: i64) -> Option<KeptBack> {
        if self.is_parked {
            return Some(KeptBack::Parked(self.id.clone()));
        }
        self.held_until.is_some_and(|until| until > now).then_some(KeptBack::Held)
    }

    fn is_over(&self) -> bool {
        !self.is_running && self.held_until.is_none()
    }
}

fn open(is_under_way: bool, turns: impl Iterator<Item = Standing>) -> Open {
    let now = now();
    let mut open = Open { is_under_way, kept_back: Vec::new() };
    for turn in turns {
        let kept = turn.kept_back(now);
        open.is_under_way |= kept.is_none() && !turn.is_over();
        open.kept_back.extend(kept);
    }
    open
}

fn now() -> i64 {
    Clock::system().now().timestamp_millis()
}

async fn turns(ledger: &Ledger) -> Vec<Summary> {
    let everything = TurnFilter { limit: Some(u32::MAX), ..TurnFilter::default() };
    ledger.list(&everything).await.unwrap()
}

async fn left_on_server(ledger: &Ledger) -> Left {
    let running: Vec<Summary> =
        turns(ledger).await.into_iter().filter(|turn| turn.outcome == "running").collect();
    let mut keys = Vec::new();
    for turn in &running {
        let steps = ledger.show(&turn.id).await.unwrap().steps.into_iter();
        let is_lost = |step: &RecordedStep| {
            step.attempt == turn.attempt && step.result.is_none() && step.failure.is_none()
        };
        keys.extend(steps.filter(is_lost).map(|step| step.key));
    }
    let deliveries = usize::try_from(ledger.deliveries_waiting().await.unwrap()).unwrap();
    Left::of(running.into_iter().map(|turn| turn.id).collect(), &keys, deliveries)
}

impl Left {
    fn of(turns: Vec<String>, lost: &[String], deliveries: usize) -> Self {
        let tool_calls = lost.iter().filter(|key| key.matches('/').count() == 2).count();
        Self { turns, model_calls: lost.len() - tool_calls, tool_calls, deliveries }
    }
}

impl KeptBack {
    pub(super) fn is_parked(&self) -> bool {
        matches!(self, Self::Parked(_))
    }
}

async fn open_turns(path: &Path) -> Open {
    let mut ledger = connect(path).await;
    let sql = "SELECT * FROM turns WHERE state NOT IN ('completed', 'idle')";
    let turns = sqlx::query(sql).fetch_all(&mut ledger).await.unwrap();
    let is_under_way = deliveries(&mut ledger).await > 0;
    ledger.close().await.unwrap();
    open(is_under_way, turns.iter().map(Standing::of_row))
}

async fn left(path: &Path) -> Left {
    // It may have died before it had a ledger, or one with tables.
    if !path.is_file() {
        return Left::default();
    }
    let mut ledger = connect(path).await;
    let sql = "SELECT count(*) FROM sqlite_master WHERE name IN ('turns', 'steps', 'outbox')";
    let tables: i64 = sqlx::query_scalar(sql).fetch_one(&mut ledger).await.unwrap();
    if tables < 3 {
        return Left::default();
    }
    let sql = "SELECT id FROM turns WHERE state = 'running'";
    let turns = sqlx::query_scalar(sql).fetch_all(&mut ledger).await.unwrap();
    let sql = "SELECT steps.key FROM steps JOIN turns ON turns.id = steps.turn
               WHERE turns.state = 'running' AND steps.attempt = turns.attempt
                 AND result IS NULL AND failure IS NULL";
    let keys: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut ledger).await.unwrap();
    let deliveries = deliveries(&mut ledger).await;
    ledger.close().await.unwrap();
    Left::of(turns, &keys, deliveries)
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    options.busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
}

async fn deliveries(ledger: &mut SqliteConnection) -> usize {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'waiting'";
    let waiting: i64 = sqlx::query_scalar(sql).fetch_one(ledger).await.unwrap();
    usize::try_from(waiting).unwrap()
}
