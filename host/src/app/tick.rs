//! `tick`: one tick from the command line.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::build::{LAST_TRACES, blocked, build_going};
use super::signals::{BrakeSignals, stop_on_signal};
use super::tape::Tape;
use crate::cli::args::Tick;
use crate::cli::output::{ODD, Output, styled};
use crate::cli::tick_view::TickView;
use crate::cli::{Exit, Failure, load, progress};
use crate::config::Config;
use crate::reload::Patience;
use crate::runner::{HeldBy, Runner, TickReport};
use crate::store::TurnFilter;
use crate::telemetry::{LogFormat, start_log};
use domain::clock::Clock;
use domain::code::Code;
use domain::turn_end::TurnEnd;

/// What is logged beside the answer: failures are told in it, and libraries would tell them twice, without
/// turn and persona.
pub(super) const QUIET: &str = "persona_host=error";

/// What ends a turn whose call was not let out.
const AWAY: &str = "claude-away";

/// Runs one tick; ends well only when nobody failed, and nobody is held for having failed.
pub(super) async fn tick(args: Tick, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    start_log(LogFormat::Text, &load::variable("RUST_LOG").unwrap_or_else(|| QUIET.to_owned()));
    let replayed = Tape::replaying(&args.replay)?;
    let (config, clock) = match &replayed {
        Some(tape) => tape.setup(file)?,
        None => (configured(file)?, Clock::system()),
    };
    load::say_unknown_variables(output);
    let mut tape = replayed.map_or_else(|| Tape::recording(&args.record), Ok)?;
    let brakes = BrakeSignals::listen();
    let way = tape.way(&config, &clock)?;
    let app = build_going(&config, clock, Patience::OF_A_COMMAND, way).await?;
    blocked(app.complaints, output)?;
    let runner = app.runner;
    tape.begin("tick", &runner, &config, output).await?;
    // Who types `tick` wants one, whatever RUNNER_PAUSED says to the daemon.
    runner.play_although_configured();
    stop_on_signal(runner.deps().stop.clone());
    brakes.brake(Arc::clone(&runner));
    if let (Some(email), true) = (&args.persona, args.now) {
        runner.release(email).await?;
    }
    let told = told(&runner, args.persona.as_deref(), &tape, output).await;
    runner.deps().mana.sign_out_all().await;
    runner.deps().events.flush(LAST_TRACES).await;
    runner.close().await;
    let ended = told.and_then(|report| answer(&report, &args));
    tape.end(ended, output).await?;
    // A recording and a replay have steps of their own.
    if args.record.to.is_none() && args.replay.from.is_none() {
        output.next(&["turns", "list"]);
    }
    Ok(())
}

/// The configuration of a tick that asks the neighbours.
fn configured(file: Option<&Path>) -> Result<Config, Failure> {
    let config = load::config(file)?;
    config.check_production()?;
    let missing = config.missing_keys();
    if !missing.is_empty() {
        let message = format!("a tick needs {}", missing.join(" and "));
        let hint = "set them in the environment, or try `persona-host demo --once`, which needs none";
        return Err(Failure::new(Exit::Refused, Code::KeysMissing, message).hint(hint));
    }
    Ok(config)
}

/// How the command ends: well if what was wanted ran, and nobody failed.
fn answer(report: &TickReport, args: &Tick) -> Result<(), Failure> {
    let wanted_ran = args.persona.is_none() || report.ran_successfully > 0;
    // Who is held after a fault has still failed, also when nobody was asked anew.
    let is_for_a_fault = |cause| matches!(cause, HeldBy::Fault | HeldBy::SignIns);
    let is_stopped = |end: &TurnEnd| matches!(end, TurnEnd::Faulted(fault) if fault.is_a_stop());
    let is_well = report.failed.is_empty()
        && !report.held.iter().any(|held| is_for_a_fault(held.cause))
        && !report.turns.iter().any(|turn| is_stopped(&turn.ended.end));
    if is_well && wanted_ran {
        return Ok(());
    }
    let (exit, code) = why_not(report);
    let message = format!("{} of {} who were due ran well", report.ran_successfully, report.due);
    Err(Failure::new(exit, code, message).told())
}

