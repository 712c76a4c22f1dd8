//! The whole program between stand-ins: one fixture for everything from a turn upwards.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::event::Event;
use domain::ids::{PluginName, Sha256Hex, StrategyName};
use domain::persona::ModuleWeight;
use domain::strategy::Strategy;
use persona_host::app::{self, App};
use persona_host::behavior::PluginRecord;
use persona_host::config::Config;
use persona_host::mana::admin::Admin;
use persona_host::mana::catalog::{Catalog, Entry};
use persona_host::mana::password;
use persona_host::outbound;
use persona_host::reload::{Patience, ReloadError};
use persona_host::runner::{PluginChange, Remote, Runner, TickReport};
use persona_host::store::{Ledger, Recorded, TurnFilter};
use standin::claude::{Account, Fault, Script};
use standin::{Stack, StackOptions, mana_mcp};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::DropGuard;

use super::site;

/// The personas that the repository comes with.
const CATALOG: &str = include_str!("../../../../examples/personas.json");
/// Noon of a Monday.
const MONDAY: &str = "2026-11-23T12:00:00Z";
/// The misbehaving plugin, which is built for these tests only.
const MISFIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misfit.wasm"));
/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stand-ins, some personas, and a runner whose loop has not begun.
pub(crate) struct House {
    pub(crate) runner: Arc<Runner>,
    pub(crate) stack: Stack,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) complaints: Vec<String>,
    residents: Vec<Entry>,
    _folder: TempDir,
}

/// A house whose loop runs, until this is dropped.
pub(crate) struct Lively {
    pub(crate) house: House,
    pub(crate) events: Receiver<Event>,
    _stop: DropGuard,
}

/// A house before it stands.
pub(crate) struct Blueprint {
    residents: Vec<Entry>,
    clock: Clock,
    options: StackOptions,
    configure: Vec<Change>,
}

type Change = Box<dyn FnOnce(&mut Config)>;

/// A row of `auth.persona_actions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionRow {
    pub(crate) tool: String,
    pub(crate) result: String,
    pub(crate) error: Option<String>,
    pub(crate) latency_ms: Option<i64>,
}

/// A row of `auth.persona_feedback`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeedbackRow {
    pub(crate) module: String,
    pub(crate) rating: i64,
    pub(crate) notes: Option<String>,
}

impl Blueprint {
    /// For these personas of the catalog, with everything as it usually is.
    pub(crate) fn of(names: &[&str]) -> Self {
        let catalog = Catalog::parse(CATALOG).unwrap().personas;
        let resident = |name: &&str| catalog.iter().find(|entry| entry.name == *name).unwrap().clone();
        let clock = Clock::starting_at(MONDAY.parse::<DateTime<Utc>>().unwrap());
        let options = StackOptions {
            password_rounds: std::num::NonZeroU32::MIN,
            ..StackOptions::on_free_ports(clock.clone())
        };
        Self { residents: names.iter().map(resident).collect(), clock, options, configure: Vec::new() }
    }

    /// This persona is interested in one module only.
    pub(crate) fn interested(mut self, name: &str, module: &str) -> Self {
        let resident = self.residents.iter_mut().find(|entry| entry.name == name).unwrap();
        resident.module_mix = vec![ModuleWeight { module: module.to_owned(), weight: 1.0 }];
        self
    }

    /// Other stand-ins than usual.
    pub(crate) fn stack(mut self, change: impl FnOnce(&mut StackOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Another script than usual.
    pub(crate) fn script(mut self, script: Script) -> Self {
        self.options.script = script;
        self
    }

    /// Another configuration than usual.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        self.configure.push(Box::new(change));
        self
    }

    /// Everybody is under a strategy `own` with the plugin `own`, whose file is this at the start.
    pub(crate) fn own_plugin(self, build: Vec<u8>) -> Self {
        self.config(move |config| {
            std::fs::write(config.plugins.dir.join("own.wasm"), build).unwrap();
            let own = StrategyName::new("own");
            config.strategies.push(Strategy::plain(own.clone(), PluginName::new("own")));
            config.routing.default = own;
        })
    }

    /// So many personas who are all alike.
    pub(crate) fn crowd(count: usize) -> Self {
        let mut blueprint = Self::of(&["Anna"]);
        let anna = blueprint.residents.remove(0);
        let alike = |number| Entry {
            name: format!("anna{number}"),
            email: format!("persona.anna{number}@mana.test"),
            ..anna.clone()
        };
        blueprint.residents = (0..count).map(alike).collect();
        blueprint
    }

    /// Each persona is told who it is in words of its place, from 0.
    pub(crate) fn described(mut self, words: impl Fn(usize) -> String) -> Self {
        for (place, resident) in self.residents.iter_mut().enumerate() {
            resident.system_prompt = words(place);
        }
        self
    }

    /// Starts the stand-ins, creates the personas and wires the program.
    pub(crate) async fn build(self) -> House {
        let house = self.build_with_complaints().await;
        assert!(house.complaints.is_empty(), "{:?}", house.complaints);
        house
    }

    /// The same when some plugin cannot be used.
    pub(crate) async fn build_with_complaints(self) -> House {
        let folder = tempfile::tempdir().unwrap();
        let stack = Stack::start(self.options).await.unwrap();
        let mut config = configuration(&stack, folder.path());
        for change in self.configure {
            change(&mut config);
        }
        let url = format!("{}/api/v1/admin/personas", stack.auth_url());
        let admin = Admin::new(outbound::client().unwrap(), url, stack.admin_jwt().into());
        for resident in &self.residents {
            let password = password(&config.mana.seed_secret, &resident.email).unwrap();
            admin.create(resident, &password).await.unwrap();
            // Who was created first is the first to be due.
            self.clock.advance(TimeDelta::seconds(1));
        }
        let App { runner, complaints } = app::build(&config, self.clock.clone()).await.unwrap();
        let complaints = complaints.iter().map(ToString::to_string).collect();
        House {
            runner,
            stack,
            clock: self.clock,
            config,
            complaints,
            residents: self.residents,
            _folder: folder,
        }
    }
}

impl House {
    /// With these personas of the catalog, and everything as it usually is.
    pub(crate) async fn of(names: &[&str]) -> Self {
        Blueprint::of(names).build().await
    }

