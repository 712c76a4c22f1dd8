//! The configuration, plugins and experiments: what `validate` finds, and what only a machine on which it runs can show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::finding::{Look, Mend};
use crate::cli::verbs::validate;
use crate::cli::{Exit, Failure, args, load};
use crate::config::{Config, Origin, VARIABLES, Variable, experiment_files, read_experiment};
use domain::ids::StrategyName;

/// Looks at all of it. Gives what there is of a configuration.
pub(super) async fn look(file: Option<&Path>) -> (Vec<Look>, Option<Config>) {
    let [mut own, mut plugins, mut experiments] = ["configuration", "plugins", "experiments"].map(Look::at);
    let wanted = args::Validate { no_environment: false, catalog: None };
    let found = match validate::look(&wanted, file).await {
        Ok(found) => found,
        Err(failure) => {
            own.failed(&failure);
            own.found.iter_mut().for_each(|told| told.at = file.map(|path| path.display().to_string()));
            return (vec![own], None);
        }
    };
    for mistake in &found.mistakes {
        match (mistake.exit(), mistake.document()["code"].as_str().unwrap_or_default()) {
            (Exit::BadInput, code) if code.starts_with("refused") || code == "settings-refused" => {
                plugins.failed(mistake)
            }
            (Exit::BadInput | Exit::File, _) => experiments.failed(mistake),
            _ => own.failed(mistake),
        }
    }
    // What is written in no file is in a variable.
    for told in [&mut own, &mut plugins, &mut experiments].into_iter().flat_map(|look| &mut look.found) {
        let named = |own: &&Variable| told.what.contains(own.name);
        let variable = VARIABLES.iter().filter(named).max_by_key(|own| own.name.len());
        told.at.get_or_insert_with(|| variable.map_or("the configuration", |own| own.name).to_owned());
    }
    for warning in &found.warnings {
        own.notes.push(warning.to_string());
    }
    let Some(config) = found.config else {
        own.left_out.push("everything else: it needs a configuration that can be read".to_owned());
        return (vec![own], None);
    };
    without_effect(&mut own, &config);
    open_secrets(&mut own, &config);
    folders(&mut own, &config);
    unrouted(&mut own, &config);
    (vec![own, plugins, experiments], Some(config))
}

/// What was set and does nothing, and what was not set and keeps the loop off.
fn without_effect(look: &mut Look, config: &Config) {
    for told in crate::config::unknown_variables(load::variables()) {
        let (name, fix) = told.split_once(": ").map_or((told.as_str(), ""), |(name, fix)| (name, fix));
        let variable = name.split_whitespace().next().unwrap_or_default();
        let fix = if fix.is_empty() { name } else { fix };
        let at = Some(variable.to_owned());
        look.wrong(told.clone(), at, "it looks like one of this program's variables, and is none", fix);
        look.notes.retain(|own| *own != told);
    }
    for told in load::too_narrow(config) {
        let cause =
            "the most that a call may cost is taken before it, and given back as far as it did not cost it";
        look.wrong(
            told.clone(),
            Some("[budget]".to_owned()),
            cause,
            "raise the limit, or lower model.max_tokens",
        );
        look.notes.retain(|own| *own != told);
    }
    // In production it is a mistake, and told as one.
    for key in config.missing_keys().into_iter().filter(|_| !config.runner.production) {
        look.wrong(
            format!("{key} is not set: the loop is off, and no persona plays"),
            Some(key.to_owned()),
            "neither the variable nor the file that it may be in was given to this process",
            format!("set {key}, or {key}_FILE to the name of a file that holds it"),
        );
        look.notes.retain(|own| !own.starts_with(key));
    }
}

fn open_secrets(look: &mut Look, config: &Config) {
    for variable in &config.open_secrets {
        let Some(path) = load::variable(variable).map(PathBuf::from) else { continue };
        let found = look.wrong(
            format!("every user of this machine may read the secret in {}", path.display()),
            Some(variable.clone()),
            "the file's mode lets others read it",
            format!("chmod 600 {} (or `persona-host doctor --fix`)", path.display()),
        );
        found.mend = Some(Mend::Close(path));
    }
}

/// Folders that somebody named and nobody made.
fn folders(look: &mut Look, config: &Config) {
    for (key, folder) in [("plugins.dir", &config.plugins.dir), ("experiments.dir", &config.experiments)] {
        let is_named = config.shown.iter().any(|own| own.key == key && own.origin != Origin::Default);
        if is_named && !folder.is_dir() {
            let found = look.wrong(
                format!("the folder {} does not exist", folder.display()),
                Some(key.to_owned()),
                "it was never made, is not mounted, or the name has a slip; nothing is found there meanwhile",
                format!(
                    "mkdir -p -m 700 {} (or `persona-host doctor --fix`), or correct {key}",
                    folder.display()
                ),
            );
            found.mend = Some(Mend::Folder(folder.clone()));
        }
    }
}

/// Strategies that somebody wrote and nobody plays.
fn unrouted(look: &mut Look, config: &Config) {
    let names: BTreeSet<StrategyName> = config.strategies.iter().map(|own| own.name.clone()).collect();
    let routing = &config.routing;
    let mut played: BTreeSet<StrategyName> = routing
        .archetypes
        .values()
        .chain(routing.personas.values())
        .chain([&routing.default])
        .cloned()
        .collect();
    let files = experiment_files(&config.experiments);
    let read: Vec<_> = files.iter().map(|path| read_experiment(path, &names)).collect();
    // Who knows what is in a file that cannot be read.
    if read.iter().any(Result::is_err) {
        return;
    }
    played.extend(read.into_iter().flatten().flat_map(|own| own.arms).map(|arm| arm.strategy));
    for name in names.difference(&played) {
        let key = format!("strategies.{name}");
        let written = config.shown.iter().find(|own| own.key == key).map(|own| &own.origin);
        if let Some(Origin::File(path)) = written {
            look.wrong(
                format!("nobody plays the strategy {name}"),
                Some(format!("[{key}] in {}", path.display())),
                "no entry of [routing] and no arm of an experiment names it",
                format!("write default = \"{name}\" in [routing], or a line under [routing.personas] or [routing.archetypes], or take it away"),
            );
        }
    }
}

/// A failure as a look of its own, for what ends the visit early.
pub(super) fn cut_short(failure: &Failure) -> Look {
    let mut look = Look::at("configuration");
    look.failed(failure);
    look
}
