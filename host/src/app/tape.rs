//! `--record` and `--replay`: what a recording has to know of how the program is set up, and how it is set up by one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::cli::args::{Record, Recorded};
use crate::cli::output::{FAINT, HEAD, ODD, Output, PLACE, styled};
use crate::cli::{Exit, Failure, load, size};
use crate::config::{Config, Origin, resolve};
use crate::model::STAND_IN_KEY;
use crate::outbound::{Claimed, Head, Player, Recorder, Totals, VERSION, Way, ledger};
use crate::private;
use crate::runner::Runner;
use domain::budget::Limits;
use domain::clock::Clock;
use domain::code::Code;
use domain::ids::Sha256Hex;
use domain::letter::one_line;
use domain::strategy::{Routing, Strategy};
use serde_json::json;

/// What stands for the keys of whoever recorded: nobody is asked, and nothing is sent.
const NO_KEY: &str = "no-key-in-a-replay";
/// How long the ledger of a replay is kept at least.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// So many builds and strategies that differ are named.
const NAMED: usize = 5;

/// What becomes of all that is asked.
#[derive(Debug)]
pub(super) enum Tape {
    /// Nothing.
    Off,
    /// It is to be recorded.
    Blank {
        claimed: Claimed,
        /// See [`Setup::days`].
        days: bool,
    },
    /// It is recorded. Nothing stands in the head before the first turn.
    Recording { recorder: Recorder, head: Option<Box<Head>>, days: bool },
    /// It was recorded.
    Playing {
        player: Player,
        setup: Box<Setup>,
        /// Where the ledger of the replay is.
        folder: PathBuf,
    },
}

/// How whoever recorded was set up, as far as a replay has to be set up alike. Plugins and strategies are none of it:
/// those of now are what a replay tries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The variables that set something, but for secrets.
    variables: BTreeMap<String, String>,
    auth_url: String,
    mcp_url: String,
    personas_url: String,
    base_url: String,
    /// Who was under which strategy.
    routing: Routing,
    /// The host said who was due.
    calendar: bool,
    /// Money was limited.
    budget: bool,
    /// There was a key that is to come in the place of the service key.
    next_service_key: bool,
    /// No model replied.
    scripted: bool,
    /// Each round of an experiment was a day of its own.
    days: bool,
}

impl Tape {
    /// A recording, if one was asked for.
    pub(super) fn recording(record: &Record) -> Result<Self, Failure> {
        Ok(match &record.to {
            Some(dir) => Self::Blank { claimed: Recorder::claim(dir)?, days: false },
            None => Self::Off,
        })
    }

    /// A replay, if one was asked for.
    pub(super) fn replaying(recorded: &Recorded) -> Result<Option<Self>, Failure> {
        let Some(dir) = &recorded.from else { return Ok(None) };
        let player = Player::open(dir)?;
        let setup = serde_json::from_value(player.head().setup.clone()).map_err(|error| {
            let message = format!("how {} was set up cannot be read: {error}", dir.display());
            Failure::new(Exit::BadInput, Code::RecordingUnusable, message)
                .hint("it was changed since it was recorded: record anew")
        })?;
        load::sweep("replay", KEPT);
        let folder = load::temporary_folder("replay")?;
        Ok(Some(Self::Playing { player, setup: Box::new(setup), folder }))
    }

    pub(super) fn is_replay(&self) -> bool {
        matches!(self, Self::Playing { .. })
    }

    /// Whether each round of an experiment is a day of its own.
    pub(super) fn has_days(&self) -> bool {
        matches!(self, Self::Playing { setup, .. } if setup.days)
    }

