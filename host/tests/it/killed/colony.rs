//! Personas between stand-ins, whose daemon dies often. Days pass when all turns of the day are over.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use standin::claude::Script;
use standin::database::Moment;
use standin::mana_mcp::Faults;
use standin::{Stack, StackOptions};

use super::books::Books;
use super::life::Life;
use crate::commands::Shell;
use crate::support::http::client;

/// A port of its own in each life, ticks that follow each other closely, and no plugins but those that are built in.
const CONFIGURATION: &str = "[http]\nport = 0\n[plugins]\nwatch = \"off\"\n";
/// Turns at once: so many at most are interrupted by one kill.
pub(super) const CONCURRENCY: usize = 4;
/// Tool calls of a turn, one in each round. It has two more model calls: the closing words, and the rating.
pub(super) const TOOL_CALLS: u32 = 3;
/// How long neighbours take, so that there is something under way at most instants.
const LATENCY: Duration = Duration::from_millis(4);

/// Stand-ins, personas, and the folder with the ledger.
pub(super) struct Colony {
    pub(super) stack: Stack,
    pub(super) books: Arc<Books>,
    pub(super) names: Vec<String>,
    clock: Clock,
    day_began: DateTime<Utc>,
    shell: Shell,
}

/// How a day stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// Each persona has had its turn, and mana-auth has all that came of it.
    Over,
    /// Turns run, or are about to.
    UnderWay,
    /// Nothing runs, and these turns wait for something that is minutes away.
    Kept(Vec<KeptBack>),
}

/// A turn that does not go on by itself, or not soon.
#[derive(Clone, Debug)]
pub(super) enum KeptBack {
    /// Held after a fault, by the persona's address.
    Held(String),
    /// Parked, by the turn's id.
    Parked(String),
}

impl KeptBack {
    pub(super) fn is_parked(&self) -> bool {
        matches!(self, Self::Parked(_))
    }
}

/// What a process that was killed has left in the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Left {
    /// Turns that ran.
    pub(super) turns: Vec<String>,
    /// Model calls with an intent and no result.
    pub(super) model_calls: usize,
    /// Tool calls with an intent and no result.
    pub(super) tool_calls: usize,
}

impl Colony {
    /// So many personas who are due every day.
    pub(super) async fn of(personas: usize) -> Self {
        let books = Books::new();
        let clock = Clock::system();
        let script =
            Script { calls_per_turn: Some(TOOL_CALLS), first_byte_after: LATENCY, ..Script::default() };
        let stack = Stack::start(StackOptions {
            script,
            password_rounds: NonZeroU32::MIN,
            witness: books.witness(),
            ..StackOptions::on_free_ports(clock.clone())
        })
        .await
        .unwrap();
        stack.mcp().set_faults(Faults { tool_latency: LATENCY, ..Faults::default() });
        let shell = Shell::beside(&stack)
            .with("RUST_LOG", "warn,persona_host::app=info")
            .with("TICK_INTERVAL_MS", "20")
            .with("PERSONA_CONCURRENCY", &CONCURRENCY.to_string());
        shell.write("persona-host.toml", CONFIGURATION);
        let names: Vec<String> = (0..personas).map(|number| format!("p{number}")).collect();
        shell.write("personas.json", catalog(&names));
        let seeding = shell.command("seed --catalog personas.json").output().unwrap();
        assert!(seeding.status.success(), "{seeding:?}");
        Self { stack, books, names, day_began: clock.now(), clock, shell }
    }

    /// A new process.
    pub(super) fn wake(&self) -> Life {
        Life::begin(&self.shell, &self.books.begin_life())
    }

    /// Everybody is due again.
    pub(super) fn next_day(&mut self) {
        self.clock.advance(TimeDelta::hours(25));
        self.day_began = self.clock.now();
        self.books.begin_day();
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.shell.path("persona-host.db")
    }

