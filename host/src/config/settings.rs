//! The configuration as the rest of the program sees it: complete and checked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::place::{self, Written};
use super::shown::Shown;
use domain::budget::Limits;
use domain::ids::{PluginName, Sha256Hex};
use domain::plugin::{CanaryPlan, ReplayPolicy, Signatures};
use domain::strategy::{Routing, Strategy};
use schedule::Rules;

/// Everything that can be configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// When and how much.
    pub runner: Runner,
    /// The host's own schedule; none: mana-auth decides who is due.
    pub schedule: Option<Rules>,
    /// What `run` logs, in the words of `RUST_LOG`.
    pub log_filter: String,
    /// The HTTP face.
    pub http: Http,
    /// The neighbours mana-auth and mana-mcp.
    pub mana: Mana,
    /// Claude.
    pub model: Model,
    /// Where components are.
    pub plugins: Plugins,
    /// Where the ledger is.
    pub store: Store,
    /// The folder of experiments that the daemon's turns take part in.
    pub experiments: PathBuf,
    /// What may be spent.
    pub budget: Limits,
    /// Hosts that are asked although they lie where no neighbour lies, or are reached without TLS.
    pub allowed_hosts: Vec<String>,
    /// Plugins with settings.
    pub strategies: Vec<Strategy>,
    /// Who gets which.
    pub routing: Routing,
    /// Where traces go; none: there are none.
    pub traces: Option<Traces>,
    /// Variables that name a secret's file which every user of the machine may read.
    pub open_secrets: Vec<String>,
    /// Each value with where it came from, in the order of the file.
    pub shown: Vec<Shown>,
    /// The file that values come from.
    pub(super) written: Option<Written>,
}

impl Config {
    /// An error over one of the values by the name under which it was set, with the place in the file if it was there.
    #[must_use]
    pub fn told(&self, error: ConfigError) -> ConfigError {
        place::told(error, &self.shown, self.written.as_ref())
    }
}

/// When and how much.
#[derive(Clone, Debug)]
pub struct Runner {
    /// From one tick to the next.
    pub tick_interval: Duration,
    /// Turns at once.
    pub concurrency: usize,
    /// The longest a turn may take.
    pub turn_deadline: Duration,
    /// Start no ticks.
    pub paused: bool,
    /// The most rounds of a main phase.
    pub max_rounds: u32,
    /// Where the personas live: what their calendar day is.
    pub time_zone: Tz,
    /// `NODE_ENV=production`: diagnostics are off.
    pub production: bool,
}

/// Who decides who is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DueBy {
    /// mana-auth, by when somebody was active last (contract 4.1).
    SinceLast,
    /// The host, by the calendar.
    Calendar,
}

/// The HTTP face.
#[derive(Clone, Debug)]
pub struct Http {
    /// Address to listen on.
    pub bind: IpAddr,
    /// Port to listen on; 0 for a free one.
    pub port: u16,
    /// Who has this token may ask from other machines too; empty when not set.
    pub admin_token: SecretString,
    /// The token that is to come in its place, and counts as much until then; empty when not set.
    pub next_admin_token: SecretString,
    /// Who has this token may look from other machines too, and do nothing; empty when not set.
    pub view_token: SecretString,
    /// The token that is to come in its place, and counts as much until then; empty when not set.
    pub next_view_token: SecretString,
    /// On loopback, too, everything but health needs the token.
    pub require_token: bool,
    /// Names beside loopback and the server's own address by which it may be asked.
    pub allowed_hosts: Vec<String>,
}

/// The neighbours mana-auth and mana-mcp.
#[derive(Clone, Debug)]
pub struct Mana {
    /// Base URL of mana-auth.
    pub auth_url: String,
    /// Base URL of mana-mcp; `/mcp` is appended.
    pub mcp_url: String,
    /// Base URL and path of the persona endpoints.
    pub personas_url: String,
    /// How personas sign in.
    pub sign_in: SignIn,
    /// How many may do so at once, and how long none may then; none: mana-auth says so when there were too many.
    pub sign_in_limit: Option<(u32, Duration)>,
    /// Tools that may be called twice, such as `todo.list`, or `todo.*` for a whole module.
    pub idempotent_tools: Vec<String>,
    /// What becomes of a tool whose definition is not what it was.
    pub tool_changes: ToolChanges,
    /// Digests of changed definitions that are accepted all the same.
    pub accepted_tools: Vec<Sha256Hex>,
    /// How long an answer of mana-auth may take.
    pub answer_timeout: Duration,
    /// How long one tool call, or a page of the tool list, may take.
    pub tool_timeout: Duration,
    /// The key of the persona endpoints; empty when not set.
    pub service_key: SecretString,
    /// The key that is to come in its place, sent where the first is refused; empty when not set.
    pub next_service_key: SecretString,
    /// What the personas' passwords are made of.
    pub seed_secret: SecretString,
}

