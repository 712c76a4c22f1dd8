//! The configuration file: its keys, each optional, and errors that point into it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::ConfigError;
use super::settings::{DueBy, SignIn, ToolChanges, Watching};
use domain::persona::Cadence;
use domain::plugin::{Fallback, ReplayPolicy, Signatures};

/// The configuration file as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// Where it was read from; none for no file.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    pub(super) runner: Runner,
    pub(super) schedule: Schedule,
    pub(super) http: Http,
    pub(super) mana: Mana,
    pub(super) model: Model,
    pub(super) plugins: Plugins,
    pub(super) store: Store,
    pub(super) outbound: Outbound,
    pub(super) experiments: Experiments,
    pub(super) budget: Budget,
    pub(super) strategies: BTreeMap<String, Strategy>,
    pub(super) routing: Routing,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Runner {
    pub(super) tick_interval: Option<Span>,
    pub(super) concurrency: Option<usize>,
    pub(super) turn_deadline: Option<Span>,
    pub(super) paused: Option<bool>,
    pub(super) max_rounds: Option<u32>,
    pub(super) time_zone: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) mode: Option<DueBy>,
    pub(super) zone: Option<String>,
    pub(super) window: Option<String>,
    pub(super) catch_up: Option<Span>,
    pub(super) cadences: BTreeMap<Cadence, Slots>,
    pub(super) archetypes: BTreeMap<String, Slots>,
    pub(super) personas: BTreeMap<String, Slots>,
}

/// What is otherwise for some.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Slots {
    pub(super) cadence: Option<OwnCadence>,
    pub(super) every: Option<Span>,
    pub(super) cron: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) window: Option<String>,
    pub(super) catch_up: Option<Span>,
}

