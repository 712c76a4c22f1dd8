//! The two plugins that are part of the program: what they ask, and how they read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use domain::behavior::{FailureKind, Severity, TurnContext};
use domain::ids::{GenerationNumber, PluginName};
use persona_host::behavior::{BUILT_IN, CallError, Engine, EngineOptions, Origin, Source, Trust};
use serde_json::json;

use super::{anna, built_in, context, options, outcome, strategy};

#[tokio::test]
async fn each_says_what_it_is() {
    for name in BUILT_IN {
        let generation = built_in(name).await;
        assert_eq!(generation.descriptor().name, name);
        assert_eq!(generation.contract(), "0.1.0");
        assert_eq!(*generation.origin(), Origin::BuiltIn);
        assert!(generation.descriptor().settings_schema.is_some());
    }
}

#[tokio::test]
async fn compiled_code_is_kept_for_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = EngineOptions { cache_dir: Some(folder.path().to_owned()), ..options() };
    let mut kept = Vec::new();
    for _start in 0..2 {
        let engine = Engine::new(&options).expect("an engine");
        let source = Source::built_in(&PluginName::new("brief")).expect("it is built in");
        let brief = engine.load(&source, GenerationNumber(1), &Trust::default()).await.expect("it loads");
        let turn = brief.compose_turn(&strategy("brief", json!({})), &anna(), &context()).await;
        assert!(turn.result.is_ok());
        kept.push(modules_below(folder.path()));
    }
    assert!(!kept[0].is_empty());
    assert_eq!(kept[0], kept[1], "the second start compiled again");
}

/// What is in a cache, and when each was written.
fn modules_below(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(modules_below(&path));
        } else {
            let written = entry.metadata().and_then(|file| file.modified()).expect("it has a time");
            found.insert(path, written);
        }
    }
    found
}

#[tokio::test]
async fn the_same_input_gives_the_same_output_at_the_same_cost() {
    for name in BUILT_IN {
        let generation = built_in(name).await;
        let strategy = strategy(name, json!({}));
        let first = generation.compose_turn(&strategy, &anna(), &context()).await;
        let again = generation.compose_turn(&strategy, &anna(), &context()).await;
        assert_eq!(first.result.expect("composed"), again.result.expect("composed"));
        assert_eq!(first.fuel, again.fuel);
        assert!(first.fuel > 0);
    }
}

#[tokio::test]
async fn daily_asks_in_german_unless_it_is_told_otherwise() {
    let daily = built_in("daily").await;
    for (name, settings) in
        [("daily-de", json!({})), ("daily-en", json!({"language": "en", "min_tools": 4, "max_tools": 4}))]
    {
        let strategy = strategy("daily", settings);
        let turn = daily.compose_turn(&strategy, &anna(), &context()).await.result.expect("composed");
        assert_eq!(turn.system, anna().system_prompt);
        assert_eq!((turn.allowed_tools, turn.max_rounds), (None, None));
        insta::assert_snapshot!(format!("{name}-turn"), turn.user);

        let rating =
            daily.compose_rating(&strategy, &anna(), &context(), &outcome()).await.result.expect("composed");
        assert_eq!(rating.system, anna().system_prompt);
        insta::assert_snapshot!(format!("{name}-rating"), rating.user);
        let schema = rating.reply_schema.expect("it holds the model to a form");
        let validator = jsonschema::validator_for(&schema).expect("it is a schema");
        assert!(validator.is_valid(&json!({"ratings": [{"module": "todo", "rating": 4, "notes": ""}]})));
        assert!(!validator.is_valid(&json!({"ratings": [{"module": "todo", "rating": 6, "notes": ""}]})));
    }
}

#[tokio::test]
async fn brief_asks_for_little() {
    let brief = built_in("brief").await;
    let strategy = strategy("brief", json!({}));
    let turn = brief.compose_turn(&strategy, &anna(), &context()).await.result.expect("composed");
    insta::assert_snapshot!("brief-turn", turn.user);
    let rating =
        brief.compose_rating(&strategy, &anna(), &context(), &outcome()).await.result.expect("composed");
    assert_eq!(rating.reply_schema, None);
    insta::assert_snapshot!("brief-rating", rating.user);
}

#[tokio::test]
async fn brief_gives_as_many_minutes_as_it_is_told() {
    let strategy = strategy("brief", json!({"minutes": 20}));
    let turn = built_in("brief").await.compose_turn(&strategy, &anna(), &context()).await;
    assert!(turn.result.expect("composed").user.contains("You have 20 minutes"));
}

#[tokio::test]
async fn a_persona_without_a_mix_is_asked_too() {
    for name in BUILT_IN {
        let mut who = anna();
        who.module_mix.clear();
        let turn = built_in(name).await.compose_turn(&strategy(name, json!({})), &who, &context()).await;
        assert!(!turn.result.expect("composed").user.contains('%'));
    }
}