/// What becomes of a tool whose definition is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolChanges {
    /// It is offered.
    Accept,
    /// It is offered, and told.
    Warn,
    /// It is not offered until its digest is accepted.
    Quarantine,
}

/// How personas sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignIn {
    /// The cookie form, or the bearer form where there is none.
    Auto,
    /// `/api/auth/sign-in/email`, as a real mana-auth wants it.
    Cookie,
    /// `/api/v1/auth/login`, as the original documents it.
    Bearer,
}

/// Claude.
#[derive(Clone, Debug)]
pub struct Model {
    /// Without `/v1`.
    pub base_url: String,
    /// Empty when not set.
    pub api_key: SecretString,
    /// The model's id.
    pub name: String,
    /// The header `anthropic-version`.
    pub api_version: String,
    /// The most tokens of one reply.
    pub max_tokens: u32,
    /// Mark what may be cached.
    pub caching: bool,
    /// Ask why nothing was read from the cache.
    pub cache_diagnostics: bool,
    /// Hold the reply with the ratings to the plugin's schema, where the server can.
    pub structured_ratings: bool,
    /// How often one message is sent at most.
    pub max_attempts: u32,
    /// How long a reply may be without content, before it begins and while it comes.
    pub idle_timeout: Duration,
}

/// Where components are, and what a new build has to show.
#[derive(Clone, Debug)]
pub struct Plugins {
    /// The folder of `NAME.wasm`.
    pub dir: PathBuf,
    /// The folder of compiled code; none to compile at each start.
    pub cache_dir: Option<PathBuf>,
    /// The persona-host that proves builds; none: this very program. No key of the file sets it.
    pub prover: Option<PathBuf>,
    /// The folder of the last good builds; none: beside the ledger.
    pub builds_dir: Option<PathBuf>,
    /// How changes in the folder are heard.
    pub watch: Watching,
    /// How long nothing may change before a changed file is read.
    pub debounce: Duration,
    /// What happens to a build that does worse on turns of the past.
    pub replay: ReplayPolicy,
    /// How many turns of the past a new build is asked.
    pub replay_turns: u32,
    /// How a new build is tried with a share of the personas; none: it serves all at once.
    pub canary: Option<CanaryPlan>,
    /// What is asked of signatures.
    pub signatures: Signatures,
    /// Whose signatures count: Ed25519 public keys in Base64.
    pub trusted_keys: Vec<String>,
    /// The only digest that a plugin may have.
    pub pins: BTreeMap<PluginName, Sha256Hex>,
}

/// How changes in the plugins folder are heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Watching {
    /// The system tells.
    Notify,
    /// The folder is compared once a second.
    Poll,
    /// Only the look once a minute.
    Off,
}

/// The ledger.
#[derive(Clone, Debug)]
pub struct Store {
    /// Where it is: `sqlite:PATH` or `postgres://…`, which may have a password.
    pub url: SecretString,
    /// How long the steps of a turn that is over are kept, what its plugin was given, and its deliveries.
    pub keep: Duration,
    /// How long events are kept.
    pub keep_events: Duration,
}

/// Where traces go, and what is in them.
#[derive(Clone, Debug)]
pub struct Traces {
    /// Where the collector takes them, with the path.
    pub endpoint: String,
    /// What it is sent beside them, such as a key.
    pub headers: Vec<(String, SecretString)>,
    /// What is said of this process; `service.name` is the first of it.
    pub resource: Vec<(String, String)>,
    /// What part of all turns has a trace, from 0 to 1.
    pub share: f64,
    /// Prompts, replies, arguments and results are in them.
    pub content: bool,
}

impl Config {
    /// Every secret, under the key that stands for it; one key may have several.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &SecretString)> {
        let Self { mana, http, model, store, traces, .. } = self;
        let of_traces = traces.iter().flat_map(|traces| &traces.headers);
        let keys = [
            ("mana.service_key", &mana.service_key),
            ("mana.service_key_next", &mana.next_service_key),
            ("mana.seed_secret", &mana.seed_secret),
            ("model.api_key", &model.api_key),
            ("http.admin_token", &http.admin_token),
            ("http.admin_token_next", &http.next_admin_token),
            ("http.view_token", &http.view_token),
            ("http.view_token_next", &http.next_view_token),
            ("store.url", &store.url),
        ];
        keys.into_iter().chain(of_traces.map(|(_, value)| ("traces.headers", value))).collect()
    }

    /// What is missing for the loop to run, by the names of the variables.
    #[must_use]
    pub fn missing_keys(&self) -> Vec<&'static str> {
        let keys = [("MANA_SERVICE_KEY", &self.mana.service_key), ("ANTHROPIC_API_KEY", &self.model.api_key)];
        keys.iter().filter(|(_, key)| key.expose_secret().is_empty()).map(|(name, _)| *name).collect()
    }
}
