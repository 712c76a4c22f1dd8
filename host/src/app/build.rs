//! From a configuration to a runner: every room gets what it needs, and nothing starts yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::tape::secrets;
use crate::behavior::{Builds, Engine, Folder, Registry, WatchMode};
use crate::breaker::Fuses;
use crate::cli::output::{ODD, Output, styled};
use crate::cli::{Failure, load};
use crate::config::{self, Config, Plugins, Watching};
use crate::http::Lock;
use crate::mana::{Mana, News, SignInsStopped};
use crate::mcp::{self, Mcp};
use crate::model::{self, Claude, Gate};
use crate::outbound::{self, Named, Way};
use crate::reload::{self, Complaint, Patience, Reloader};
use crate::runner::{self, Chronicle, Runner};
use crate::store::Ledger;
use crate::telemetry::{Events, TraceOptions};
use crate::turn::{Budget, Deps, Experiments, RefusedTools, Settings, ToolPins, ToolPolicy};
use domain::clock::Clock;
use domain::event::Event;
use domain::ids::StrategyName;
use domain::strategy::Strategy;
use domain::upstream::Upstream;

/// The longest a session may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long running turns may take to reach a boundary at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// How long the last traces may take to be sent.
pub(super) const LAST_TRACES: Duration = Duration::from_secs(3);

/// Everything, wired.
#[derive(Debug)]
pub struct App {
    /// Decides who runs now.
    pub runner: Arc<Runner>,
    /// What a plugin or its settings are refused for. The daemon runs on without them.
    pub complaints: Vec<Complaint>,
}

/// Says what is worth knowing, and ends where nothing serves in the place of what is complained about.
///
/// # Errors
/// With all of these, not the first only.
pub(super) fn blocked(complaints: Vec<Complaint>, output: Output) -> Result<(), Failure> {
    let (blocking, known): (Vec<_>, Vec<_>) = complaints.into_iter().partition(Complaint::is_blocking);
    for complaint in known {
        output.say(&styled(ODD, complaint));
    }
    let failures: Vec<Failure> = blocking.into_iter().map(Failure::from).collect();
    failures.into_iter().reduce(Failure::and).map_or(Ok(()), Err)
}

/// Wires everything, for a command: every plugin is waited for.
///
/// # Errors
/// When the ledger, the code cache or the HTTP client cannot be set up. Plugins that cannot be used
/// are complaints and no errors.
pub async fn build(config: &Config, clock: Clock) -> Result<App, Failure> {
    build_waiting(config, clock, Patience::OF_A_COMMAND).await
}

/// The same, with so much patience for plugins.
///
/// # Errors
/// As [`build`].
pub async fn build_waiting(config: &Config, clock: Clock, patience: Patience) -> Result<App, Failure> {
    build_going(config, clock, patience, Way::Live).await
}

/// The same, where requests go this way.
///
/// # Errors
/// As [`build`].
pub async fn build_going(
    config: &Config,
    clock: Clock,
    patience: Patience,
    way: Way,
) -> Result<App, Failure> {
    let url = load::ledger(config)?;
    let ledger = Arc::new(Ledger::open(&url, clock.clone()).await?);
    let engine = Engine::new(&load::engine(config))?;
    let strategies: BTreeMap<StrategyName, Arc<Strategy>> =
        (config.strategies.iter().cloned()).map(|own| (own.name.clone(), Arc::new(own))).collect();
    let events = traced(config, &way)?;
    let chronicle = Chronicle::begin(Arc::clone(&ledger), clock.clone(), events.listen()).await?;
    let builds = Builds::new(load::builds_dir(config, &url));
    let registry = Arc::new(Registry::new(engine, clock.clone(), builds, load::trust(config)?));
    registry.hold_on_to(ledger.builds_in_use().await?);
    let reloader = Arc::new(Reloader::new(
        Arc::clone(&registry),
        Folder::new(config.plugins.dir.clone()),
        Arc::clone(&ledger),
        strategies.clone(),
        events.clone(),
        reload_options(config),
    ));
    let complaints = reloader.start(patience).await;
    let http = outbound::patient(config.model.idle_timeout, &Named::new(&config.allowed_hosts))?;
    let http = http.going(way.clone());
    events.metrics().set_outbox(ledger.deliveries_waiting().await?);
    strategies.values().for_each(|strategy| events.metrics().set_limits(strategy));
    let told = events.clone();
    let tell = move |news: News<'_>| told.emit(event_of(news));
    let stop = CancellationToken::new();
    let budget = budget(config, &clock, &ledger).await?;
    let told = events.clone();
    let fuses = Fuses::new(&clock, move |event| told.emit(event));
    // A turn makes one call at a time, so there is no use for more of them than of turns.
    let told = events.clone();
    let fuse = fuses.of(Upstream::Claude).clone();
    let gate = Gate::new(config.runner.concurrency, fuse, move |event| told.emit(event));
    let mana =
        Mana::new(http.to(Upstream::ManaAuth), clock.clone(), load::mana_options(config)).telling(tell);
    let deps = Deps {
        mana: mana
            .heeding(stop.clone())
            .heard_by(fuses.of(Upstream::ManaAuth).clone())
            .exchanging(config.mana.next_service_key.clone()),
        mcp: Mcp::new(http.to(Upstream::ManaMcp), mcp_options(config)),
        claude: Claude::new(http.to(Upstream::Claude), model_options(config))
            .through(gate)
            .heeding(stop.clone()),
        fuses,
        budget,
        ledger,
        clock,
        way,
        events,
        refused_tools: RefusedTools::default(),
        tool_pins: ToolPins::default(),
        registry,
        strategies,
        routing: config.routing.clone(),
        experiments: Experiments::default(),
        settings: Settings {
            model: config.model.name.clone(),
            max_tokens: config.model.max_tokens,
            structured_ratings: config.model.structured_ratings,
            max_rounds: config.runner.max_rounds,
            turn_deadline: config.runner.turn_deadline,
            time_zone: config.runner.time_zone,
            schedule: config.schedule.clone(),
            tool_policy: ToolPolicy {
                changes: config.mana.tool_changes,
                accepted: config.mana.accepted_tools.clone(),
            },
            idempotent_tools: config.mana.idempotent_tools.clone(),
        },
        stop,
        cut: CancellationToken::new(),
    };
    let options = runner::Options {
        tick_interval: config.runner.tick_interval,
        concurrency: config.runner.concurrency,
        paused: config.runner.paused,
        schedule: config.schedule.clone(),
        experiments: config.experiments.clone(),
        drain: DRAIN,
        keep: config.store.keep,
        keep_events: config.store.keep_events,
        watch: match config.plugins.watch {
            Watching::Notify => WatchMode::Notify,
            Watching::Poll => WatchMode::Poll,
            Watching::Off => WatchMode::Off,
        },
        debounce: config.plugins.debounce,
    };
    let pauses = deps.ledger.pauses().await?;
    let runner = Arc::new(Runner::new(Arc::new(deps), reloader, options, pauses, chronicle));
    runner.deps().events.metrics().set_paused(runner.is_paused());
    Ok(App { runner, complaints })
}