    /// The configuration of a replay: that of the recording, with the plugins and strategies of now, and a ledger of its
    /// own.
    pub(super) fn setup(&self, file: Option<&Path>) -> Result<(Config, Clock), Failure> {
        let Self::Playing { player, setup, folder } = self else {
            return Ok((load::config(file)?, Clock::system()));
        };
        let own = folder.join("ledger.db");
        copied(&ledger(player.dir()), &own)?;
        let environment = |name: &str| match name {
            "HOME" | "XDG_CACHE_HOME" => load::variable(name),
            name => setup.variables.get(name).cloned(),
        };
        let mut config = resolve(load::file(file)?, &environment)?;
        let setup = setup.as_ref().clone();
        let mana = &mut config.mana;
        (mana.auth_url, mana.mcp_url, mana.personas_url) =
            (setup.auth_url, setup.mcp_url, setup.personas_url);
        (mana.service_key, mana.seed_secret) = (NO_KEY.into(), NO_KEY.into());
        mana.next_service_key = if setup.next_service_key { NO_KEY.into() } else { SecretString::default() };
        config.model.base_url = setup.base_url;
        config.model.api_key = if setup.scripted { STAND_IN_KEY } else { NO_KEY }.into();
        config.store.url = format!("sqlite:{}", own.display()).into();
        config.plugins.builds_dir = Some(folder.join("builds"));
        config.routing = setup.routing;
        config.runner.paused = false;
        if !setup.calendar {
            config.schedule = None;
        }
        if !setup.budget {
            config.budget = Limits::default();
        }
        Ok((config, player.clock().clone()))
    }

    /// The way that requests go.
    pub(super) fn way(&mut self, config: &Config, clock: &Clock) -> Result<Way, Failure> {
        let (way, next) = match std::mem::replace(self, Self::Off) {
            Self::Blank { claimed, days } => {
                let recorder = claimed.record(clock, &secrets(config))?;
                (Way::Recorded(recorder.clone()), Self::Recording { recorder, head: None, days })
            }
            Self::Playing { player, setup, folder } => {
                (Way::Played(player.clone()), Self::Playing { player, setup, folder })
            }
            other => (Way::Live, other),
        };
        *self = next;
        Ok(way)
    }

    /// Each round of the experiment that is recorded is a day of its own.
    pub(super) fn has_a_day_for_each_round(&mut self) {
        if let Self::Recording { days, .. } = self {
            *days = true;
        }
    }

    /// Before the first turn: writes down what everything stands on, or says what is not as it was.
    pub(super) async fn begin(
        &mut self,
        command: &str,
        runner: &Runner,
        config: &Config,
        output: Output,
    ) -> Result<(), Failure> {
        match self {
            Self::Off | Self::Blank { .. } => Ok(()),
            Self::Recording { recorder, head, days } => {
                let deps = runner.deps();
                deps.ledger.copy_to(&ledger(recorder.dir())).await?;
                let setup = serde_json::to_value(Setup::of(config, deps.claude.is_scripted(), *days));
                let written = Head {
                    v: VERSION,
                    program: env!("CARGO_PKG_VERSION").to_owned(),
                    command: command.to_owned(),
                    began: deps.clock.now(),
                    plugins: builds(runner),
                    strategies: digests(&config.strategies),
                    setup: setup.map_err(|error| {
                        Failure::new(Exit::Unexpected, Code::Unexpected, error.to_string())
                    })?,
                    ended: None,
                };
                recorder.head(&written)?;
                *head = Some(Box::new(written));
                Ok(())
            }
            Self::Playing { player, .. } => {
                introduce(player, output);
                for line in changes(player.head(), runner, config) {
                    output.say(&styled(ODD, format!("  {line}")));
                }
                output.say("");
                missing_strategies(config)
            }
        }
    }

    /// Whether a replay has turns that are of a later tick, and leads there.
    pub(super) fn leads_on(&self, played_before: usize) -> bool {
        let Self::Playing { player, .. } = self else { return false };
        let leads_on =
            player.missed().is_empty() && player.played().0 > played_before && player.has_more_turns();
        if leads_on {
            player.go_to_next_look();
        }
        leads_on
    }

    /// How many exchanges were played.
    pub(super) fn played(&self) -> usize {
        let Self::Playing { player, .. } = self else { return 0 };
        player.played().0
    }

