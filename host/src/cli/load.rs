//! From the command line to a configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::output::{ODD, Output, styled};
use super::{Exit, Failure};
use crate::behavior::{EngineOptions, ProofLimits, PublicKey, Trust};
use crate::config::{self, Config, ConfigError, File, SignIn, resolve, unknown_variables};
use crate::mana::{Options, SignInForm, SignInLimit};
use crate::model;
use crate::outbound::{self, Named};
use crate::private;
use crate::store::{LedgerError, LedgerUrl};
use crate::workshop::Surroundings;
use domain::code::Code;
use domain::usage::Usage;

/// The file that is read when none is named.
const USUAL_FILE: &str = "persona-host.toml";

/// The configuration file that was named, or the usual one if there is one.
///
/// # Errors
/// When a file that was named cannot be read, or has mistakes.
pub fn file(named: Option<&Path>) -> Result<File, ConfigError> {
    meant(named).map_or_else(|| Ok(File::default()), File::read)
}

/// The file that was named, or the usual one if there is one.
#[must_use]
pub fn meant(named: Option<&Path>) -> Option<&Path> {
    let usual = Path::new(USUAL_FILE);
    named.or_else(|| usual.is_file().then_some(usual))
}

/// The whole configuration.
///
/// # Errors
/// When the file or the environment has a value that cannot be used.
pub fn config(named: Option<&Path>) -> Result<Config, ConfigError> {
    let config = resolve(file(named)?, &variable)?;
    only_neighbours(&config)?;
    Ok(config)
}

/// Everything that is wrong with the configuration, and what there is without that.
///
/// # Errors
/// When a file that was named cannot be read.
pub fn mistakes(
    named: Option<&Path>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Vec<ConfigError>, Option<Config>), ConfigError> {
    let Some(path) = meant(named) else {
        return Ok(config::mistakes(None, environment));
    };
    let text = std::fs::read_to_string(path)
        .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
    Ok(config::mistakes(Some((path, &text)), environment))
}

/// Refuses URLs of which no neighbour has one.
///
/// # Errors
/// With the first of them.
pub fn only_neighbours(config: &Config) -> Result<(), ConfigError> {
    strange_neighbours(config).into_iter().next().map_or(Ok(()), Err)
}

/// The URLs of which no neighbour has one.
#[must_use]
pub fn strange_neighbours(config: &Config) -> Vec<ConfigError> {
    let hosts = Named::new(&config.allowed_hosts);
    let urls = [
        ("mana.auth_url", &config.mana.auth_url),
        ("mana.mcp_url", &config.mana.mcp_url),
        ("mana.personas_url", &config.mana.personas_url),
        ("model.base_url", &config.model.base_url),
    ];
    let of_traces = config.traces.iter().map(|traces| ("traces.endpoint", &traces.endpoint));
    let refused = urls.into_iter().chain(of_traces).filter_map(|(name, url)| {
        let problem = outbound::problem(url, &hosts)?;
        Some(config.told(ConfigError::Value { name: name.to_owned(), problem, raw: url.clone() }))
    });
    refused.collect()
}

/// Refuses a budget for a model without a price: nobody knows what a call costs, and no budget would hold.
///
/// # Errors
/// With that model.
pub fn priced(config: &Config) -> Result<(), Failure> {
    let is_priced = |model: &str| model::price::cost(model, &Usage::default()).is_some();
    let of_strategies = config.strategies.iter().filter_map(|own| own.model.as_deref());
    let mut models = [config.model.name.as_str()].into_iter().chain(of_strategies);
    match models.find(|model| !config.budget.is_empty() && !is_priced(model)) {
        None => Ok(()),
        Some(model) => {
            let message = format!("there is a [budget], and what the model {model} costs is not known");
            let known = model::price::known().join(", ");
            let hint = format!(
                "name a model whose price is known (model.name, ANTHROPIC_MODEL, or `model` of a strategy), or leave [budget] \
                 out; those are {known}, as of {}",
                model::price::TABLE
            );
            Err(Failure::new(Exit::Configuration, Code::BudgetUnpriced, message).hint(hint))
        }
    }
}

/// Limits of the budget that have no room for a single call, as far as that is known before one is made: a sentence each.
#[must_use]
pub fn too_narrow(config: &Config) -> Vec<String> {
    let limits = &config.budget;
    let of_all = [("turn", limits.turn), ("persona_day", limits.persona_day), ("day", limits.day)];
    let of_all = of_all.into_iter().filter_map(|(key, limit)| Some((key.to_owned(), limit?, None)));
    let of_strategies = limits.strategies.iter().map(|(name, limit)| {
        let own = config.strategies.iter().find(|own| own.name == *name);
        (format!("strategies.{name}"), *limit, own.and_then(|own| own.model.as_deref()))
    });
    let told = of_all.chain(of_strategies).filter_map(|(key, limit, model)| {
        let model = model.unwrap_or(&config.model.name);
        let least = model::price::most(model, 0, config.model.max_tokens).filter(|least| *least > limit)?;
        Some(format!(
            "budget.{key} is {limit}, and one call of {model} may cost {least} or more (model.max_tokens = {}): no turn can \
             ask anything",
            config.model.max_tokens
        ))
    });
    told.collect()
}

