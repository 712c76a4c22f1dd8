//! The host's own schedule, through the real runner, ledger and neighbours: slots by the calendar, restarts, holds, clocks
//! that are set, and the order in which many are begun.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::event::Event;
use domain::persona::{Cadence, Persona};
use persona_host::store::Recorded;
use schedule::{Entry, Moment, Rules, When, cron};
use standin::claude::{Fault, Script};

use crate::support::house::{Blueprint, House, email, failures, figures, held, next, script};

/// A calendar in Tokyo, where everybody plays once a day.
fn tokyo() -> Rules {
    let mut rules = Rules::of_zone(Tz::Asia__Tokyo);
    rules.cadences.insert(Cadence::Weekdays, Entry { when: Some(When::Daily), ..Entry::default() });
    rules
}

fn with(blueprint: Blueprint, rules: Rules) -> Blueprint {
    blueprint.config(|config| config.schedule = Some(rules))
}

/// Everybody whom mana-auth lists, by name.
async fn listed(house: &House, names: &[&str]) -> BTreeMap<String, Persona> {
    let list = house.runner.deps().mana.due().await.unwrap().personas;
    let of = |name: &&str| {
        let persona = list.iter().find(|persona| persona.email == email(name)).unwrap();
        ((*name).to_owned(), persona.clone())
    };
    names.iter().map(of).collect()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Moves the clock to this instant.
fn go_to(house: &House, at: DateTime<Utc>) {
    house.later(at - house.clock.now());
}

/// When the slot of a day is.
fn slot(rules: &Rules, persona: &Persona, date: NaiveDate) -> Moment {
    let rule = rules.rule_for(persona);
    Moment { at: rule.slot_of(&persona.id, date).unwrap(), zone: rule.zone }
}

async fn is_begun(house: &House, persona: &Persona, moment: Moment) -> bool {
    house.ledger().record_of(&persona.id, moment).await.unwrap().begun
}

#[tokio::test]
async fn each_day_has_one_turn_at_its_time_by_the_personas_clock_whatever_mana_auth_says() {
    let names = ["Anna", "Marcus", "Kai"];
    let mut house = with(Blueprint::of(&names).script(script(1, &[])), tokyo()).build().await;
    let personas = listed(&house, &names).await;
    let start = house.clock.now();
    for half_hours in 0..2 * 24 * 4 {
        go_to(&house, start + TimeDelta::minutes(30 * half_hours));
        let report = house.tick().await;
        assert_eq!((report.failed.len(), report.held.len()), (0, 0), "{report:?}");
        match half_hours {
            // At night, at noon, and in the middle of the day: what was played is in the ledger.
            20 | 77 | 140 => house = house.restart().await,
            _ => {}
        }
    }
    for (name, persona) in &personas {
        let turns = house.turns(name).await;
        let mut days: Vec<NaiveDate> = turns
            .iter()
            .map(|turn| turn.summary.started_at.with_timezone(&Tz::Asia__Tokyo).date_naive())
            .collect();
        days.reverse();
        let distinct: std::collections::BTreeSet<NaiveDate> = days.iter().copied().collect();
        assert_eq!(distinct.len(), days.len(), "{name} played twice on a day: {days:?}");
        for day in ["2026-11-24", "2026-11-25", "2026-11-26"] {
            let moment = slot(&tokyo(), persona, date(day));
            assert!(is_begun(&house, persona, moment).await, "{name} on {day}");
            let punctual = |turn: &&Recorded| {
                (moment.at..moment.at + TimeDelta::minutes(31)).contains(&turn.summary.started_at)
            };
            assert_eq!(turns.iter().filter(punctual).count(), 1, "{name} on {day}: soon after its slot");
        }
        assert!(turns.iter().all(|turn| turn.summary.outcome == "completed"), "{turns:?}");
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_plays_nothing_again_and_one_that_jumps_plays_the_newest_slot_once() {
    let names = ["Anna", "Kai"];
    let house = with(Blueprint::of(&names).script(script(1, &[])), tokyo()).build().await;
    let personas = listed(&house, &names).await;
    let night = |day: &str| date(day).and_hms_opt(13, 0, 0).unwrap().and_utc();
    // Ten in the evening in Tokyo: all slots of the day have come.
    for (at, plays) in [
        ("2026-11-24", 2),
        ("2026-11-25", 2),
        ("2026-11-24", 0),
        ("2026-11-25", 0),
        ("2026-12-20", 2),
        ("2026-11-25", 0),
        ("2026-12-20", 0),
        ("2026-12-21", 2),
    ] {
        go_to(&house, night(at));
        let before = house.turns("Anna").await.len() + house.turns("Kai").await.len();
        house.tick().await;
        house.tick().await;
        let after = house.turns("Anna").await.len() + house.turns("Kai").await.len();
        // A slot of the morning is older than twelve hours by now.
        let young = |persona: &&Persona| {
            plays > 0 && night(at) - slot(&tokyo(), persona, date(at)).at <= TimeDelta::hours(12)
        };
        assert_eq!(after - before, personas.values().filter(young).count(), "{at}");
    }
}

#[tokio::test]
async fn an_open_turn_goes_before_newer_slots_and_those_that_came_meanwhile_are_left_out() {
    let mut rules = tokyo();
    let every = cron("0 * * * *").unwrap();
    rules.personas.insert(email("Anna"), Entry { when: Some(every), ..Entry::default() });
    let faults = [Fault::Error { status: 400, kind: "invalid_request_error" }];
    let house = with(Blueprint::of(&["Anna"]).script(script(1, &faults)), rules).build().await;
    let mut events = house.runner.deps().events.listen();
    go_to(&house, "2026-11-24T03:00:10Z".parse().unwrap());
    let first = house.tick().await;
    assert_eq!(figures(&first), (1, 0, 1, 0), "{first:?}");
    let at_once = house.tick().await;
    assert!(held(&at_once)[0].1.starts_with("waits until 2026-11-24 03:01"), "{at_once:?}");
    // The slots of 4 and 5 o'clock come while it waits.
    go_to(&house, "2026-11-24T05:30:00Z".parse().unwrap());
    let again = house.tick().await;
    assert_eq!(figures(&again), (1, 1, 0, 0), "{again:?}");
    assert_eq!(house.turn("Anna").await.summary.attempt, 2, "it is the same turn");
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "five o'clock came while it was open");
    let left_out = |event: &Event| match event {
        Event::SlotsLeftOut { late, busy } => Some((*late, *busy)),
        _ => None,
    };
    assert_eq!(next(&mut events, left_out).await, (0, 1), "and that is told");
    go_to(&house, "2026-11-24T06:00:05Z".parse().unwrap());
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert_eq!(house.turns("Anna").await.len(), 2);
}

#[tokio::test]
async fn a_slot_that_nobody_came_to_in_time_is_told_and_not_played() {
    let mut rules = tokyo();
    let noon = Entry { when: Some(cron("0 12 * * *").unwrap()), ..Entry::default() };
    rules.personas.insert(email("Anna"), noon);
    rules.personas.insert(email("Kai"), Entry { when: Some(When::Never), ..Entry::default() });
    let house = with(Blueprint::of(&["Anna", "Kai"]).script(script(1, &[])), rules).build().await;
    let mut events = house.runner.deps().events.listen();
    go_to(&house, "2026-11-24T16:00:00Z".parse().unwrap());
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "noon in Tokyo was thirteen hours ago");
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0));
    let left_out = |event: &Event| match event {
        Event::SlotsLeftOut { late, busy } => Some((*late, *busy)),
        _ => None,
    };
    assert_eq!(next(&mut events, left_out).await, (1, 0));
    go_to(&house, "2026-11-25T14:59:00Z".parse().unwrap());
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert!(house.turns("Kai").await.is_empty(), "never is never");
    assert!(failures(&house.tick().await).is_empty());
}

