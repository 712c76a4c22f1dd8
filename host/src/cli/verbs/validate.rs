//! `validate`: everything that is wrong with configuration, plugins and experiments, before anything is begun. It asks
//! no neighbour and writes no ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::experiment::{check_arms, check_neighbours};
use super::seed;
use crate::behavior::{Engine, Folder};
use crate::cli::args::Validate;
use crate::cli::output::{GOOD, HEAD, ODD, Output, styled};
use crate::cli::text::counted;
use crate::cli::{Exit, Failure, load};
use crate::config::{Config, ConfigError, experiment_files, read_experiment, unknown_variables};
use crate::reload::{Admission, Complaint};
use domain::code::Code;
use domain::ids::{GenerationNumber, PluginName, StrategyName};
use domain::plugin::ReplayPolicy;
use domain::strategy::Strategy;

/// What was found, and how much was looked at.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What keeps it from working.
    pub(super) mistakes: Vec<Failure>,
    /// What works, and somebody should look at.
    pub(super) warnings: Vec<Failure>,
    plugins: usize,
    experiments: usize,
    /// What there is without the mistakes, unless they keep the rest from being read.
    pub(super) config: Option<Config>,
}

/// Looks at everything. Ends with [`Exit::Configuration`] when the configuration is wrong, and with [`Exit::BadInput`]
/// when only plugins or experiments are.
///
/// # Errors
/// When the file that was named cannot be read, or nothing can be printed.
pub async fn validate(args: &Validate, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let found = look(args, file).await?;
    let exit = exit(&found.mistakes);
    let told = |failures: &[Failure]| failures.iter().map(Failure::document).collect::<Vec<Value>>();
    let document = json!({
        "mistakes": told(&found.mistakes), "warnings": told(&found.warnings),
        "plugins": found.plugins, "experiments": found.experiments,
    });
    let wrong = found.mistakes.len();
    output.print(&document, || text(found))?;
    match exit {
        Exit::Done => {
            output.next(&["run"]);
            Ok(())
        }
        exit => Err(Failure::new(exit, Code::MistakesFound, counted(wrong, "mistake")).told()),
    }
}

/// Looks at everything, and prints nothing.
///
/// # Errors
/// When the file that was named cannot be read.
pub(super) async fn look(args: &Validate, file: Option<&Path>) -> Result<Found, Failure> {
    let environment = |name: &str| if args.no_environment { None } else { load::variable(name) };
    let (mistakes, config) = load::mistakes(file, &environment)?;
    let mut found = Found { mistakes: mistakes.into_iter().map(Failure::from).collect(), ..Found::default() };
    if !args.no_environment {
        found.warnings.extend(
            unknown_variables(load::variables()).into_iter().map(|told| warning(Code::VariableUnknown, told)),
        );
    }
    if let Some(config) = config {
        of_values(&config, args, &mut found);
        of_plugins(&config, &mut found).await;
        of_experiments(&config, &mut found).await;
        found.config = Some(config);
    }
    Ok(found)
}

/// Those of the configuration go before all others.
fn exit(mistakes: &[Failure]) -> Exit {
    let of_configuration = |own: &&Failure| matches!(own.exit(), Exit::Configuration | Exit::Unexpected);
    match (mistakes.first(), mistakes.iter().find(of_configuration)) {
        (None, _) => Exit::Done,
        (Some(_), Some(_)) => Exit::Configuration,
        (Some(first), None) => first.exit(),
    }
}

fn warning(code: Code, message: String) -> Failure {
    Failure::new(Exit::Done, code, message)
}

/// What the configuration says of itself, of keys, and of who there is.
fn of_values(config: &Config, args: &Validate, found: &mut Found) {
    found.mistakes.extend(load::strange_neighbours(config).into_iter().map(Failure::from));
    found.mistakes.extend(load::ledger(config).err().map(Failure::from));
    found.mistakes.extend(load::trust(config).err());
    found.mistakes.extend(load::priced(config).err());
    found.warnings.extend(load::too_narrow(config).into_iter().map(|told| warning(Code::BudgetNarrow, told)));
    if !args.no_environment {
        found.mistakes.extend(config.check_production().err().map(Failure::from));
        if !config.runner.production {
            let missing = config.missing_keys();
            found.warnings.extend(
                missing
                    .iter()
                    .map(|key| warning(Code::KeysMissing, format!("{key} is not set: the loop is off"))),
            );
        }
    }
    if let Some(catalog) = &args.catalog {
        match nobodys(config, catalog) {
            Ok(nobodys) => found.warnings.extend(nobodys),
            // Whatever else is wrong is told all the same.
            Err(failure) => found.mistakes.push(failure),
        }
    }
}

