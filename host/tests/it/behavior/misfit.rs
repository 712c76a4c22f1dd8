//! Plugins that misbehave: each call ends in time, with the reason, and the next call is as if
//! nothing had been.

use std::time::Duration;

use domain::behavior::{Severity, TurnRequest};
use domain::strategy::{Limits, Strategy};
use persona_host::behavior::{CallError, Called, Generation};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{MISFIT, anna, context, load, outcome, source, strategy};

async fn misfit() -> &'static Generation {
    static LOADED: OnceCell<Generation> = OnceCell::const_new();
    LOADED.get_or_init(|| load(source("misfit", MISFIT))).await
}

fn told_to(misdeed: &str) -> Strategy {
    strategy("misfit", json!({"do": misdeed}))
}

async fn compose(misdeed: &str) -> Called<TurnRequest> {
    misfit().await.compose_turn(&told_to(misdeed), &anna(), &context()).await
}

fn refused(called: Called<TurnRequest>) -> CallError {
    called.result.expect_err("a misdeed has no answer")
}

#[tokio::test]
async fn a_loop_ends_with_its_fuel() {
    let limits = Limits { fuel: 1_000_000, time: Duration::from_secs(600), ..Limits::default() };
    let strategy = Strategy { limits, ..told_to("loop-forever") };
    let called = misfit().await.compose_turn(&strategy, &anna(), &context()).await;
    assert_eq!(called.fuel, 1_000_000);
    assert_eq!(refused(called), CallError::OutOfFuel { limit: 1_000_000 });
}

#[tokio::test]
async fn a_loop_with_fuel_enough_ends_with_its_time_and_lets_others_run_meanwhile() {
    let time = Duration::from_millis(50);
    let limits = Limits { fuel: u64::MAX, time, ..Limits::default() };
    let strategy = Strategy { limits, ..told_to("loop-forever") };
    let (misfit, who, ctx) = (misfit().await, anna(), context());
    let mut looping = std::pin::pin!(misfit.compose_turn(&strategy, &who, &ctx));
    // This test has one thread: the other task gets on only if the loop is interrupted.
    let mut turns_of_the_other = 0;
    let called = loop {
        tokio::select! {
            biased;
            called = &mut looping => break called,
            () = tokio::task::yield_now() => turns_of_the_other += 1,
        }
    };
    assert_eq!(refused(called), CallError::OutOfTime { limit: time });
    assert!(turns_of_the_other > 0);
}

#[tokio::test]
async fn a_sleep_ends_with_its_time() {
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    let strategy = Strategy { limits, ..told_to("sleep") };
    let called = misfit().await.compose_turn(&strategy, &anna(), &context()).await;
    assert_eq!(refused(called), CallError::OutOfTime { limit: limits.time });
}

