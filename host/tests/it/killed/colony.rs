//! Personas between stand-ins, whose daemon dies often. Days pass when all turns of the day are over.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use peers::postgres::Database;
use serde_json::json;
use standin::claude::Script;
use standin::database::Moment;
use standin::mana_mcp::Faults;
use standin::{Stack, StackOptions};
use tokio::process::Command;

use super::beside::{Beside, KeptBack, Open};
use super::books::Books;
use super::life::Life;
use crate::commands::Shell;

/// A port of its own in each life, ticks that follow each other closely, and no plugins but those that are built in.
const CONFIGURATION: &str = "[http]\nport = 0\n[plugins]\nwatch = \"off\"\n";
/// Turns at once: so many at most are interrupted by one kill.
pub(super) const CONCURRENCY: usize = 4;
/// Tool calls of a turn, one in each round. It has two more model calls: the closing words, and the rating.
pub(super) const TOOL_CALLS: u32 = 3;
/// How long neighbours take, so that there is something under way at most instants.
const LATENCY: Duration = Duration::from_millis(4);

/// Stand-ins, personas, and their ledger.
pub(super) struct Colony {
    pub(super) stack: Stack,
    pub(super) books: Arc<Books>,
    pub(super) names: Vec<String>,
    clock: Clock,
    day_began: DateTime<Utc>,
    shell: Shell,
    ledger: Beside,
}

/// How a day stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// Each persona has had its turn, and mana-auth has all that came of it.
    Over,
    /// Turns run, or are about to.
    UnderWay,
    /// Nothing runs, and these turns wait for something that is minutes away.
    KeptBack(Vec<KeptBack>),
}

impl Colony {
    /// So many personas who are due every day. Their ledger is in this database, or in a file.
    pub(super) async fn of(personas: usize, database: Option<Database>) -> Self {
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
        let ledger = database.map_or_else(|| Beside::File(shell.path("persona-host.db")), Beside::Server);
        let shell = shell.with("PERSONA_STORE_URL", &ledger.url_text());
        shell.write("persona-host.toml", CONFIGURATION);
        let names: Vec<String> = (0..personas).map(|number| format!("p{number}")).collect();
        shell.write("personas.json", catalog(&names));
        let seeding = shell.command("seed --catalog personas.json").output().unwrap();
        assert!(seeding.status.success(), "{seeding:?}");
        Self { stack, books, names, day_began: clock.now(), clock, shell, ledger }
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

    pub(super) fn ledger(&self) -> &Beside {
        &self.ledger
    }

    /// How the day stands, to be asked at the beginning of a tick.
    pub(super) async fn standing(&self) -> Standing {
        let sql =
            "SELECT count(*) AS count FROM auth.personas WHERE last_active_at < $1 OR last_active_at IS NULL";
        let since = Moment::from(self.day_began).into();
        let row = self.stack.database().row(sql, &[since]).await.unwrap().unwrap();
        let are_due = row.integer("count").unwrap() > 0;
        let Open { is_under_way, kept_back } = self.ledger().open_turns().await;
        match (is_under_way, kept_back.is_empty()) {
            (false, true) if !are_due => Standing::Over,
            (false, false) => Standing::KeptBack(kept_back),
            _ => Standing::UnderWay,
        }
    }

    /// Lets turns go on: for those that are held the time passes, and an operator resumes those that are parked. Only
    /// the death of the process may keep that from happening.
    pub(super) async fn let_go_on(&self, life: &Life, kept_back: &[KeptBack]) {
        self.ledger.end_holds().await;
        let Some(address) = life.address().await else { return };
        for kept in kept_back {
            let KeptBack::Parked(turn) = kept else { continue };
            let line = format!("turns resume {turn} --url http://{address}");
            let output = Command::from(self.shell.command(&line)).output().await.unwrap();
            let done = output.status.success() || self.books.trigger.has_fired();
            assert!(done, "{line}: {}", String::from_utf8_lossy(&output.stderr));
        }
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
