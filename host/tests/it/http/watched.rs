//! What `examples/monitoring` and `examples/deploy` ask of the daemon: metrics that it has, a configuration that it takes,
//! files that those who read them can read. Where their programs are on the machine, they are asked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::budget::{Account, Part};
use domain::code::Code;
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::ids::{GenerationNumber, PluginName, Sha256Hex, StrategyName, TurnId};
use domain::state::State;
use domain::step::StepKey;
use domain::strategy::Strategy;
use domain::transcript::Phase;
use domain::turn_end::TurnEnd;
use domain::upstream::Upstream;
use domain::usage::{NanoUsd, Usage};
use persona_host::config::{File, resolve};
use persona_host::telemetry::Events;
use serde_json::Value;

/// A metric that has counted nothing yet may be left out of what Prometheus reads, so each of them counts once.
#[test]
fn whatever_the_dashboard_and_the_alerts_ask_for_is_a_metric() {
    let known = names_of_samples(&everything_counted_once());
    for file in ["dashboard.json", "alerts.yml", "alerts-test.yml"] {
        let asked = names_in(&read(&monitoring(file)));
        assert!(asked.len() > 5, "{file} asks for {asked:?}");
        let unknown: Vec<&String> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}; there is {known:?}");
    }
}

#[test]
fn a_name_that_is_none_is_found() {
    let known =
        names_of_samples("# TYPE persona_ticks counter\n# TYPE persona_stage_duration_seconds histogram\n");
    let asked =
        names_in("rate(persona_ticks_total[5m]) + persona_ticks + persona_stage_duration_seconds_bucket");
    assert_eq!(asked.difference(&known).collect::<Vec<_>>(), ["persona_ticks"]);
}

#[test]
fn every_alert_has_a_test_and_a_section_in_the_guide() {
    let (alerts, tests) = (read(&monitoring("alerts.yml")), read(&monitoring("alerts-test.yml")));
    let guide = read(&repository().join("docs/operating.md"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let is_tested = tests.contains(&format!("alertname: {name}\n"));
        let is_told = guide.contains(&format!("\n#### {name}\n"));
        let is_linked = alerts.contains(&format!("runbook: docs/operating.md#{}\n", name.to_lowercase()));
        assert_eq!((is_tested, is_told, is_linked), (true, true, true), "{name}: tested, told, linked");
    }
}

#[test]
fn the_daemon_takes_the_configuration_of_the_container_and_of_the_unit() {
    for (name, bind) in [("persona-host.toml", "0.0.0.0"), ("persona-host.service.toml", "127.0.0.1")] {
        let path = deploy(name);
        let file = File::parse(&path, &read(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let config = resolve(file, &|_| None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(config.http.bind.to_string(), bind, "{name}");
        let folders = [Some(config.plugins.dir), config.plugins.cache_dir, Some(config.experiments)];
        assert!(folders.into_iter().flatten().all(|folder| folder.is_absolute()), "{name}");
    }
}

#[test]
fn the_dashboard_is_json_and_each_of_its_panels_has_a_place_of_its_own() {
    let dashboard: Value = serde_json::from_str(&read(&monitoring("dashboard.json"))).unwrap();
    let number = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().unwrap();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let (x, y) = (number(panel, "x"), number(panel, "y"));
        for cell in (x..x + number(panel, "w")).flat_map(|x| (y..y + number(panel, "h")).map(move |y| (x, y)))
        {
            assert!(cell.0 < 24 && taken.insert(cell), "{} lies over another panel", panel["title"]);
        }
    }
}

#[test]
fn promtool_reads_configuration_alerts_and_queries_and_the_alerts_fire_when_they_should() {
    let queries = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(queries.path(), queries_of_the_dashboard()).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    for arguments in [
        vec![
            "check".to_owned(),
            "config".into(),
            "--syntax-only".into(),
            path(&monitoring("prometheus.yml")),
        ],
        vec!["check".to_owned(), "rules".into(), path(&monitoring("alerts.yml")), path(queries.path())],
        vec!["test".to_owned(), "rules".into(), path(&monitoring("alerts-test.yml"))],
    ] {
        asked("promtool", &arguments);
    }
}

#[test]
fn yamllint_reads_every_file_that_is_yaml() {
    let mut arguments = vec!["--strict".to_owned(), "-d".into()];
    arguments.push(
        "{extends: default, rules: {line-length: {max: 130}, comments: {min-spaces-from-content: 1}}}".into(),
    );
    let chart = deploy("chart");
    let files = [
        monitoring("prometheus.yml"),
        monitoring("alerts.yml"),
        monitoring("alerts-test.yml"),
        monitoring("grafana"),
        deploy("compose.yaml"),
        chart.join("Chart.yaml"),
        chart.join("values.yaml"),
    ];
    arguments.extend(files.iter().map(|path| path.to_str().unwrap().to_owned()));
    asked("yamllint", &arguments);
}

/// Runs a program that finds no fault. A machine without it says so.
fn asked(program: &str, arguments: &[String]) {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&said));
        }
        Err(error) => println!("left out, because {program} cannot be started: {error}"),
    }
}

