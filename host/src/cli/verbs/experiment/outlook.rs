//! What is known of an experiment beforehand: whom it reaches, what it can find, what it costs, and what speaks
//! against it.

use chrono::{DateTime, Utc};

use crate::cli::Failure;
use crate::cli::text::grouped;
use crate::store::Ledger;
use domain::clock::Clock;
use domain::experiment::{Arm, Design, Experiment, Metric, Stopping, Who};
use domain::ids::StrategyName;
use domain::persona::{Cadence, Persona};
use experiment::analysis::out_of_reach;
use experiment::assignment::{self, Dealt, Unit, dealt, fairest};
use experiment::statistics::{FIRST_LOOK, SPLIT_PERSONAS, Study, floor};

/// What is assumed where nothing has been seen: personas of the example catalog, modules that a turn rates,
/// and how much things vary, in rating points.
const PERSONAS: u32 = 10;
const MODULES: f64 = 2.5;
const EFFECT_SD: f64 = 0.25;
const NOISE_SD: f64 = 1.0;
const PERSONA_SD: f64 = 0.6;
const POWER: f64 = 0.8;
/// At a turn every half minute, day and night, these take a year.
const MOST_TURNS: u64 = 1_000_000;

/// What is known beforehand.
pub(super) struct Outlook {
    pub(super) personas: u32,
    /// Where that number is from.
    pub(super) counted: String,
    pub(super) turns: u64,
    /// US dollars, if turns of these strategies have run before.
    pub(super) cost: Option<f64>,
    /// Until the persona that acts least has played all blocks, live.
    pub(super) days: Option<f64>,
    /// The smallest effect, in rating points, that is found among new personas in 80 of 100 such experiments.
    pub(super) detectable: Option<f64>,
    /// The smallest p-value of the exact test.
    pub(super) floor: f64,
    /// Of a split that has not begun, if personas are known.
    pub(super) balance: Option<Balance>,
    pub(super) warnings: Vec<String>,
}

/// How alike the arms of a split are under its seed, and how alike they could be.
pub(super) struct Balance {
    pub(super) own: Dealt,
    pub(super) fairest: Dealt,
}

/// The outlook of an experiment, from what the ledger knows. `begun`: it has assigned turns already.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn outlook(
    experiment: &Experiment,
    begun: bool,
    ledger: Option<&Ledger>,
) -> Result<Outlook, Failure> {
    let known: Vec<Persona> = match ledger {
        Some(ledger) => ledger.personas().await?,
        None => Vec::new(),
    };
    let known: Vec<Persona> = known.into_iter().filter(|persona| joins(experiment, persona)).collect();
    let (personas, counted) = taking_part(experiment, &known);
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
        alpha: plan.alpha_of_each(),
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of turns")]
    let cost = of_turn.map(|cost| cost * turns as f64);
    let mut outlook = Outlook {
        personas,
        counted,
        turns,
        cost,
        days: slowest(&known).map(|per_day| f64::from(plan.planned_blocks) * f64::from(arms) / per_day),
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

/// How many take part, and where that number is from.
fn taking_part(experiment: &Experiment, known: &[Persona]) -> (u32, String) {
    match &experiment.who {
        Who::Personas(emails) => (count(emails.len()), "listed in the file".to_owned()),
        _ if !known.is_empty() => (count(known.len()), "known to the ledger".to_owned()),
        _ => (
            PERSONAS,
            format!(
                "assumed: the ledger knows nobody who takes part yet, the example catalog has {PERSONAS}"
            ),
        ),
    }
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
    let mut warnings = of_size(experiment, outlook);
    warnings.extend(of_arms(experiment, outlook));
    warnings.extend(of_time_and_money(experiment, outlook, now));
    warnings
}

/// Too few or too many to find something.
fn of_size(experiment: &Experiment, outlook: &Outlook) -> Vec<String> {
    let plan = &experiment.plan;
    let mut warnings = Vec::new();
    let personas = outlook.personas;
    if plan.design == Design::Crossover {
        warnings.extend(out_of_reach(personas as usize, plan.alpha_of_each()));
    }
    if plan.design == Design::Split && personas < SPLIT_PERSONAS {
        warnings.push(format!("a split of {personas} personas is underpowered by design: take {SPLIT_PERSONAS} or more, or a crossover"));
    }
    if let Some(detectable) = outlook.detectable.filter(|detectable| *detectable > plan.margin) {
        warnings.push(format!("differences from ±{} on are said to matter, but among new personas this experiment finds those from {detectable:.2} on: take more personas, or speak about these only", plan.margin));
    }
    if outlook.turns > MOST_TURNS {
        warnings.push(format!(
            "{} turns are more than anybody plays: plan fewer `blocks`, or fewer personas",
            grouped(outlook.turns)
        ));
    }
    let looks = plan.design == Design::Crossover && plan.stopping == Stopping::Sequential;
    if looks && u64::from(plan.planned_blocks) < FIRST_LOOK {
        warnings.push(format!(
            "a verdict before the end needs {FIRST_LOOK} rounds: plan {FIRST_LOOK} blocks or more"
        ));
    }
    warnings
}

/// Arms that are not alike where they should be, or alike where they should not.
fn of_arms(experiment: &Experiment, outlook: &Outlook) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(Balance { own, fairest }) = &outlook.balance
        && fairest.imbalance < own.imbalance
    {
        warnings.push(format!(
            "the arms could be more alike: of 100 seeds {:?} is the fairest, with an imbalance of {} instead of {}; write it as `seed`",
            fairest.seed,
            fairest,
            own
        ));
    }
    let same = |a: &Arm, b: &Arm| a.strategy == b.strategy && a.settings == b.settings;
    if let [a, b] = experiment.arms.as_slice()
        && same(a, b)
    {
        warnings.push("both arms are the same: this is an A/A test, and every difference that it finds is a false alarm".to_owned());
    }
    warnings
}

/// An end or a budget that comes too early.
fn of_time_and_money(experiment: &Experiment, outlook: &Outlook, now: DateTime<Utc>) -> Vec<String> {
    let mut warnings = Vec::new();
    if experiment.ends.is_some_and(|ends| ends <= now) {
        warnings.push("it has ended: `ends` is in the past".to_owned());
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
    warnings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse_experiment;

    #[test]
    fn a_plan_that_nobody_can_play_has_a_warning() {
        let strategies = [StrategyName::new("daily")].into();
        let arms = "[[arms]]\nname = \"control\"\nstrategy = \"daily\"\n[[arms]]\nname = \"brief\"\nstrategy = \"daily\"\n";
        for (turns, warned) in [(600, false), (1_000_000, false), (2_000_000_000, true)] {
            let text = format!("key = \"k\"\nquestion = \"?\"\nblocks = 30\n{arms}");
            let experiment = parse_experiment(Path::new("k.toml"), &text, &strategies).unwrap();
            let outlook = Outlook {
                personas: 10,
                counted: String::new(),
                turns,
                cost: None,
                days: None,
                detectable: None,
                floor: 0.0,
                balance: None,
                warnings: Vec::new(),
            };
            let found = warnings(&experiment, &outlook, Clock::system().now());
            let told = found.iter().any(|warning| warning.contains("turns are more than anybody plays"));
            assert_eq!(told, warned, "{turns}: {found:?}");
        }
    }
}