#[tokio::test]
async fn a_persona_that_is_gone_from_mana_auth_fails_alone_and_costs_nothing() {
    let mut rules = tokyo();
    let hourly = Entry { when: Some(cron("0 * * * *").unwrap()), ..Entry::default() };
    rules.cadences.insert(Cadence::Daily, hourly);
    let house = with(Blueprint::of(&["Anna", "Kai"]).script(script(1, &[])), rules).build().await;
    go_to(&house, "2026-11-24T03:00:10Z".parse().unwrap());
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    let gone = "DELETE FROM auth.users WHERE email = $1";
    house.stack.database().execute(gone, &[email("Anna").into()]).await.unwrap();
    let house = house.restart().await;
    go_to(&house, "2026-11-24T04:00:10Z".parse().unwrap());
    let report = house.tick().await;
    assert_eq!(figures(&report), (2, 1, 1, 0), "the ledger knows both: {report:?}");
    assert_eq!(failures(&report)[0].0, email("Anna"));
    assert_eq!(house.asked("Anna").requests, 3, "what its first turn cost");
}

#[tokio::test]
async fn a_plugin_is_told_the_date_where_the_persona_lives() {
    let mut rules = tokyo();
    let noon = Entry { when: Some(cron("0 1 * * *").unwrap()), ..Entry::default() };
    rules.personas.insert(email("Anna"), noon);
    let house = with(Blueprint::of(&["Anna"]).script(script(1, &[])), rules).build().await;
    go_to(&house, "2026-11-24T16:30:00Z".parse().unwrap());
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let strategies = [domain::ids::StrategyName::new("daily")];
    let kept = house.ledger().kept_turns(&strategies, 1).await.unwrap();
    assert_eq!(kept[0].context.local_date, "2026-11-25", "half past one in the morning in Tokyo");
}