/// The dashboard's queries as rules, with what Grafana puts in the place of its variables.
fn queries_of_the_dashboard() -> String {
    let dashboard: Value = serde_json::from_str(&read(&monitoring("dashboard.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, target) in targets.enumerate() {
        let query =
            target["expr"].as_str().unwrap().replace("$__rate_interval", "1m").replace("$instance", "a");
        rules += &format!("  - record: query_{number}\n    expr: {}\n", Value::String(query));
    }
    rules
}

/// What a query may be about: OpenMetrics names a counter without the ending that its samples have.
fn names_of_samples(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .flat_map(|(name, kind)| match kind {
            "counter" => vec![format!("{name}_total")],
            "histogram" => ["bucket", "sum", "count"].map(|ending| format!("{name}_{ending}")).to_vec(),
            _ => vec![name.to_owned()],
        })
        .collect()
}

fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("persona_")).map(str::to_owned).collect()
}

pub(super) fn everything_counted_once() -> String {
    let events = Events::default();
    let turn = TurnId::parse("3726fa9c-9965-8b22-990b-35fff5be20ea").unwrap();
    let (email, plugin) = (|| "anna".to_owned(), || PluginName::new("daily"));
    let (generation, took, until) =
        (GenerationNumber(1), Duration::from_secs(1), DateTime::<Utc>::UNIX_EPOCH);
    let (words, family) = (String::new, || "haiku".to_owned());
    let model = "claude-haiku-5-5".to_owned();
    let called = |cost| Event::ModelCalled {
        turn,
        phase: Phase::Main,
        step: StepKey::model(Phase::Main, 1),
        asked: model.clone(),
        model: model.clone(),
        reply: words(),
        stop_reason: words(),
        attempts: 1,
        said: None,
        usage: Usage::default(),
        cost,
        cache_miss: Some("tools_changed".to_owned()),
        took,
    };
    for event in [
        Event::TickStarted { lag: took },
        Event::TickEnded { due: 1, completed: 1, faults: 0, held: 0, took },
        Event::TickFailed { code: "mana-unreachable", why: words(), took },
        Event::Held { email: email(), reason: words() },
        Event::SlotsLeftOut { late: 1, busy: 1 },
        Event::Backlog { waiting: 1, utilisation: 0.5, news: false },
        Event::TurnStarted { turn, email: email(), attempt: 1 },
        Event::StageEnded { turn, email: email(), stage: Stage::Tools, took, ok: true, code: None },
        Event::TurnEnded {
            turn,
            email: email(),
            outcome: TurnEnd::Faulted(Fault::new(Stage::Tools, Code::McpUnreachable, "nobody answers")),
            actions: 0,
            ratings: Vec::new(),
            took,
        },
        Event::TurnEnded {
            turn,
            email: email(),
            outcome: TurnEnd::Faulted(Fault::stopping(Stage::Tools)),
            actions: 0,
            ratings: Vec::new(),
            took,
        },
        called(Some(NanoUsd(1))),
        called(None),
        Event::ToolCalled {
            turn,
            email: email(),
            step: StepKey::tool(1, 0),
            call: words(),
            said: None,
            tool: "todo.list".into(),
            ok: true,
            took,
        },
        Event::PluginCalled {
            turn,
            plugin: plugin(),
            generation,
            stage: Stage::Compose,
            function: "compose-turn",
            outcome: "ok",
            fuel: 1,
            memory: 1,
            took,
        },
        Event::PluginLoaded {
            plugin: plugin(),
            generation,
            version: words(),
            sha256: Sha256Hex::of(b""),
            on_trial: false,
            warnings: Vec::new(),
            took,
        },
        Event::PluginQuarantined {
            plugin: plugin(),
            generation,
            function: "describe",
            cause: words(),
            until,
        },
        Event::PluginLogged {
            strategy: StrategyName::new("daily"),
            plugin: plugin(),
            level: "warn",
            message: words(),
        },
        Event::Delivered { kind: "actions", ok: true, waiting: 0 },
        Event::UpstreamChanged { upstream: Upstream::Claude, state: "open", until: None, why: words() },
        Event::ModelChanged { model: model.clone(), state: "refused", until: None, why: words() },
        Event::CooledDown { family: family(), cause: "overloaded", wait: took, window: 1 },
        Event::ModelRepeated {
            family: family(),
            cause: "overloaded",
            attempts: 1,
            wait: took,
            why: words(),
            maybe_paid: true,
        },
    ] {
        events.emit(event);
    }
    let metrics = events.metrics();
    let (limit, taken) = (NanoUsd(2), NanoUsd(1));
    metrics.set_budget(&[Part { account: Account::Day, limit, taken, is_full: false }]);
    metrics.set_limits(&Strategy::plain(StrategyName::new("daily"), plugin()));
    metrics.set_gate("haiku", 1, 1);
    metrics.set_volume(1, 1);
    metrics.set_open_turns(&[State::Parked]);
    metrics.count_spans("sent", 1);
    metrics.text()
}

fn monitoring(file: &str) -> PathBuf {
    repository().join("examples/monitoring").join(file)
}

fn deploy(file: &str) -> PathBuf {
    repository().join("examples/deploy").join(file)
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
