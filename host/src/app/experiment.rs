//! `experiment run`: blocks of an experiment, back to back, with a running verdict.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::build::{LAST_TRACES, build_going};
use super::rounds::{Course, Worlds, first_day};
use super::signals::{BrakeSignals, stop_on_signal};
use super::stack::{ask_the_script, live_in};
use super::tape::Tape;
use super::tick::QUIET;
use crate::cli::args::RunExperiment;
use crate::cli::output::{FAINT, HEAD, ODD, Output, styled};
use crate::cli::verbs::experiment::{check_neighbours, check_settings, strategy, unplayable};
use crate::cli::{Exit, Failure, load};
use crate::config::{Config, read_experiment, resolve};
use crate::evidence::{NoEvidence, Record};
use crate::model::price;
use crate::private;
use crate::reload::Patience;
use crate::runner::{Blocks, RoundError, Runner};
use crate::store::LedgerUrl;
use crate::telemetry::{LogFormat, start_log};
use domain::clock::Clock;
use domain::code::Code;
use domain::experiment::Experiment;
use domain::ids::StrategyName;
use domain::persona::Persona;
use domain::usage::Usage;
use experiment::analysis::Unanalyzable;
use experiment::assignment;
use experiment::report::Report;
use standin::claude::{Script, Taste};
use standin::{DatabaseError, DatabaseUrl, Stack, StackOptions};

/// The neighbours of a run.
struct Neighbours {
    config: Config,
    clock: Clock,
    /// The stand-ins, where there are any.
    stack: Option<Stack>,
}

/// Runs an experiment now, from where it stopped.
///
/// # Errors
/// When the experiment, the configuration or the neighbours cannot be used.
pub(super) async fn run(args: &RunExperiment, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    start_log(LogFormat::Text, &load::variable("RUST_LOG").unwrap_or_else(|| QUIET.to_owned()));
    let replayed = Tape::replaying(&args.replay)?;
    let (configured, clock) = match &replayed {
        Some(tape) => tape.setup(file)?,
        None => (load::config(file)?, Clock::system()),
    };
    let names: BTreeSet<StrategyName> = configured.strategies.iter().map(|own| own.name.clone()).collect();
    let experiment = Arc::new(read_experiment(&args.file, &names)?);
    if args.budget.is_some_and(|budget| !(budget > 0.0 && budget.is_finite())) {
        return Err(Failure::new(Exit::Usage, Code::OptionUnusable, "--budget is no amount above 0")
            .hint("such as --budget 5"));
    }
    let mut tape = replayed.map_or_else(|| Tape::recording(&args.record), Ok)?;
    let Neighbours { config, clock, stack } = match tape.is_replay() {
        true => Neighbours { config: configured, clock, stack: None },
        false => neighbours(args, file, configured, &experiment).await?,
    };
    let brakes = BrakeSignals::listen();
    let way = tape.way(&config, &clock)?;
    let app = build_going(&config, clock.clone(), Patience::OF_A_COMMAND, way).await?;
    for complaint in app.complaints {
        output.say(&styled(ODD, complaint));
    }
    let runner = app.runner;
    for complaint in runner.deps().budget.of_no_arm([experiment.as_ref()]) {
        output.say(&styled(ODD, complaint));
    }
    may_run(&experiment, args, &config, &clock, stack.is_some() || tape.is_replay(), &names)?;
    check_arms(&runner, &experiment, output).await?;
    if stack.is_some() {
        tape.has_a_day_for_each_round();
    }
    tape.begin("experiment run FILE", &runner, &config, output).await?;
    runner.deps().ledger.register(&experiment).await?;
    let personas = participants(&runner, &experiment).await?;
    introduce(&experiment, &personas, stack.is_some() || tape.is_replay(), &config, output);
    let halt = CancellationToken::new();
    stop_on_signal(halt.clone());
    brakes.brake(Arc::clone(&runner));
    tokio::spawn({
        let halt = halt.clone();
        async move {
            halt.cancelled().await;
            output.say("  the turns that run are finished first; a second Ctrl-C ends at once");
        }
    });
    let spent = runner.deps().ledger.spent(experiment.key(), experiment.version).await?;
    let blocks = Blocks {
        halt,
        budget: budget(&experiment, args.budget, spent),
        experiment: Arc::clone(&experiment),
        personas,
    };
    let days = (stack.is_some() || tape.has_days()).then_some(&clock);
    let worlds = days.map(|clock| Worlds { mcp: stack.as_ref().map(Stack::mcp), clock });
    let course = Course { runner: &runner, blocks: &blocks, worlds, tape: &tape, output };
    let ended = course.play(args.blocks).await;
    let record = Record::read(&runner.deps().ledger, experiment.key(), None).await;
    let ledger = runner.deps().ledger.url().clone();
    runner.deps().mana.sign_out_all().await;
    runner.deps().events.flush(LAST_TRACES).await;
    runner.close().await;
    if let Some(stack) = stack {
        for text in stack.claude().unmet_tastes() {
            output.say(&styled(
                ODD,
                format!(
                    "  --taste {text:?}: no question for ratings had that text, so nothing was liked for it"
                ),
            ));
        }
        stack.stop().await;
    }
    let told = told(&experiment, ended, record, &ledger, output);
    tape.end(told, output).await
}