/// The events, as traces too if somebody wants them. A replay tells nobody: its turns were told when they were played.
fn traced(config: &Config, way: &Way) -> Result<Events, Failure> {
    let events = Events::default();
    let Some(traces) = config.traces.clone().filter(|_| !matches!(way, Way::Played(_))) else {
        return Ok(events);
    };
    let config::Traces { endpoint, headers, resource, share, content } = traces;
    let options = TraceOptions {
        endpoint,
        headers,
        resource,
        share,
        content,
        secrets: secrets(config),
        claude_url: config.model.base_url.clone(),
        mcp_url: config.mana.mcp_url.clone(),
        mcp_version: mcp::protocol(),
    };
    let http = outbound::patient(Duration::ZERO, &Named::new(&config.allowed_hosts))?;
    Ok(events.traced(options, http))
}

/// The budget, with what is spent of it today.
async fn budget(config: &Config, clock: &Clock, ledger: &Ledger) -> Result<Budget, Failure> {
    load::priced(config)?;
    let (limits, zone) = (config.budget.clone(), config.runner.time_zone);
    Ok(Budget::of_ledger(limits, clock.clone(), zone, ledger, config.model.max_tokens).await?)
}

fn event_of(news: News<'_>) -> Event {
    match news {
        News::Waits { email, until } => Event::SignInWaits { email: email.to_owned(), until },
        News::Stopped(SignInsStopped { refused, until }) => {
            Event::SignInsStopped { refused, until, hint: SignInsStopped::HINT }
        }
        News::GoOn => Event::SignInsGoOn,
    }
}

/// Who may ask for what over HTTP.
pub(super) fn lock(config: &Config) -> Arc<Lock> {
    let http = &config.http;
    let lock = Lock::new([&http.admin_token, &http.next_admin_token], http.allowed_hosts.clone())
        .to_look([&http.view_token, &http.next_view_token]);
    Arc::new(lock.for_all(http.require_token))
}

fn reload_options(config: &Config) -> reload::Options {
    let Plugins { replay, replay_turns, canary, .. } = config.plugins;
    reload::Options { replay, replay_turns, canary }
}

fn mcp_options(config: &Config) -> mcp::Options {
    mcp::Options {
        url: format!("{}/mcp", config.mana.mcp_url),
        call_timeout: config.mana.tool_timeout,
        open_timeout: OPEN_TIMEOUT.min(config.mana.tool_timeout),
    }
}

fn model_options(config: &Config) -> model::Options {
    model::Options {
        base_url: config.model.base_url.clone(),
        version: config.model.api_version.clone(),
        caching: config.model.caching,
        cache_diagnostics: config.model.cache_diagnostics,
        max_attempts: config.model.max_attempts,
        repeats_lost: config.budget.is_empty(),
        idle_timeout: config.model.idle_timeout,
        ..model::Options::new(config.model.api_key.clone())
    }
}