#[tokio::test]
async fn who_is_latest_by_its_own_measure_is_begun_first_also_by_mana_auths_rule() {
    let names = ["Anna", "Ben", "Kai"];
    let house = Blueprint::of(&names)
        .script(script(1, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    let sql = "UPDATE auth.personas SET last_active_at = $2, tick_cadence = $3
               WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)";
    let now = house.clock.now();
    for (name, hours, cadence) in [("Anna", 30, "daily"), ("Ben", 4, "hourly")] {
        let at = standin::database::Moment::from(now - TimeDelta::hours(hours));
        let values = [email(name).into(), at.into(), cadence.into()];
        house.stack.database().execute(sql, &values).await.unwrap();
    }
    house.tick().await;
    let mut begun = Vec::new();
    for name in names {
        begun.push((house.turn(name).await.summary.started_at, name));
    }
    begun.sort();
    let order: Vec<&str> = begun.into_iter().map(|(_, name)| name).collect();
    assert_eq!(order, ["Ben", "Kai", "Anna"], "three hours of one, never, six of twenty-four");
}

#[tokio::test]
async fn more_than_can_be_served_is_told() {
    let slow = Script { first_byte_after: Duration::from_millis(50), ..script(1, &[]) };
    let house = Blueprint::crowd(20)
        .script(slow)
        .config(|config| {
            config.runner.concurrency = 1;
            let mut rules = Rules::of_zone(Tz::UTC);
            let each_second = Entry { when: Some(When::Every(TimeDelta::seconds(1))), ..Entry::default() };
            rules.cadences.insert(Cadence::Daily, each_second);
            config.schedule = Some(rules);
        })
        .build()
        .await;
    let mut events = house.runner.deps().events.listen();
    house.tick().await;
    house.later(TimeDelta::seconds(10));
    house.tick().await;
    let backlog = |event: &Event| match event {
        Event::Backlog { waiting, utilisation, news } => Some((*waiting, *utilisation > 1.0, *news)),
        _ => None,
    };
    // A turn of each second, and each takes a good part of one: there is one place.
    assert_eq!(next(&mut events, backlog).await, (20, true, true));
    let metrics = house.runner.deps().events.metrics().text();
    let line = metrics.lines().find(|line| line.starts_with("persona_slot_utilisation ")).unwrap();
    assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 1.0, "{line}");
}

#[tokio::test]
async fn an_entry_that_fits_nobody_is_told_once_when_somebody_is_known() {
    let mut rules = tokyo();
    for who in [email("Anna"), "persona.ana@mana.test".to_owned()] {
        rules.personas.insert(who, Entry::default());
    }
    let house = with(Blueprint::of(&["Anna"]).script(script(1, &[])), rules).build().await;
    let mut events = house.runner.deps().events.listen();
    for _ in 0..3 {
        house.later(TimeDelta::days(1));
        house.tick().await;
    }
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::ScheduleFitsNobody { entries, known } = event {
            told.push((entries, known));
        }
    }
    assert_eq!(told, [(vec!["schedule.personas.\"persona.ana@mana.test\"".to_owned()], 1)]);
}