/// What is told at the end.
fn told(
    experiment: &Experiment,
    ended: Result<bool, RoundError<DatabaseError>>,
    record: Result<Record, NoEvidence>,
    ledger: &LedgerUrl,
    output: Output,
) -> Result<(), Failure> {
    let is_over = ended?;
    let record = record?;
    match record.analysis(record.last_phase()) {
        Err(why) if why.is_early() && !is_over => too_early(experiment.key(), &why, output),
        _ => conclude(&record.report(None)?, ledger, output),
    }
}

/// Real neighbours as configured, or stand-ins with the experiment's own folder.
async fn neighbours(
    args: &RunExperiment,
    file: Option<&Path>,
    configured: Config,
    experiment: &Experiment,
) -> Result<Neighbours, Failure> {
    if !args.stand_ins {
        configured.check_production()?;
        let missing = configured.missing_keys();
        if !missing.is_empty() {
            let message = format!("an experiment needs {}", missing.join(" and "));
            return Err(Failure::new(Exit::Refused, Code::KeysMissing, message)
                .hint("set them in the environment, or try --stand-ins"));
        }
        return Ok(Neighbours { config: configured, clock: Clock::system(), stack: None });
    }
    let folder = args.dir.join(experiment.key());
    private::folder(&folder).map_err(|error| {
        Failure::new(
            Exit::File,
            Code::FileUnwritable,
            format!("the folder {} cannot be created: {error}", folder.display()),
        )
        .hint("name another one with --dir")
    })?;
    let clock = Clock::starting_at(first_day());
    let script = Script { tastes: tastes(&args.tastes)?, ..Script::default() };
    let database = DatabaseUrl::File(folder.join("mana.db"));
    let options = StackOptions { database, script, ..StackOptions::on_free_ports(clock.clone()) };
    let stack = Stack::start(options).await?;
    let config = configure(&stack, &folder, file)?;
    super::demo::seed(&stack, &config).await?;
    Ok(Neighbours { config, clock, stack: Some(stack) })
}

/// The usual configuration, pointed at the stand-ins. A shell that is set up for a real neighbour must not
/// send anything there.
fn configure(stack: &Stack, folder: &Path, file: Option<&Path>) -> Result<Config, Failure> {
    let used = |name: &str| ["PERSONA_CONCURRENCY", "HOME", "XDG_CACHE_HOME"].contains(&name);
    let environment = |name: &str| if used(name) { load::variable(name) } else { None };
    let mut config = resolve(load::file(file)?, &environment)?;
    ask_the_script(&mut config, stack);
    live_in(&mut config, stack, folder);
    Ok(config)
}

fn tastes(written: &[String]) -> Result<Vec<Taste>, Failure> {
    let taste = |written: &String| {
        let (text, points) = written.rsplit_once('=')?;
        let points: f64 = points.parse().ok()?;
        let sensible = !text.is_empty() && (-1.0..=1.0).contains(&points);
        sensible.then(|| Taste { text: text.to_owned(), points })
    };
    let read = |written| {
        taste(written).ok_or_else(|| {
            Failure::new(Exit::Usage, Code::OptionUnusable, format!("--taste {written:?} is no TEXT=POINTS"))
                .hint("such as --taste \"short and honest=0.5\", with points from -1 to 1")
        })
    };
    written.iter().map(read).collect()
}

/// Whether its turns may be played now: real neighbours have its dates and the daemon's other experiments, and a
/// budget is kept only where prices are known.
fn may_run(
    experiment: &Experiment,
    args: &RunExperiment,
    config: &Config,
    clock: &Clock,
    stand_ins: bool,
    strategies: &BTreeSet<StrategyName>,
) -> Result<(), Failure> {
    let priced = price::cost(&config.model.name, &Usage::default()).is_some();
    if (experiment.budget.is_some() || args.budget.is_some()) && !priced {
        let message =
            format!("the price of {} is not known, so that no budget can be kept", config.model.name);
        return Err(Failure::new(Exit::Refused, Code::BudgetUnpriced, message)
            .hint("name another model, or leave the budget out"));
    }
    if stand_ins {
        return Ok(());
    }
    check_neighbours(experiment, &args.file, config, strategies)?;
    if !experiment.is_open(clock.now()) {
        let message = format!("{} is not open now", experiment.key());
        return Err(Failure::new(Exit::Refused, Code::ExperimentClosed, message)
            .hint("look at `starts` and `ends` in the file"));
    }
    Ok(())
}

