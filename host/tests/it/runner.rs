//! Ticks and the loop: who runs when, and what everybody meets.

mod left_alone;
mod outbox;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use domain::action::ActionStatus;
use domain::event::Event;
use domain::ids::PluginName;
use domain::turn_end::TurnEnd;
use domain::upstream::Upstream;
use persona_host::runner::{HeldBy, PluginChange, Runner, TickError};
use standin::claude::Fault;
use standin::mana_auth;

use crate::support::house::{
    Blueprint, House, email, eventually, failures, figures, held, next, script, silent, within_reason,
};
use crate::support::meddling::meddle;

/// Whatever is damaged is one persona's at most.
#[tokio::test]
async fn a_row_that_cannot_be_read_stops_no_tick_and_no_other_persona() {
    let of_anna = "(SELECT id FROM turns WHERE email = 'persona.anna@mana.test')";
    for (spoil, second_day) in [
        ("UPDATE turns SET attempt = -1 WHERE id = ANNAS".to_owned(), (2, 2, 0, 0)),
        ("UPDATE turns SET ended_at = 9223372036854775807 WHERE id = ANNAS".to_owned(), (2, 2, 0, 0)),
        ("UPDATE outbox SET delivery = '{' WHERE turn = ANNAS".to_owned(), (2, 2, 0, 0)),
        (
            "INSERT OR REPLACE INTO memories SELECT persona, 'daily', '{', id FROM turns WHERE id = ANNAS"
                .to_owned(),
            (2, 2, 0, 0),
        ),
        ("UPDATE acknowledged SET at = 9223372036854775807 WHERE turn = ANNAS".to_owned(), (2, 2, 0, 0)),
        (
            "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, held_until, started_at)
             SELECT 'spoilt', persona, email, archetype, SLOT, 'faulted', 1, 9223372036854775807, 0
             FROM turns WHERE id = ANNAS"
                .to_owned(),
            (2, 1, 1, 0),
        ),
        (
            // Another turn has taken the slot: the row cannot be written.
            "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, held_until, started_at)
             SELECT 'spoilt', persona, email, archetype, SLOT, 'faulted', 1, 0, 0 FROM turns WHERE id = ANNAS"
                .to_owned(),
            (2, 1, 1, 0),
        ),
        (
            "CREATE TRIGGER trapped BEFORE INSERT ON turns WHEN new.email = 'persona.anna@mana.test'
             BEGIN SELECT RAISE(ABORT, 'no'); END"
                .to_owned(),
            (2, 1, 1, 0),
        ),
    ] {
        let house = House::scripted(&["Anna", "Kai"], script(1, &[])).await;
        assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
        house.later(TimeDelta::days(1));
        let listed = house.runner.deps().mana.due().await.unwrap().personas;
        let anna = listed.iter().find(|persona| persona.email == email("Anna")).unwrap();
        let slot = format!("'{}'", anna.slot().as_str());
        let sql = spoil.replace("ANNAS", of_anna).replace("SLOT", &slot);
        meddle(house.ledger_path(), &sql).await;
        let report = house.tick().await;
        assert_eq!(figures(&report), second_day, "{spoil}: {report:?}");
        assert_eq!(house.turns("Kai").await.len(), 2, "{spoil}");
        assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0, "{spoil}");
    }
}

#[tokio::test]
async fn others_do_not_wait_for_a_slow_persona() {
    let house = Blueprint::of(&["Sofia", "Anna", "Ben", "Tom", "Kai"])
        .interested("Sofia", "journal")
        .interested("Anna", "todo")
        .interested("Ben", "todo")
        .interested("Tom", "notes")
        .interested("Kai", "habits")
        .script(script(2, &[]))
        .config(|config| config.runner.concurrency = 2)
        .build()
        .await;
    house.stack.mcp().set_faults(silent("journal.add"));
    let mut events = house.runner.deps().events.listen();
    let runner = house.runner.clone();
    let tick = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await });
    let mut ended = Vec::new();
    while ended.len() < 4 {
        let over = |event: &Event| match event {
            Event::TurnEnded { email, .. } => Some(email.clone()),
            _ => None,
        };
        ended.push(next(&mut events, over).await);
    }
    ended.sort_unstable();
    assert_eq!(ended, ["Anna", "Ben", "Kai", "Tom"].map(email), "with one place for the four of them");
    assert!(!tick.is_finished());
    assert_eq!(house.turn("Sofia").await.summary.outcome, "running");

    // A call that breaks off ends itself; the day goes on, with another session.
    house.stack.mcp().set_faults(standin::mana_mcp::Faults::default());
    house.stack.mcp().close_sessions().await;
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!((report.due, report.ran_successfully), (5, 5), "{report:?}");
    assert_eq!(house.turn("Sofia").await.actions[0].status, ActionStatus::Unknown, "it may have happened");
    assert_eq!(house.actions("Sofia").await[0].result, "error");
    house.no_session_is_left().await;
}

