//! `demo`: everything on this machine, so that a newcomer sees the whole with one command.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc, Weekday};
use secrecy::ExposeSecret as _;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::build::{LAST_TRACES, blocked, build_going, lock};
use super::run::finish;
use super::signals::stop_on_signal;
use super::stack::{ask_the_script, live_in};
use super::tape::Tape;
use super::tick::{QUIET, seen, shown};
use crate::cli::args::Demo;
use crate::cli::output::{FAINT, HEAD, ODD, Output, PLACE, styled};
use crate::cli::{Exit, Failure, load, progress};
use crate::config::{Config, Origin, Shown, resolve};
use crate::http::{Face, listen, serve};
use crate::mana::admin::Admin;
use crate::mana::catalog::Catalog;
use crate::mana::password;
use crate::outbound;
use crate::private;
use crate::reload::Patience;
use crate::runner::{Runner, TickError, TickReport};
use crate::telemetry::{LogFormat, start_log};
use domain::clock::Clock;
use domain::code::Code;
use domain::event::Event;
use domain::ids::StrategyName;
use standin::mana_auth::SignInLimit;
use standin::{DatabaseUrl, Stack, StackOptions, claude};

/// The ten personas; the same file that `seed` is shown with.
const CATALOG: &str = include_str!("../../../examples/personas.json");
/// The scripted Claude takes its time, so that there is something to watch.
const LATENCY: Duration = Duration::from_millis(60);
/// The real mana-auth takes as many at once, and then makes them wait ten times as long.
const SIGN_INS: SignInLimit = SignInLimit { window: TimeDelta::seconds(1), ..SignInLimit::REAL };
/// From one simulated day to the next.
const DAY: Duration = Duration::from_secs(20);

/// Shows everything; with `--once`, ends after one tick, with [`Exit::No`] unless every due persona ran.
pub(super) async fn demo(args: Demo, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    start_log(LogFormat::Text, &load::variable("RUST_LOG").unwrap_or_else(|| QUIET.to_owned()));
    if args.until_input_ends {
        std::thread::spawn(end_with_the_input);
    }
    let (mut tape, clock) = (Tape::recording(&args.record)?, Clock::system());
    let folder = new_folder(&args.dir, clock.now())?;
    clock.advance(back_to_a_weekday(clock.now()));
    let stack = start_stack(&clock, &folder).await?;
    let (config, real_claude) = configure(&stack, &folder, file)?;
    introduce(&clock, real_claude, &config, output);
    let personas = seed(&stack, &config).await?;
    output.say(&styled(FAINT, format!("  {personas} personas are created at the stand-in mana-auth\n")));

    let way = tape.way(&config, &clock)?;
    let app = build_going(&config, clock.clone(), Patience::OF_A_COMMAND, way).await?;
    blocked(app.complaints, output)?;
    let runner = app.runner;
    tape.begin("demo", &runner, &config, output).await?;
    stop_on_signal(runner.deps().stop.clone());
    let ended = if args.once {
        let report = shown(&runner, None, output).await?;
        output.say("");
        let view = seen(&runner, &report).await?;
        output.print(&view.document(), || view.text())?;
        say_where(&folder, report.turns.first().map(|turn| turn.ended.turn.to_string()), output);
        all_ran(&report, personas)
    } else {
        go_on(&runner, &config, &clock, output).await?;
        say_where(&folder, None, output);
        Ok(())
    };
    runner.deps().mana.sign_out_all().await;
    runner.deps().events.flush(LAST_TRACES).await;
    runner.close().await;
    stack.stop().await;
    tape.end(ended, output).await
}

/// Whoever started this holds the other end of our input. If it is gone, however it ended, nobody looks at the demo.
fn end_with_the_input() {
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    std::process::exit(1);
}