/// Runs the tick, and tells what came of it. A recording may have several of them, which are played one after the other.
async fn told(
    runner: &Runner,
    only: Option<&str>,
    tape: &Tape,
    output: Output,
) -> Result<TickReport, Failure> {
    let mut documents = Vec::new();
    loop {
        let played = tape.played();
        let report = shown(runner, only, output).await?;
        let is_last = !tape.leads_on(played);
        // A daemon looks often, and finds nobody as a rule.
        if is_last || report.due > 0 {
            documents.push(tell(runner, only, &report, output).await?);
        }
        if is_last {
            // Programs are told once, and people as it goes.
            match documents.as_slice() {
                [one] => output.print(one, String::new)?,
                several => output.print(&json!({ "ticks": several }), String::new)?,
            }
            return Ok(report);
        }
    }
}

async fn tell(
    runner: &Runner,
    only: Option<&str>,
    report: &TickReport,
    output: Output,
) -> Result<Value, Failure> {
    if let (Some(email), 0, None) = (only, report.due, &report.paused) {
        return Err(not_due(runner, email).await?);
    }
    let view = seen(runner, report).await?;
    output.show(&view.text())?;
    if report.deliveries_waiting > 0 {
        let waiting = format!("{} deliveries wait in the ledger", report.deliveries_waiting);
        output.say(&format!("{}: the next tick repeats them", styled(ODD, waiting)));
    }
    Ok(json!(view.document()))
}

/// Why nobody of this address was due: nobody may have it. Who was due before has a turn in the ledger.
async fn not_due(runner: &Runner, email: &str) -> Result<Failure, Failure> {
    let turns = TurnFilter { email: Some(email.to_owned()), limit: Some(1), ..TurnFilter::default() };
    if let Some(pause) = runner.pause_of(email) {
        return Ok(Failure::new(Exit::No, Code::NotDue, format!("{email} is not due now, and {pause}"))
            .hint(pause.hint()));
    }
    let is_known = !runner.deps().ledger.list(&turns).await?.is_empty();
    let (code, message, hint) = if is_known {
        let hint = match runner.options().schedule {
            None => "`persona-host personas list` shows who is due; mana-auth decides it by cadence",
            Some(_) => "`persona-host personas schedule` shows when its slots are",
        };
        (Code::NotDue, format!("{email} is not due now"), hint)
    } else {
        let hint = "`persona-host personas list` shows who there is; a new persona may not be due yet";
        let message = format!("nobody of the address {email} is known: neither due now, nor in the ledger");
        (Code::NoSuchPersona, message, hint)
    };
    Ok(Failure::new(Exit::No, code, message).hint(hint))
}

/// How a tick ends that was not what was wanted: by what stopped it, or by the cause, where all turns met the same.
fn why_not(report: &TickReport) -> (Exit, Code) {
    // Whoever ends first may have met only that another had met it.
    if let Some(code) = report.stopped_by_code.as_ref().filter(|code| *code != AWAY) {
        return (Exit::of_fault(code), Code::of(code).unwrap_or(Code::TurnsFailed));
    }
    let codes = report.turns.iter().filter_map(|turn| match &turn.ended.end {
        TurnEnd::Faulted(fault) => Some(fault.code.as_str()),
        _ => None,
    });
    // Who was not let through any more met what another had met.
    let (away, own): (Vec<&str>, Vec<&str>) = codes.partition(|code| *code == AWAY);
    let codes = if own.is_empty() { away } else { own };
    let only = codes.first().filter(|first| codes.iter().all(|code| code == *first));
    let code = only.and_then(|only| Code::of(only)).unwrap_or(Code::TurnsFailed);
    let mut exits = codes.into_iter().map(Exit::of_fault);
    let first = exits.next().unwrap_or(Exit::No);
    (if exits.all(|exit| exit == first) { first } else { Exit::No }, code)
}

/// One tick with a line for each turn that ends.
pub(super) async fn shown(
    runner: &Runner,
    only: Option<&str>,
    output: Output,
) -> Result<TickReport, Failure> {
    let events = runner.deps().events.listen();
    Ok(progress::of_one_tick(events, runner.tick(only, Duration::ZERO), output).await?)
}

/// What the tick did, with what the ledger holds of each turn.
pub(super) async fn seen<'a>(runner: &Runner, report: &'a TickReport) -> Result<TickView<'a>, Failure> {
    let mut turns = Vec::with_capacity(report.turns.len());
    for turn in &report.turns {
        turns.push(runner.deps().ledger.recorded_turn(turn.ended.turn).await?);
    }
    turns.sort_by(|a, b| a.summary.persona.cmp(&b.summary.persona));
    Ok(TickView { report, turns })
}
