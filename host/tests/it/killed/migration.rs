//! A ledger of every earlier schema, and a daemon that is killed at writes with which it brings it up to date, and at
//! random instants. The next start finishes the work, and nothing is missing.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use super::life::Life;
use super::trigger::{Plan, Trigger};
use super::{is_long, seed};
use crate::commands::Shell;

/// Where the daemon's own are.
const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations/sqlite");
/// Turns that the old ledger has, so that bringing it up to date takes more than an instant.
const TURNS: i64 = 2_000;
/// Kills at writes, for each schema; in the long mode at each of some hundred.
const WRITES: usize = 6;
/// Kills at random instants, for each schema.
const INSTANTS: usize = 2;
/// The last schema in which the database itself booked what calls used, and what was acknowledged.
const BY_TRIGGERS: usize = 6;
/// The same by whoever wrote later ones.
const BOOKED: &str = "
    INSERT INTO usage SELECT seq, turn, attempt, key, 'main', 'claude-haiku-5-5', 1, 1, 0, 0, 0, 7, 'p'
    FROM steps WHERE key = 'main/01';
    INSERT INTO acknowledged (turn, persona, at)
    SELECT turn, persona, delivered_at FROM outbox JOIN turns ON turns.id = turn WHERE outbox.state = 'delivered';
";
/// Turns that are over, and two in whose middle the old program has died: one of them had called a tool.
const ROWS: &str = r#"
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, started_at, ended_at, stop_reason)
    SELECT printf('00000000-0000-8000-8000-%012d', i), printf('u-%d', i % 50), printf('p%d@mana.test', i % 50),
        'solo-dev', printf('slot %d', i), iif(i < 3, 'running', 'completed'), 1, 1700000000000 + i,
        iif(i < 3, NULL, 1700000001000 + i), iif(i < 3, NULL, 'end_turn')
    FROM n;
    INSERT INTO steps (turn, attempt, key, intent, begun_at)
    SELECT id, 1, 'main/01', '{"model": "claude-haiku-5-5", "messages": 1}', started_at FROM turns;
    UPDATE steps SET ended_at = begun_at + 1, result = '{"text": "", "model": "claude-haiku-5-5", "cost": 7, '
        || '"price_table": "p", "usage": {"input": 1, "output": 1, "cache_write_5m": 0, "cache_write_1h": 0, '
        || '"cache_read": 0}}';
    INSERT INTO steps (turn, attempt, key, intent, begun_at, result, ended_at)
    SELECT id, 1, 'main/01/000', '{"id": "toolu_1", "tool": "todo.list", "module": "todo", "input": {}}', started_at,
        iif(state = 'running', NULL, '{"text": "[]", "is_error": false}'), ended_at
    FROM turns WHERE id > '00000000-0000-8000-8000-000000000001';
    INSERT INTO actions (turn, position, tool, module, input, status)
    SELECT id, 0, 'todo.list', 'todo', '{}', 'ok' FROM turns WHERE state = 'completed';
    INSERT INTO ratings (turn, module, score) SELECT id, 'todo', 4 FROM turns WHERE state = 'completed';
    INSERT INTO outbox (turn, part, delivery, next_try_at)
    SELECT id, 'actions', '{}', ended_at FROM turns WHERE state = 'completed';
    UPDATE outbox SET state = 'delivered', delivered_at = next_try_at;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_old_ledger_survives_a_kill_at_any_write_that_brings_it_up_to_date() {
    let (seed, mut starts, mut killed, mut in_between) = (seed(), 0, 0, 0);
    let mut random = StdRng::seed_from_u64(seed);
    let newest = migrator().await.migrations.len();
    for version in 1..newest {
        let bench = Bench::with_ledger_of(version).await;
        let (writes, took) = bench.undisturbed().await;
        let stride = if is_long() { 1 } else { writes.div_ceil(WRITES).max(1) };
        let first = random.random_range(1..=stride);
        let writes = (first..=writes).step_by(stride).map(Kill::Write);
        let instants = (0..INSTANTS).map(|_| Kill::After(random.random_range(Duration::ZERO..took)));
        for kill in writes.chain(instants).collect::<Vec<_>>() {
            starts += 1;
            let Killed { was_starting, left_version } = bench.killed_at(kill, seed).await;
            killed += usize::from(was_starting);
            in_between += usize::from((version + 1..newest).contains(&left_version));
        }
    }
    let schemas = newest - 1;
    println!(
        "{schemas} schemas: {killed} of {starts} starts were killed before they were up, {in_between} between schemas"
    );
    // Two writes may be told as one, and an instant may come too late.
    assert!(killed * 2 >= starts && in_between > 0, "{killed} of {starts}, {in_between}");
}