#[tokio::test]
async fn daily_remembers_the_last_turn_and_brief_nothing() {
    let reply =
        r#"{"ratings":[{"module":"todo","rating":2,"notes":"hakelig"},{"module":"notes","rating":5}]}"#;
    let daily = built_in("daily").await;
    let settings = strategy("daily", json!({}));
    let report = daily.parse_rating(&settings, &anna(), &context(), &outcome(), reply).await;
    let memory = report.result.expect("readable").memory;
    assert_eq!(
        memory,
        Some(json!({
            "date": "2026-04-24",
            "summary": "Heute habe ich einen Spaziergang geplant. Das tat gut.",
            "ratings": [{"module": "todo", "score": 2}, {"module": "notes", "score": 5}]
        }))
    );

    let next = TurnContext { local_date: "2026-04-25".to_owned(), memory, ..context() };
    let turn = daily.compose_turn(&settings, &anna(), &next).await.result.expect("composed");
    insta::assert_snapshot!("daily-de-next-turn", turn.user);

    let odd = TurnContext { memory: Some(json!({"from": "another version"})), ..context() };
    let turn = daily.compose_turn(&settings, &anna(), &odd).await.result.expect("composed");
    assert!(!turn.user.contains("another version"));

    let brief = built_in("brief").await;
    let report =
        brief.parse_rating(&strategy("brief", json!({})), &anna(), &context(), &outcome(), reply).await;
    assert_eq!(report.result.expect("readable").memory, None);
}

#[tokio::test]
async fn a_partly_readable_reply_gives_ratings_and_problems() {
    let reply = "Gerne:\n```json\n{\"ratings\":[{\"module\":\"todo\",\"rating\":7},\
                 {\"module\":\"notes\",\"rating\":4,\"notes\":\"gut\"},{\"module\":\"moon\",\"rating\":1}]}\n```";
    for name in BUILT_IN {
        let called = built_in(name)
            .await
            .parse_rating(&strategy(name, json!({})), &anna(), &context(), &outcome(), reply)
            .await;
        let report = called.result.expect("readable in part");
        let ratings: Vec<(&str, u8, Option<&str>)> = report
            .ratings
            .iter()
            .map(|rating| (rating.module.as_str(), rating.score.get(), rating.notes.as_deref()))
            .collect();
        assert_eq!(ratings, [("notes", 4, Some("gut"))], "{name}");
        let paths: Vec<&str> =
            report.problems.iter().map(|problem| problem.path.as_deref().unwrap_or_default()).collect();
        assert_eq!(paths, ["/ratings/0/rating", "/ratings/2/module"], "{name}");
        // The plugin was honest, so the host's own checks found nothing more.
        assert_eq!(called.problems, []);
    }
}

#[tokio::test]
async fn an_unreadable_reply_is_a_failure_of_kind_output() {
    for name in BUILT_IN {
        let called = built_in(name)
            .await
            .parse_rating(&strategy(name, json!({})), &anna(), &context(), &outcome(), "Es war schön.")
            .await;
        let error = called.result.expect_err("nothing to read");
        assert_eq!(error.code(), "failure-output");
        assert!(error.to_string().contains("Es war schön."), "{error}");
        let CallError::Failed(failure) = error else { panic!("{error}") };
        assert_eq!((failure.kind, failure.code.as_deref()), (FailureKind::Output, Some("no-ratings")));
    }
}

#[tokio::test]
async fn settings_are_held_to_the_schema_and_then_to_sense() {
    let daily = built_in("daily").await;
    for (settings, path) in [
        (json!({}), None),
        (json!({"language": "en", "min_tools": 3, "max_tools": 3}), None),
        (json!("daily"), Some("")),
        (json!([]), Some("")),
        (json!({"language": "fr"}), Some("/language")),
        (json!({"max_tools": 0}), Some("/max_tools")),
        (json!({"max_tools": "8"}), Some("/max_tools")),
        (json!({"colour": "red"}), Some("")),
        (json!({"min_tools": 9}), Some("/min_tools")),
    ] {
        let problems =
            daily.check_settings(&strategy("daily", settings.clone())).await.result.expect("checked");
        let found: Vec<&str> =
            problems.iter().map(|problem| problem.path.as_deref().unwrap_or_default()).collect();
        assert_eq!(found, Vec::from_iter(path), "{settings}: {problems:?}");
        assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
    }
}

#[tokio::test]
async fn settings_that_were_never_checked_are_a_failure_of_kind_settings() {
    let called = built_in("daily")
        .await
        .compose_turn(&strategy("daily", json!({"language": "fr"})), &anna(), &context())
        .await;
    let error = called.result.expect_err("no such language");
    assert_eq!(error.code(), "failure-settings");
    assert!(error.to_string().contains("unknown variant `fr`"), "{error}");
}