#[tokio::test]
async fn who_plays_is_told_apart_from_who_waits_for_a_place() {
    let house = Blueprint::of(&["Sofia", "Anna"])
        .interested("Sofia", "journal")
        .script(script(3, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    house.stack.mcp().set_faults(silent("journal.add"));
    let mut events = house.runner.deps().events.listen();
    let runner = house.runner.clone();
    let earlier = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await });
    next(&mut events, |event| matches!(event, Event::ModelCalled { .. }).then_some(())).await;
    let looked = house.tick().await;
    let (sofia, anna) = (email("Sofia"), email("Anna"));
    let mut told = held(&looked);
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (anna.as_str(), "it waits for a place: an earlier tick has put it in line"),
            (sofia.as_str(), "its turn is running"),
        ]
    );
    house.stack.mcp().set_faults(standin::mana_mcp::Faults::default());
    house.stack.mcp().close_sessions().await;
    let report = within_reason(earlier).await.unwrap().unwrap();
    assert_eq!((report.due, report.ran_successfully), (2, 2), "and then she plays: {report:?}");
}

/// What every persona would meet is met once.
#[tokio::test]
async fn a_fault_that_everybody_would_meet_stops_the_tick() {
    for (fault, code) in
        [(Fault::KeyRefused, "claude-key-refused"), (Fault::SpendLimit, "claude-spend-limit")]
    {
        let house = Blueprint::of(&["Anna", "Ben", "Tom"])
            .script(script(1, &[fault]))
            .config(|config| config.runner.concurrency = 1)
            .build()
            .await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (3, 0, 0, 3), "nobody failed: {report:?}");
        assert_eq!(report.held[0].cause, HeldBy::Upstream, "{report:?}");
        let others = &held(&report)[1..];
        assert!(others.iter().all(|(_, why)| why.starts_with("the tick was stopped: Claude refused")));
        assert_eq!(house.stack.claude().books().total.requests, 1);
        assert_eq!(house.turn("Anna").await.summary.fault_code.as_deref(), Some(code));
        house.later(TimeDelta::minutes(2));
        assert_eq!(figures(&house.tick().await), (3, 3, 0, 0), "the next one tries again");
        house.no_session_is_left().await;
    }
}

/// No deadline can be that far away, which is the one way to make a turn panic from outside.
#[tokio::test]
async fn a_panic_in_a_turn_is_a_fault_of_that_turn() {
    let house =
        Blueprint::of(&["Anna"]).config(|config| config.runner.turn_deadline = Duration::MAX).build().await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 1, 0), "{report:?}");
    assert!(failures(&report)[0].1.starts_with("a bug in persona-host: "), "{report:?}");
    let turn = house.turn("Anna").await.summary;
    assert_eq!((turn.outcome.as_str(), turn.fault_code.as_deref()), ("faulted", Some("panic")));
    assert!(turn.held_until.is_some());
    let metrics = house.runner.deps().events.metrics().text();
    assert!(metrics.contains("persona_turns_in_flight 0\n"), "nothing runs any more: {metrics}");
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1), "it is held like any other");
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_day_ends_it_at_a_step_and_the_next_start_goes_on() {
    let house = Blueprint::of(&["Anna", "Ben"])
        .script(script(8, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    let (remote, commands) = Runner::door();
    let mut events = house.runner.deps().events.listen();
    let serving = tokio::spawn(house.runner.clone().serve(commands, false));
    let tick = tokio::spawn(async move { remote.tick(None).await });
    next(&mut events, |event| matches!(event, Event::ToolCalled { .. }).then_some(())).await;
    house.runner.deps().stop.cancel();
    within_reason(serving).await.unwrap();
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!(figures(&report), (2, 0, 0, 2), "{report:?}");
    assert!(held(&report).contains(&(email("Ben").as_str(), "persona-host is stopping")), "{report:?}");
    let turn = house.turn("Anna").await;
    assert_eq!(turn.summary.fault_code.as_deref(), Some("stopping"));
    let done = turn.steps.iter().filter(|step| step.key.len() == 11 && step.result.is_some()).count();
    assert!((1..8).contains(&done), "{:?}", turn.steps);
    house.no_session_is_left().await;
    let house = house.restart().await;
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    assert_eq!(house.actions("Anna").await.len(), 8);
    let turn = house.turn("Anna").await;
    let steps: BTreeSet<&str> = turn.steps.iter().map(|step| step.key.as_str()).collect();
    assert_eq!(steps.len(), turn.steps.len(), "each step was taken once: {:?}", turn.steps);
    house.no_session_is_left().await;
}

/// Claude asks to wait for a minute, which a stop does not.
#[tokio::test]
async fn a_stop_while_a_call_to_claude_waits_to_be_repeated_ends_the_turn_at_once_and_counts_as_no_attempt() {
    let wait = Fault::RateLimit { retry_after: Some(Duration::from_secs(60)) };
    let house = House::scripted(&["Anna"], script(2, &[wait])).await;
    let (remote, commands) = Runner::door();
    let serving = tokio::spawn(house.runner.clone().serve(commands, false));
    let tick = tokio::spawn(async move { remote.tick(None).await });
    eventually(async || house.asked("Anna").requests == 1).await;
    house.runner.deps().stop.cancel();
    within_reason(serving).await.unwrap();
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!(figures(&report), (1, 0, 0, 1), "{report:?}");
    assert_eq!(report.held[0].cause, HeldBy::Stop);
    let turn = house.turn("Anna").await;
    assert_eq!(turn.summary.fault_code.as_deref(), Some("stopping"));
    assert!(turn.steps.last().unwrap().failure.is_some(), "and the journal says what it met: {turn:?}");
    assert_eq!(house.asked("Anna").requests, 1);
}

#[tokio::test]
async fn the_outbox_is_emptied_by_the_loop_itself() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
    house.tick().await;
    house.stack.auth().set_faults(mana_auth::Faults::default());
    house.later(TimeDelta::minutes(10));
    let (_remote, commands) = Runner::door();
    let serving = tokio::spawn(house.runner.clone().serve(commands, false));
    eventually(async || house.ledger().deliveries_waiting().await.unwrap() == 0).await;
    house.runner.deps().stop.cancel();
    within_reason(serving).await.unwrap();
    assert_eq!((house.actions("Anna").await.len(), house.feedback("Anna").await.len()), (1, 1));
}

#[tokio::test]
async fn a_tick_for_one_persona_leaves_the_others_alone() {
    let house = House::scripted(&["Anna", "Ben"], script(1, &[])).await;
    let one = |name: &str| {
        let (runner, email) = (house.runner.clone(), email(name));
        async move { within_reason(runner.tick(Some(&email), Duration::ZERO)).await.unwrap() }
    };
    assert_eq!(figures(&one("Ben").await), (1, 1, 0, 0));
    assert!(house.turns("Anna").await.is_empty());
    assert_eq!(figures(&one("Nobody").await), (0, 0, 0, 0));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0), "Anna was left");
}

