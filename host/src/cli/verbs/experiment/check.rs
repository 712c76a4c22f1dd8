//! `experiment check`: is the plan sound, can it run here, and what is it going to find and to cost? Before
//! anything is paid.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::arms::check_arms;
use super::outlook::{Balance, Outlook, outlook};
use crate::cli::output::{GOOD, HEAD, ODD, Output, styled};
use crate::cli::text::{grouped, set};
use crate::cli::{Exit, Failure, load};
use crate::config::{Config, experiment_files, read_experiment};
use crate::store::Ledger;
use domain::clock::Clock;
use domain::code::Code;
use domain::experiment::{Design, Experiment};
use domain::ids::StrategyName;

/// Checks an experiment file.
///
/// # Errors
/// When it cannot be read or meant.
pub async fn check(file: &Path, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(config)?;
    let names: BTreeSet<StrategyName> = config.strategies.iter().map(|own| own.name.clone()).collect();
    let experiment = read_experiment(file, &names)?;
    check_neighbours(&experiment, file, &config, &names)?;
    let of_arms = check_arms(&experiment, &config).await?;
    let ledger = load::ledger(&config)?;
    // Without a ledger nothing has run yet, and nothing is known of personas and prices.
    let ledger = Ledger::open_to_read(&ledger, Clock::system()).await.ok();
    let begun = match &ledger {
        Some(ledger) => has_begun(&experiment, file, ledger).await?,
        None => false,
    };
    let mut outlook = outlook(&experiment, begun, ledger.as_ref()).await?;
    outlook.warnings.extend(of_arms);
    let document = json!({
        "file": file, "key": experiment.key(), "planSha256": experiment.sha256(), "experiment": experiment,
        "personas": outlook.personas, "personasAreFrom": outlook.counted, "turns": outlook.turns,
        "expectedCost": outlook.cost, "days": outlook.days, "detectable": outlook.detectable,
        "floor": (experiment.plan.design == Design::Crossover).then_some(outlook.floor),
        "balance": outlook.balance.as_ref().map(|own| json!({
            "seed": own.own.seed, "imbalance": own.own.imbalance,
            "fairestSeed": own.fairest.seed, "fairestImbalance": own.fairest.imbalance,
        })),
        "warnings": outlook.warnings,
    });
    output.print(&document, || text(&experiment, &outlook))?;
    output.next(&["experiment", "run", &file.display().to_string(), "--stand-ins"]);
    Ok(())
}

/// Whether it can run beside the daemon's other experiments. Of a file elsewhere it is taken that it is to
/// replace the one of its key.
///
/// # Errors
/// When some persona could be asked to play both at once, or two files have one key.
pub fn check_neighbours(
    experiment: &Experiment,
    file: &Path,
    config: &Config,
    names: &BTreeSet<StrategyName>,
) -> Result<(), Failure> {
    let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let own = absolute(file);
    let is_theirs = own.parent().is_some_and(|folder| folder == absolute(&config.experiments));
    for path in experiment_files(&config.experiments) {
        // One that cannot be used is no neighbour: the daemon leaves it out.
        let Ok(other) = read_experiment(&path, names) else { continue };
        let why = match other.key() == experiment.key() {
            _ if absolute(&path) == own => None,
            true => is_theirs.then(|| format!("its key {} is that of another file, too", other.key())),
            false => experiment.conflict(&other),
        };
        if let Some(why) = why {
            let message = format!("{} cannot run beside {}: {why}", file.display(), path.display());
            return Err(Failure::new(Exit::BadInput, Code::ExperimentConflict, message).hint(format!(
                "the daemon reads every file of {}; correct one of the two, or take one away",
                config.experiments.display()
            )));
        }
    }
    Ok(())
}

/// Whether the ledger knows it already: then by this very plan.
async fn has_begun(experiment: &Experiment, file: &Path, ledger: &Ledger) -> Result<bool, Failure> {
    let registered = ledger.experiment(experiment.key(), Some(experiment.version)).await?;
    if registered.as_ref().is_some_and(|registered| registered.experiment.sha256() != experiment.sha256()) {
        let message =
            format!("{} has begun with another plan than that of {}", experiment.key(), file.display());
        return Err(Failure::new(Exit::BadInput, Code::ExperimentOtherPlan, message)
            .hint("put the file back, or raise `version` in it"));
    }
    Ok(registered.is_some())
}

fn text(experiment: &Experiment, outlook: &Outlook) -> String {
    let plan = &experiment.plan;
    let design = if plan.design == Design::Split { "split" } else { "crossover" };
    let arms: Vec<&str> = plan.arms.iter().map(|arm| arm.as_str()).collect();
    let sound = match outlook.warnings.len() {
        0 => styled(GOOD, "is a sound plan").to_string(),
        1 => styled(ODD, "can run; read the warning first").to_string(),
        _ => styled(ODD, "can run; read the warnings first").to_string(),
    };
    let mut page = format!("{} {sound}\n", styled(HEAD, experiment.key()));
    page.push_str(&set("  ", 2, &plan.question, 100));
    let fact = |name: &str, value: String| format!("  {name:<12}{value}\n");
    page.push_str(&fact("arms", format!("{} ({design})", arms.join(" against "))));
    page.push_str(&fact("personas", format!("{} ({})", outlook.personas, outlook.counted)));
    page.push_str(&fact("turns", format!("{} in {} blocks", grouped(outlook.turns), plan.planned_blocks)));
    let unknown = "not known: no turn of these strategies has run yet".to_owned();
    page.push_str(&fact("cost", outlook.cost.map_or(unknown, |cost| format!("about ${cost:.2}"))));
    let days = outlook.days.map_or_else(
        || "not known: the ledger knows no cadences yet".to_owned(),
        |days| format!("about {days:.0} days live; at once it takes as long as its turns"),
    );
    page.push_str(&fact("time", days));
    if let Some(detectable) = outlook.detectable {
        let what = format!(
            "differences from {detectable:.2} points on among new personas, 80 times of 100 (if ratings vary as usual)"
        );
        page.push_str(&fact("can find", what));
    }
    if plan.design == Design::Crossover {
        page.push_str(&fact(
            "p-floor",
            format!("{}, the smallest p-value of the exact test between personas", outlook.floor),
        ));
    }
    if let Some(Balance { own, .. }) = &outlook.balance {
        let what = format!(
            "imbalance {} under the seed {:?}: 0 if the arms are alike in size, archetypes, cadences and ratings so far",
            own, own.seed
        );
        page.push_str(&fact("balance", what));
    }
    for warning in &outlook.warnings {
        page.push_str(&set(&format!("  {} ", styled(ODD, "warning:")), 4, warning, 100));
    }
    page
}