#[tokio::test]
async fn memory_is_bounded_and_the_error_says_that_it_was_memory() {
    let limits = Limits { memory: 8 << 20, ..Limits::default() };
    let strategy = Strategy { limits, ..told_to("eat-memory") };
    let error = refused(misfit().await.compose_turn(&strategy, &anna(), &context()).await);
    let CallError::OutOfMemory { asked, limit } = error else { panic!("{error}") };
    assert_eq!(limit, 8 << 20);
    assert!(asked > limit && asked < 2 * limit, "{asked}");
    assert!(error.to_string().contains("the limit is 8.0 MiB"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_does_not_even_fit_into_its_memory_says_so() {
    let limits = Limits { memory: 1 << 16, ..Limits::default() };
    let strategy = Strategy { limits, ..told_to("nothing") };
    let error = refused(misfit().await.compose_turn(&strategy, &anna(), &context()).await);
    assert_eq!(error.code(), "out-of-memory", "{error}");
}

#[tokio::test]
async fn a_panic_is_quoted_and_logged() {
    let called = compose("panic").await;
    let logged: Vec<&str> = called.log.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(logged.len(), 1);
    assert!(logged[0].contains("the moon is in the wrong phase"), "{logged:?}");
    let error = refused(called);
    assert_eq!(error.code(), "trap");
    let shown = error.to_string();
    assert!(shown.contains("unreachable"), "{shown}");
    assert!(shown.contains("misfit/src/lib.rs:"), "{shown}");
    assert!(shown.contains("the moon is in the wrong phase"), "{shown}");
}

#[tokio::test]
async fn a_deep_recursion_names_the_function() {
    let error = refused(compose("recurse-forever").await);
    let CallError::Trapped { trap, backtrace, .. } = &error else { panic!("{error}") };
    assert!(trap.contains("call stack exhausted") || trap.contains("out of bounds memory"), "{error}");
    assert!(backtrace.contains("recurse"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_never_reaches_the_host() {
    let error = refused(compose("return-too-much").await);
    assert_eq!(error, CallError::TooMuchData { limit: 4 << 20 });
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_counted() {
    let called = compose("flood-log").await;
    assert_eq!(called.result.expect("it answers after all").user, "the log is full");
    assert_eq!(called.log.len(), 200);
    assert_eq!(called.log_dropped, 100_001 - 200);
    assert_eq!(called.log[198].message, "line 99999");
    assert!(called.log[199].message.len() < 3000);
}

#[tokio::test]
async fn a_flood_of_output_is_swallowed_and_its_end_is_kept() {
    let limits = Limits { time: Duration::from_secs(60), ..Limits::default() };
    let strategy = Strategy { limits, ..told_to("flood-stdout") };
    let error = refused(misfit().await.compose_turn(&strategy, &anna(), &context()).await);
    let CallError::Trapped { printed, .. } = &error else { panic!("{error}") };
    assert!(printed.contains("out 19999\nerr 19999\n"), "{printed}");
    assert!(printed.contains("after the flood"), "{printed}");
    assert!(!printed.contains("out 0\n") && printed.len() <= 16 << 10);
}

#[tokio::test]
async fn nothing_of_the_world_is_in_sight_but_the_turns_time_and_seed() {
    let sight = compose("read-everything").await.result.expect("it looks around").user;
    let expected = "variables 0 arguments 0 root false socket false now 1777017600000 random ";
    let random = sight.strip_prefix(expected).unwrap_or_else(|| panic!("{sight}"));
    // The same in each run, and another for another seed.
    assert_eq!(compose("read-everything").await.result.expect("it looks around").user, sight);
    let mut other = context();
    other.seed += 1;
    let elsewhere = misfit().await.compose_turn(&told_to("read-everything"), &anna(), &other).await;
    assert_ne!(elsewhere.result.expect("it looks around").user.strip_prefix(expected), Some(random));
}

#[tokio::test]
async fn an_exit_ends_the_plugin_and_not_the_host() {
    let error = refused(compose("exit").await);
    assert!(error.to_string().contains("it called exit with status"), "{error}");
}

#[tokio::test]
async fn after_a_trap_the_next_call_is_as_good_as_new() {
    let generation = misfit().await;
    let fuel = generation.compose_turn(&told_to("nothing"), &anna(), &context()).await.fuel;
    for misdeed in ["panic", "recurse-forever", "exit", "panic"] {
        let called = generation.compose_turn(&told_to(misdeed), &anna(), &context()).await;
        assert_eq!(refused(called).code(), "trap", "{misdeed}");
        let next = generation.compose_turn(&told_to("nothing"), &anna(), &context()).await;
        assert_eq!((next.result.expect("it behaves").user.as_str(), next.fuel), ("hello", fuel));
    }
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_disturb_each_other() {
    let generation = misfit().await;
    let (good, bad) = (told_to("nothing"), told_to("panic"));
    let (who, ctx) = (anna(), context());
    let (first, second, third) = tokio::join!(
        generation.compose_turn(&good, &who, &ctx),
        generation.compose_turn(&bad, &who, &ctx),
        generation.compose_turn(&good, &who, &ctx),
    );
    assert_eq!(first.result.expect("it behaves").user, "hello");
    assert_eq!(refused(second).code(), "trap");
    assert_eq!(third.result.expect("it behaves").user, "hello");
}

#[tokio::test]
async fn saying_no_is_no_trap() {
    let called = compose("skip").await;
    let error = refused(called);
    assert_eq!(error.code(), "failure-skip");
    assert!(error.to_string().contains("it is Sunday"), "{error}");

    let problems = misfit().await.check_settings(&told_to("refuse")).await.result.expect("checked");
    assert_eq!(problems[0].message, "I would rather not");
}

#[tokio::test]
async fn an_empty_prompt_is_unacceptable() {
    let error = refused(compose("empty-prompt").await);
    assert_eq!(error.code(), "unacceptable");
    assert!(error.to_string().contains("the user message is empty"), "{error}");
}

#[tokio::test]
async fn tools_that_do_not_exist_are_left_out_with_a_problem() {
    let called = compose("invent-tools").await;
    let request = called.result.expect("the rest can be used");
    assert_eq!(request.allowed_tools, Some(vec!["todo.create".to_owned()]));
    assert_eq!(request.max_rounds, None);
    assert!(called.problems[0].message.contains("moon.land"), "{:?}", called.problems);
}

#[tokio::test]
async fn json_that_is_none_is_left_out_with_a_problem() {
    let (generation, strategy) = (misfit().await, told_to("break-json"));
    let asked = generation.compose_rating(&strategy, &anna(), &context(), &outcome()).await;
    assert_eq!(asked.result.expect("the rest can be used").reply_schema, None);
    assert_eq!(asked.problems[0].path.as_deref(), Some("/extras/reply-schema"));

    let read = generation.parse_rating(&strategy, &anna(), &context(), &outcome(), "").await;
    assert_eq!(read.result.expect("the rest can be used").memory, None);
    assert_eq!(read.problems[0].path.as_deref(), Some("/memory"));
}

#[tokio::test]
async fn a_memory_that_is_too_large_is_dropped_with_a_problem() {
    let called =
        misfit().await.parse_rating(&told_to("eat-memory"), &anna(), &context(), &outcome(), "").await;
    assert_eq!(called.result.expect("the rest can be used").memory, None);
    assert_eq!(called.problems[0].path.as_deref(), Some("/memory"));
}

#[tokio::test]
async fn a_lie_in_the_ratings_is_found_by_the_host() {
    let called =
        misfit().await.parse_rating(&told_to("lie-in-ratings"), &anna(), &context(), &outcome(), "").await;
    let report = called.result.expect("one rating is true");
    assert_eq!(report.ratings.len(), 1);
    assert_eq!((report.ratings[0].module.as_str(), report.ratings[0].score.get()), ("notes", 4));
    assert_eq!(report.ratings[0].notes.as_ref().map(|notes| notes.chars().count()), Some(1000));
    let found: Vec<(Severity, &str)> = called
        .problems
        .iter()
        .map(|problem| (problem.severity, problem.path.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        found,
        [
            (Severity::Error, "todo"),
            (Severity::Error, "moon"),
            (Severity::Warning, "notes"),
            (Severity::Error, "notes")
        ]
    );
}