/// The loop, with a weekday for each tick, and HTTP beside it.
async fn go_on(runner: &Arc<Runner>, config: &Config, clock: &Clock, output: Output) -> Result<(), Failure> {
    let listener = listen(config.http.bind, config.http.port).await?;
    let address = listener.local_addr()?;
    let pages = styled(PLACE, format!("http://{address}"));
    output.say(&format!("  look at {pages}; Ctrl-C ends it\n"));
    let events = &runner.deps().events;
    let showing = tokio::spawn(progress::show(events.listen(), output));
    let days = tokio::spawn(turn_the_days(events.listen(), clock.clone(), output));
    let stop = runner.deps().stop.clone();
    let (remote, commands) = Runner::door();
    let first = remote.clone();
    // The start looks for turns that go on, and two do not look at once.
    tokio::spawn(async move {
        while let Err(TickError::AlreadyLooking) = first.tick(None).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let face =
        Face { runner: runner.clone(), remote, production: false, missing_keys: vec![], lock: lock(config) };
    let serving = tokio::spawn(serve(listener, face, stop));
    runner.clone().serve(commands, true).await;
    days.abort();
    showing.abort();
    finish(serving).await
}

/// After each tick the clock moves to the next weekday, so that everybody is due again.
async fn turn_the_days(mut events: Receiver<Event>, clock: Clock, output: Output) {
    loop {
        match events.recv().await {
            Ok(event @ Event::TickEnded { due, completed, .. }) => {
                if output.json && output.line(&event, String::new).is_err() {
                    return;
                }
                clock.advance(TimeDelta::days(1));
                while is_weekend(clock.now()) {
                    clock.advance(TimeDelta::days(1));
                }
                let day = styled(HEAD, clock.now().format("%A, %Y-%m-%d"));
                output.say(&format!("  {completed} of {due} ran; the next tick is on {day}\n"));
            }
            // A tick whose end was missed is followed by one that finds nobody due, and so turns the day.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn new_folder(dir: &Path, now: DateTime<Utc>) -> Result<PathBuf, Failure> {
    let folder = dir.join(now.format("%Y-%m-%dT%H-%M-%S%.3f").to_string());
    private::folder(&folder).map_err(|error| {
        Failure::new(
            Exit::File,
            Code::FileUnwritable,
            format!("the folder {} cannot be created: {error}", folder.display()),
        )
        .hint("name another one with --dir")
    })?;
    Ok(folder)
}

async fn start_stack(clock: &Clock, folder: &Path) -> Result<Stack, Failure> {
    let script = claude::Script { first_byte_after: LATENCY, ..claude::Script::default() };
    let database = DatabaseUrl::File(folder.join("mana.db"));
    let sign_in_limit = Some(SIGN_INS);
    let options =
        StackOptions { database, script, sign_in_limit, ..StackOptions::on_free_ports(clock.clone()) };
    Ok(Stack::start(options).await?)
}

/// The usual configuration, pointed at the stand-ins; and whether Claude is the real one.
fn configure(stack: &Stack, folder: &Path, file: Option<&Path>) -> Result<(Config, bool), Failure> {
    // A shell that is set up for a real neighbour must not send the demo there.
    let used = |name: &str| {
        name.starts_with("ANTHROPIC_")
            || ["PORT", "PERSONA_CONCURRENCY", "HOME", "XDG_CACHE_HOME"].contains(&name)
    };
    let environment = |name: &str| if used(name) { load::variable(name) } else { None };
    let mut config = resolve(load::file(file)?, &environment)?;
    let real_claude = !config.model.api_key.expose_secret().is_empty();
    if !real_claude {
        ask_the_script(&mut config, stack);
    }
    live_in(&mut config, stack, folder);
    load::only_neighbours(&config)?;
    config.runner.tick_interval = DAY;
    config.runner.paused = false;
    // Its days pass in seconds, and everybody is to be seen in each.
    config.schedule = None;
    spread(&mut config);
    Ok((config, real_claude))
}

/// Two strategies, so that there is something to compare, where the file says nothing of routing.
fn spread(config: &mut Config) {
    let is_routed = |shown: &Shown| shown.key.starts_with("routing.") && shown.origin != Origin::Default;
    if config.shown.iter().any(is_routed) {
        return;
    }
    for archetype in ["ceo-busy", "freelancer"] {
        config.routing.archetypes.insert(archetype.to_owned(), StrategyName::new("brief"));
    }
}

fn introduce(clock: &Clock, real_claude: bool, config: &Config, output: Output) {
    let day = clock.now().format("%A, %Y-%m-%d");
    output.say(&format!("{}, {day}", styled(HEAD, "persona-host demo")));
    output.say("  mana-auth and mana-mcp are stand-ins on this machine");
    if real_claude {
        let (model, url) = (&config.model.name, &config.model.base_url);
        let line = format!("ANTHROPIC_API_KEY is set: {model} at {url} is asked, and that costs money");
        output.say(&format!("  {}", styled(ODD, line)));
    } else {
        output
            .say("  Claude is a scripted stand-in: nothing is paid; costs are what the real one would take");
    }
}

pub(super) async fn seed(stack: &Stack, config: &Config) -> Result<usize, Failure> {
    let catalog = Catalog::parse(CATALOG).map_err(|error| {
        Failure::new(Exit::Unexpected, Code::CatalogUnusable, format!("the demo's own catalog: {error}"))
    })?;
    let url = format!("{}/api/v1/admin/personas", stack.auth_url());
    let admin = Admin::new(outbound::client()?, url, stack.admin_jwt().into());
    for entry in &catalog.personas {
        let password = password(&config.mana.seed_secret, &entry.email)
            .map_err(|error| Failure::new(Exit::Refused, Code::SeedSecretEmpty, error.to_string()))?;
        admin.create(entry, &password).await?;
    }
    Ok(catalog.personas.len())
}

fn say_where(folder: &Path, turn: Option<String>, output: Output) {
    let (ledger, app) = (folder.join("ledger.db"), folder.join("mana.db"));
    output.say(&format!(
        "\n  {} is our ledger: turns, steps, actions, ratings, cost",
        styled(PLACE, ledger.display())
    ));
    output.say(&format!("  {} is the stand-ins' database: what the app knows", styled(PLACE, app.display())));
    let id = turn.as_deref().map_or("ID", |turn| &turn[..8]);
    output.next(&["turns", "show", id, "--ledger", &ledger.display().to_string()]);
}

fn all_ran(report: &TickReport, personas: usize) -> Result<(), Failure> {
    let well = report.ran_successfully;
    if report.due == personas && well == report.due {
        return Ok(());
    }
    let message = format!("{well} of {personas} ran well");
    Err(Failure::new(Exit::No, Code::TurnsFailed, message).told())
}

/// From a Saturday or Sunday back to the Friday, because four of the ten have the weekend off.
fn back_to_a_weekday(now: DateTime<Utc>) -> TimeDelta {
    match now.weekday() {
        Weekday::Sat => TimeDelta::days(-1),
        Weekday::Sun => TimeDelta::days(-2),
        _ => TimeDelta::zero(),
    }
}

fn is_weekend(day: DateTime<Utc>) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;

    #[tokio::test]
    async fn the_day_is_turned_also_by_one_who_does_not_keep_up() {
        let friday = DateTime::parse_from_rfc3339("2026-11-27T12:00:00Z").expect("a date").to_utc();
        let clock = Clock::starting_at(friday);
        let (events, heard) = tokio::sync::broadcast::channel(1);
        for _ in 0..3 {
            let took = Duration::ZERO;
            let ended = Event::TickEnded { due: 0, completed: 0, faults: 0, held: 0, took };
            events.send(ended).expect("somebody listens");
        }
        drop(events);
        turn_the_days(heard, clock.clone(), Output::new(false, None)).await;
        assert_eq!(clock.now().weekday(), Weekday::Mon);
    }

    #[test]
    fn the_demo_shows_a_weekday_on_every_day_of_the_week() {
        let monday = DateTime::parse_from_rfc3339("2026-11-23T12:00:00Z").expect("a date").to_utc();
        for day in 0..7 {
            let now = monday + TimeDelta::days(day);
            let shown = now + back_to_a_weekday(now);
            assert!(!is_weekend(shown), "{now} is shown as {shown}");
            assert!(now - shown < TimeDelta::days(3), "{now} is shown as {shown}");
        }
    }

    #[test]
    fn personas_are_spread_over_two_strategies_only_where_the_file_routes_nobody() {
        for (file, archetypes) in [
            ("", vec!["ceo-busy", "freelancer"]),
            ("[http]\nport = 4000", vec!["ceo-busy", "freelancer"]),
            ("[routing]\ndefault = \"daily\"", vec![]),
            ("[routing.archetypes]\nfreelancer = \"daily\"", vec!["freelancer"]),
            ("[routing.personas]\n\"anna@mana.test\" = \"brief\"", vec![]),
        ] {
            let file = File::parse(Path::new("persona-host.toml"), file).expect("it can be read");
            let mut config = resolve(file, &|_| None).expect("it is valid");
            spread(&mut config);
            assert_eq!(config.routing.archetypes.keys().collect::<Vec<_>>(), archetypes);
        }
    }
}
