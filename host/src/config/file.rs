//! The configuration file: its keys, each optional, and errors that point into it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::place::Written;
use super::settings::{DueBy, SignIn, ToolChanges, Watching};
pub(super) use super::units::{Size, Span};
use super::{ConfigError, choices};
use domain::persona::Cadence;
use domain::plugin::{Fallback, ReplayPolicy, Signatures};

/// The configuration file as it is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// What was read; none for no file.
    #[serde(skip)]
    pub(super) written: Option<Written>,
    /// When turns begin, and how many at once.
    pub(super) runner: Runner,
    /// Who decides who is due, and by which calendar.
    pub(super) schedule: Schedule,
    /// What the daemon writes down on standard error.
    pub(super) log: Log,
    /// The HTTP face.
    pub(super) http: Http,
    /// The neighbours mana-auth and mana-mcp.
    pub(super) mana: Mana,
    /// Claude.
    pub(super) model: Model,
    /// Where components are, and what a build has to show.
    pub(super) plugins: Plugins,
    /// The ledger.
    pub(super) store: Store,
    /// Where requests may go.
    pub(super) outbound: Outbound,
    /// Experiments that the daemon's turns take part in.
    pub(super) experiments: Experiments,
    /// What may be spent, in US dollars.
    pub(super) budget: Budget,
    /// A strategy is a plugin with settings.
    pub(super) strategies: BTreeMap<String, Strategy>,
    /// Who gets which strategy: the persona's own entry, then its archetype's, then the default.
    pub(super) routing: Routing,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Runner {
    /// From one tick to the next.
    pub(super) tick_interval: Option<Span>,
    /// Turns at once.
    pub(super) concurrency: Option<usize>,
    /// The longest that a turn may take.
    pub(super) turn_deadline: Option<Span>,
    /// Begin paused.
    pub(super) paused: Option<bool>,
    /// The most rounds of a main phase.
    pub(super) max_rounds: Option<u32>,
    /// Where the personas live: what their calendar day is.
    pub(super) time_zone: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Schedule {
    /// Who decides who is due.
    pub(super) mode: Option<DueBy>,
    /// The time zone of slots; runner.time_zone if left out.
    pub(super) zone: Option<String>,
    /// Where in a day slots lie, such as "08:00-22:00".
    pub(super) window: Option<String>,
    /// How old a missed slot may be.
    pub(super) catch_up: Option<Span>,
    #[schemars(schema_with = "cadences")]
    pub(super) cadences: BTreeMap<Cadence, Slots>,
    /// What is otherwise for personas of an archetype.
    pub(super) archetypes: BTreeMap<String, Slots>,
    /// What is otherwise for a persona, by its address.
    pub(super) personas: BTreeMap<String, Slots>,
}

/// What is otherwise for some.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Slots {
    /// How often.
    pub(super) cadence: Option<OwnCadence>,
    /// From one slot to the next.
    pub(super) every: Option<Span>,
    /// A cron expression of five fields.
    pub(super) cron: Option<String>,
    /// The time zone.
    pub(super) zone: Option<String>,
    /// Where in a day the slot lies.
    pub(super) window: Option<String>,
    /// How old a missed slot may be.
    pub(super) catch_up: Option<Span>,
}

