//! From a configuration to a runner: every room gets what it needs, and nothing starts yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::behavior::{Engine, EngineOptions, Refusal, Registry};
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::domain::behavior::{Problem, Severity};
use crate::domain::clock::Clock;
use crate::domain::ids::StrategyName;
use crate::domain::strategy::Strategy;
use crate::mana::Mana;
use crate::mcp::{self, Mcp};
use crate::model::{self, Claude};
use crate::outbound;
use crate::runner::{self, Runner};
use crate::store::{Ledger, LedgerUrl};
use crate::telemetry::Events;
use crate::turn::{Deps, Settings};

/// The longest one tool call may take.
const TOOL_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest a session may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long running turns may take to reach a boundary at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// Everything, wired.
#[derive(Debug)]
pub struct App {
    /// Decides who runs now.
    pub runner: Arc<Runner>,
    /// What a plugin or its settings are refused for. The daemon runs on without them.
    pub complaints: Vec<Complaint>,
}

/// A plugin, or a strategy's settings, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Complaint {
    /// The plugin is not loaded.
    #[error(transparent)]
    Plugin(#[from] Refusal),
    /// The plugin does not take the settings.
    #[error("the settings of strategy {strategy} are refused: {}", said(problems))]
    Settings {
        /// Whose settings.
        strategy: StrategyName,
        /// Why.
        problems: Vec<Problem>,
    },
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        match complaint {
            Complaint::Plugin(refusal) => refusal.into(),
            Complaint::Settings { ref strategy, .. } => {
                let hint = format!("correct `settings` in [strategies.{strategy}]");
                Self::new(Exit::BadInput, complaint.to_string()).hint(hint)
            }
        }
    }
}

fn said(problems: &[Problem]) -> String {
    let said = problems.iter().map(|problem| match &problem.path {
        Some(path) if !path.is_empty() => format!("{path}: {}", problem.message),
        _ => problem.message.clone(),
    });
    said.collect::<Vec<_>>().join("; ")
}

/// Wires everything.
///
/// # Errors
/// When the ledger, the code cache or the HTTP client cannot be set up. Plugins that cannot be used
/// are complaints and no errors.
pub async fn build(config: &Config, clock: Clock) -> Result<App, Failure> {
    let ledger = Ledger::open(&LedgerUrl::parse(&config.store.url)?, clock.clone()).await?;
    let engine = Engine::new(&EngineOptions { cache_dir: config.plugins.cache_dir.clone() })?;
    let strategies: BTreeMap<StrategyName, Arc<Strategy>> =
        (config.strategies.iter().cloned()).map(|own| (own.name.clone(), Arc::new(own))).collect();
    let plugins = strategies.values().map(|strategy| strategy.plugin.clone());
    let (registry, refusals) = Registry::load(&engine, Some(&config.plugins.dir), plugins).await;
    let mut complaints: Vec<Complaint> = refusals.into_iter().map(Complaint::from).collect();
    for strategy in strategies.values() {
        complaints.extend(refused_settings(&registry, strategy).await);
    }
    let http = outbound::client()?;
    let events = Events::default();
    events.metrics().set_outbox(ledger.deliveries_waiting().await?);
    let deps = Deps {
        mana: Mana::new(http.clone(), clock.clone(), load::mana_options(config)),
        mcp: Mcp::new(http.clone(), mcp_options(config)),
        claude: Claude::new(http, model_options(config)),
        ledger: Arc::new(ledger),
        clock,
        events,
        registry,
        strategies,
        routing: config.routing.clone(),
        settings: Settings {
            model: config.model.name.clone(),
            max_tokens: config.model.max_tokens,
            max_rounds: config.runner.max_rounds,
            turn_deadline: config.runner.turn_deadline,
            time_zone: config.runner.time_zone,
        },
        stop: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    let options = runner::Options {
        tick_interval: config.runner.tick_interval,
        concurrency: config.runner.concurrency,
        paused: config.runner.paused,
        drain: DRAIN,
    };
    Ok(App { runner: Arc::new(Runner::new(Arc::new(deps), options)), complaints })
}

/// Asks the plugin whether it takes the settings of a strategy.
async fn refused_settings(registry: &Registry, strategy: &Strategy) -> Option<Complaint> {
    let generation = registry.current(&strategy.plugin)?;
    let problems = match generation.check_settings(strategy).await.result {
        Ok(problems) => problems,
        Err(error) => vec![Problem::error(None, error.to_string())],
    };
    let problems: Vec<Problem> =
        problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
    let strategy = strategy.name.clone();
    (!problems.is_empty()).then_some(Complaint::Settings { strategy, problems })
}

fn mcp_options(config: &Config) -> mcp::Options {
    mcp::Options {
        url: format!("{}/mcp", config.mana.mcp_url),
        call_timeout: TOOL_TIMEOUT,
        open_timeout: OPEN_TIMEOUT,
    }
}

fn model_options(config: &Config) -> model::Options {
    model::Options {
        base_url: config.model.base_url.clone(),
        version: config.model.api_version.clone(),
        caching: config.model.caching,
        max_attempts: config.model.max_attempts,
        ..model::Options::new(config.model.api_key.clone())
    }
}