/// When a start is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// At the n-th write to the ledger's files.
    Write(usize),
    After(Duration),
}

/// What became of a start that was to be killed.
struct Killed {
    was_starting: bool,
    /// The schema of the ledger that it has left.
    left_version: usize,
}

/// An old ledger, and a shell in which the daemon finds copies of it.
struct Bench {
    shell: Shell,
    version: usize,
}

impl Bench {
    async fn with_ledger_of(version: usize) -> Self {
        // Without keys the daemon begins no turns: what changes in the ledger is the work of its start.
        let shell = Shell::new().with("RUST_LOG", "warn,persona_host::app=info");
        shell.write(
            "persona-host.toml",
            "[http]\nport = 0\n[plugins]\nwatch = \"off\"\n[store]\nkeep = \"36500d\"\n",
        );
        let bench = Self { shell, version };
        let mut ledger = connect(&bench.old(), true).await;
        let mut migrator = migrator().await;
        migrator.migrations = migrator.migrations.iter().take(version).cloned().collect::<Vec<_>>().into();
        migrator.run(&mut ledger).await.unwrap();
        sqlx::raw_sql(ROWS).execute(&mut ledger).await.unwrap();
        if version > BY_TRIGGERS {
            sqlx::raw_sql(BOOKED).execute(&mut ledger).await.unwrap();
        }
        ledger.close().await.unwrap();
        bench
    }

    /// How many writes a start makes that nobody disturbs, and how long it takes.
    async fn undisturbed(&self) -> (usize, Duration) {
        self.lay_out();
        let writes = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&writes);
        let watch = self.watch(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let begun = Instant::now();
        let life = Life::begin(&self.shell, "any-key");
        let is_up = life.address().await.is_some();
        let made = (writes.load(Ordering::Relaxed), begun.elapsed());
        assert!(is_up, "schema {}: it does not start:\n{}", self.version, life.said());
        drop(watch);
        self.stop(life, "nobody disturbs it").await;
        made
    }

    /// Kills one start and lets the next one finish.
    async fn killed_at(&self, kill: Kill, seed: u64) -> Killed {
        self.lay_out();
        let trigger = Arc::new(Trigger::default());
        let (at, seen) = (Arc::clone(&trigger), AtomicUsize::default());
        let fatal = match kill {
            Kill::Write(write) => write,
            Kill::After(_) => usize::MAX,
        };
        let watch = self.watch(move || {
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == fatal {
                at.fire("a write");
            }
        });
        let mut life = Life::begin(&self.shell, "any-key");
        trigger.arm(life.pid(), Plan::After(Duration::MAX));
        if let Kill::After(after) = kill {
            tokio::time::sleep(after).await;
            trigger.fire("an instant");
        }
        let is_up = life.address().await.is_some();
        if !trigger.has_fired() {
            life.terminate();
        }
        life.ended().await;
        drop(watch);
        let left_version = self.left_version().await;
        let case = format!("schema {}, killed at {kill:?}, PERSONA_HOST_KILLS_SEED={seed}", self.version);
        let next = Life::begin(&self.shell, "any-key");
        assert!(next.address().await.is_some(), "{case}: it does not start again:\n{}", next.said());
        self.stop(next, &case).await;
        Killed { was_starting: !is_up, left_version }
    }

