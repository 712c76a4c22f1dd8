//! From environment, file and defaults to one complete configuration.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::file;
use super::production::DEVELOPMENT_SEED_SECRET;
use super::secret::{self, Found};
use super::settings::{Config, Http, Mana, Model, Runner, SignIn, ToolChanges};
use super::shown::{Origin, Shown};
use super::{ConfigError, File};
use domain::ids::{PluginName, Sha256Hex, StrategyName};
use domain::strategy::{Routing, Strategy, ToolRules};

/// The persona endpoints of mana-auth at the seed (contract 4).
const PERSONAS_PATH: &str = "/api/v1/internal/personas";
/// The same after they moved to apps/api (contract 10).
const PERSONAS_PATH_OF_API: &str = "/api/v1/personas/internal";

/// Who has it may ask from anywhere.
const ADMIN_TOKEN: &str = "PERSONA_ADMIN_TOKEN";
const SHORTEST_TOKEN: usize = 16;

/// Such a span is added to the time of day, which has an end.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Puts a configuration together. `environment` gives a variable's value.
///
/// # Errors
/// When a value cannot be used.
pub fn resolve(file: File, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let origin = file.path.clone().map_or(Origin::Default, Origin::File);
    let mut sources = Sources { environment, file: origin, shown: Vec::new(), open_secrets: Vec::new() };
    let runner = runner(&mut sources, file.runner)?;
    let schedule = schedule::schedule(&mut sources, file.schedule, &runner)?;
    let http = http(&mut sources, file.http)?;
    let mana = mana(&mut sources, file.mana)?;
    let model = model(&mut sources, file.model)?;
    let plugins = plugins::plugins(&mut sources, file.plugins)?;
    let store = store::store(&mut sources, file.store)?;
    let experiments =
        sources.pick("experiments.dir", file.experiments.dir, PathBuf::from("experiments"), shown_path);
    let allowed_hosts = sources.hosts("outbound.allowed_hosts", file.outbound.allowed_hosts)?;
    let strategies = strategies(&mut sources, file.strategies);
    strategies.iter().try_for_each(plugins::check_tools)?;
    let routing = routing(&mut sources, file.routing, &strategies)?;
    let budget = budget::budget(&mut sources, file.budget, &strategies)?;
    Ok(Config {
        runner,
        schedule,
        http,
        mana,
        model,
        plugins,
        store,
        experiments,
        budget,
        allowed_hosts,
        strategies,
        routing,
        open_secrets: sources.open_secrets,
        shown: sources.shown,
    })
}

/// Where values come from, and the list of where they came from.
struct Sources<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    file: Origin,
    shown: Vec<Shown>,
    open_secrets: Vec<String>,
}

