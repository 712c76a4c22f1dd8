//! `experiment analyze`: ratings from anywhere, under the same report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::weights::sound;
use super::{ending, gate, view};
use crate::cli::args::Analyze;
use crate::cli::output::{ODD, Output, styled};
use crate::cli::{Exit, Failure};
use domain::code::Code;
use domain::experiment::{ArmName, Design, Metric, Phase, Plan, Stopping};
use domain::ids::Sha256Hex;
use domain::observation::Observation;
use experiment::analysis::{Sheet, analyze as analysis, rounds};
use experiment::report::{Identity, Report};
use experiment::rows::{Rows, read_csv};

/// Analyses a file of ratings.
///
/// # Errors
/// When the file cannot be read, or there is nothing in it to compare; nothing is computed then.
pub fn analyze(args: &Analyze, output: Output) -> Result<(), Failure> {
    if !args.gate {
        return view::show(&report(args, output)?, &args.view, output);
    }
    let report = report(args, output).map_err(Failure::beside_verdicts)?;
    if args.view.out.is_some() {
        // What a pipeline reads is the verdict; the page is for whoever asks why.
        view::keep(&report, &args.view, output).map_err(Failure::beside_verdicts)?;
    }
    gate::told(&report, output)
}

/// The report of the rows.
fn report(args: &Analyze, output: Output) -> Result<Report, Failure> {
    let bytes = std::fs::read(&args.file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", args.file.display());
        Failure::new(Exit::File, Code::FileUnreadable, message)
            .hint("name a file of rows: persona,block,module,arm,rating")
    })?;
    let bad = |message: String| {
        Failure::new(Exit::BadInput, Code::RowsUnusable, format!("{}: {message}", args.file.display()))
    };
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
    let ending = ending::check(args.planned_blocks, &plan, &observations, phase);
    let identity = Identity {
        seed: plan.key.clone(),
        hash_version: 2,
        plan_sha256: None,
        source: format!("{} (sha256 {})", name(&args.file), Sha256Hex::of(&bytes).short()),
        started: None,
        ended: None,
        // Rows from elsewhere do not tell who gave them.
        stand_ins: observations.iter().any(|turn| turn.phase == phase && turn.stand_in == Some(true)),
    };
    analysis(&plan, identity, phases, phase, &observations, vec![ending])
        .map_err(|error| bad(error.to_string()))
}

/// The plan that the rows and the options stand for.
fn plan(args: &Analyze, observations: &[Observation], phase: u32) -> Result<Plan, Failure> {
    checked(args)?;
    let own: Vec<&Observation> = observations.iter().filter(|turn| turn.phase == phase).collect();
    let arms = arms(args, &own, phase)?;
    let design = args.design.map_or_else(|| seen_design(&own), Design::from);
    let plan = Plan {
        key: args
            .file
            .file_stem()
            .map_or_else(|| "rows".to_owned(), |stem| stem.to_string_lossy().into_owned()),
        question: format!("What do the rows of {} say?", name(&args.file)),
        design,
        weights: weights(&args.weights, &arms, design)?,
        arms,
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

/// Options that can be meant.
fn checked(args: &Analyze) -> Result<(), Failure> {
    let bad = |message: String, hint: &str| {
        Err(Failure::new(Exit::BadInput, Code::OptionUnusable, message).hint(hint))
    };
    if !(args.margin > 0.0 && args.margin.is_finite()) {
        return bad(format!("--margin is {}", args.margin), "write a number above 0, such as 0.2");
    }
    if !(args.alpha > 0.0 && args.alpha < 0.5) {
        return bad(
            format!("--alpha is {}", args.alpha),
            "write the accepted rate of false alarms, such as 0.05",
        );
    }
    if args.planned_blocks == Some(0) {
        return bad("--planned-blocks is 0".to_owned(), "write how many blocks were planned");
    }
    Ok(())
}

/// The arms of the rows, the control first; each has a rating.
fn arms(args: &Analyze, own: &[&Observation], phase: u32) -> Result<Vec<ArmName>, Failure> {
    let bad = |message: String, hint: &str| {
        Err(Failure::new(Exit::BadInput, Code::RowsUnusable, message).hint(hint))
    };
    let names: BTreeSet<&str> = own.iter().map(|turn| turn.arm.as_str()).collect();
    let listed = names.iter().copied().collect::<Vec<_>>().join(", ");
    if !names.contains(args.control.as_str()) {
        let message = format!(
            "there is no arm {:?} to compare with; the arms of phase {phase} are: {listed}",
            args.control
        );
        return bad(message, "name the control with --control ARM");
    }
    if names.len() < 2 {
        let message = format!("there is only one arm, {listed}");
        return bad(message, "a comparison needs the rows of two arms or more");
    }
    let rated = |arm: &&str| {
        let mut turns = own.iter().filter(|turn| turn.arm.as_str() == *arm);
        turns.any(|turn| turn.modules.values().any(Option::is_some))
    };
    if let Some(empty) = names.iter().find(|arm| !rated(arm)) {
        return bad(format!("the arm {empty} has no rating at all"), "check its name and its column rating");
    }
    let treatments = names.iter().filter(|name| **name != args.control).map(|name| ArmName::new(*name));
    Ok(std::iter::once(ArmName::new(&args.control)).chain(treatments).collect())
}

/// How personas were meant to be dealt, which rows do not tell: alike, unless somebody says otherwise.
fn weights(typed: &[String], arms: &[ArmName], design: Design) -> Result<Vec<f64>, Failure> {
    let bad = |message: String, hint: String| {
        Err(Failure::new(Exit::BadInput, Code::OptionUnusable, message).hint(hint))
    };
    if typed.is_empty() {
        #[expect(clippy::cast_precision_loss, reason = "a handful of arms")]
        return Ok(vec![1.0 / arms.len() as f64; arms.len()]);
    }
    if design == Design::Crossover {
        let hint = "leave --weights out; if each persona was in one arm only, say --design split";
        return bad("a crossover has no weights: everybody plays every arm".to_owned(), hint.to_owned());
    }
    let example: Vec<String> = arms.iter().map(|arm| format!("{arm}=PART")).collect();
    let hint = || format!("write each arm with its part: --weights {}", example.join(","));
    let mut weights: Vec<Option<f64>> = vec![None; arms.len()];
    for pair in typed {
        let parted = pair.rsplit_once('=').and_then(|(arm, part)| Some((arm, part.parse::<f64>().ok()?)));
        let Some((arm, weight)) = parted else { return bad(format!("{pair:?} is no ARM=PART"), hint()) };
        let Some(at) = arms.iter().position(|own| own.as_str() == arm) else {
            return bad(format!("--weights names an arm {arm:?} that has no rows"), hint());
        };
        if weights[at].replace(weight).is_some() {
            return bad(format!("--weights names the arm {arm} twice"), hint());
        }
    }
    let Some(weights) = weights.into_iter().collect::<Option<Vec<f64>>>() else {
        return bad("--weights leaves an arm out".to_owned(), hint());
    };
    sound(&weights)?;
    Ok(weights)
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
