//! `turns replay`: a kept turn by a strategy of today, as far as the kept replies fit. It asks no neighbour and writes
//! nothing.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::course;
use super::open;
use crate::behavior::{Engine, Folder, Generation};
use crate::cli::args::ReplayTurn;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::store::{Ledger, Summary};
use crate::turn::again::{self, Cast, NotKept, Past};
use domain::behavior::Severity;
use domain::code::Code;
use domain::ids::{GenerationNumber, StrategyName};
use domain::strategy::Strategy;

/// Replays. Ends with [`Exit::No`] when anything is different from what was.
///
/// # Errors
/// When there is no such turn, not enough of it is kept, or the strategy cannot be had.
pub(super) async fn replay(args: &ReplayTurn, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let ledger = open(args.ledger.as_deref(), file).await?;
    let past = Past::read(&ledger, &args.id).await?;
    let strategy = match &args.strategy {
        Some(name) => named(name, &config)?,
        None => own(&past, &ledger, &config).await?,
    };
    let generation = loaded(&strategy, &config).await?;
    let cast = Cast {
        model: strategy.model.clone().unwrap_or_else(|| config.model.name.clone()),
        max_tokens: config.model.max_tokens,
        max_rounds: config.runner.max_rounds,
        structured_ratings: config.model.structured_ratings,
        generation,
        strategy,
    };
    let course = again::play(&past, &cast).await?;
    let notes = notes(&past, &cast, &config);
    let turn = &past.recorded.summary;
    let document = json!({
        "turn": turn.id,
        "persona": turn.persona,
        "then": then(turn, &past),
        "now": {
            "strategy": cast.strategy.name,
            "plugin": cast.generation.plugin(),
            "pluginVersion": cast.generation.descriptor().version,
            "pluginSha256": cast.generation.digest(),
            "model": cast.model,
        },
        "differs": course.differs(),
        "course": course,
        "notes": notes,
    });
    output.print(&document, || course::text(&past, &cast, &course, &notes))?;
    match course.differs() {
        true => Err(Failure::new(Exit::No, Code::ReplayDiffers, "something is different today").told()),
        false => Ok(()),
    }
}

fn then(turn: &Summary, past: &Past) -> Value {
    json!({
        "strategy": turn.strategy,
        "plugin": turn.plugin,
        "pluginVersion": turn.plugin_version,
        "pluginSha256": turn.plugin_sha256,
        "servedAs": turn.served_as,
        "model": turn.model,
        "arm": past.recorded.assignment.as_ref().map(|place| format!("{}/{}", place.experiment, place.arm)),
        "startedAt": turn.started_at,
    })
}

/// A configured strategy.
fn named(name: &str, config: &Config) -> Result<Arc<Strategy>, Failure> {
    match config.strategies.iter().find(|own| own.name.as_str() == name) {
        Some(strategy) => Ok(Arc::new(strategy.clone())),
        None => {
            let message = format!("there is no strategy {name:?} (there are: {})", known(config));
            Err(Failure::new(Exit::Usage, Code::NoSuchStrategy, message)
                .hint("name one of these with --strategy"))
        }
    }
}

/// The strategy that the turn was under, as it is today: with the settings of its arm, if it was of an experiment.
async fn own(past: &Past, ledger: &Ledger, config: &Config) -> Result<Arc<Strategy>, Failure> {
    let Some(place) = &past.recorded.assignment else {
        return still(&past.begun.pin.strategy, "the turn was under it", config);
    };
    let registered = ledger.experiment(&place.experiment, Some(place.version)).await?;
    let arm = registered.as_ref().and_then(|registered| registered.experiment.arm(&place.arm));
    let Some(arm) = arm else {
        let message = format!(
            "the turn was of the arm {} of the experiment {}, version {}, of which the ledger has no plan",
            place.arm, place.experiment, place.version
        );
        return Err(Failure::new(Exit::No, Code::StrategyGone, message).hint(other(config)));
    };
    let role = format!("the arm {} of the experiment {} plays it", place.arm, place.experiment);
    Ok(Arc::new(still(&arm.strategy, &role, config)?.with_settings(&arm.settings)))
}

fn still(name: &StrategyName, role: &str, config: &Config) -> Result<Arc<Strategy>, Failure> {
    let found = config.strategies.iter().find(|own| own.name == *name);
    found.map(|own| Arc::new(own.clone())).ok_or_else(|| {
        let message = format!("the strategy {name} is not configured any more ({role})");
        Failure::new(Exit::No, Code::StrategyGone, message).hint(other(config))
    })
}