    /// How the day stands, to be asked at the beginning of a tick.
    pub(super) async fn standing(&self) -> Standing {
        let sql = "SELECT count(*) AS count FROM auth.personas WHERE last_active_at >= $1";
        let since = Moment::from(self.day_began).into();
        let row = self.stack.database().row(sql, &[since]).await.unwrap().unwrap();
        let were_active = usize::try_from(row.integer("count").unwrap()).unwrap();
        let mut ledger = self.read().await;
        let sql = "SELECT id, email, state FROM turns
                   WHERE state IN ('running', 'parked') OR held_until IS NOT NULL";
        let open = sqlx::query(sql).fetch_all(&mut ledger).await.unwrap();
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE state = 'waiting'")
            .fetch_one(&mut ledger)
            .await
            .unwrap();
        ledger.close().await.unwrap();
        let mut kept = Vec::new();
        for row in &open {
            match row.get("state") {
                "running" => return Standing::UnderWay,
                "parked" => kept.push(KeptBack::Parked(row.get("id"))),
                _ => kept.push(KeptBack::Held(row.get("email"))),
            }
        }
        match (kept.is_empty(), were_active == self.names.len() && waiting == 0) {
            (true, true) => Standing::Over,
            (true, false) => Standing::UnderWay,
            (false, _) => Standing::Kept(kept),
        }
    }

    /// What a process has left, to be asked after it was killed and before the next one starts.
    pub(super) async fn left(&self) -> Left {
        // It may have died before it had a ledger.
        if !self.ledger().is_file() {
            return Left::default();
        }
        let mut ledger = self.read().await;
        let known: i64 =
            sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name IN ('turns', 'steps')")
                .fetch_one(&mut ledger)
                .await
                .unwrap();
        if known < 2 {
            return Left::default();
        }
        let sql = "SELECT id FROM turns WHERE state = 'running'";
        let turns = sqlx::query_scalar(sql).fetch_all(&mut ledger).await.unwrap();
        let sql = "SELECT steps.key FROM steps JOIN turns ON turns.id = steps.turn
                   WHERE turns.state = 'running' AND steps.attempt = turns.attempt
                     AND result IS NULL AND failure IS NULL";
        let keys: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut ledger).await.unwrap();
        ledger.close().await.unwrap();
        let tool_calls = keys.iter().filter(|key| key.matches('/').count() == 2).count();
        Left { turns, model_calls: keys.len() - tool_calls, tool_calls }
    }

    /// Lets turns go on, as an operator would. The process may die meanwhile.
    pub(super) async fn let_go_on(&self, life: &Life, kept: &[KeptBack]) {
        let Some(address) = life.address().await else { return };
        let emails: BTreeSet<&String> = kept
            .iter()
            .filter_map(|kept| match kept {
                KeptBack::Held(email) => Some(email),
                KeptBack::Parked(_) => None,
            })
            .collect();
        for email in emails {
            // An error says that the process is gone.
            let _ = client().post(format!("http://{address}/api/personas/{email}/release")).send().await;
        }
        for kept in kept {
            if let KeptBack::Parked(turn) = kept {
                let line = format!("turns resume {turn} --url http://{address}");
                let mut resume = tokio::process::Command::from(self.shell.command(&line));
                let _ = resume.output().await;
            }
        }
    }

    /// The ledger beside the process that holds it.
    async fn read(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.ledger()).read_only(true);
        options.busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
    }
}

/// Personas who differ in their names only, which their words begin with.
fn catalog(names: &[String]) -> String {
    let persona = |name: &String| {
        json!({
            "name": name, "email": format!("persona.{name}@mana.test"), "archetype": "solo-dev",
            "systemPrompt": format!("Ich bin {name} und baue allein an einer App."),
            "moduleMix": { "todo": 0.4, "notes": 0.3, "habits": 0.3 }, "tickCadence": "daily",
        })
    };
    json!({ "personas": names.iter().map(persona).collect::<Vec<_>>() }).to_string()
}
