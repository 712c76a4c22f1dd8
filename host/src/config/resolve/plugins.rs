//! The section `[plugins]`, and what strategies say of limits and of who stands in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::sources::{Sources, shown_path, shown_span};
use crate::config::ConfigError;
use crate::config::file::{self, Size, Span};
use crate::config::settings::{Plugins, Watching};
use crate::config::shown::Origin;
use domain::ids::{PluginName, Sha256Hex};
use domain::plugin::{CanaryPlan, ReplayPolicy, Signatures};
use domain::strategy::{Limits, Strategy, ToolRules};

/// An editor writes a file more than once; a compiler's linker does not take longer than this.
const DEBOUNCE: Duration = Duration::from_millis(100);
const REPLAY_TURNS: u32 = 20;
/// More would take longer than somebody who saved a file wants to wait.
const MOST_REPLAY_TURNS: u32 = 1_000;

pub(super) fn plugins(sources: &mut Sources<'_>, file: file::Plugins) -> Result<Plugins, ConfigError> {
    let environment = sources.environment;
    let plugins = Plugins {
        dir: sources.pick("plugins.dir", file.dir, PathBuf::from("plugins"), shown_path),
        cache_dir: Some(sources.pick(
            "plugins.cache_dir",
            file.cache_dir,
            cache_dir(environment),
            shown_path,
        )),
        prover: None,
        builds_dir: sources.pick("plugins.builds_dir", file.builds_dir.map(Some), None, shown_builds_dir),
        watch: sources.pick("plugins.watch", file.watch, Watching::Notify, word),
        debounce: sources.pick("plugins.debounce", file.debounce.map(|span| span.0), DEBOUNCE, shown_span),
        replay: sources.pick("plugins.replay", file.replay, ReplayPolicy::Refuse, word),
        replay_turns: sources.pick("plugins.replay_turns", file.replay_turns, REPLAY_TURNS, u32::to_string),
        canary: sources.pick(
            "plugins.canary",
            file.canary.map(|plan| Some(canary(plan))),
            None,
            shown_canary,
        ),
        signatures: sources.pick("plugins.signatures", file.signatures, Signatures::Off, word),
        trusted_keys: sources.pick("plugins.trusted_keys", file.trusted_keys, Vec::new(), |keys| {
            format!("{} keys", keys.len())
        }),
        pins: pins(sources, file.pins)?,
    };
    check(&plugins)?;
    Ok(plugins)
}

/// What a strategy's plugin may use in a call.
pub(super) fn limits(file: &file::Limits) -> Limits {
    let default = Limits::default();
    let bytes = |size: Option<Size>, default: usize| size.map_or(default, |size| size.0);
    Limits {
        fuel: file.fuel.unwrap_or(default.fuel),
        time: file.time.map_or(default.time, |Span(time)| time),
        memory: bytes(file.memory, default.memory),
        transfer: bytes(file.transfer, default.transfer),
        log_lines: file.log_lines.unwrap_or(default.log_lines),
    }
}

/// What the file itself says of how a strategy's plugin is called.
#[derive(Clone, Copy, Default)]
pub(super) struct Said {
    limits: [bool; 5],
    fallback: bool,
    tools: [bool; 2],
}

impl Said {
    pub(super) fn of(file: &file::Strategy) -> Self {
        let file::Limits { fuel, time, memory, transfer, log_lines } = &file.limits;
        let limits =
            [fuel.is_some(), time.is_some(), memory.is_some(), transfer.is_some(), log_lines.is_some()];
        let tools = [file.tools.allow.is_some(), !file.tools.cap.is_empty()];
        Self { limits, fallback: file.fallback.is_some(), tools }
    }
}

/// Shows by which model a strategy asks, what its plugin may use, and who stands in for it.
pub(super) fn show_call(sources: &mut Sources<'_>, strategy: &Strategy, said: Said) {
    let Strategy { name, model, limits, fallback, tools, .. } = strategy;
    let words: Vec<String> = fallback.iter().map(word).collect();
    let fallback = if words.is_empty() { "nobody".to_owned() } else { words.join(", ") };
    let limits = [
        ("limits.fuel", limits.fuel.to_string()),
        ("limits.time", shown_span(&limits.time)),
        ("limits.memory", shown_size(limits.memory)),
        ("limits.transfer", shown_size(limits.transfer)),
        ("limits.log_lines", limits.log_lines.to_string()),
    ];
    let model = model.iter().map(|model| ("model", model.clone(), true));
    let limits = limits.into_iter().zip(said.limits).map(|((key, value), said)| (key, value, said));
    let tools = [
        ("tools.allow", tools.allow.as_ref().map_or_else(|| "all".to_owned(), |allow| format!("{allow:?}"))),
        ("tools.cap", shown_cap(&tools.cap)),
    ];
    let tools = tools.into_iter().zip(said.tools).map(|((key, value), said)| (key, value, said));
    for (key, value, said) in model.chain(limits).chain([("fallback", fallback, said.fallback)]).chain(tools)
    {
        let origin = if said { sources.file.clone() } else { Origin::Default };
        sources.show(&format!("strategies.{name}.{key}"), value, origin);
    }
}

