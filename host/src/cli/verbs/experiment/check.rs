//! `experiment check`: is the plan sound, what can it find, what does it cost and how long does it take? Before
//! anything is paid.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::arms::check_arms;
use crate::cli::output::{GOOD, HEAD, ODD, Output, styled};
use crate::cli::text::{grouped, set};
use crate::cli::{Exit, Failure, load};
use crate::config::{Config, experiment_files, read_experiment};
use crate::domain::clock::Clock;
use crate::domain::experiment::{Design, Experiment, Metric, Who};
use crate::domain::ids::StrategyName;
use crate::domain::persona::{Cadence, Persona};
use crate::experiment::assignment::{self, Dealt, Unit, dealt, fairest};
use crate::experiment::statistics::{Study, floor};
use crate::store::{Ledger, LedgerUrl};

/// What is assumed where nothing has been seen: personas of the example catalog, modules that a turn rates,
/// and how much things vary, in rating points.
const PERSONAS: u32 = 10;
const MODULES: f64 = 2.5;
const EFFECT_SD: f64 = 0.25;
const NOISE_SD: f64 = 1.0;
const PERSONA_SD: f64 = 0.6;
const POWER: f64 = 0.8;
/// With fewer personas a split finds hardly anything.
const SPLIT_PERSONAS: u32 = 30;

/// What is known beforehand.
struct Outlook {
    personas: u32,
    /// Where that number is from.
    counted: String,
    turns: u64,
    cost: Option<f64>,
    days: Option<f64>,
    detectable: Option<f64>,
    floor: f64,
    balance: Option<Balance>,
    warnings: Vec<String>,
}

/// How alike the arms of a split are under its seed, and how alike they could be.
struct Balance {
    own: Dealt,
    fairest: Dealt,
}

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
    let ledger = LedgerUrl::parse(&config.store.url)?;
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
    output.print(&document, || text(&experiment, &outlook))
}

/// Whether it can run beside the daemon's other experiments. Of a file elsewhere it is taken that it is to
/// replace the one of its key.
fn check_neighbours(
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
            return Err(Failure::new(Exit::BadInput, message));
        }
    }
    Ok(())
}

/// Whether the ledger knows it already: then by this very plan.
async fn has_begun(experiment: &Experiment, file: &Path, ledger: &Ledger) -> Result<bool, Failure> {
    let registered = ledger.experiment(experiment.key(), Some(experiment.version)).await?;
    if registered.as_ref().is_some_and(|registered| registered.sha256 != experiment.sha256()) {
        let message =
            format!("{} has begun with another plan than that of {}", experiment.key(), file.display());
        return Err(Failure::new(Exit::BadInput, message).hint("put the file back, or raise `version` in it"));
    }
    Ok(registered.is_some())
}