/// Before anything is paid: every arm has a plugin that takes its settings.
async fn check_arms(runner: &Runner, experiment: &Experiment, output: Output) -> Result<(), Failure> {
    let deps = runner.deps();
    for arm in &experiment.arms {
        let strategy = strategy(experiment, arm, deps.strategies.get(&arm.strategy).map(Arc::as_ref))?;
        let Some(generation) = deps.registry.current(&strategy.plugin) else {
            let why = format!("the plugin {} is not loaded", strategy.plugin);
            return Err(unplayable(experiment, arm, &why).hint("`persona-host plugin check FILE` tells why"));
        };
        for warning in check_settings(experiment, arm, &strategy, &generation).await? {
            output.say(&styled(ODD, format!("  {warning}")));
        }
    }
    Ok(())
}

/// Who takes part: those who were written down when it began, or everybody who is known now.
async fn participants(runner: &Runner, experiment: &Experiment) -> Result<Vec<Persona>, Failure> {
    let deps = runner.deps();
    let known = deps.ledger.participants(experiment).await?;
    if !known.is_empty() {
        return Ok(known);
    }
    let mut personas = deps.mana.due().await?.personas;
    for persona in deps.ledger.personas().await? {
        if personas.iter().all(|other| other.email != persona.email) {
            personas.push(persona);
        }
    }
    let joins = |persona: &Persona| {
        experiment.who.includes(persona) && assignment::next(experiment, &persona.email, &[]).is_some()
    };
    personas.retain(joins);
    personas.sort_by(|a, b| a.email.cmp(&b.email));
    if personas.len() < 2 {
        let message = format!("{} personas are known that {} could use", personas.len(), experiment.key());
        let hint = "mana-auth names those who are due, the ledger those who ran before; look at `personas` and `traffic` in the file";
        return Err(Failure::new(Exit::BadInput, Code::TooFewPersonas, message).hint(hint));
    }
    deps.ledger.enlist(experiment, &personas).await?;
    Ok(personas)
}

fn introduce(
    experiment: &Experiment,
    personas: &[Persona],
    stand_ins: bool,
    config: &Config,
    output: Output,
) {
    let plan = &experiment.plan;
    output.say(&format!("{}: {}", styled(HEAD, experiment.key()), plan.question));
    let arms: Vec<&str> = plan.arms.iter().map(|arm| arm.as_str()).collect();
    output.say(&format!(
        "  {} · {} personas · {} blocks each",
        arms.join(" against "),
        personas.len(),
        plan.planned_blocks
    ));
    if stand_ins {
        output.say(&styled(
            FAINT,
            "  the neighbours and Claude are stand-ins: nothing is paid, and ratings mean nothing",
        ));
    } else {
        let line =
            format!("  {} at {} is asked, and that costs money", config.model.name, config.model.base_url);
        output.say(&styled(ODD, line));
    }
}

/// What all of it may have cost: the plan's budget, and what may be spent now on top of what was.
fn budget(experiment: &Experiment, now: Option<f64>, spent: Option<f64>) -> Option<f64> {
    let now = now.map(|now| spent.unwrap_or(0.0) + now);
    match (experiment.budget, now) {
        (Some(all), Some(now)) => Some(all.min(now)),
        (all, now) => all.or(now),
    }
}

/// A run that goes on another time has done nothing wrong.
fn too_early(key: &str, why: &Unanalyzable, output: Output) -> Result<(), Failure> {
    let document = json!({ "key": key, "tooEarly": why.to_string() });
    output.print(&document, || format!("\nNothing can be compared yet: {why}.\n"))?;
    Ok(())
}

fn conclude(report: &Report, ledger: &LedgerUrl, output: Output) -> Result<(), Failure> {
    let text = || {
        let verdicts = report.comparisons.iter().map(|own| format!("\n{}.\n", own.verdict.sentence));
        verdicts.collect::<String>()
    };
    output.print(report, text)?;
    let file = ledger.file().map(|path| path.display().to_string());
    let of = file.iter().flat_map(|path| ["--ledger", path.as_str()]);
    output.next(&["experiment", "report", &report.plan.key].into_iter().chain(of).collect::<Vec<_>>());
    Ok(())
}