/// Entries for a persona or an archetype that the catalog does not have.
fn nobodys(config: &Config, path: &Path) -> Result<Vec<Failure>, Failure> {
    let catalog = seed::read(path)?;
    let emails: BTreeSet<&str> = catalog.personas.iter().map(|own| own.email.as_str()).collect();
    let archetypes: BTreeSet<&str> = catalog.personas.iter().map(|own| own.archetype.as_str()).collect();
    let schedule = config.schedule.as_ref();
    let (routing, no_entries) = (&config.routing, BTreeMap::new());
    let of_archetypes = schedule.map_or(&no_entries, |rules| &rules.archetypes);
    let of_personas = schedule.map_or(&no_entries, |rules| &rules.personas);
    let named = [
        ("routing.archetypes", "archetype", &archetypes, routing.archetypes.keys().collect::<Vec<_>>()),
        ("routing.personas", "address", &emails, routing.personas.keys().collect()),
        ("schedule.archetypes", "archetype", &archetypes, of_archetypes.keys().collect()),
        ("schedule.personas", "address", &emails, of_personas.keys().collect()),
    ];
    let nobodys = named.into_iter().flat_map(|(group, kind, known, who)| {
        let strangers = who.into_iter().filter(|who| !known.contains(who.as_str()));
        strangers.map(move |who| ConfigError::Nobody {
            key: format!("{group}.{who}"),
            kind,
            catalog: path.to_owned(),
        })
    });
    Ok(nobodys.map(|error| config.told(error).into()).collect())
}

/// Whether each plugin that a strategy uses is let in as at a start, and takes the strategies' settings.
async fn of_plugins(config: &Config, found: &mut Found) {
    let (engine, trust) = match (Engine::new(&load::engine(config)), load::trust(config)) {
        (Ok(engine), Ok(trust)) => (engine, trust),
        // A key that is none has been told.
        (engine, _) => return found.mistakes.extend(engine.err().map(Failure::from)),
    };
    let folder = Folder::new(config.plugins.dir.clone());
    let mut uses: BTreeMap<PluginName, Vec<Arc<Strategy>>> = BTreeMap::new();
    for strategy in &config.strategies {
        uses.entry(strategy.plugin.clone()).or_default().push(Arc::new(strategy.clone()));
    }
    for (plugin, strategies) in uses {
        found.plugins += 1;
        let admission = Admission {
            trust: trust.clone(),
            strategies,
            turns: Vec::new(),
            live: None,
            policy: ReplayPolicy::Off,
            lenient: true,
        };
        let admitted = match folder.read(&plugin).await {
            Ok(source) => admission.admit(&engine, &source, GenerationNumber(1)).await,
            Err(refusal) => Err(refusal),
        };
        match admitted {
            Err(refusal) => found.mistakes.push(refusal.into()),
            Ok(admitted) => {
                let about =
                    |told: String| warning(Code::PluginWarning, format!("plugin \"{plugin}\": {told}"));
                found.warnings.extend(admitted.warnings.into_iter().map(about));
                let refused = admitted
                    .left_out
                    .into_iter()
                    .map(|(strategy, unfit)| Complaint::Settings { strategy, why: unfit.said }.into());
                found.mistakes.extend(refused);
            }
        }
    }
}

/// Whether each experiment of the folder can be played, and beside the others.
async fn of_experiments(config: &Config, found: &mut Found) {
    let names: BTreeSet<StrategyName> = config.strategies.iter().map(|own| own.name.clone()).collect();
    for path in experiment_files(&config.experiments) {
        found.experiments += 1;
        let experiment = match read_experiment(&path, &names) {
            Ok(experiment) => experiment,
            Err(error) => {
                // It is no mistake of the configuration's own file.
                found.mistakes.push(Failure::from(error).ending(Exit::BadInput));
                continue;
            }
        };
        found.mistakes.extend(check_neighbours(&experiment, &path, config, &names).err());
        match check_arms(&experiment, config).await {
            Ok(told) => {
                found.warnings.extend(told.into_iter().map(|told| warning(Code::PluginWarning, told)))
            }
            Err(failure) => found.mistakes.push(failure),
        }
    }
}

fn text(found: Found) -> String {
    let Found { mistakes, warnings, plugins, experiments, .. } = found;
    let (wrong, odd) = (mistakes.len(), warnings.len());
    let mistakes: String = mistakes.into_iter().map(Failure::into_text).collect();
    let warnings: String =
        warnings.into_iter().map(|own| format!("{} {}", styled(ODD, "!"), own.line())).collect();
    let looked_at =
        format!("configuration, {}, {}", counted(plugins, "plugin"), counted(experiments, "experiment"));
    let end = match (wrong, odd) {
        (0, 0) => format!("{} {looked_at}: nothing is wrong", styled(GOOD, "✓")),
        (0, _) => format!("{} {looked_at}: it works; {odd} to look at (marked with !)", styled(GOOD, "✓")),
        _ => styled(HEAD, format!("{looked_at}: {}", counted(wrong, "mistake"))),
    };
    format!("{mistakes}{warnings}{end}\n")
}
