//! Turns of the past, gone through again: how far they go as they went, where they part, and that nobody hears of it.

use std::sync::Arc;

use domain::ids::PluginName;
use domain::plugin::ReplayPolicy;
use domain::strategy::{Strategy, ToolRules};
use peers::postgres;
use persona_host::behavior::Generation;
use persona_host::turn::again::{Cast, Course, Past, play};
use serde_json::{Value, json};

use crate::support::builds::{good, misfit};
use crate::support::house::{Blueprint, House, figures, script};
use crate::support::meddling::{meddle, rows_of};

/// Anna has had a day of three calls, one in each round, under the plugin `own`.
fn blueprint() -> Blueprint {
    Blueprint::of(&["Anna"]).interested("Anna", "todo").script(script(3, &[])).own_plugin(good(1))
}

async fn house() -> House {
    let house = blueprint().build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    house
}

fn live(house: &House) -> Arc<Generation> {
    house.runner.deps().registry.current(&PluginName::new("own")).unwrap()
}

/// By what new turns are played.
fn cast(house: &House) -> Cast {
    let deps = house.runner.deps();
    Cast {
        strategy: Arc::clone(&deps.strategies[&deps.routing.default]),
        generation: live(house),
        model: deps.settings.model.clone(),
        max_tokens: deps.settings.max_tokens,
        max_rounds: deps.settings.max_rounds,
        structured_ratings: deps.settings.structured_ratings,
    }
}

async fn past(house: &House) -> Past {
    let id = house.turn("Anna").await.summary.id;
    Past::read(house.ledger(), &id[..8]).await.unwrap()
}

fn under(cast: &mut Cast, change: impl FnOnce(&mut Strategy)) {
    change(Arc::make_mut(&mut cast.strategy));
}

fn parting(course: &Course) -> Value {
    serde_json::to_value(&course.parting).unwrap()
}

/// The tool that was called at this place, and the names of all that were on offer.
fn tool(past: &Past, at: usize) -> String {
    past.recorded.actions[at].tool.clone()
}

type Change = Box<dyn FnOnce(&mut Cast)>;

fn change(change: impl FnOnce(&mut Cast) + 'static) -> Change {
    Box::new(change)
}

#[tokio::test]
async fn a_turn_goes_as_it_went_until_something_is_different() {
    let house = house().await;
    let past = past(&house).await;
    let (first, third) = (tool(&past, 0), tool(&past, 2));
    let others = |tools: &[&str]| {
        past.begun
            .tools
            .iter()
            .filter(|own| !tools.contains(&own.name.as_str()))
            .map(|own| own.name.clone())
            .collect::<Vec<_>>()
    };
    let without_the_first = others(&[first.as_str()]);
    let capped = third.clone();
    let times = past.recorded.actions[..2].iter().filter(|action| action.tool == third).count();
    let most = past.opening.max_tokens.unwrap();
    let settings =
        |word: &'static str| change(move |cast| under(cast, |own| own.settings = json!({ "do": word })));
    let mut sorted: Vec<String> = past.begun.tools.iter().map(|tool| tool.name.clone()).collect();
    sorted.sort();
    let mut fewer = without_the_first.clone();
    fewer.sort();
    let cases: Vec<(&str, Change, u32, Value)> = vec![
        ("the same", change(|_| {}), 4, Value::Null),
        ("a ceiling that nobody meets", change(|cast| cast.max_rounds += 1), 4, Value::Null),
        (
            "another prompt",
            settings("read-everything"),
            0,
            json!({ "at": "opening", "is": "request", "fields": [{ "field": "prompt", "then": "hello" }] }),
        ),
        (
            "a plugin that leaves it out",
            settings("skip"),
            0,
            json!({ "at": "opening", "is": "no-question", "no": { "code": "failure-skip", "skips": true } }),
        ),
        (
            "a plugin that breaks down",
            settings("panic"),
            0,
            json!({ "at": "opening", "is": "no-question", "no": { "code": "trap", "skips": false } }),
        ),
        (
            "fewer tools",
            change(move |cast| under(cast, |own| own.tools.allow = Some(without_the_first))),
            0,
            json!({ "at": "opening", "is": "request",
                "fields": [{ "field": "tools", "then": sorted.join("\n"), "now": fewer.join("\n") }] }),
        ),
        (
            "another model, and shorter replies",
            change(|cast| (cast.model, cast.max_tokens) = ("claude-opus-5-5".to_owned(), 99)),
            0,
            json!({ "at": "opening", "is": "request", "fields": [
                { "field": "model", "now": "claude-opus-5-5" },
                { "field": "max tokens", "then": most.to_string(), "now": "99" },
            ] }),
        ),
        (
            "a cap that the third call meets",
            change(move |cast| {
                let most = u32::try_from(times).unwrap();
                under(cast, |own| own.tools.cap.extend([(capped, most)]));
            }),
            3,
            json!({ "at": "round", "round": 3, "is": "call", "tool": third, "then": { "is": "made" },
                "now": { "is": "refused" } }),
        ),
        (
            "fewer rounds",
            change(|cast| cast.max_rounds = 2),
            2,
            json!({ "at": "round", "round": 2, "is": "over", "because": "as many rounds as the turn may have" }),
        ),
    ];
    for (name, change, rounds, expected) in cases {
        let mut cast = cast(&house);
        change(&mut cast);
        let course = play(&past, &cast).await.unwrap();
        let told = parting(&course);
        assert!(has(&told, &expected), "{name}: {told:#} instead of {expected:#}");
        assert_eq!((course.rounds, course.differs()), (rounds, !expected.is_null()), "{name}");
        let rated = course.rating.expect("it was rated");
        assert_eq!(rated.takes_the_day_for_granted, !expected.is_null(), "{name}");
    }
}