/// A cadence, or none at all.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OwnCadence {
    Hourly,
    Daily,
    Weekdays,
    Never,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) bind: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) allowed_hosts: Option<Vec<String>>,
    pub(super) require_token: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mana {
    pub(super) auth_url: Option<String>,
    pub(super) mcp_url: Option<String>,
    pub(super) personas_url: Option<String>,
    pub(super) personas_path: Option<String>,
    pub(super) sign_in: Option<SignIn>,
    pub(super) sign_in_limit: Option<String>,
    pub(super) idempotent_tools: Option<Vec<String>>,
    pub(super) tool_changes: Option<ToolChanges>,
    pub(super) accepted_tools: Option<Vec<String>>,
    pub(super) answer_timeout: Option<Span>,
    pub(super) tool_timeout: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Model {
    pub(super) base_url: Option<String>,
    pub(super) name: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) max_tokens: Option<u32>,
    pub(super) caching: Option<bool>,
    pub(super) cache_diagnostics: Option<bool>,
    pub(super) structured_ratings: Option<bool>,
    pub(super) max_attempts: Option<u32>,
    pub(super) idle_timeout: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Plugins {
    pub(super) dir: Option<PathBuf>,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) builds_dir: Option<PathBuf>,
    pub(super) watch: Option<Watching>,
    pub(super) debounce: Option<Span>,
    pub(super) replay: Option<ReplayPolicy>,
    pub(super) replay_turns: Option<u32>,
    pub(super) canary: Option<Canary>,
    pub(super) signatures: Option<Signatures>,
    pub(super) trusted_keys: Option<Vec<String>>,
    pub(super) pins: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Canary {
    pub(super) share: f64,
    pub(super) clean_turns: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    pub(super) url: Option<String>,
    pub(super) keep: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Outbound {
    pub(super) allowed_hosts: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Experiments {
    pub(super) dir: Option<PathBuf>,
}

/// In US dollars.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Budget {
    pub(super) turn: Option<f64>,
    pub(super) persona_day: Option<f64>,
    pub(super) day: Option<f64>,
    pub(super) strategies: BTreeMap<String, f64>,
    pub(super) arms: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Strategy {
    pub(super) plugin: String,
    #[serde(default)]
    pub(super) settings: toml::Table,
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) fallback: Option<Vec<Fallback>>,
    #[serde(default)]
    pub(super) tools: Tools,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tools {
    pub(super) allow: Option<Vec<String>>,
    pub(super) cap: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) fuel: Option<u64>,
    pub(super) time: Option<Span>,
    pub(super) memory: Option<Size>,
    pub(super) transfer: Option<Size>,
    pub(super) log_lines: Option<usize>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Routing {
    pub(super) default: Option<String>,
    pub(super) archetypes: BTreeMap<String, String>,
    pub(super) personas: BTreeMap<String, String>,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or has a key that does not exist.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        Self::parse(path, &text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`File::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        match toml::from_str::<Self>(text) {
            Ok(file) => Ok(Self { path: Some(path.to_owned()), ..file }),
            Err(error) => Err(syntax(path, text, &error)),
        }
    }
}

/// What is wrong with the text of a file, and where.
pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError::Syntax {
        path: path.to_owned(),
        text: text.to_owned(),
        span: error.span().unwrap_or(0..0),
        message: first_sentence(error.message()),
        hint: suggestion(error.message()),
    }
}

/// Kinds of values in serde's words, and in those of whoever writes the file.
const KINDS: [(&str, &str); 13] = [
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0"),
    ("usize", "a whole number from 0"),
    ("f64", "a number"),
    ("a string", "text in quotes"),
    ("path string", "a path in quotes"),
    ("a boolean", "true or false"),
    ("a sequence", "a list in [ ]"),
    ("a map", "a section, or a table in { }"),
    ("IP address", "an IP address in quotes"),
    ("struct Canary", "a table such as { share = 0.2, clean_turns = 10 }"),
    ("struct ", "a section, or a table in { }"),
];

/// Serde lists every key after the sentence; the hint names the one that is meant. Of a value it tells Rust's type.
fn first_sentence(message: &str) -> String {
    if let Some((value, _)) = of_another_kind(message) {
        return format!("{value} cannot be used here");
    }
    if let Some(value) = message.strip_prefix("unknown variant ").and_then(|rest| rest.split(',').next()) {
        return format!("{} is none of the words that can stand here", value.replace('`', "\""));
    }
    if message == NO_ADDRESS {
        return "this is no IP address".to_owned();
    }
    if let Some(rest) = message.strip_prefix("unknown field") {
        return format!("unknown key{}", rest.split(", expected").next().unwrap_or(rest));
    }
    if let Some(rest) = message.strip_prefix("missing field") {
        return format!("there is no key{rest}");
    }
    message.to_owned()
}

/// What the standard library says of an address.
const NO_ADDRESS: &str = "invalid IP address syntax";

/// The value of a message about a value of another kind, and what it must be.
fn of_another_kind(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (value, expected) = rest.rsplit_once(", expected ")?;
    let words =
        KINDS.iter().find(|(kind, _)| expected.starts_with(kind)).map_or(expected, |(_, words)| words);
    Some((value, words))
}

fn suggestion(message: &str) -> Option<String> {
    if let Some((_, allowed)) = of_another_kind(message) {
        return Some(format!("write {allowed}"));
    }
    if message == NO_ADDRESS {
        return Some("write one such as \"127.0.0.1\", or \"0.0.0.0\" for all of this machine".to_owned());
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown variant") {
        let words: Vec<String> = quoted.skip(1).map(|word| format!("\"{word}\"")).collect();
        return Some(format!("write one of: {}", words.join(", ")));
    }
    if message.starts_with("missing field") {
        return quoted.next().map(|key| format!("add the key or section `{key}`"));
    }
    if !message.starts_with("unknown field") {
        return None;
    }
    let unknown = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    let nearest = known
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))?;
    if strsim::jaro_winkler(unknown, nearest) > 0.8 {
        Some(format!("did you mean `{nearest}`?"))
    } else {
        Some(format!("the keys here are: {}", known.join(", ")))
    }
}

/// A length of time in words, such as `60s` or `10m`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let span = value.as_str().and_then(|text| humantime::parse_duration(text).ok());
        span.map(Self).ok_or_else(|| {
            de::Error::custom(format!("{value} is no length of time: write it like \"60s\" or \"10m\""))
        })
    }
}

/// A number of bytes in words, such as `64MiB`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let text = value.as_str().unwrap_or_default();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match text[digits.len()..].trim() {
            "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = digits.parse::<usize>().ok().zip(factor).and_then(|(n, factor)| n.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| {
            de::Error::custom(format!("{value} is no size: write it like \"64MiB\" or \"512KiB\""))
        })
    }
}