impl Sources<'_> {
    /// A value that only the file can set.
    fn pick<T>(&mut self, key: &str, file: Option<T>, default: T, show: impl Fn(&T) -> String) -> T {
        let (value, origin) = match file {
            Some(value) => (value, self.file.clone()),
            None => (default, Origin::Default),
        };
        self.show(key, show(&value), origin);
        value
    }

    /// A value that a variable can set too; an empty variable counts as not set.
    fn pick_with<T>(
        &mut self,
        key: &str,
        variable: &'static str,
        read: impl Fn(&str) -> Result<T, ConfigError>,
        file: Option<T>,
        default: T,
        show: impl Fn(&T) -> String,
    ) -> Result<T, ConfigError> {
        match (self.environment)(variable).filter(|raw| !raw.is_empty()) {
            Some(raw) => {
                let value = read(&raw)?;
                self.show(key, show(&value), Origin::Environment(variable.to_owned()));
                Ok(value)
            }
            None => Ok(self.pick(key, file, default, show)),
        }
    }

    /// A whole number above 0 (contract 7.1).
    fn number<T: TryFrom<u64> + ToString>(
        &mut self,
        key: &str,
        variable: &'static str,
        file: Option<T>,
        default: T,
    ) -> Result<T, ConfigError> {
        let read = |raw: &str| positive(variable, raw);
        self.pick_with(key, variable, read, file, default, T::to_string)
    }

    fn text(
        &mut self,
        key: &str,
        variable: &'static str,
        file: Option<String>,
        default: &str,
    ) -> Result<String, ConfigError> {
        let read = |raw: &str| Ok(raw.to_owned());
        self.pick_with(key, variable, read, file, default.to_owned(), Clone::clone)
    }

    fn hosts(&mut self, key: &str, file: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
        let hosts = self.pick(key, file, Vec::new(), |hosts| format!("{hosts:?}"));
        match hosts.iter().find(|host| !is_host(host)) {
            None => Ok(hosts),
            Some(host) => {
                let problem =
                    "must hold names such as \"personas.example.com\", without scheme and port".to_owned();
                Err(ConfigError::Value { name: key.to_owned(), problem, raw: host.clone() })
            }
        }
    }

    fn url(
        &mut self,
        key: &str,
        variable: &'static str,
        file: Option<String>,
        default: &str,
    ) -> Result<String, ConfigError> {
        let url = self.text(key, variable, file, default)?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let problem = "must begin with http:// or https://".to_owned();
            return Err(ConfigError::Value { name: key.to_owned(), problem, raw: url });
        }
        // They would be shown with the URL, here and in every error that names it.
        if has_user(&url) {
            let problem = "must hold no user name and no password".to_owned();
            let raw = "a URL with them".to_owned();
            return Err(ConfigError::Value { name: key.to_owned(), problem, raw });
        }
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// A secret. One that is set to nothing stays nothing: only production may object.
    fn secret(
        &mut self,
        key: &str,
        variable: &'static str,
        default: &str,
    ) -> Result<SecretString, ConfigError> {
        let found = secret::read(self.environment, variable)?;
        let (value, origin) = self.taken(found).unwrap_or_else(|| (default.into(), Origin::Default));
        self.show(key, masked(&value), origin);
        Ok(value)
    }

    /// The secret that is to come in the place of another one; it cannot be set without that.
    fn next_secret(&mut self, key: &str, variable: &'static str) -> Result<SecretString, ConfigError> {
        let found = secret::read(self.environment, &format!("{variable}_NEXT"))?;
        let (next, origin) = self.taken(found).unwrap_or_else(|| (SecretString::default(), Origin::Default));
        let first = secret::read(self.environment, variable)?.map(|found| found.secret).unwrap_or_default();
        if first.expose_secret().is_empty() && !next.expose_secret().is_empty() {
            let problem = format!("is what comes after {variable}, which is not set");
            return Err(ConfigError::Value { name: format!("{variable}_NEXT"), problem, raw: masked(&next) });
        }
        self.show(&format!("{key}_next"), masked(&next), origin);
        Ok(next)
    }

    fn taken(&mut self, found: Option<Found>) -> Option<(SecretString, Origin)> {
        let Found { secret, variable, is_open } = found?;
        if is_open {
            self.open_secrets.push(variable.clone());
        }
        Some((secret, Origin::Environment(variable)))
    }

    fn show(&mut self, key: &str, value: String, origin: Origin) {
        self.shown.push(Shown { key: key.to_owned(), value, origin });
    }
}

fn http(sources: &mut Sources<'_>, file: file::Http) -> Result<Http, ConfigError> {
    let bind = sources.pick("http.bind", file.bind, IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::to_string);
    let port = sources.number("http.port", "PORT", file.port, 3070)?;
    let allowed_hosts = sources.hosts("http.allowed_hosts", file.allowed_hosts)?;
    let require_token = sources.pick("http.require_token", file.require_token, false, bool::to_string);
    let admin_token = sources.secret("http.admin_token", ADMIN_TOKEN, "")?;
    let next_admin_token = sources.next_secret("http.admin_token", ADMIN_TOKEN)?;
    for (variable, token) in [(ADMIN_TOKEN, &admin_token), ("PERSONA_ADMIN_TOKEN_NEXT", &next_admin_token)] {
        long_enough(variable, token)?;
    }
    Ok(Http { bind, port, admin_token, next_admin_token, require_token, allowed_hosts })
}