fn shown_cap(cap: &BTreeMap<String, u32>) -> String {
    let entries: Vec<String> = cap.iter().map(|(tool, most)| format!("{tool:?} = {most}")).collect();
    if entries.is_empty() { "none".to_owned() } else { entries.join(", ") }
}

/// Refuses an entry that can mean no tool: who wrote it believes that something is allowed, or capped.
pub(super) fn check_tools(strategy: &Strategy) -> Result<(), ConfigError> {
    let ToolRules { allow, cap } = &strategy.tools;
    let entries =
        allow.iter().flatten().map(|entry| ("allow", entry)).chain(cap.keys().map(|entry| ("cap", entry)));
    for (key, entry) in entries {
        let name = entry.strip_suffix(".*").unwrap_or(entry);
        if name.is_empty() || name.contains(['*', ' ']) {
            let problem = "must hold names such as \"todo.create\", or \"todo.*\" for a module".to_owned();
            let name = format!("strategies.{}.tools.{key}", strategy.name);
            return Err(ConfigError::Value { name, problem, raw: entry.clone() });
        }
    }
    let is_capped_alone = |entry: &&String| !entry.ends_with(".*") && !strategy.tools.allows(entry);
    match cap.keys().find(is_capped_alone) {
        None => Ok(()),
        Some(entry) => {
            let name = format!("strategies.{}.tools.cap", strategy.name);
            let problem = "names a tool that strategies.….tools.allow leaves out".to_owned();
            Err(ConfigError::Value { name, problem, raw: entry.clone() })
        }
    }
}

/// A number of bytes as one would write it.
fn shown_size(bytes: usize) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

fn canary(file: file::Canary) -> CanaryPlan {
    CanaryPlan { share: file.share, clean_turns: file.clean_turns }
}

fn pins(
    sources: &mut Sources<'_>,
    file: BTreeMap<String, String>,
) -> Result<BTreeMap<PluginName, Sha256Hex>, ConfigError> {
    let mut pins = BTreeMap::new();
    for (plugin, digest) in file {
        let name = format!("plugins.pins.{plugin}");
        let Some(pin) = Sha256Hex::parse(&digest) else {
            let problem = "must be a sha256 of 64 hexadecimal digits".to_owned();
            return Err(ConfigError::Value { name, problem, raw: digest });
        };
        sources.show(&name, pin.to_string(), sources.file.clone());
        pins.insert(PluginName::new(plugin), pin);
    }
    Ok(pins)
}

fn check(plugins: &Plugins) -> Result<(), ConfigError> {
    let refused = |name: &str, problem: &str, raw: String| {
        Err(ConfigError::Value { name: format!("plugins.{name}"), problem: problem.to_owned(), raw })
    };
    if let Some(CanaryPlan { share, clean_turns }) = plugins.canary {
        if !(share > 0.0 && share < 1.0) {
            return refused("canary.share", "must be above 0 and below 1", share.to_string());
        }
        if clean_turns == 0 {
            return refused("canary.clean_turns", "must be a positive integer", "0".to_owned());
        }
    }
    if plugins.replay_turns > MOST_REPLAY_TURNS {
        return refused("replay_turns", "must be 1000 at most", plugins.replay_turns.to_string());
    }
    if plugins.debounce > Duration::from_secs(10) {
        return refused("debounce", "must be 10s at most", shown_span(&plugins.debounce));
    }
    if plugins.signatures != Signatures::Off && plugins.trusted_keys.is_empty() {
        let problem = "needs the authors' keys in plugins.trusted_keys";
        return refused("signatures", problem, word(&plugins.signatures));
    }
    Ok(())
}

/// A closed choice as it is written in the file.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

fn shown_canary(plan: &Option<CanaryPlan>) -> String {
    match plan {
        None => "off".to_owned(),
        Some(plan) => format!("{} of the personas, {} clean turns", plan.share, plan.clean_turns),
    }
}

fn shown_builds_dir(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(|| "beside the ledger".to_owned(), shown_path)
}

/// The usual cache folder of the user, or one beside the ledger where there is none.
fn cache_dir(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|path| path.starts_with('/')).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("XDG_CACHE_HOME").or_else(home).unwrap_or_default().join("persona-host")
}