    /// Whether a replay has been asked for something that the recording does not have.
    pub(super) fn has_missed(&self) -> bool {
        matches!(self, Self::Playing { player, .. } if !player.missed().is_empty())
    }

    /// Ends it, and says what came of it. A replay that missed something did not do it.
    pub(super) async fn end(self, ended: Result<(), Failure>, output: Output) -> Result<(), Failure> {
        match self {
            Self::Off | Self::Blank { .. } | Self::Recording { head: None, .. } => ended,
            Self::Recording { recorder, head: Some(head), .. } => {
                say_recorded(&head, recorder.dir(), &recorder.end(&head).await, output);
                ended
            }
            Self::Playing { player, folder, .. } => {
                say_played(&player, &folder, output).await;
                match player.missed().first() {
                    Some(first) if ended.is_ok() => {
                        let message = format!("asked, and not recorded: {}", one_line(first));
                        Err(Failure::new(Exit::No, Code::NotRecorded, message).told())
                    }
                    _ => ended,
                }
            }
        }
    }
}

impl Setup {
    fn of(config: &Config, scripted: bool, days: bool) -> Self {
        let is_secret = |name: &str| private::SECRETS.contains(&name) || name.ends_with("_FILE");
        let set = config.shown.iter().filter_map(|shown| match &shown.origin {
            Origin::Environment(name) if !is_secret(name) => Some((name.clone(), load::variable(name)?)),
            _ => None,
        });
        Self {
            variables: set.collect(),
            auth_url: config.mana.auth_url.clone(),
            mcp_url: config.mana.mcp_url.clone(),
            personas_url: config.mana.personas_url.clone(),
            base_url: config.model.base_url.clone(),
            routing: config.routing.clone(),
            calendar: config.schedule.is_some(),
            budget: !config.budget.is_empty(),
            next_service_key: !is_empty(&config.mana.next_service_key),
            scripted,
            days,
        }
    }
}

fn is_empty(secret: &SecretString) -> bool {
    use secrecy::ExposeSecret as _;
    secret.expose_secret().is_empty()
}

/// Every key of the configuration; passwords, cookies and tokens are known where they go through.
pub(super) fn secrets(config: &Config) -> Vec<SecretString> {
    config.secrets().into_iter().map(|(_, secret)| secret.clone()).collect()
}

/// A copy of a file, for nobody but its owner.
fn copied(from: &Path, to: &Path) -> Result<(), Failure> {
    let copy = || -> io::Result<u64> { io::copy(&mut std::fs::File::open(from)?, &mut private::create(to)?) };
    copy().map(drop).map_err(|error| {
        let message = format!("{} cannot be copied to {}: {error}", from.display(), to.display());
        Failure::new(Exit::File, Code::FileUnwritable, message)
            .hint("the ledger of a recording belongs to it: record anew without it")
    })
}

/// The builds that serve, by plugin.
fn builds(runner: &Runner) -> BTreeMap<String, String> {
    let registry = &runner.deps().registry;
    let serving = registry.records(&[]).into_iter().filter_map(|record| {
        let live = registry.current(&record.name)?;
        Some((record.name.to_string(), live.digest().to_string()))
    });
    serving.collect()
}

/// What each strategy says, as a digest.
fn digests(strategies: &[Strategy]) -> BTreeMap<String, String> {
    let digest = |own: &Strategy| {
        let said = json!([own.plugin, own.settings, own.model, format!("{:?}", own.tools)]);
        (own.name.to_string(), Sha256Hex::of(said.to_string().as_bytes()).to_string())
    };
    strategies.iter().map(digest).collect()
}