fn runner(sources: &mut Sources<'_>, file: file::Runner) -> Result<Runner, ConfigError> {
    let milliseconds = |raw: &str| positive("TICK_INTERVAL_MS", raw).map(Duration::from_millis);
    let truth = |raw: &str| Ok(raw == "1" || raw.eq_ignore_ascii_case("true"));
    let tick_interval = sources.pick_with(
        "runner.tick_interval",
        "TICK_INTERVAL_MS",
        milliseconds,
        file.tick_interval.map(|span| span.0),
        Duration::from_secs(60),
        shown_span,
    )?;
    let concurrency = sources.number("runner.concurrency", "PERSONA_CONCURRENCY", file.concurrency, 2)?;
    let paused =
        sources.pick_with("runner.paused", "RUNNER_PAUSED", truth, file.paused, false, bool::to_string)?;
    let deadline = file.turn_deadline.map(|span| span.0);
    let turn_deadline = sources.pick("runner.turn_deadline", deadline, Duration::from_secs(600), shown_span);
    let max_rounds = sources.pick("runner.max_rounds", file.max_rounds, 15, u32::to_string);
    let zone = sources.pick("runner.time_zone", file.time_zone, "UTC".to_owned(), Clone::clone);
    let production = (sources.environment)("NODE_ENV").as_deref() == Some("production");
    let origin = if production { Origin::Environment("NODE_ENV".to_owned()) } else { Origin::Default };
    sources.show("runner.production", production.to_string(), origin);
    at_least_one("runner.concurrency", concurrency as u64)?;
    at_least_one("runner.max_rounds", u64::from(max_rounds))?;
    at_least_one("runner.tick_interval", u64::try_from(tick_interval.as_millis()).unwrap_or(u64::MAX))?;
    up_to_a_day("runner.turn_deadline", turn_deadline)?;
    let time_zone = time_zone("runner.time_zone", zone)?;
    Ok(Runner { tick_interval, concurrency, turn_deadline, paused, max_rounds, time_zone, production })
}

fn mana(sources: &mut Sources<'_>, file: file::Mana) -> Result<Mana, ConfigError> {
    let auth_url = sources.url("mana.auth_url", "MANA_AUTH_URL", file.auth_url, "http://localhost:3001")?;
    let mcp_url = sources.url("mana.mcp_url", "MANA_MCP_URL", file.mcp_url, "http://localhost:3069")?;
    // A configured MANA_API_URL is how the later generation of the runner names the new home.
    let moved = (sources.environment)("MANA_API_URL").is_some_and(|url| !url.is_empty());
    let base = sources.url("mana.personas_url", "MANA_API_URL", file.personas_url, &auth_url)?;
    let default = if moved { PERSONAS_PATH_OF_API } else { PERSONAS_PATH };
    let path = sources.pick("mana.personas_path", file.personas_path, default.to_owned(), Clone::clone);
    let accepted_tools = sources
        .pick("mana.accepted_tools", file.accepted_tools, Vec::new(), |digests| format!("{digests:?}"));
    let accepted_tools = accepted_tools.into_iter().map(accepted_tool).collect::<Result<_, _>>()?;
    let patience = |sources: &mut Sources<'_>, name: &str, span: Option<file::Span>, usual: u64| {
        let span = sources.pick(name, span.map(|span| span.0), Duration::from_secs(usual), shown_span);
        up_to_a_day(name, span).map(|()| span)
    };
    Ok(Mana {
        personas_url: format!("{base}/{}", path.trim_matches('/')),
        auth_url,
        mcp_url,
        sign_in: sources
            .pick("mana.sign_in", file.sign_in, SignIn::Auto, |form| format!("{form:?}").to_lowercase()),
        sign_in_limit: sign_in_limit(sources, file.sign_in_limit)?,
        idempotent_tools: sources
            .pick("mana.idempotent_tools", file.idempotent_tools, Vec::new(), |tools| format!("{tools:?}")),
        tool_changes: sources.pick("mana.tool_changes", file.tool_changes, ToolChanges::Warn, |policy| {
            format!("{policy:?}").to_lowercase()
        }),
        accepted_tools,
        answer_timeout: patience(sources, "mana.answer_timeout", file.answer_timeout, 30)?,
        tool_timeout: patience(sources, "mana.tool_timeout", file.tool_timeout, 60)?,
        service_key: sources.secret("mana.service_key", "MANA_SERVICE_KEY", "")?,
        next_service_key: sources.next_secret("mana.service_key", "MANA_SERVICE_KEY")?,
        seed_secret: sources.secret("mana.seed_secret", "PERSONA_SEED_SECRET", DEVELOPMENT_SEED_SECRET)?,
    })
}

fn accepted_tool(digest: String) -> Result<Sha256Hex, ConfigError> {
    Sha256Hex::parse(&digest).ok_or_else(|| ConfigError::Value {
        name: "mana.accepted_tools".to_owned(),
        problem: "must have sha256 digests of 64 hexadecimal digits, as `turns show` tells them".to_owned(),
        raw: digest,
    })
}

