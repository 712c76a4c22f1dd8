//! Turns under plugins that misbehave, or are not there.

use chrono::TimeDelta;
use domain::ids::{PluginName, StrategyName};
use domain::strategy::Strategy;
use persona_host::config::Config;
use serde_json::json;

use crate::support::house::{Blueprint, email, failures, figures, held, script};

/// A strategy of its own for one persona: what the misfit is told to do.
fn misfit(misdeed: &'static str) -> impl FnOnce(&mut Config) {
    move |config| {
        config.strategies.push(Strategy {
            settings: json!({"do": misdeed}),
            ..Strategy::plain(StrategyName::new("odd"), PluginName::new("misfit"))
        });
        config.routing.personas.insert(email("Anna"), StrategyName::new("odd"));
    }
}

/// Ben, under a good plugin, has his turn in each of these cases.
#[tokio::test]
async fn a_plugin_that_misbehaves_spoils_its_own_turn_only() {
    for (misdeed, code) in [
        ("panic", "plugin-trap"),
        ("loop-forever", "plugin-out-of-fuel"),
        ("empty-prompt", "plugin-unacceptable"),
    ] {
        let house =
            Blueprint::of(&["Anna", "Ben"]).script(script(1, &[])).config(misfit(misdeed)).build().await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (2, 1, 1, 0), "{misdeed}: {report:?}");
        let turn = house.turn("Anna").await.summary;
        let fault = (turn.fault_stage.as_deref(), turn.fault_code.as_deref());
        assert_eq!(fault, (Some("compose"), Some(code)), "{misdeed}: {turn:?}");
        assert!(turn.held_until.is_some(), "{misdeed}");
        let asked = house.stack.claude().books().total.requests;
        assert_eq!(asked, house.asked("Ben").requests, "{misdeed}: Claude was asked for Ben only");
        assert_eq!(house.actions("Anna").await, [], "{misdeed}");
        assert_eq!(house.turn("Ben").await.summary.outcome, "completed", "{misdeed}");
        house.no_session_is_left().await;
    }
}

#[tokio::test]
async fn a_turn_that_its_plugin_lets_out_costs_nothing_and_is_tried_again_later() {
    let house = Blueprint::of(&["Anna"]).config(misfit("skip")).build().await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 0, 1), "{report:?}");
    assert_eq!(held(&report)[0].1, "its plugin let it out: it is Sunday");
    let turn = house.turn("Anna").await.summary;
    assert_eq!((turn.outcome.as_str(), turn.skip_reason.as_deref()), ("skipped", Some("it is Sunday")));
    assert_eq!(house.stack.claude().books().total.requests, 0);
    house.no_session_is_left().await;
    assert!(held(&house.tick().await)[0].1.starts_with("waits until 2026-11-23 12:01:"));
    house.later(TimeDelta::minutes(2));
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1));
    assert_eq!(house.turn("Anna").await.summary.attempt, 2);
}

#[tokio::test]
async fn ratings_that_break_the_rules_are_left_out_and_written_down() {
    let house =
        Blueprint::of(&["Anna"]).script(script(12, &[])).config(misfit("lie-in-ratings")).build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let turn = house.turn("Anna").await;
    assert!(turn.actions.iter().any(|action| action.module == "notes"), "{:?}", turn.actions);
    let feedback = house.feedback("Anna").await;
    assert!(
        feedback.iter().all(|row| row.module == "notes" && (1..=5).contains(&row.rating)),
        "{feedback:?}"
    );
    assert!(feedback[0].notes.as_ref().is_none_or(|notes| notes.chars().count() <= 1000));
    assert!(!turn.problems.is_empty());
}

#[tokio::test]
async fn a_plugin_that_is_not_there_is_a_complaint_and_a_fault_of_those_who_need_it() {
    let house = Blueprint::of(&["Anna", "Ben"])
        .script(script(1, &[]))
        .config(misfit("nothing"))
        .config(|config| config.strategies.last_mut().unwrap().plugin = PluginName::new("ghost"))
        .build_with_complaints()
        .await;
    assert!(house.complaints[0].contains("ghost"), "{:?}", house.complaints);
    let report = house.tick().await;
    assert_eq!(figures(&report), (2, 1, 1, 0), "{report:?}");
    assert_eq!(
        failures(&report),
        [(email("Anna").as_str(), "strategy odd uses the plugin ghost, which is not loaded")]
    );
    assert_eq!(house.turn("Anna").await.summary.fault_stage.as_deref(), Some("assign"));
}