/// A rule of today's strategy that refuses what was called, or the other way around, is heard by Claude.
#[tokio::test]
async fn a_call_that_was_refused_by_a_rule_is_told_as_it_was_only_by_the_same_rule() {
    let (first, second) = {
        let past = past(&house().await).await;
        (tool(&past, 0), tool(&past, 1))
    };
    let never = |tool: &str| ToolRules { cap: [(tool.to_owned(), 0)].into(), ..ToolRules::default() };
    let rules = never(&second);
    let house =
        blueprint().config(move |config| config.strategies.last_mut().unwrap().tools = rules).build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let past = past(&house).await;
    let told = format!("{second} may be called 0 times in a day, and has been. Do without.");
    for (rules, calls, expected) in [
        (never(&second), 3, Value::Null),
        (
            ToolRules::default(),
            1,
            json!({ "at": "round", "round": 2, "is": "call", "tool": second,
                "then": { "is": "refused", "told": told }, "now": { "is": "made" } }),
        ),
        (
            never(&first),
            0,
            json!({ "at": "round", "round": 1, "is": "call", "tool": first, "then": { "is": "made" },
                "now": { "is": "refused" } }),
        ),
    ] {
        let mut cast = cast(&house);
        under(&mut cast, |own| own.tools = rules);
        let course = play(&past, &cast).await.unwrap();
        assert!(has(&parting(&course), &expected), "{:#}", parting(&course));
        assert_eq!(course.calls, calls);
    }
}

#[tokio::test]
async fn where_the_kept_turn_ends_is_the_end_of_what_can_be_told() {
    let last = "DELETE FROM steps WHERE key = 'main/04'";
    let ended = |word: &str| format!("UPDATE turns SET stop_reason = '{word}'");
    let fault =
        "UPDATE turns SET state = 'faulted', day_over = 0, fault_message = 'the moon fell'".to_owned();
    let goes_on = |because: &str| json!({ "at": "round", "round": 4, "is": "goes-on", "because": because });
    for (meddling, expected, breaks_off) in [
        (ended("max_rounds"), goes_on("as many rounds as the turn may have"), None),
        (ended("end_turn"), goes_on("the model was done"), None),
        (ended("budget_exhausted"), Value::Null, None),
        (fault, Value::Null, Some("the moon fell")),
    ] {
        let house = house().await;
        meddle(house.ledger_path(), last).await;
        meddle(house.ledger_path(), &meddling).await;
        let course = play(&past(&house).await, &cast(&house)).await.unwrap();
        assert_eq!((parting(&course), course.rounds), (expected, 3), "{meddling}");
        assert_eq!(course.breaks_off.as_deref(), breaks_off, "{meddling}");
        assert_eq!(course.rating.is_some(), breaks_off.is_none(), "{meddling}");
    }
}

#[tokio::test]
async fn the_kept_reply_with_the_ratings_is_read_again() {
    let house = house().await;
    let past = past(&house).await;
    let kept = json!(past.recorded.summary.ratings);
    for (misdeed, differs, now) in [
        ("nothing", false, json!({ "Ok": kept })),
        ("read-nothing", true, json!({ "Err": { "code": "failure-output" } })),
        ("panic-in-parse", true, json!({ "Err": { "code": "trap" } })),
        ("lie-in-ratings", true, json!({ "Ok": [{ "module": "notes", "score": 4 }] })),
    ] {
        let mut cast = cast(&house);
        under(&mut cast, |own| own.settings = json!({ "do": misdeed }));
        let course = play(&past, &cast).await.unwrap();
        assert_eq!((course.parting.is_some(), course.differs()), (false, differs), "{misdeed}: {course:#?}");
        let rated = serde_json::to_value(course.rating.unwrap()).unwrap();
        assert!(has(&rated["then"], &kept) && has(&rated["now"], &now), "{misdeed}: {rated:#}");
        assert_eq!(rated["problems"] != json!([]), misdeed == "lie-in-ratings", "{misdeed}: {rated:#}");
    }
}