/// So many sign-ins at once, and then none for so long: `3/10s`.
fn sign_in_limit(
    sources: &mut Sources<'_>,
    text: Option<String>,
) -> Result<Option<(u32, Duration)>, ConfigError> {
    /// A longer one would keep turns waiting for longer than mana-auth asks of anybody.
    const LONGEST: Duration = Duration::from_secs(60);
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "as mana-auth says".to_owned());
    let Some(text) = sources.pick("mana.sign_in_limit", text.map(Some), None, shown) else { return Ok(None) };
    let read = |text: &str| {
        let (at_once, window) = text.split_once('/')?;
        let at_once: u32 = at_once.trim().parse().ok().filter(|at_once| *at_once > 0)?;
        let window = humantime::parse_duration(window.trim()).ok()?;
        (!window.is_zero() && window <= LONGEST).then_some((at_once, window))
    };
    let problem = || {
        "must be a number of sign-ins and the time after which there may be as many again, 1m at most, such as \"3/10s\""
            .to_owned()
    };
    let refused = || ConfigError::Value {
        name: "mana.sign_in_limit".to_owned(),
        problem: problem(),
        raw: text.clone(),
    };
    read(&text).map(Some).ok_or_else(refused)
}

fn model(sources: &mut Sources<'_>, file: file::Model) -> Result<Model, ConfigError> {
    let idle = file.idle_timeout.map(|span| span.0);
    let model = Model {
        base_url: sources.url(
            "model.base_url",
            "ANTHROPIC_BASE_URL",
            file.base_url,
            "https://api.anthropic.com",
        )?,
        api_key: sources.secret("model.api_key", "ANTHROPIC_API_KEY", "")?,
        name: sources.text("model.name", "ANTHROPIC_MODEL", file.name, "claude-haiku-5-5")?,
        api_version: sources.pick(
            "model.api_version",
            file.api_version,
            "2026-10-21".to_owned(),
            Clone::clone,
        ),
        max_tokens: sources.pick("model.max_tokens", file.max_tokens, 4096, u32::to_string),
        caching: sources.pick("model.caching", file.caching, true, bool::to_string),
        cache_diagnostics: sources.pick(
            "model.cache_diagnostics",
            file.cache_diagnostics,
            true,
            bool::to_string,
        ),
        structured_ratings: sources.pick(
            "model.structured_ratings",
            file.structured_ratings,
            true,
            bool::to_string,
        ),
        max_attempts: sources.pick("model.max_attempts", file.max_attempts, 5, u32::to_string),
        idle_timeout: sources.pick("model.idle_timeout", idle, Duration::from_secs(60), shown_span),
    };
    at_least_one("model.max_tokens", u64::from(model.max_tokens))?;
    at_least_one("model.max_attempts", u64::from(model.max_attempts))?;
    up_to_a_day("model.idle_timeout", model.idle_timeout)?;
    Ok(model)
}

/// The strategies of the file; without any, one for each plugin that is built in.
fn strategies(
    sources: &mut Sources<'_>,
    file: std::collections::BTreeMap<String, file::Strategy>,
) -> Vec<Strategy> {
    let built_in =
        ["daily", "brief"].map(|name| Strategy::plain(StrategyName::new(name), PluginName::new(name)));
    let said: std::collections::BTreeMap<String, plugins::Said> =
        file.iter().map(|(name, strategy)| (name.clone(), plugins::Said::of(strategy))).collect();
    let own = file.into_iter().map(|(name, strategy)| Strategy {
        name: StrategyName::new(name),
        plugin: PluginName::new(strategy.plugin),
        settings: json_of(toml::Value::Table(strategy.settings)),
        model: strategy.model,
        limits: plugins::limits(&strategy.limits),
        fallback: strategy.fallback.unwrap_or_else(|| Strategy::USUAL_FALLBACK.to_vec()),
        tools: ToolRules { allow: strategy.tools.allow, cap: strategy.tools.cap },
    });
    let mut strategies: Vec<Strategy> = own.collect();
    let written = strategies.len();
    for strategy in built_in {
        if !strategies.iter().any(|own| own.name == strategy.name) {
            strategies.push(strategy);
        }
    }
    for (position, strategy) in strategies.iter().enumerate() {
        let origin = if position < written { sources.file.clone() } else { Origin::Default };
        let value = format!("plugin {}, settings {}", strategy.plugin, strategy.settings);
        sources.show(&format!("strategies.{}", strategy.name), value, origin);
        let said = said.get(strategy.name.as_str()).copied().unwrap_or_default();
        plugins::show_call(sources, strategy, said);
    }
    strategies
}