fn other(config: &Config) -> String {
    format!(
        "name another one with --strategy (there are: {}), or the configuration with --config",
        known(config)
    )
}

fn known(config: &Config) -> String {
    config.strategies.iter().map(|own| own.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The build of its plugin that lies in the folder, or is a part of the program.
async fn loaded(strategy: &Strategy, config: &Config) -> Result<Arc<Generation>, Failure> {
    let source = Folder::new(config.plugins.dir.clone()).read(&strategy.plugin).await?;
    let engine = Engine::new(&load::engine(config))?;
    let generation = engine.load(&source, GenerationNumber(1), &load::trust(config)?).await?;
    let called = generation.check_settings(strategy).await;
    let errors: Vec<String> = match called.result {
        Err(error) => vec![error.to_string()],
        Ok(problems) => (problems.into_iter())
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| problem.message)
            .collect(),
    };
    if errors.is_empty() {
        return Ok(Arc::new(generation));
    }
    let Strategy { name, plugin, .. } = strategy;
    let message =
        format!("the plugin {plugin} does not take the settings of strategy {name}: {}", errors.join("; "));
    Err(Failure::new(Exit::BadInput, Code::SettingsRefused, message)
        .hint(format!("correct `settings` in [strategies.{name}]")))
}

/// What has to be known beside the comparison.
fn notes(past: &Past, cast: &Cast, config: &Config) -> Vec<String> {
    let (pin, now) = (&past.begun.pin, &cast.strategy);
    let mut notes = Vec::new();
    if let Some(other) = past.recorded.summary.served_as.as_deref().filter(|served_as| *served_as != "live") {
        notes.push(format!(
            "then the turn was served as {other}, and not by the build that served the others"
        ));
    }
    if past.is_scripted() {
        notes.push("the kept replies are those of the scripted Claude, and no model's".to_owned());
    }
    let is_another = now.name != pin.strategy;
    if !is_another && now.settings != pin.settings {
        notes.push(format!("the settings were {}, and are {}", pin.settings, now.settings));
    }
    if is_another && past.begun.context.memory.is_some() {
        notes.push(format!("{} is given the memory that {} had", now.name, pin.strategy));
    }
    if let Some(unknown) = unknown_tools(past, now, config) {
        notes.push(format!(
            "{} may have tools that are not known here, because the turn was not offered them: {unknown}",
            now.name
        ));
    }
    notes
}

/// The tools that a turn of today may have and that the kept one was not offered, as far as the configuration tells.
fn unknown_tools(past: &Past, now: &Strategy, config: &Config) -> Option<String> {
    let offered =
        |entry: &&String| past.begun.tools.iter().any(|tool| domain::tool::is_meant(entry, &tool.name));
    match &now.tools.allow {
        Some(allow) => {
            let unknown: Vec<&str> =
                allow.iter().filter(|entry| !offered(entry)).map(String::as_str).collect();
            (!unknown.is_empty()).then(|| unknown.join(", "))
        }
        None => {
            let then = config.strategies.iter().find(|own| own.name == past.begun.pin.strategy)?;
            let allow = then.tools.allow.as_ref()?;
            Some(format!("{} lets its turns have {} only", then.name, allow.join(", ")))
        }
    }
}

impl From<NotKept> for Failure {
    fn from(error: NotKept) -> Self {
        let message = error.to_string();
        match error {
            NotKept::Ledger(error) => error.into(),
            NotKept::UnderWay { .. } => {
                Self::new(Exit::Busy, Code::TurnNotOver, message).hint("replay it when it is over")
            }
            NotKept::Held { .. } => Self::new(Exit::Busy, Code::TurnNotOver, message)
                .hint("replay it when it is over; `persona-host turns resume` lets it go on before its time"),
            NotKept::Parked { .. } => Self::new(Exit::No, Code::TurnNotOver, message)
                .hint("`persona-host turns resume` lets it go on; replay it when it is over"),
            NotKept::LeftOut { .. } | NotKept::NotAsked { .. } => {
                Self::new(Exit::No, Code::NothingToReplay, message)
                    .hint("`persona-host turns show` tells how it went")
            }
            NotKept::Pruned { .. } => Self::new(Exit::No, Code::NothingToReplay, message)
                .hint("replay a younger turn, or keep the steps for longer (store.keep)"),
            NotKept::TooOld { .. } => Self::new(Exit::No, Code::NothingToReplay, message)
                .hint("replay a younger turn; `persona-host turns list` has them"),
            NotKept::Damaged { .. } => Self::new(Exit::File, Code::LedgerRow, message)
                .hint("the ledger holds what this version does not write; replay another turn"),
        }
    }
}