    /// With these personas, and a Claude that plays this script.
    pub(crate) async fn scripted(names: &[&str], script: Script) -> Self {
        Blueprint::of(names).script(script).build().await
    }

    /// Runs one tick for everybody who is due.
    pub(crate) async fn tick(&self) -> TickReport {
        within_reason(self.runner.tick(None, Duration::ZERO)).await.unwrap()
    }

    /// Saves a build of the plugin `own` as careful programs do: written beside, then renamed.
    pub(crate) fn save(&self, build: &[u8]) {
        let file = self.config.plugins.dir.join("own.wasm");
        std::fs::write(file.with_extension("new"), build).unwrap();
        std::fs::rename(file.with_extension("new"), file).unwrap();
    }

    /// Saves a build and lets the program look at its folder.
    pub(crate) async fn reload(&self, build: &[u8]) {
        self.save(build);
        within_reason(self.runner.reloader().rescan()).await;
    }

    /// What is told of the plugin `own`.
    pub(crate) fn own(&self) -> PluginRecord {
        let own = |record: &PluginRecord| record.name.as_str() == "own";
        self.runner.deps().registry.records(&[]).into_iter().find(own).unwrap()
    }

    /// Lets the loop run, with its watch on the plugins folder; with `timer`, ticks come by themselves.
    pub(crate) async fn lively(self, timer: bool) -> Lively {
        let (remote, commands) = Runner::door();
        let stop = self.runner.deps().stop.clone().drop_guard();
        let events = self.runner.deps().events.listen();
        tokio::spawn(self.runner.clone().serve(commands, timer));
        obeys(&remote).await;
        Lively { house: self, events, _stop: stop }
    }

    /// The same program again, on the same folder, ledger and neighbours.
    pub(crate) async fn restart(self) -> Self {
        self.restart_waiting(Patience::OF_A_COMMAND).await
    }

    /// The same with so much patience for plugins.
    pub(crate) async fn restart_waiting(self, patience: Patience) -> Self {
        let Self { runner, stack, clock, config, residents, _folder, .. } = self;
        runner.close().await;
        drop(runner);
        let App { runner, complaints } = app::build_waiting(&config, clock.clone(), patience).await.unwrap();
        let complaints = complaints.iter().map(ToString::to_string).collect();
        Self { runner, stack, clock, config, complaints, residents, _folder }
    }

    /// Moves the clock of the program and of all stand-ins.
    pub(crate) fn later(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.runner.deps().ledger
    }

    /// The ledger's file.
    pub(crate) fn ledger_path(&self) -> &Path {
        self.ledger().url().file().unwrap()
    }

    /// The turns of a persona, newest first, each with everything about it.
    pub(crate) async fn turns(&self, name: &str) -> Vec<Recorded> {
        let filter = TurnFilter { email: Some(email(name)), ..TurnFilter::default() };
        let mut turns = Vec::new();
        for turn in self.ledger().list(&filter).await.unwrap() {
            turns.push(self.ledger().show(&turn.id).await.unwrap());
        }
        turns
    }

    /// The one turn that a persona has had.
    pub(crate) async fn turn(&self, name: &str) -> Recorded {
        let mut turns = self.turns(name).await;
        assert_eq!(turns.len(), 1, "{turns:#?}");
        turns.remove(0)
    }

    /// What mana-auth holds of a persona's actions, in order.
    pub(crate) async fn actions(&self, name: &str) -> Vec<ActionRow> {
        let sql = "SELECT tool_name, result, error_message, latency_ms FROM auth.persona_actions
                   WHERE persona_id = (SELECT id FROM auth.users WHERE email = $1)
                   ORDER BY created_at, CAST(substr(id, 38) AS integer)";
        let rows = self.stack.database().rows(sql, &[email(name).into()]).await.unwrap();
        let row = |row: &standin::database::Row| ActionRow {
            tool: row.text("tool_name").unwrap(),
            result: row.text("result").unwrap(),
            error: row.maybe_text("error_message").unwrap(),
            latency_ms: row.maybe_integer("latency_ms").unwrap(),
        };
        rows.iter().map(row).collect()
    }