/// A cadence, or none at all.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OwnCadence {
    Hourly,
    Daily,
    Weekdays,
    Never,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    /// What `run` logs: levels by place, such as "persona_host=debug".
    pub(super) filter: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    /// The address to listen on.
    pub(super) bind: Option<IpAddr>,
    /// The port to listen on; 0 for a free one.
    pub(super) port: Option<u16>,
    /// Names beside loopback and its own address by which it may be asked.
    pub(super) allowed_hosts: Option<Vec<String>>,
    /// The token is needed on loopback, too.
    pub(super) require_token: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mana {
    /// Where mana-auth is.
    pub(super) auth_url: Option<String>,
    /// Where mana-mcp is, without /mcp.
    pub(super) mcp_url: Option<String>,
    /// Where the persona endpoints are, if they moved to apps/api.
    pub(super) personas_url: Option<String>,
    /// Their path.
    pub(super) personas_path: Option<String>,
    /// How personas sign in.
    pub(super) sign_in: Option<SignIn>,
    /// So many sign-ins at once and then none for so long, such as "3/10s".
    pub(super) sign_in_limit: Option<String>,
    /// Tools that may be called twice; "notes.*" names a module.
    pub(super) idempotent_tools: Option<Vec<String>>,
    /// What becomes of a tool whose definition is not what it was.
    pub(super) tool_changes: Option<ToolChanges>,
    /// Digests of tools that are accepted all the same.
    pub(super) accepted_tools: Option<Vec<String>>,
    /// How long an answer of mana-auth may take.
    pub(super) answer_timeout: Option<Span>,
    /// How long one tool call may take.
    pub(super) tool_timeout: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Model {
    /// Where the Claude API is.
    pub(super) base_url: Option<String>,
    /// Which model is asked, where the strategy names none.
    pub(super) name: Option<String>,
    /// The version of the API.
    pub(super) api_version: Option<String>,
    /// The longest reply, in tokens.
    pub(super) max_tokens: Option<u32>,
    /// Let the API cache prompts.
    pub(super) caching: Option<bool>,
    /// Ask why nothing was read from the prompt cache.
    pub(super) cache_diagnostics: Option<bool>,
    /// Hold the ratings to the plugin's schema.
    pub(super) structured_ratings: Option<bool>,
    /// How often a request is sent at most.
    pub(super) max_attempts: Option<u32>,
    /// How long a reply may bring no content.
    pub(super) idle_timeout: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Plugins {
    /// NAME.wasm in this folder goes before the plugin of the same name that is built in.
    pub(super) dir: Option<PathBuf>,
    /// The folder for compiled code.
    pub(super) cache_dir: Option<PathBuf>,
    /// Where good builds are kept; beside the ledger if left out.
    pub(super) builds_dir: Option<PathBuf>,
    /// How new builds are noticed.
    pub(super) watch: Option<Watching>,
    /// How long the folder has to be quiet before it is looked at.
    pub(super) debounce: Option<Span>,
    #[schemars(schema_with = "choices::replay")]
    pub(super) replay: Option<ReplayPolicy>,
    /// How many turns of the past a build is asked.
    pub(super) replay_turns: Option<u32>,
    /// Serve a part of the personas first.
    pub(super) canary: Option<Canary>,
    #[schemars(schema_with = "choices::signatures")]
    pub(super) signatures: Option<Signatures>,
    /// Whose signatures count: Ed25519 keys in Base64.
    pub(super) trusted_keys: Option<Vec<String>>,
    /// The only build of a plugin that may be loaded, by its sha256.
    pub(super) pins: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Canary {
    /// The part of the personas, above 0 and below 1.
    pub(super) share: f64,
    /// After so many clean turns it serves everybody.
    pub(super) clean_turns: u32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    /// A SQLite file as sqlite:FILE, or postgres://USER:PASSWORD@HOST:PORT/DATABASE.
    pub(super) url: Option<String>,
    /// How long everything of a turn is kept.
    pub(super) keep: Option<Span>,
    /// How long events are kept: what `events tail` shows, and what a reader of them can catch up on.
    pub(super) keep_events: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Outbound {
    /// Hosts that are asked although they lie outside of the private network and without TLS.
    pub(super) allowed_hosts: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Experiments {
    /// The folder of their files.
    pub(super) dir: Option<PathBuf>,
}

/// In US dollars.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Budget {
    /// One turn, on whatever days it is played.
    pub(super) turn: Option<f64>,
    /// One persona on one day.
    pub(super) persona_day: Option<f64>,
    /// All of them on one day.
    pub(super) day: Option<f64>,
    /// One strategy on one day.
    pub(super) strategies: BTreeMap<String, f64>,
    /// One arm of an experiment on one day, as "experiment/arm".
    pub(super) arms: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Strategy {
    /// The plugin's name.
    pub(super) plugin: String,
    /// What the plugin is given; its own schema says what there may be.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(super) settings: toml::Table,
    /// Another model than model.name.
    pub(super) model: Option<String>,
    /// What each call of the plugin may use.
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    #[schemars(schema_with = "choices::fallback")]
    pub(super) fallback: Option<Vec<Fallback>>,
    /// Which tools the model gets, and how often it may call them.
    #[serde(default)]
    pub(super) tools: Tools,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tools {
    /// Only these tools; "todo.*" means those of a module.
    pub(super) allow: Option<Vec<String>>,
    /// How often a tool may be called in a turn.
    pub(super) cap: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// How much it may compute.
    pub(super) fuel: Option<u64>,
    /// How long it may take.
    pub(super) time: Option<Span>,
    /// How much memory it may have.
    pub(super) memory: Option<Size>,
    /// How much it may hand over at once.
    pub(super) transfer: Option<Size>,
    /// How many lines of its log are kept.
    pub(super) log_lines: Option<usize>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Routing {
    /// The strategy of everybody else.
    pub(super) default: Option<String>,
    /// By archetype.
    pub(super) archetypes: BTreeMap<String, String>,
    /// By address.
    pub(super) personas: BTreeMap<String, String>,
}

/// What is otherwise for some, by cadence.
fn cadences(generator: &mut SchemaGenerator) -> Schema {
    let (names, slots) = (choices::words::<Cadence>(), generator.subschema_for::<Slots>());
    json_schema!({
        "description": "What is otherwise for personas of a cadence.",
        "type": "object", "propertyNames": { "enum": names }, "additionalProperties": slots,
    })
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
            Ok(file) => {
                let written = Written { path: path.to_owned(), text: text.to_owned() };
                Ok(Self { written: Some(written), ..file })
            }
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
