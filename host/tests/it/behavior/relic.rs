//! What was built for the contract as it was released still loads, and gets everything as it did then.

use std::collections::{BTreeMap, BTreeSet};

use domain::behavior::{FailureKind, Severity};
use domain::persona::Cadence;
use persona_host::behavior::{CallError, Generation, LogLevel};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{anna, context, load, outcome, source, strategy};

/// A plugin of 0.1.0, built from its frozen recipe.
const RELIC: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/relic.wasm"));
/// The contract as it was released.
const RELEASED: &str = include_str!("../../../../plugins/relic/wit/behavior.wit");
/// The contract as it is.
const CURRENT: &str = include_str!("../../../../wit/v0.1/behavior.wit");

async fn relic() -> &'static Generation {
    static LOADED: OnceCell<Generation> = OnceCell::const_new();
    LOADED.get_or_init(|| load(source("relic", RELIC))).await
}

#[tokio::test]
async fn a_plugin_of_the_first_release_loads_and_says_what_it_is() {
    let relic = relic().await;
    assert_eq!(relic.contract(), "0.1.0");
    let descriptor = relic.descriptor();
    assert_eq!((descriptor.name.as_str(), descriptor.version.as_str()), ("relic", "0.1.0"));
    assert_eq!(descriptor.settings_schema, Some(json!({"type": "object"})));
    assert_eq!(relic.self_test().result, Ok(vec![]));
    for (settings, expected) in [
        (json!({}), vec![(Severity::Info, None), (Severity::Warning, Some("/taste"))]),
        (
            json!({"age": 80}),
            vec![
                (Severity::Info, None),
                (Severity::Warning, Some("/taste")),
                (Severity::Error, Some("/age")),
            ],
        ),
    ] {
        let problems = relic.check_settings(&strategy("relic", settings)).await.result.unwrap();
        let found = problems.iter().map(|problem| (problem.severity, problem.path.as_deref()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn it_is_given_everything_as_it_was_then_and_its_answers_are_understood() {
    let (relic, strategy) = (relic().await, strategy("relic", json!({"a": 1})));
    for (cadence, word) in
        [(Cadence::Hourly, "hourly"), (Cadence::Daily, "daily"), (Cadence::Weekdays, "weekdays")]
    {
        let who = domain::persona::Persona { cadence, ..anna() };
        let turn = relic.compose_turn(&strategy, &who, &context()).await.result.unwrap();
        assert!(turn.user.lines().next().unwrap().ends_with(word), "{}", turn.user);
    }
    let mut ctx = context();
    ctx.last_active_ms = Some(7);
    ctx.seed = u64::MAX;
    ctx.memory = Some(json!({"days": 1}));
    let turn = relic.compose_turn(&strategy, &anna(), &ctx).await;
    let levels: Vec<LogLevel> = turn.log.iter().map(|line| line.level).collect();
    assert_eq!(levels, [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error]);
    let turn = turn.result.unwrap();
    assert_eq!((turn.max_rounds, &turn.system), (Some(4), &anna().system_prompt));
    assert_eq!(turn.allowed_tools, Some(vec!["habits.create".to_owned(), "todo.complete".to_owned()]));
    let mut outcome = outcome();
    outcome.actions[1].status = domain::action::ActionStatus::Unknown;
    let rating = relic.compose_rating(&strategy, &anna(), &ctx, &outcome).await.result.unwrap();
    assert_eq!(rating.reply_schema, Some(json!({"type": "object"})));
    insta::assert_snapshot!(format!("{}\n---\n{}", turn.user, rating.user));
}

#[tokio::test]
async fn its_ratings_are_read_and_each_of_its_noes_is_understood() {
    let (relic, strategy) = (relic().await, strategy("relic", json!({})));
    let read = async |reply: &str| {
        relic.parse_rating(&strategy, &anna(), &context(), &outcome(), reply).await.result
    };
    let report = read("fine").await.unwrap();
    let ratings: Vec<_> = report.ratings.iter().map(|rating| (&*rating.module, rating.score.get())).collect();
    assert_eq!(ratings, [("todo", 3), ("notes", 3)]);
    assert_eq!(report.ratings[0].notes.as_deref(), Some("fine"));
    assert_eq!((report.problems.len(), report.memory), (1, Some(json!({"days": 1}))));
    for (word, kind) in [
        ("settings", FailureKind::Settings),
        ("input", FailureKind::Input),
        ("output", FailureKind::Output),
        ("skip", FailureKind::Skip),
        ("internal", FailureKind::Internal),
    ] {
        let Err(CallError::Failed(failure)) = read(word).await else { panic!("{word} is a no") };
        assert_eq!((failure.kind, failure.code.as_deref()), (kind, Some("as-told")), "{word}");
        assert_eq!((failure.message, failure.detail), (format!("the reply says {word}"), Some(json!([1]))));
    }
}

#[test]
fn nothing_that_was_released_has_changed() {
    let changes = changes(RELEASED, CURRENT);
    assert!(
        changes.is_empty(),
        "wit/v0.1 differs from what was released, which would break every plugin that is built already; \
         docs/compatibility.md says what may be added, and how:\n{}",
        changes.join("\n")
    );
}

#[test]
fn a_change_is_told_from_an_addition() {
    const OLD: &str = "package a:b@0.1.0;
        interface types { /// One.
            enum e { a, b } record r { x: u8, y: list<tuple<string, u8>> } type t = string; }
        interface log { write: func(m: string); }
        world w { import log; }";
    for (from, to, found) in [
        ("enum e { a, b }", "/// Another comment.\n enum e {\n a,\n // here too\n b, }", &[][..]),
        ("a:b@0.1.0", "a:b@0.1.9", &[]),
        ("world w", "interface more { go: func(); } world v { include w; } world w", &[]),
        ("a:b@0.1.0", "a:b@0.2.0", &["package"]),
        ("enum e { a, b }", "enum e { b, a }", &["interface types: enum e"]),
        ("enum e { a, b }", "enum e { a, b, c }", &["interface types: enum e"]),
        ("x: u8, ", "", &["interface types: record r"]),
        ("list<tuple<string, u8>>", "list<string>", &["interface types: record r"]),
        ("type t = string;", "", &["interface types: type t"]),
        ("write: func(m: string);", "write: func(m: string); flush: func();", &["interface log: flush"]),
        ("write: func(m: string)", "write: func(l: string)", &["interface log: write"]),
        ("interface log", "interface book", &["interface log"]),
        ("import log;", "import log; export log;", &["world w: export log"]),
    ] {
        assert!(OLD.contains(from), "{from}");
        let changes = changes(OLD, &OLD.replace(from, to));
        let starts = changes.len() == found.len()
            && changes.iter().zip(found).all(|(change, start)| change.starts_with(start));
        assert!(starts, "{from} to {to}: {changes:?}");
    }
}

/// What of `old` is not in `new` as it was. Whole interfaces and worlds may be added.
fn changes(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (parts(old), parts(new));
    let mut changes = Vec::new();
    for (part, items) in &old {
        let Some(now) = new.get(part) else {
            changes.push(format!("{part}: it is gone"));
            continue;
        };
        let names: BTreeSet<&String> = items.keys().chain(now.keys()).collect();
        for name in names {
            match (items.get(name), now.get(name)) {
                (Some(then), Some(now)) if then == now => {}
                (Some(then), Some(now)) => {
                    changes.push(format!("{part}: {name} was `{then}` and is `{now}`"))
                }
                (Some(_), None) => changes.push(format!("{part}: {name} is gone")),
                (None, _) => changes.push(format!("{part}: {name} is new, and old plugins do not know it")),
            }
        }
    }
    changes
}

/// The package's track, interfaces and worlds of a WIT file, each with its items by name, without comments
/// and in one way of setting spaces and commas.
fn parts(wit: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let code: Vec<&str> = wit.lines().map(|line| line.split("//").next().unwrap()).collect();
    let spaced =
        code.join(" ").replace('{', " { ").replace('}', " } ").replace(';', " ; ").replace(',', " , ");
    let mut text = spaced.split_whitespace().collect::<Vec<_>>().join(" ").replace(", }", "}");
    text = text.replace(" }", "}").replace(" ;", ";").replace(" ,", ",");
    let mut parts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (head, body) in blocks(&text) {
        let items = blocks(&body).into_iter().map(|(head, body)| {
            let name = head.split([':', '=', '{', '.']).next().unwrap().trim().to_owned();
            (name, format!("{head} {body}").trim().to_owned())
        });
        // A later patch of the same track is the same contract.
        let head = match head.strip_prefix("package ").and_then(|name| name.rsplit_once('.')) {
            Some((track, _)) => format!("package {track}"),
            None => head,
        };
        parts.insert(head, items.collect());
    }
    parts
}

/// What ends with `;` or has braces, at the outermost level: what is before the braces, and in them.
fn blocks(text: &str) -> Vec<(String, String)> {
    let (mut blocks, mut depth, mut head, mut body) = (Vec::new(), 0, String::new(), String::new());
    for character in text.chars() {
        match character {
            // The names that `use` lists are no block.
            '{' if depth == 0 && !head.trim_start().starts_with("use ") => depth = 1,
            '}' if depth == 1 => {
                depth = 0;
                blocks.push((head.trim().to_owned(), body.trim().to_owned()));
                (head, body) = (String::new(), String::new());
            }
            ';' if depth == 0 => {
                blocks.push((head.trim().to_owned(), String::new()));
                head.clear();
            }
            _ => {
                depth += i32::from(character == '{' && depth > 0) - i32::from(character == '}' && depth > 0);
                if depth > 0 { &mut body } else { &mut head }.push(character);
            }
        }
    }
    blocks
}
