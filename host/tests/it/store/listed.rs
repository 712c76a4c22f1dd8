//! Turns in a list, as they are asked for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::code::Code;
use domain::fault::{Fault, Stage};
use domain::state::State;
use domain::turn_end::TurnEnd;
use persona_host::store::{Paused, TurnFilter};

use super::{Home, Shelf, begin, fault, on_both_databases, persona, turn_id};

on_both_databases! {
    each_turn_is_told_and_listed_by_the_one_word_for_how_it_stands
    a_list_holds_who_was_under_way_in_a_time_and_who_failed_in_it
}

async fn each_turn_is_told_and_listed_by_the_one_word_for_how_it_stands(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let new = |stage, code| Fault::new(stage, code, "so it is");
    let skipped = TurnEnd::Skipped { reason: "a holiday".to_owned(), until: None };
    let lives: [(&str, Option<TurnEnd>, &str, &str); 12] = [
        ("anna", None, "running", "running"),
        ("ben", Some(TurnEnd::Completed), "completed", "completed"),
        ("cleo", Some(TurnEnd::Idle), "idle", "idle"),
        ("dora", Some(fault()), "held", "faulted"),
        ("emil", Some(skipped), "held", "skipped"),
        ("fritz", Some(new(Stage::Parse, Code::PluginTrap).into()), "faulted", "faulted"),
        ("gina", Some(Fault::misfit(Stage::ToolLoop, "another").into()), "parked", "faulted"),
        ("hans", Some(Fault::stopping(Stage::ToolLoop).into()), "stopped", "stopped"),
        ("ida", Some(new(Stage::ToolLoop, Code::ClaudeAway).excused().into()), "stopped", "stopped"),
        ("jan", Some(Fault::of_budget(Stage::ToolLoop, "no room").into()), "held", "stopped"),
        ("kai", Some(fault()), "paused", "faulted"),
        ("lena", Some(Fault::stopping(Stage::Space).into()), "paused", "stopped"),
    ];
    for (name, end, ..) in &lives {
        let who = persona(name);
        begin(&ledger, &who).await;
        if let Some(end) = end {
            ledger.end(turn_id(&who), end).await.unwrap();
        }
    }
    let paused = Paused { since: shelf.clock.now(), by: None, reason: Some("lunch".to_owned()) };
    for name in ["anna", "ben", "gina", "kai", "lena"] {
        ledger.pause(Some(&persona(name).email), &paused).await.unwrap();
    }
    let open = ledger.open_turns().await.unwrap();
    for (name, _, state, outcome) in &lives {
        let who = persona(name);
        let turn = ledger.recorded_turn(turn_id(&who)).await.unwrap().summary;
        assert_eq!((turn.state.as_str(), turn.outcome.as_str()), (*state, *outcome), "{name}");
        assert_eq!(turn.paused_since.is_some(), *state == "paused", "{name}");
        if let Some(open) = open.iter().find(|open| open.persona == who.email) {
            assert_eq!(open.state.name(), *state, "{name}");
        }
    }
    for state in State::ALL {
        let filter = TurnFilter { state: Some(state.name().to_owned()), ..TurnFilter::default() };
        let listed = ledger.list(&filter).await.unwrap();
        let expected = lives.iter().filter(|(.., own, _)| *own == state.name()).count();
        assert_eq!(listed.len(), expected, "{state}");
        assert!(listed.iter().all(|turn| turn.state == state.name()), "{state}");
    }
    let failed = TurnFilter { ever_faulted: true, ..TurnFilter::default() };
    let failed = ledger.list(&failed).await.unwrap();
    assert!(failed.iter().all(|turn| turn.outcome == "faulted") && failed.len() == 4, "no stop is a fault");
}

/// Turns by what they have been through. An hour lies between one moment and the next.
const LIVES: [(&str, &[&str]); 5] = [
    ("anna", &["fails", "", "", "completes", "", ""]),
    ("ben", &["", "", "", "", "completes", ""]),
    ("tom", &["", "", "", "fails", "completes", ""]),
    ("kai", &["begins", "", "", "", "", ""]),
    ("ida", &["completes", "", "", "", "fails", ""]),
];

async fn a_list_holds_who_was_under_way_in_a_time_and_who_failed_in_it(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let mut moments: Vec<DateTime<Utc>> = Vec::new();
    for moment in 0..6 {
        moments.push(shelf.clock.now());
        for (name, life) in LIVES {
            let who = persona(name);
            let end = match life[moment] {
                "fails" => Some(fault()),
                "completes" => Some(TurnEnd::Completed),
                "begins" => None,
                _ => continue,
            };
            begin(&ledger, &who).await;
            if let Some(end) = end {
                ledger.end(turn_id(&who), &end).await.unwrap();
            }
        }
        shelf.clock.advance(TimeDelta::hours(1));
    }
    for (ever_faulted, since, until, state, listed) in [
        (false, None, None, None, "anna ben ida kai tom"),
        (true, None, None, None, "anna tom"),
        // Who runs is under way, whenever it began.
        (false, Some(3), None, None, "anna ben kai tom"),
        (false, Some(4), None, None, "ben kai tom"),
        (false, Some(5), None, None, "kai"),
        // A success since then is no failure since then.
        (true, Some(1), None, None, "tom"),
        (true, Some(3), None, None, "tom"),
        (true, Some(4), None, None, ""),
        (true, None, None, Some("completed"), "anna tom"),
        (true, None, None, Some("faulted"), ""),
        (false, Some(3), None, Some("running"), "kai"),
        (false, None, Some(1), None, "anna ida kai"),
        (false, None, Some(4), None, "anna ida kai tom"),
        // Somebody whose attempts lie before and behind was not under way in between.
        (false, Some(1), Some(3), None, "kai"),
        (false, Some(1), Some(4), None, "anna kai tom"),
        (false, Some(4), Some(4), None, "kai"),
        (true, None, Some(3), None, "anna"),
        (true, Some(1), Some(4), None, "tom"),
        (true, Some(1), Some(3), None, ""),
        (false, None, Some(1), Some("running"), "kai"),
    ] {
        let [since, until] = [since, until].map(|at| at.map(|moment: usize| moments[moment]));
        let state = state.map(str::to_owned);
        let filter = TurnFilter { ever_faulted, since, until, state: state.clone(), ..TurnFilter::default() };
        let mut names: Vec<String> =
            ledger.list(&filter).await.unwrap().into_iter().map(|turn| turn.persona).collect();
        names.sort();
        let expected: Vec<String> = listed.split_whitespace().map(|name| persona(name).email).collect();
        assert_eq!(
            names, expected,
            "ever faulted: {ever_faulted}, since {since:?}, until {until:?}, {state:?}"
        );
    }
    let failed = TurnFilter { ever_faulted: true, ..TurnFilter::default() };
    for turn in ledger.list(&failed).await.unwrap() {
        assert_eq!(turn.outcome, "completed");
        assert_eq!(turn.last_failure.as_deref(), Some("login-refused: no"), "a success erases nothing");
    }
}