/// What a turn failed for is asked of a mended build first.
#[tokio::test]
async fn a_turn_that_broke_down_over_its_reply_is_read_by_a_mended_build() {
    let house = Blueprint::of(&["Anna"])
        .script(script(1, &[]))
        .own_plugin(misfit("panic-in-parse"))
        .config(|config| config.plugins.replay = ReplayPolicy::Off)
        .build()
        .await;
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let past = past(&house).await;
    let same = play(&past, &cast(&house)).await.unwrap();
    assert!(!same.differs(), "it breaks down as it did: {same:#?}");
    house.reload(&good(2)).await;
    let mended = play(&past, &cast(&house)).await.unwrap();
    assert!(mended.differs() && mended.parting.is_none(), "{mended:#?}");
    let rated = mended.rating.unwrap();
    assert!(rated.then_failed.unwrap().contains("this reply is beyond me"));
    assert_eq!((rated.then.len(), rated.now.unwrap().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_turn_that_is_not_over_or_not_kept_says_so() {
    let house = house().await;
    let id = house.turn("Anna").await.summary.id;
    let is = |what: &str| format!("UPDATE turns SET {what}");
    let unheld = "held_until = NULL, parked_at = NULL";
    for (meddling, says) in [
        (is("state = 'running'"), "is under way"),
        (
            is("state = 'faulted', held_until = 1800000000000"),
            "is not over: it is held until 2027-01-15 08:00 UTC, and then goes on from its last known step",
        ),
        (
            is("held_until = NULL, parked_at = 1800000000000, fault_message = 'too often'"),
            "is not over: it is parked (too often)",
        ),
        (
            is(&format!("state = 'skipped', skip_reason = 'a holiday', fault_message = NULL, {unheld}")),
            "nothing was asked in turn",
        ),
        (
            is("state = 'completed', pruned_at = 1800000000000"),
            "is gone since 2027-01-15: it was older than store.keep",
        ),
        (is("pruned_at = NULL"), ""),
        ("UPDATE contexts SET definitions = NULL".to_owned(), "is of an older version of persona-host"),
        ("DELETE FROM steps".to_owned(), "it ended before its question (a holiday)"),
    ] {
        meddle(house.ledger_path(), &meddling).await;
        let read = Past::read(house.ledger(), &id).await;
        let said = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(says), "{meddling}: {said:?}");
        assert_eq!(said.is_empty(), says.is_empty(), "{meddling}: {said}");
    }
    let unknown = Past::read(house.ledger(), "ffffffff").await.unwrap_err();
    assert!(unknown.to_string().contains("ffffffff"), "{unknown}");
}

#[tokio::test]
async fn a_step_that_cannot_be_read_is_named() {
    for key in ["main/02", "main/01/000"] {
        let house = house().await;
        meddle(house.ledger_path(), &format!("UPDATE steps SET result = '{{' WHERE key = '{key}'")).await;
        let error = play(&past(&house).await, &cast(&house)).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("the step {key} of turn ")), "{error}");
    }
}

#[tokio::test]
async fn a_conversation_of_another_length_is_another_one() {
    let house = house().await;
    let longer = r#"UPDATE steps SET intent = '{"model":"any","messages":4}' WHERE key = 'main/02'"#;
    meddle(house.ledger_path(), longer).await;
    let course = play(&past(&house).await, &cast(&house)).await.unwrap();
    let fields = json!([{ "field": "messages", "then": "4", "now": "3" }]);
    assert_eq!(parting(&course), json!({ "at": "round", "round": 2, "is": "request", "fields": fields }));
}

#[tokio::test]
async fn neither_a_neighbour_nor_the_ledger_hears_of_it() {
    let house = house().await;
    let heard = async || {
        let tables =
            ["turns", "attempts", "steps", "usage", "actions", "ratings", "memories", "outbox", "problems"];
        let mut rows = Vec::new();
        for table in tables {
            rows.push(rows_of(house.ledger_path(), table).await);
        }
        (rows, house.stack.claude().books().total.requests, house.stack.mcp().goodbyes())
    };
    let before = heard().await;
    let (past, mut cast) = (past(&house).await, cast(&house));
    play(&past, &cast).await.unwrap();
    under(&mut cast, |own| own.tools.allow = Some(Vec::new()));
    play(&past, &cast).await.unwrap();
    house.ledger().catch_up().await.unwrap();
    assert_eq!(heard().await, before);
}

#[tokio::test]
async fn a_turn_in_a_postgresql_database_is_gone_through_alike() {
    let Some(database) = postgres::database() else { return };
    let url = database.url();
    let house = blueprint()
        .config(move |config| {
            config.store.url = url.into();
            config.plugins.builds_dir = Some(config.plugins.dir.with_file_name("builds"));
        })
        .build()
        .await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let course = play(&past(&house).await, &cast(&house)).await.unwrap();
    assert_eq!((course.rounds, course.calls, course.differs()), (4, 3, false), "{course:#?}");
}

/// Whether a document has all that is expected of it, in lists one for one.
fn has(told: &Value, expected: &Value) -> bool {
    match (told, expected) {
        (Value::Object(told), Value::Object(expected)) => {
            expected.iter().all(|(key, own)| told.get(key).is_some_and(|told| has(told, own)))
        }
        (Value::Array(told), Value::Array(expected)) => {
            told.len() == expected.len() && told.iter().zip(expected).all(|(told, own)| has(told, own))
        }
        (told, expected) => told == expected,
    }
}