    /// Stops a daemon that is up, and looks at what there is.
    async fn stop(&self, mut life: Life, case: &str) {
        life.terminate();
        let status = life.ended().await;
        assert!(status.success(), "{case}: told to stop, it ended with {status}:\n{}", life.said());
        self.nothing_is_missing(case).await;
    }

    async fn nothing_is_missing(&self, case: &str) {
        let mut ledger = connect(&self.current(), false).await;
        let newest = i64::try_from(migrator().await.migrations.len()).unwrap();
        for (what, sql, expected) in [
            ("schemas", "SELECT count(*) FROM _sqlx_migrations WHERE success", newest),
            ("damage", "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'", 0),
            ("rows without the row they stand on", "SELECT count(*) FROM pragma_foreign_key_check", 0),
            ("identities", "SELECT count(*) FROM identity", 1),
            ("turns", "SELECT count(*) FROM turns", TURNS),
            ("running turns", "SELECT count(*) FROM turns WHERE state = 'running'", 0),
            ("completed turns", "SELECT count(*) FROM turns WHERE state = 'completed'", TURNS - 2),
            ("model calls", "SELECT count(*) FROM usage", TURNS),
            ("steps", "SELECT count(*) FROM steps", 2 * TURNS - 1),
            ("ratings", "SELECT count(*) FROM ratings", TURNS - 2),
            ("deliveries", "SELECT count(*) FROM outbox WHERE state = 'delivered'", TURNS - 2),
            ("acknowledged turns", "SELECT count(*) FROM acknowledged", TURNS - 2),
        ] {
            let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut ledger).await.unwrap();
            assert_eq!(found, expected, "{case}: {what}");
        }
        ledger.close().await.unwrap();
    }

    /// The schema that a killed start has left. A copy is looked at: the next start is to find everything untouched.
    async fn left_version(&self) -> usize {
        let seen = self.shell.path("seen.db");
        for end in ["", "-wal"] {
            let of = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
            // What is not there now may be there of the look before.
            if std::fs::copy(of(&self.current()), of(&seen)).is_err() {
                let _ = std::fs::remove_file(of(&seen));
            }
        }
        let mut ledger = connect(&seen, false).await;
        let sql = "SELECT max(version) FROM _sqlx_migrations WHERE success";
        let version: i64 = sqlx::query_scalar(sql).fetch_one(&mut ledger).await.unwrap();
        ledger.close().await.unwrap();
        usize::try_from(version).unwrap()
    }

    /// Puts a copy of the old ledger in the place of what a daemon has made of the last one.
    fn lay_out(&self) {
        for name in self.shell.files() {
            if name.starts_with("persona-host.db") && !name.ends_with(".builds") {
                std::fs::remove_file(self.shell.path(&name)).unwrap();
            }
        }
        std::fs::copy(self.old(), self.current()).unwrap();
    }

    /// Calls `told` at each write to the ledger's files. Two that follow each other closely may be told as one.
    fn watch(&self, told: impl Fn() + Send + 'static) -> notify::RecommendedWatcher {
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_of_the_ledger = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("persona-host.db") && !name.ends_with(".lock") && !name.ends_with(".builds")
            };
            let event = event.unwrap();
            let is_a_write = event.kind.is_create() || event.kind.is_modify() || event.kind.is_remove();
            if is_a_write && event.paths.iter().any(is_of_the_ledger) {
                told();
            }
        })
        .unwrap();
        watcher.watch(self.current().parent().unwrap(), RecursiveMode::NonRecursive).unwrap();
        watcher
    }

    fn old(&self) -> PathBuf {
        self.shell.path("old.db")
    }

    fn current(&self) -> PathBuf {
        self.shell.path("persona-host.db")
    }
}

async fn connect(path: &Path, is_new: bool) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(is_new);
    options.foreign_keys(true).connect().await.unwrap()
}

async fn migrator() -> Migrator {
    let mut migrator = Migrator::new(Path::new(MIGRATIONS)).await.unwrap();
    let mut migrations = migrator.migrations.into_owned();
    migrations.sort_by_key(|migration| migration.version);
    migrator.migrations = Cow::Owned(migrations);
    migrator
}
