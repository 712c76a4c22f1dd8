//! Turns in a list, as they are asked for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::event::TurnEnd;
use persona_host::store::TurnFilter;

use super::{Home, Shelf, begin, fault, on_both_databases, persona, turn_id};

on_both_databases! {
    a_list_holds_who_was_under_way_since_then_and_who_ever_failed_since_then
}

/// Turns by what they have been through. An hour lies between one moment and the next.
const LIVES: [(&str, &[&str]); 5] = [
    ("anna", &["fails", "", "", "completes", "", ""]),
    ("ben", &["", "", "", "", "completes", ""]),
    ("tom", &["", "", "", "fails", "completes", ""]),
    ("kai", &["begins", "", "", "", "", ""]),
    ("ida", &["completes", "", "", "", "fails", ""]),
];

async fn a_list_holds_who_was_under_way_since_then_and_who_ever_failed_since_then(home: Home) {
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
    for (ever_faulted, since, state, listed) in [
        (false, None, None, "anna ben ida kai tom"),
        (true, None, None, "anna tom"),
        // Who runs is under way, whenever it began.
        (false, Some(3), None, "anna ben kai tom"),
        (false, Some(4), None, "ben kai tom"),
        (false, Some(5), None, "kai"),
        // A success since then is no failure since then.
        (true, Some(1), None, "tom"),
        (true, Some(3), None, "tom"),
        (true, Some(4), None, ""),
        (true, None, Some("completed"), "anna tom"),
        (true, None, Some("faulted"), ""),
        (false, Some(3), Some("running"), "kai"),
    ] {
        let since = since.map(|moment: usize| moments[moment]);
        let filter =
            TurnFilter { ever_faulted, since, state: state.map(str::to_owned), ..TurnFilter::default() };
        let mut names: Vec<String> =
            ledger.list(&filter).await.unwrap().into_iter().map(|turn| turn.persona).collect();
        names.sort();
        let expected: Vec<String> = listed.split_whitespace().map(|name| persona(name).email).collect();
        assert_eq!(names, expected, "ever faulted: {ever_faulted}, since {since:?}, {state:?}");
    }
    let failed = TurnFilter { ever_faulted: true, ..TurnFilter::default() };
    for turn in ledger.list(&failed).await.unwrap() {
        assert_eq!(turn.outcome, "completed");
        assert_eq!(turn.last_failure.as_deref(), Some("login-refused: no"), "a success erases nothing");
    }
}