async fn outlook(experiment: &Experiment, begun: bool, ledger: Option<&Ledger>) -> Result<Outlook, Failure> {
    let known: Vec<Persona> = match ledger {
        Some(ledger) => ledger.personas().await?,
        None => Vec::new(),
    };
    let known: Vec<Persona> = known.into_iter().filter(|persona| joins(experiment, persona)).collect();
    let (personas, counted) = match &experiment.who {
        Who::Personas(emails) => (count(emails.len()), "listed in the file".to_owned()),
        _ if !known.is_empty() => (count(known.len()), "known to the ledger".to_owned()),
        _ => (PERSONAS, format!("assumed: the ledger knows nobody yet, the example catalog has {PERSONAS}")),
    };
    let plan = &experiment.plan;
    let arms = if plan.design == Design::Split { 1 } else { count(plan.arms.len()) };
    let turns = u64::from(personas) * u64::from(plan.planned_blocks) * u64::from(arms);
    let mut of_turn = None;
    if let Some(ledger) = ledger {
        let strategies: Vec<StrategyName> = experiment.arms.iter().map(|arm| arm.strategy.clone()).collect();
        of_turn = ledger.usual_cost(&strategies).await?;
    }
    let study = Study {
        personas,
        pairs: f64::from(plan.planned_blocks) * if plan.primary == Metric::Rating { MODULES } else { 1.0 },
        effect_sd: EFFECT_SD,
        noise_sd: NOISE_SD,
        persona_sd: (plan.design == Design::Split).then_some(PERSONA_SD),
        alpha: plan.alpha,
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of turns")]
    let cost = of_turn.map(|cost| cost * turns as f64);
    let mut outlook = Outlook {
        personas,
        counted,
        turns,
        cost,
        days: slowest(&known).map(|per_day| f64::from(plan.planned_blocks * arms) / per_day),
        // The figures behind it are rating points.
        detectable: if plan.primary == Metric::Rating { study.detectable(POWER) } else { None },
        floor: floor(personas as usize),
        // Who has an arm keeps it: once begun, another seed is no advice.
        balance: match ledger.filter(|_| plan.design == Design::Split && !begun) {
            Some(ledger) => balance(experiment, ledger).await?,
            None => None,
        },
        warnings: Vec::new(),
    };
    outlook.warnings = warnings(experiment, &outlook, Clock::system().now());
    Ok(outlook)
}

/// How alike the arms of a split are in size, kinds of persons, cadence and ratings so far.
async fn balance(experiment: &Experiment, ledger: &Ledger) -> Result<Option<Balance>, Failure> {
    let rated = ledger.mean_ratings(None).await?;
    // Whom another seed would take in counts too.
    let may_join = ledger.personas().await?.into_iter().filter(|persona| experiment.who.includes(persona));
    let units = may_join.map(|persona| Unit {
        traits: vec![persona.archetype, format!("{:?}", persona.cadence)],
        before: rated.get(&persona.email).copied(),
        id: persona.email,
    });
    let units: Vec<Unit> = units.collect();
    Ok((!units.is_empty())
        .then(|| Balance { own: dealt(experiment, &units), fairest: fairest(experiment, &units) }))
}

fn shown(dealt: &Dealt) -> String {
    if dealt.imbalance.is_finite() {
        format!("{:.2}", dealt.imbalance)
    } else {
        "∞ (an arm has nobody)".to_owned()
    }
}

fn joins(experiment: &Experiment, persona: &Persona) -> bool {
    experiment.who.includes(persona) && assignment::next(experiment, &persona.email, &[]).is_some()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Turns a day of the persona that acts least.
fn slowest(personas: &[Persona]) -> Option<f64> {
    let per_day = |persona: &Persona| match persona.cadence {
        Cadence::Hourly => 24.0,
        Cadence::Daily => 1.0,
        Cadence::Weekdays => 5.0 / 7.0,
    };
    personas.iter().map(per_day).min_by(f64::total_cmp)
}

fn warnings(experiment: &Experiment, outlook: &Outlook, now: DateTime<Utc>) -> Vec<String> {
    let plan = &experiment.plan;
    let mut warnings = Vec::new();
    let personas = outlook.personas;
    if plan.design == Design::Crossover && outlook.floor > plan.alpha {
        warnings.push(format!("{personas} personas can never reach p < {} between personas: the smallest p-value of the exact test is {}; take six or more to speak about new ones", plan.alpha, outlook.floor));
    }
    if plan.design == Design::Split && personas < SPLIT_PERSONAS {
        warnings.push(format!("a split of {personas} personas is underpowered by design: take {SPLIT_PERSONAS} or more, or a crossover"));
    }
    if let Some(detectable) = outlook.detectable.filter(|detectable| *detectable > plan.margin) {
        warnings.push(format!("differences from ±{} on are said to matter, but among new personas this experiment finds those from {detectable:.2} on: take more personas, or speak about these only", plan.margin));
    }
    if plan.design == Design::Crossover && plan.planned_blocks < 10 {
        warnings
            .push("a verdict that holds at every look needs 10 rounds: plan 10 blocks or more".to_owned());
    }
    if let Some(Balance { own, fairest }) = &outlook.balance
        && fairest.imbalance < own.imbalance
    {
        warnings.push(format!(
            "the arms could be more alike: of 100 seeds {:?} is the fairest, with an imbalance of {} instead of {}; write it as `seed`",
            fairest.seed,
            shown(fairest),
            shown(own)
        ));
    }
    if let (Some(days), Some(ends)) = (outlook.days, experiment.ends) {
        let open = ends - experiment.starts.unwrap_or(now).max(now);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand hours")]
        let open = open.num_hours() as f64 / 24.0;
        if open < days {
            warnings.push(format!("it takes about {days:.0} days live and is open for {open:.0}: end it later, or plan fewer blocks"));
        }
    }
    match (experiment.budget, outlook.cost) {
        (Some(budget), Some(cost)) if cost > budget => {
            warnings.push(format!(
                "it is expected to cost ${cost:.2}, and the budget of ${budget:.2} ends it before"
            ));
        }
        (Some(_), None) => warnings.push(
            "whether the budget suffices is not known: no turn of these strategies has run yet".to_owned(),
        ),
        _ => {}
    }
    let same = |a: &crate::domain::experiment::Arm, b: &crate::domain::experiment::Arm| {
        a.strategy == b.strategy && a.settings == b.settings
    };
    if let [a, b] = experiment.arms.as_slice()
        && same(a, b)
    {
        warnings.push("both arms are the same: this is an A/A test, and every difference that it finds is a false alarm".to_owned());
    }
    warnings
}

fn text(experiment: &Experiment, outlook: &Outlook) -> String {
    let plan = &experiment.plan;
    let design = if plan.design == Design::Split { "split" } else { "crossover" };
    let arms: Vec<&str> = plan.arms.iter().map(|arm| arm.as_str()).collect();
    let mut page = format!("{} {}\n", styled(HEAD, experiment.key()), styled(GOOD, "is a sound plan"));
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
            shown(own),
            own.seed
        );
        page.push_str(&fact("balance", what));
    }
    for warning in &outlook.warnings {
        page.push_str(&set(&format!("  {} ", styled(ODD, "warning:")), 4, warning, 100));
    }
    page
}