fn routing(
    sources: &mut Sources<'_>,
    file: file::Routing,
    strategies: &[Strategy],
) -> Result<Routing, ConfigError> {
    let default = sources.pick("routing.default", file.default, "daily".to_owned(), Clone::clone);
    let named = |entries: std::collections::BTreeMap<String, String>| {
        entries.into_iter().map(|(who, name)| (who, StrategyName::new(name))).collect()
    };
    let routing = Routing {
        default: StrategyName::new(default),
        archetypes: named(file.archetypes),
        personas: named(file.personas),
    };
    let groups = [("archetypes", &routing.archetypes), ("personas", &routing.personas)];
    let entries = groups.iter().flat_map(|(group, entries)| {
        entries.iter().map(move |(who, name)| (format!("routing.{group}.{who}"), name))
    });
    let entries: Vec<_> = entries.collect();
    for (key, name) in &entries {
        let origin = sources.file.clone();
        sources.show(key, name.to_string(), origin);
    }
    let all = entries.into_iter().chain([("routing.default".to_owned(), &routing.default)]);
    for (key, name) in all {
        if !strategies.iter().any(|strategy| strategy.name == *name) {
            let known: Vec<_> = strategies.iter().map(|strategy| strategy.name.as_str()).collect();
            return Err(ConfigError::NoSuchStrategy { key, name: name.to_string(), known: known.join(", ") });
        }
    }
    Ok(routing)
}

/// Whoever guesses a token over the network is to have no chance.
fn long_enough(variable: &str, token: &SecretString) -> Result<(), ConfigError> {
    let length = token.expose_secret().chars().count();
    if length == 0 || length >= SHORTEST_TOKEN {
        return Ok(());
    }
    let problem =
        format!("must have {SHORTEST_TOKEN} characters at least, such as `openssl rand -hex 32` prints");
    Err(ConfigError::Value { name: variable.to_owned(), problem, raw: format!("{length} characters") })
}

fn time_zone(name: &str, zone: String) -> Result<Tz, ConfigError> {
    zone.parse::<Tz>().map_err(|_| ConfigError::Value {
        name: name.to_owned(),
        problem: "must be a time zone such as \"Europe/Berlin\"".to_owned(),
        raw: zone,
    })
}

/// Whether a URL has something before an `@` in front of its host.
fn has_user(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
    authority.is_some_and(|authority| authority.contains('@'))
}

/// Whether it is the name or the address of a host and nothing else.
fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !host.is_empty() && (host.chars().all(plain) || host.parse::<IpAddr>().is_ok())
}

fn positive<T: TryFrom<u64>>(name: &str, raw: &str) -> Result<T, ConfigError> {
    let number =
        raw.parse::<u64>().ok().filter(|number| *number > 0).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| not_positive(name, raw))
}

fn at_least_one(name: &str, number: u64) -> Result<(), ConfigError> {
    if number > 0 { Ok(()) } else { Err(not_positive(name, "0")) }
}

/// A span within which something ends: not nothing, and nobody waits longer than a day.
fn up_to_a_day(name: &str, span: Duration) -> Result<(), ConfigError> {
    at_least_one(name, u64::try_from(span.as_millis()).unwrap_or(u64::MAX))?;
    if span <= LONGEST {
        return Ok(());
    }
    let problem = "must be a day at most".to_owned();
    Err(ConfigError::Value { name: name.to_owned(), problem, raw: shown_span(&span) })
}

fn not_positive(name: &str, raw: &str) -> ConfigError {
    let problem = "must be a positive integer".to_owned();
    ConfigError::Value { name: name.to_owned(), problem, raw: raw.to_owned() }
}

pub(super) fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, json_of(value))).collect())
        }
    }
}

/// The usual cache folder of the user, or one beside the ledger where there is none.
fn cache_dir(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|path| path.starts_with('/')).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("XDG_CACHE_HOME").or_else(home).unwrap_or_default().join("persona-host")
}

fn masked(secret: &SecretString) -> String {
    match secret.expose_secret() {
        "" => "not set",
        DEVELOPMENT_SEED_SECRET => "the one for development, known to everybody",
        _ => "set, not shown",
    }
    .to_owned()
}

/// A length of time as one would write it. Months and years are no lengths, so there are days above hours.
fn shown_span(span: &Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let (days, rest) = (span.as_secs() / DAY, Duration::new(span.as_secs() % DAY, span.subsec_nanos()));
    let shown_rest = humantime::format_duration(rest);
    match (days, rest.is_zero()) {
        (0, _) => shown_rest.to_string(),
        (_, true) => format!("{days}day{}", plural(days)),
        (_, false) => format!("{days}day{} {shown_rest}", plural(days)),
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[expect(clippy::ptr_arg, reason = "called with the type that is configured")]
fn shown_path(path: &PathBuf) -> String {
    path.display().to_string()
}

mod budget;
mod plugins;
mod schedule;
mod store;
#[cfg(test)]
mod tests;