#[tokio::test]
async fn an_entry_of_the_due_list_that_cannot_be_read_is_told_and_the_others_have_their_turns() {
    let house = House::scripted(&["Anna", "Ben"], script(1, &[])).await;
    let odd = "UPDATE auth.personas SET tick_cadence = 'yearly'
               WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)";
    house.stack.database().execute(odd, &[email("Anna").into()]).await.unwrap();
    let report = house.tick().await;
    assert_eq!(figures(&report), (2, 1, 1, 0), "{report:?}");
    let (who, why) = failures(&report)[0];
    assert_eq!(who, email("Anna"));
    assert!(why.starts_with("mana-auth's entry cannot be read: "), "{why}");
}

/// The report of each tick names it; the log does so once.
#[tokio::test]
async fn an_entry_that_cannot_be_read_is_told_once_and_again_when_it_has_changed() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    let mut events = house.runner.deps().events.listen();
    let sql = "UPDATE auth.personas SET tick_cadence = $1";
    let mut course = Vec::new();
    for cadence in ["yearly", "yearly", "monthly", "monthly", "never", "daily", "never"] {
        house.stack.database().execute(sql, &[cadence.into()]).await.unwrap();
        // Who has played is due again the next day.
        house.later(TimeDelta::days(2));
        let report = house.tick().await;
        let mut told = 0;
        while let Ok(event) = events.try_recv() {
            if let Event::EntryUnreadable { who, reason } = event {
                assert!(who == email("Anna") && reason.contains(cadence), "{who}: {reason}");
                told += 1;
            }
        }
        course.push((cadence, told, report.failed.len()));
    }
    let expected = [
        ("yearly", 1, 1),
        ("yearly", 0, 1),
        ("monthly", 1, 1),
        ("monthly", 0, 1),
        ("never", 1, 1),
        ("daily", 0, 0),
        ("never", 1, 1),
    ];
    assert_eq!(course, expected);
}

