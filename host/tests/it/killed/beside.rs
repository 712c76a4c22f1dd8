//! The ledger, read from beside the process that holds it or held it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::clock::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

/// A ledger's file.
pub(super) struct Beside(PathBuf);

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
    pub(super) fn of(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// What is not over. To be asked while a process runs.
    pub(super) async fn open_turns(&self) -> Open {
        let mut ledger = self.connect().await;
        let sql = "SELECT * FROM turns WHERE state NOT IN ('completed', 'idle')";
        let turns = sqlx::query(sql).fetch_all(&mut ledger).await.unwrap();
        let mut open = Open { is_under_way: deliveries(&mut ledger).await > 0, kept_back: Vec::new() };
        ledger.close().await.unwrap();
        let now = Clock::system().now().timestamp_millis();
        for turn in &turns {
            let kept = kept_back(turn, now);
            open.is_under_way |= kept.is_none() && !is_over(turn);
            open.kept_back.extend(kept);
        }
        open
    }

    /// What a process has left. To be asked after it was killed and before the next one starts.
    pub(super) async fn left(&self) -> Left {
        // It may have died before it had a ledger, or one with tables.
        if !self.0.is_file() {
            return Left::default();
        }
        let mut ledger = self.connect().await;
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
        let tool_calls = keys.iter().filter(|key| key.matches('/').count() == 2).count();
        Left { turns, model_calls: keys.len() - tool_calls, tool_calls, deliveries }
    }

    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.0).read_only(true);
        options.busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
    }
}

impl KeptBack {
    pub(super) fn is_parked(&self) -> bool {
        matches!(self, Self::Parked(_))
    }
}

/// Why a turn does not go on soon, if so.
fn kept_back(turn: &SqliteRow, now: i64) -> Option<KeptBack> {
    // A column of a later schema, which the ledger may not have yet.
    let parked_at: Option<i64> = turn.try_get("parked_at").unwrap_or_default();
    if parked_at.is_some() {
        return Some(KeptBack::Parked(turn.get("id")));
    }
    let held_until: Option<i64> = turn.get("held_until");
    held_until.is_some_and(|until| until > now).then_some(KeptBack::Held)
}

fn is_over(turn: &SqliteRow) -> bool {
    let state: String = turn.get("state");
    state != "running" && turn.get::<Option<i64>, _>("held_until").is_none()
}

async fn deliveries(ledger: &mut SqliteConnection) -> usize {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'waiting'";
    let waiting: i64 = sqlx::query_scalar(sql).fetch_one(ledger).await.unwrap();
    usize::try_from(waiting).unwrap()
}