/// Where the configured ledger is.
///
/// # Errors
/// When `store.url` is that of something else.
pub fn ledger(config: &Config) -> Result<LedgerUrl, LedgerError> {
    Ok(LedgerUrl::parse(config.store.url.expose_secret())?)
}

/// The folder of the last good builds: the configured one, or the one beside the ledger.
#[must_use]
pub fn builds_dir(config: &Config, ledger: &LedgerUrl) -> PathBuf {
    config.plugins.builds_dir.clone().unwrap_or_else(|| ledger.beside("builds"))
}

/// What plugins run on.
#[must_use]
pub fn engine(config: &Config) -> EngineOptions {
    EngineOptions {
        cache_dir: config.plugins.cache_dir.clone(),
        prover: config.plugins.prover.clone(),
        proof: ProofLimits::default(),
    }
}

/// What is asked of a component before it is compiled.
///
/// # Errors
/// When one of the trusted keys is none.
pub fn trust(config: &Config) -> Result<Trust, Failure> {
    let key = |text: &String| {
        PublicKey::parse(text).ok_or_else(|| {
            let message = format!("plugins.trusted_keys holds {text:?}, which is no Ed25519 public key");
            Failure::new(Exit::Configuration, Code::ConfigValue, message).hint(
                "write its 32 bytes in Base64, or what `openssl pkey -pubout -outform DER | base64` prints",
            )
        })
    };
    Ok(Trust {
        pins: config.plugins.pins.clone(),
        signatures: config.plugins.signatures,
        keys: config.plugins.trusted_keys.iter().map(key).collect::<Result<_, _>>()?,
    })
}

/// What the client of mana-auth is made with.
#[must_use]
pub fn mana_options(config: &Config) -> Options {
    Options {
        auth_url: config.mana.auth_url.clone(),
        personas_url: config.mana.personas_url.clone(),
        service_key: config.mana.service_key.clone(),
        seed_secret: config.mana.seed_secret.clone(),
        sign_in_limit: (config.mana.sign_in_limit).map(|(at_once, window)| SignInLimit { at_once, window }),
        patience: config.mana.answer_timeout,
        sign_in: match config.mana.sign_in {
            SignIn::Auto => SignInForm::Auto,
            SignIn::Cookie => SignInForm::Cookie,
            SignIn::Bearer => SignInForm::Bearer,
        },
    }
}

/// Says what looks like a variable of ours and is none.
pub fn say_unknown_variables(output: Output) {
    for told in unknown_variables(variables()) {
        output.say(&styled(ODD, told));
    }
}

/// The names of the process's environment.
#[must_use]
pub fn variables() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

/// A variable of the process's environment.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A new folder among the temporary ones, for nobody but its owner.
///
/// # Errors
/// When there can be none.
pub fn temporary_folder(purpose: &str) -> Result<PathBuf, Failure> {
    // Whoever could guess its name could have made it before.
    let folder = std::env::temp_dir().join(format!("persona-host-{purpose}-{}", Uuid::new_v4().simple()));
    private::folder(&folder).map_err(|error| {
        let message = format!("the folder {} cannot be created: {error}", folder.display());
        Failure::new(Exit::File, Code::FileUnwritable, message)
            .hint("TMPDIR names the folder in which it is made")
    })?;
    Ok(folder)
}

/// Removes the temporary folders of this purpose whose last use is longer ago than this: a ledger that nobody looked at
/// for so long is not looked at any more. What is not ours to remove stays.
pub fn sweep(purpose: &str, older: Duration) {
    sweep_in(&std::env::temp_dir(), purpose, older);
}

fn sweep_in(folder: &Path, purpose: &str, older: Duration) {
    let prefix = format!("persona-host-{purpose}-");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        // Nothing but what this program names so.
        let is_named = |name: &str| name.strip_prefix(&prefix).is_some_and(|id| Uuid::try_parse(id).is_ok());
        let age = entry.metadata().and_then(|own| own.modified()).ok().and_then(|at| at.elapsed().ok());
        if name.to_str().is_some_and(is_named) && age.is_some_and(|age| age > older) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// What of the process's environment matters to a build of a plugin.
#[must_use]
pub fn surroundings() -> Surroundings {
    let variables = variables();
    let target_dir = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"].into_iter().find_map(variable);
    // Cargo is called in the project's folder, and the user is in another one.
    let target_dir = target_dir.and_then(|folder| std::path::absolute(folder).ok());
    Surroundings { variables, target_dir }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_folders_of_that_purpose_are_swept_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let id = Uuid::new_v4().simple();
        let replay = format!("persona-host-replay-{id}");
        for name in [replay.as_str(), "persona-host-replay-mine", &format!("persona-host-report-{id}")] {
            std::fs::create_dir(folder.path().join(name)).expect("it is new");
        }
        let names = || {
            let entries = std::fs::read_dir(folder.path()).expect("it is there");
            entries
                .map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
        };
        sweep_in(folder.path(), "replay", Duration::from_secs(3600));
        assert_eq!(names().len(), 3, "all are young");
        sweep_in(folder.path(), "replay", Duration::ZERO);
        assert!(names().len() == 2 && !names().contains(&replay), "{:?}", names());
    }
}
