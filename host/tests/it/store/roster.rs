//! What is asked for by pages that show everybody, or what everything cost.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::persona::Persona;
use domain::rating::{Rating, Score};
use domain::turn_end::TurnEnd;
use persona_host::store::{Begun, CostRow, CostsBy, KeptRatings, Ledger, TurnFilter};

use super::{Home, Shelf, answer, answer_of, begin, fault, on_both_databases, persona, pin, turn_id};
use domain::step::StepKey;
use domain::transcript::Phase;

on_both_databases! {
    everybody_who_has_played_is_known_by_the_latest_turns
    what_a_turn_spends_is_told_by_the_day_of_its_latest_attempt_and_by_what_serves_it
    what_is_told_of_a_time_is_of_the_turns_that_began_in_it_and_days_are_those_of_the_zone
}

/// The persona after it was active at that instant: another occasion, and another turn.
fn after(who: &Persona, active: DateTime<Utc>) -> Persona {
    Persona { last_active_at: Some(active), ..who.clone() }
}

async fn everybody_who_has_played_is_known_by_the_latest_turns(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    assert!(ledger.players(2).await.unwrap().is_empty());
    let (anna, ben) = (persona("anna"), persona("ben"));
    for round in 0..3_u8 {
        let who = after(&anna, shelf.clock.now());
        begin(&ledger, &who).await;
        if round == 1 {
            rate(&ledger, &who, 4).await;
        } else {
            ledger.end(turn_id(&who), &TurnEnd::Idle).await.unwrap();
        }
        shelf.clock.advance(TimeDelta::hours(25));
    }
    begin(&ledger, &ben).await;
    ledger.end(turn_id(&ben), &fault()).await.unwrap();
    let players = ledger.players(2).await.unwrap();
    assert_eq!(players.keys().collect::<Vec<_>>(), [&anna.email, &ben.email]);
    let states = |who: &Persona| -> Vec<(String, bool)> {
        players[&who.email].turns.iter().map(|turn| (turn.state.clone(), turn.is_over)).collect()
    };
    assert_eq!(states(&anna), [("idle".to_owned(), true), ("completed".to_owned(), true)], "the newest two");
    assert_eq!(states(&ben), [("held".to_owned(), false)]);
    let rated: Vec<u8> = players[&anna.email].ratings.iter().map(|rating| rating.score.get()).collect();
    assert_eq!(rated, [4], "of the latest turn that has any");
    assert!(players[&ben.email].ratings.is_empty());
}

async fn rate(ledger: &Ledger, who: &Persona, score: u8) {
    let ratings = [Rating { module: "todo".to_owned(), score: Score::try_from(score).unwrap(), notes: None }];
    let kept = KeptRatings { persona: &who.id, ratings: &ratings, requests: Vec::new(), memory: None };
    ledger.keep_ratings(turn_id(who), kept).await.unwrap();
}

async fn what_a_turn_spends_is_told_by_the_day_of_its_latest_attempt_and_by_what_serves_it(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let anna = persona("anna");
    let turn = turn_id(&anna);
    let told = async |by| {
        let costs = ledger.costs(by, None, chrono_tz::Tz::UTC).await.unwrap();
        let told =
            |row: &CostRow| format!("{} {} {} {}", row.turns, row.calls, row.unpriced, row.tokens.prompt);
        let rows: Vec<String> = costs.costs.iter().map(|row| format!("{}: {}", row.of, told(row))).collect();
        (rows.join(", "), told(&costs.total))
    };
    begin(&ledger, &anna).await;
    ledger.pin(turn, &pin("daily"));
    answer(&ledger, turn, 1, Some(7)).await;
    answer(&ledger, turn, 2, None).await;
    let first = shelf.clock.now().date_naive().to_string();
    assert_eq!(told(CostsBy::Day).await, (format!("{first}: 1 2 1 20"), "1 2 1 20".to_owned()));
    assert_eq!(told(CostsBy::Strategy).await.0, "daily: 1 2 1 20");

    ledger.end(turn, &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::days(2));
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2));
    let second = shelf.clock.now().date_naive().to_string();
    assert_eq!(told(CostsBy::Day).await.0, format!("{second}: 1 2 1 20"));
    ledger.pin(turn, &pin("brief"));
    answer_of(&ledger, (turn, 2), &StepKey::model(Phase::Main, 3), Some(7)).await;
    assert_eq!(told(CostsBy::Strategy).await, ("brief: 1 3 1 30".to_owned(), "1 3 1 30".to_owned()));

    // Of a turn that asks a second model there are two kinds, and it is one turn.
    shelf.meddle("UPDATE usage SET model = 'another' WHERE key = 'main/01'").await;
    answer_of(&ledger, (turn, 2), &StepKey::model(Phase::Main, 4), Some(7)).await;
    let (kinds, total) = told(CostsBy::Model).await;
    assert!(kinds.contains("another: 1 1 0 10") && kinds.contains("claude-somebody: 1 3 1 30"), "{kinds}");
    assert!(total.starts_with("1 "), "{total}");
}

async fn what_is_told_of_a_time_is_of_the_turns_that_began_in_it_and_days_are_those_of_the_zone(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let anna = persona("anna");
    // Some of one day, some of one quarter of an hour, and all over the year.
    for later in
        [TimeDelta::minutes(10), TimeDelta::hours(5), TimeDelta::days(50) + TimeDelta::minutes(407)].repeat(4)
    {
        let who = after(&anna, shelf.clock.now());
        begin(&ledger, &who).await;
        ledger.pin(turn_id(&who), &pin("daily"));
        answer(&ledger, turn_id(&who), 1, Some(7)).await;
        ledger.end(turn_id(&who), &TurnEnd::Idle).await.unwrap();
        shelf.clock.advance(later);
    }
    let turns = ledger.list(&TurnFilter::default()).await.unwrap();
    let began: Vec<DateTime<Utc>> = turns.iter().map(|turn| turn.started_at).collect();
    for zone in [Tz::UTC, Tz::Europe__Berlin, Tz::Australia__Lord_Howe, Tz::America__Los_Angeles] {
        for since in began.iter().flat_map(|at| [-1, 0, 1].map(|aside| *at + TimeDelta::milliseconds(aside)))
        {
            let own: Vec<_> = began.iter().filter(|at| **at >= since).collect();
            let mut days: BTreeMap<String, u64> = BTreeMap::new();
            for at in &own {
                *days.entry(at.with_timezone(&zone).date_naive().to_string()).or_default() += 1;
            }
            let turns = own.len() as u64;
            for by in [CostsBy::Persona, CostsBy::Strategy, CostsBy::Model, CostsBy::Day] {
                let costs = ledger.costs(by, Some(since), zone).await.unwrap();
                let told: BTreeMap<String, u64> =
                    costs.costs.iter().map(|row| (row.of.clone(), row.turns)).collect();
                match by {
                    CostsBy::Day => assert_eq!(told, days, "since {since} in {zone}"),
                    _ => assert_eq!(told.values().sum::<u64>(), turns, "since {since} {by:?}"),
                }
                let total = (costs.total.turns, costs.total.calls, costs.total.tokens.prompt);
                assert_eq!(total, (turns, turns, 10 * turns), "since {since} {by:?}");
            }
        }
    }
}