    /// What mana-auth holds of a persona's feedback, by module.
    pub(crate) async fn feedback(&self, name: &str) -> Vec<FeedbackRow> {
        let sql = "SELECT module, rating, notes FROM auth.persona_feedback
                   WHERE persona_id = (SELECT id FROM auth.users WHERE email = $1) ORDER BY module, id";
        let rows = self.stack.database().rows(sql, &[email(name).into()]).await.unwrap();
        let row = |row: &standin::database::Row| FeedbackRow {
            module: row.text("module").unwrap(),
            rating: row.integer("rating").unwrap(),
            notes: row.maybe_text("notes").unwrap(),
        };
        rows.iter().map(row).collect()
    }

    /// How many records of an app's collection a persona has made in the app.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.stack.database().row(sql, &[]).await.unwrap().unwrap().integer("count").unwrap()
    }

    /// What a persona is told who it is.
    pub(crate) fn words_of(&self, name: &str) -> &str {
        let resident = self.residents.iter().find(|entry| entry.name == name).unwrap();
        &resident.system_prompt
    }

    /// What the scripted Claude was asked in a persona's name. Both plugins that are built in send the
    /// persona's own words as the system prompt.
    pub(crate) fn asked(&self, name: &str) -> Account {
        let resident = self.residents.iter().find(|entry| entry.name == name).unwrap();
        self.stack.claude().books().by_system.get(&resident.system_prompt).copied().unwrap_or_default()
    }

    /// Waits until every MCP session is closed: a turn that is over leaves none behind.
    pub(crate) async fn no_session_is_left(&self) {
        eventually(async || self.stack.mcp().open_sessions().await == 0).await;
    }
}

/// Overwrites a build of the plugin `own` that is kept.
pub(crate) fn damage(house: &House, build: &[u8]) {
    let builds = house.ledger_path().with_extension("db.builds");
    let file = builds.join(format!("own/{}.wasm", Sha256Hex::of(build)));
    assert!(file.is_file(), "{} is kept", file.display());
    std::fs::write(file, b"half").unwrap();
}

/// Waits until the loop answers: it watches the folder by then.
pub(crate) async fn obeys(remote: &Remote) {
    let ghost = remote.change_plugin(PluginName::new("ghost"), PluginChange::Reload);
    let answer = within_reason(ghost).await.unwrap();
    assert!(matches!(answer, Err(ReloadError::NoSuchPlugin { .. })), "{answer:?}");
}

/// So many tools, one in each round, and these faults, one for each request.
pub(crate) fn script(calls: u32, faults: &[Fault]) -> Script {
    Script { calls_per_turn: Some(calls), faults: faults.to_vec(), ..Script::default() }
}

/// This tool never answers.
pub(crate) fn silent(tool: &str) -> mana_mcp::Faults {
    mana_mcp::Faults { silent_tool: Some(tool.to_owned()), ..Default::default() }
}

/// The address of a persona of the catalog.
pub(crate) fn email(name: &str) -> String {
    format!("persona.{}@mana.test", name.to_lowercase())
}

/// Who failed, by address, and with what words.
pub(crate) fn failures(report: &TickReport) -> Vec<(&str, &str)> {
    report.failed.iter().map(|failed| (failed.persona.as_str(), failed.error.as_str())).collect()
}

/// Who was held, by address, and why.
pub(crate) fn held(report: &TickReport) -> Vec<(&str, &str)> {
    report.held.iter().map(|held| (held.persona.as_str(), held.reason.as_str())).collect()
}

/// Due, ran, failed and held of a tick.
pub(crate) fn figures(report: &TickReport) -> (usize, usize, usize, usize) {
    (report.due, report.ran_successfully, report.failed.len(), report.held.len())
}

/// The first event that fits.
pub(crate) async fn next<T>(events: &mut Receiver<Event>, fits: impl Fn(&Event) -> Option<T>) -> T {
    within_reason(async {
        loop {
            if let Some(found) = fits(&events.recv().await.unwrap()) {
                return found;
            }
        }
    })
    .await
}

/// Waits until something is so.
pub(crate) async fn eventually(is_so: impl AsyncFn() -> bool) {
    within_reason(async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Ends the test instead of hanging.
pub(crate) async fn within_reason<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it happens at all")
}

/// That of any daemon between these stand-ins, with the plugin that misbehaves.
fn configuration(stack: &Stack, folder: &Path) -> Config {
    // Compiled code is the same for all tests.
    let config = site::configuration(
        &site::Addresses::of(stack),
        folder,
        &[("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))],
    );
    std::fs::write(config.plugins.dir.join("misfit.wasm"), MISFIT).unwrap();
    config
}