#[tokio::test]
async fn the_loop_ticks_by_itself_only_with_its_timer() {
    for timer in [true, false] {
        let house = Blueprint::of(&["Anna"])
            .script(script(1, &[]))
            .config(|config| config.runner.tick_interval = Duration::from_millis(20))
            .build()
            .await;
        let mut events = house.runner.deps().events.listen();
        let (remote, commands) = Runner::door();
        let serving = tokio::spawn(house.runner.clone().serve(commands, timer));
        if timer {
            let ended = |event: &Event| match event {
                Event::TickEnded { completed: 1, .. } => Some(()),
                _ => None,
            };
            next(&mut events, ended).await;
            assert_eq!(house.turn("Anna").await.summary.outcome, "completed");
        } else {
            // The loop has had its chance once it has done something it was told to.
            within_reason(remote.change_plugin(PluginName::new("nobody"), PluginChange::Reload)).await;
            assert!(house.turns("Anna").await.is_empty());
        }
        house.runner.deps().stop.cancel();
        within_reason(serving).await.unwrap();
        let late = remote.tick(None).await;
        assert!(matches!(late, Err(TickError::Stopping)), "{late:?}");
    }
}

/// Fourteen who are all alike, one at a time, and one try for each call.
async fn house_of_fourteen(faults: &[Fault]) -> House {
    Blueprint::crowd(14)
        .script(script(1, faults))
        .config(|config| (config.runner.concurrency, config.model.max_attempts) = (1, 1))
        .build()
        .await
}

#[tokio::test]
async fn while_claude_does_not_do_its_work_nothing_is_begun_and_nobody_is_held_for_it() {
    let outage = Fault::Error { status: 503, kind: "api_error" };
    let house = house_of_fourteen(&vec![outage.clone(); 11]).await;
    let report = house.tick().await;
    assert_eq!(
        figures(&report),
        (14, 0, 9, 5),
        "ten failures are an outage, and the tenth is its: {report:?}"
    );
    assert!(report.held.iter().all(|held| held.cause == HeldBy::Upstream), "{report:?}");
    assert!(report.held[1].reason.contains("Claude is left alone"), "{report:?}");
    let asked = || house.stack.claude().books().total.requests;
    assert_eq!(asked(), 10);
    let standing = || house.runner.deps().fuses.of(Upstream::Claude).standing().name();
    assert_eq!(standing(), "open");
    house.later(TimeDelta::seconds(29));
    let report = house.tick().await;
    assert!(report.held.iter().filter(|held| held.cause == HeldBy::Upstream).count() >= 4, "{report:?}");
    assert_eq!(asked(), 10, "nothing is asked");

    house.later(TimeDelta::seconds(2));
    let report = house.tick().await;
    assert_eq!(
        (report.ran_successfully, report.failed.len(), asked()),
        (0, 0, 11),
        "one tries it: {report:?}"
    );
    assert_eq!(standing(), "open", "and so does the next one, twice as long after it");
    house.later(TimeDelta::seconds(61));
    let report = house.tick().await;
    assert_eq!(figures(&report), (14, 14, 0, 0), "it is over, and nobody waits for anything: {report:?}");
    assert_eq!(standing(), "closed");
    let metrics = house.runner.deps().events.metrics().text();
    assert!(metrics.contains("persona_upstream_openings_total{upstream=\"claude\"} 2\n"), "{metrics}");
}

#[tokio::test]
async fn what_is_under_way_when_nothing_can_work_stops_at_a_step_and_burns_no_attempt() {
    for (fault, code) in
        [(Fault::KeyRefused, "claude-key-refused"), (Fault::SpendLimit, "claude-spend-limit")]
    {
        let house = Blueprint::crowd(2)
            .script(script(1, &[fault]))
            .config(|config| config.runner.concurrency = 2)
            .build()
            .await;
        let report = house.tick().await;
        let codes = report.turns.iter().filter_map(|turn| match &turn.ended.end {
            TurnEnd::Faulted(fault) => Some(fault.code.as_str()),
            _ => None,
        });
        let codes: BTreeSet<&str> = codes.collect();
        assert_eq!(
            house.stack.claude().books().total.requests,
            1,
            "the other one is not even sent: {report:?}"
        );
        assert!(
            codes.contains(code) && codes.iter().all(|one| [code, "claude-away"].contains(one)),
            "{codes:?}"
        );
        assert!(report.stopped_by.is_some(), "{report:?}");
        house.later(TimeDelta::seconds(31));
        assert_eq!(
            figures(&house.tick().await),
            (2, 2, 0, 0),
            "both were held for as long as that lasts, no longer"
        );
    }
}

#[tokio::test]
async fn a_mana_mcp_that_is_broken_is_left_alone_too() {
    let house = house_of_fourteen(&[]).await;
    let fuse = house.runner.deps().fuses.of(Upstream::ManaMcp).clone();
    (0..10).for_each(|_| fuse.hear(Some("HTTP 502")));
    let report = house.tick().await;
    assert_eq!(figures(&report), (14, 0, 0, 14), "{report:?}");
    assert!(held(&report).iter().all(|(_, why)| why.contains("mana-mcp is left alone")), "{report:?}");
    house.later(TimeDelta::seconds(31));
    assert_eq!(figures(&house.tick().await), (14, 14, 0, 0), "the first turn shows that it works again");
}
