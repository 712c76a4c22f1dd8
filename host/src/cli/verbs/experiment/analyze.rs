//! `experiment analyze`: ratings from anywhere, under the same report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::view;
use crate::cli::args::Analyze;
use crate::cli::output::{ODD, Output, styled};
use crate::cli::{Exit, Failure};
use domain::experiment::{ArmName, Design, Metric, Phase, Plan, Stopping};
use domain::ids::Sha256Hex;
use domain::observation::Observation;
use experiment::analysis::{Sheet, analyze as analysis, rounds};
use experiment::report::Identity;
use experiment::rows::{Rows, read_csv};

/// Analyses a file of ratings.
///
/// # Errors
/// When the file cannot be read, or there is nothing in it to compare; nothing is computed then.
pub fn analyze(args: &Analyze, output: Output) -> Result<(), Failure> {
    let bytes = std::fs::read(&args.file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", args.file.display());
        Failure::new(Exit::File, message).hint("name a file of rows: persona,block,module,arm,rating")
    })?;
    let bad = |message: String| Failure::new(Exit::BadInput, format!("{}: {message}", args.file.display()));
    let Rows { observations, ignored } = read_csv(&bytes).map_err(|error| bad(error.to_string()))?;
    if !ignored.is_empty() {
        output.say(&styled(
            ODD,
            format!("columns that nothing is known about are left out: {}", ignored.join(", ")),
        ));
    }
    let phases = phases(&observations);
    let phase = args.phase.or_else(|| phases.last().map(|phase| phase.number)).unwrap_or(1);
    if !phases.iter().any(|own| own.number == phase) {
        let known: Vec<String> = phases.iter().map(|own| own.number.to_string()).collect();
        return Err(bad(format!("there is no phase {phase}; the rows have {}", known.join(", "))));
    }
    let plan = plan(args, &observations, phase)?;
    let identity = Identity {
        seed: plan.key.clone(),
        hash_version: 2,
        plan_sha256: None,
        source: format!("{} (sha256 {})", name(&args.file), Sha256Hex::of(&bytes).short()),
        started: None,
        ended: None,
        // Rows do not tell who gave them.
        stand_ins: false,
    };
    let report = analysis(&plan, identity, phases, phase, &observations, Vec::new())
        .map_err(|error| bad(error.to_string()))?;
    view::show(&report, &args.view, output)
}

/// The plan that the rows and the options stand for.
fn plan(args: &Analyze, observations: &[Observation], phase: u32) -> Result<Plan, Failure> {
    let bad = |message: String, hint: &str| Failure::new(Exit::BadInput, message).hint(hint);
    if !(args.margin > 0.0 && args.margin.is_finite()) {
        return Err(bad(format!("--margin is {}", args.margin), "write a number above 0, such as 0.2"));
    }
    if !(args.alpha > 0.0 && args.alpha < 0.5) {
        return Err(bad(
            format!("--alpha is {}", args.alpha),
            "write the accepted rate of false alarms, such as 0.05",
        ));
    }
    if args.planned_blocks == Some(0) {
        return Err(bad("--planned-blocks is 0".to_owned(), "write how many blocks were planned"));
    }
    let own: Vec<&Observation> = observations.iter().filter(|turn| turn.phase == phase).collect();
    let names: BTreeSet<&str> = own.iter().map(|turn| turn.arm.as_str()).collect();
    let listed = names.iter().copied().collect::<Vec<_>>().join(", ");
    if !names.contains(args.control.as_str()) {
        let message = format!(
            "there is no arm {:?} to compare with; the arms of phase {phase} are: {listed}",
            args.control
        );
        return Err(bad(message, "name the control with --control ARM"));
    }
    if names.len() < 2 {
        let message = format!("there is only one arm, {listed}");
        return Err(bad(message, "a comparison needs the rows of two arms or more"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful of arms")]
    let weight = 1.0 / names.len() as f64;
    let treatments = names.iter().filter(|name| **name != args.control).map(|name| ArmName::new(*name));
    let rated = |arm: &&str| {
        let mut turns = own.iter().filter(|turn| turn.arm.as_str() == *arm);
        turns.any(|turn| turn.modules.values().any(Option::is_some))
    };
    if let Some(empty) = names.iter().find(|arm| !rated(arm)) {
        return Err(bad(
            format!("the arm {empty} has no rating at all"),
            "check its name and its column rating",
        ));
    }
    let design = args.design.map_or_else(|| seen_design(&own), Design::from);
    let plan = Plan {
        key: args
            .file
            .file_stem()
            .map_or_else(|| "rows".to_owned(), |stem| stem.to_string_lossy().into_owned()),
        question: format!("What do the rows of {} say?", name(&args.file)),
        design,
        arms: std::iter::once(ArmName::new(&args.control)).chain(treatments).collect(),
        // Rows do not tell how personas were meant to be dealt.
        weights: vec![weight; names.len()],
        primary: Metric::Rating,
        secondary: secondary(&own),
        guardrails: Vec::new(),
        margin: args.margin,
        alpha: args.alpha,
        planned_blocks: args.planned_blocks.unwrap_or(1),
        stopping: Stopping::Sequential,
    };
    // What is here is all there is: the end that was planned, unless somebody says otherwise.
    let found = Sheet::of(observations, phase).map_or(0, |sheet| rounds(&sheet, &plan));
    Ok(Plan { planned_blocks: args.planned_blocks.unwrap_or(found.max(1)), ..plan })
}

/// A crossover, unless nobody was seen in two arms.
fn seen_design(observations: &[&Observation]) -> Design {
    let mut arms: BTreeMap<&str, BTreeSet<&ArmName>> = BTreeMap::new();
    for turn in observations {
        arms.entry(turn.persona.as_str()).or_default().insert(&turn.arm);
    }
    // One persona with one arm shows no design; the analysis says what is missing.
    let split = arms.len() > 1 && arms.values().all(|arms| arms.len() == 1);
    if split { Design::Split } else { Design::Crossover }
}

/// Every metric that the rows have values of.
fn secondary(observations: &[&Observation]) -> Vec<Metric> {
    let has = |metric: &Metric| match metric {
        Metric::Rating => false,
        Metric::ToolSuccess => observations.iter().any(|turn| turn.failed_actions.is_some()),
        Metric::Actions => observations.iter().any(|turn| turn.actions.is_some()),
        Metric::Rounds => observations.iter().any(|turn| turn.rounds.is_some()),
        Metric::ParseFailures => observations.iter().any(|turn| turn.unreadable == Some(true)),
        Metric::Refusals => observations.iter().any(|turn| turn.refused.is_some()),
        Metric::Faults => observations.iter().any(|turn| turn.faulted.is_some()),
        Metric::Tokens => observations.iter().any(|turn| turn.tokens.is_some()),
        Metric::Cost => observations.iter().any(|turn| turn.cost.is_some()),
        Metric::Latency => observations.iter().any(|turn| turn.latency.is_some()),
    };
    Metric::ALL.into_iter().filter(has).collect()
}

fn phases(observations: &[Observation]) -> Vec<Phase> {
    let mut turns: BTreeMap<u32, u64> = BTreeMap::new();
    for turn in observations {
        *turns.entry(turn.phase).or_default() += 1;
    }
    let phase = |(number, turns)| Phase {
        number,
        opened: None,
        why: "as the rows say".to_owned(),
        turns,
        arms: Vec::new(),
    };
    turns.into_iter().map(phase).collect()
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