/// What is not as it was when the recording was made, a line each.
fn changes(head: &Head, runner: &Runner, config: &Config) -> Vec<String> {
    let told = |what: &str,
                before: &BTreeMap<String, String>,
                now: &BTreeMap<String, String>|
     -> Vec<String> {
        let changed = before.iter().filter(|(name, digest)| now.get(*name) != Some(digest));
        let line = |(name, digest): (&String, &String)| {
            let short = |digest: &str| digest.chars().take(12).collect::<String>();
            let now = now
                .get(name)
                .map_or_else(|| "is not there".to_owned(), |now| format!("is {} now", short(now)));
            format!("{what} {name} was {} and {now}: the first request that differs is told", short(digest))
        };
        changed.map(line).take(NAMED).collect()
    };
    let mut lines = told("the plugin", &head.plugins, &builds(runner));
    lines.extend(told("the strategy", &head.strategies, &digests(&config.strategies)));
    if head.program != env!("CARGO_PKG_VERSION") {
        lines.push(format!("it was recorded by persona-host {}", head.program));
    }
    lines
}

/// Whoever was routed to a strategy that is not there can have no turn.
fn missing_strategies(config: &Config) -> Result<(), Failure> {
    let Routing { default, archetypes, personas } = &config.routing;
    let mut routed = std::iter::once(default).chain(archetypes.values()).chain(personas.values());
    let is_there = |name: &&_| config.strategies.iter().any(|own| own.name == **name);
    match routed.find(|name| !is_there(name)) {
        None => Ok(()),
        Some(name) => {
            let message =
                format!("the recording has turns under the strategy {name}, which there is none of here");
            Err(Failure::new(Exit::Configuration, Code::ConfigNoStrategy, message)
                .hint("name the configuration that has it with --config, or call this in its folder"))
        }
    }
}

fn introduce(player: &Player, output: Output) {
    let head = player.head();
    let began = head.began.format("%Y-%m-%d %H:%M:%S UTC");
    output.say(&format!("{} of `{}` of {began}: nobody is asked", styled(HEAD, "replay"), head.command));
    for note in player.notes() {
        output.say(&styled(ODD, format!("  {note}")));
    }
}

fn say_recorded(head: &Head, dir: &Path, totals: &Totals, output: Output) {
    let Totals { exchanges, bytes, lost, why, .. } = totals;
    let is_daemon = head.command == "run";
    if *lost > 0 || why.is_some() {
        let why = why.as_deref().unwrap_or("nobody knows why");
        let line =
            format!("the recording in {} is incomplete: {lost} exchanges are missing ({why})", dir.display());
        match is_daemon {
            true => tracing::error!("{line}"),
            false => output.say(&styled(ODD, format!("\n  {line}"))),
        }
        return;
    }
    if is_daemon {
        tracing::info!(dir = %dir.display(), exchanges, bytes, "all that was asked is recorded");
        return;
    }
    let size = size(usize::try_from(*bytes).unwrap_or(usize::MAX));
    output.say(&format!(
        "\n  {} has {exchanges} exchanges ({size}) and the ledger as it was before",
        styled(PLACE, dir.display())
    ));
    output.say(&styled(
        FAINT,
        "  prompts and replies are in it, keys and passwords are not: keep it as you keep the ledger",
    ));
    let verb = if head.command.starts_with("experiment") { head.command.as_str() } else { "tick" };
    let dir = dir.display().to_string();
    output.next(&verb.split(' ').chain(["--replay", &dir]).collect::<Vec<_>>());
}

async fn say_played(player: &Player, folder: &Path, output: Output) {
    let left = player.left().await;
    let (played, all) = player.played();
    output.say(&format!(
        "\n  {played} of {all} exchanges of {} were played",
        styled(PLACE, player.dir().display())
    ));
    if let Some(left) = left {
        output.say(&styled(ODD, format!("  never asked for: {left}")));
    }
    let missed = player.missed();
    if let Some(first) = missed.first() {
        // What a neighbour said is in it, which may have lines of its own.
        let first = one_line(first);
        output
            .say(&styled(ODD, format!("  asked, and not recorded: {}; the first:\n  {first}", missed.len())));
    }
    let ledger = folder.join("ledger.db");
    output.say(&format!(
        "  {} is the ledger of this replay; a replay after tomorrow removes it",
        styled(PLACE, ledger.display())
    ));
    output.next(&["turns", "list", "--ledger", &ledger.display().to_string()]);
}
