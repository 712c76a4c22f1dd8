//! What mana-auth forgets, and who else delivers to it: each turn is played once, and each is told apart.

use std::time::Duration;

use chrono::TimeDelta;
use domain::action::ActionStatus;
use domain::code::Code;
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::ids::TurnId;
use domain::turn_end::TurnEnd;
use persona_host::app;
use persona_host::config::SignIn;
use persona_host::runner::HeldBy;
use persona_host::store::{Begin, Occasion};
use persona_host::turn::{self, Due};
use secrecy::ExposeSecret as _;
use standin::{mana_auth, mana_mcp};

use crate::support::house::{Blueprint, House, email, figures, held, next, script, within_reason};

/// As a backup of mana-auth leaves it that was made before the persona ever ran.
const SET_BACK: &str = "UPDATE auth.personas SET last_active_at = NULL
                        WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)";

async fn set_back(house: &House, name: &str) {
    house.stack.database().execute(SET_BACK, &[email(name).into()]).await.unwrap();
}

#[tokio::test]
async fn a_persona_that_mana_auth_has_set_back_plays_again_and_no_row_is_lost() {
    let house = House::scripted(&["Anna"], script(2, &[])).await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    set_back(&house, "Anna").await;
    house.later(TimeDelta::minutes(1));
    let again = house.tick().await;
    assert_eq!(figures(&again), (1, 1, 0, 0), "{again:?}");
    let turns = house.turns("Anna").await;
    assert_eq!(turns.len(), 2);
    assert_ne!(turns[0].summary.id, turns[1].summary.id);
    let kept: usize = turns.iter().map(|turn| turn.actions.len()).sum();
    assert_eq!(house.actions("Anna").await.len(), kept, "nothing of both days is dropped as a repeat");
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0));
}

/// Else a mana-auth that acknowledges everything and remembers nothing would let it be paid for at each tick.
#[tokio::test]
async fn a_mana_auth_that_goes_on_forgetting_gets_no_more_than_the_cadence_allows() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    for _ in 0..2 {
        house.tick().await;
        set_back(&house, "Anna").await;
        house.later(TimeDelta::minutes(1));
    }
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 0, 1), "{report:?}");
    assert_eq!(report.held[0].cause, HeldBy::Fault);
    let why = held(&report)[0].1;
    assert!(why.starts_with("waits until 2026-11-24 12:01:"), "{why}");
    assert!(why.ends_with("mana-auth acknowledged 2 turns of it and has forgotten each of them"), "{why}");

    house.runner.release(&email("Anna")).await.unwrap();
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0), "unless somebody says so");
    set_back(&house, "Anna").await;
    house.later(TimeDelta::minutes(1));
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1));
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_due_list_from_before_the_acknowledgment_asks_for_the_turn_that_is_over() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    let listed = house.runner.deps().mana.due().await.unwrap().personas.remove(0);
    let before = house.ledger().acknowledged().await.unwrap();
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
    house.tick().await;
    let waiting = house.ledger().acknowledged().await.unwrap();
    assert_eq!(house.ledger().occasion(&listed, waiting).await.unwrap(), Occasion::Unacknowledged);

    house.stack.auth().set_faults(mana_auth::Faults::default());
    house.later(TimeDelta::hours(1));
    house.runner.flush().await.unwrap();
    let now = house.ledger().acknowledged().await.unwrap();
    for old in [before, waiting] {
        assert_eq!(house.ledger().occasion(&listed, old).await.unwrap(), Occasion::Unacknowledged);
    }
    let occasion = house.ledger().occasion(&listed, now).await.unwrap();
    let Occasion::Open { turn, slot } = occasion else { panic!("{occasion:?}") };
    assert_eq!(slot.as_str(), "never active, again 2");
    assert_ne!(turn.to_string(), house.turn("Anna").await.summary.id);
}

#[tokio::test]
async fn a_turn_that_has_begun_keeps_its_id() {
    let house = House::of(&["Anna"]).await;
    let listed = house.runner.deps().mana.due().await.unwrap().personas.remove(0);
    // As versions before the ledger had an identity wrote it.
    let (turn, slot) = (TurnId::of(&listed.id, &listed.slot()), listed.slot());
    house.ledger().begin(Begin { turn, persona: &listed, slot: &slot }).await.unwrap();
    let end = TurnEnd::Faulted(Fault::new(Stage::SignIn, Code::LoginRefused, "no"));
    house.ledger().end(turn, &end).await.unwrap();
    house.later(TimeDelta::minutes(2));
    let known = house.ledger().acknowledged().await.unwrap();
    let open = Occasion::Open { turn, slot: slot.clone() };
    assert_eq!(house.ledger().occasion(&listed, known).await.unwrap(), open);
    assert_eq!(house.ledger().turn_of(&listed.id, &slot).await.unwrap(), turn);
}

#[tokio::test]
async fn two_ledgers_on_one_mana_auth_never_share_an_id_and_notice_each_other() {
    let house = House::scripted(&["Anna"], script(2, &[])).await;
    let mut config = house.config.clone();
    config.store.url = config.store.url.expose_secret().replace("ledger.db", "other.db").into();
    let other = app::build(&config, house.clock.clone()).await.unwrap().runner;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    // Both were told that she is due.
    set_back(&house, "Anna").await;
    house.later(TimeDelta::minutes(1));
    let theirs = other.tick(None, Duration::ZERO).await.unwrap();
    assert_eq!(figures(&theirs), (1, 1, 0, 0));
    assert!(theirs.foreign.is_empty(), "it has no turn of its own to compare with: {theirs:?}");
    let own = house.turn("Anna").await;
    assert_ne!(theirs.turns[0].ended.turn.to_string(), own.summary.id);
    let rows = own.actions.len() + theirs.turns[0].ended.actions;
    assert_eq!(house.actions("Anna").await.len(), rows, "each row of both has arrived");

    house.later(TimeDelta::hours(25));
    house.stack.mcp().set_faults(mana_mcp::Faults { refuses_initialize: true, ..Default::default() });
    let noticed = house.tick().await;
    assert_eq!(figures(&noticed), (1, 0, 1, 0), "{noticed:?}");
    assert_eq!(noticed.foreign.len(), 1, "{noticed:?}");
    let foreign = &noticed.foreign[0];
    assert_eq!(foreign.persona, email("Anna"));
    assert!(foreign.last_active_at - foreign.ours > TimeDelta::seconds(50), "{foreign:?}");
    house.stack.mcp().set_faults(mana_mcp::Faults::default());
    house.later(TimeDelta::minutes(2));
    let later = house.tick().await;
    assert_eq!(figures(&later), (1, 1, 0, 0), "{later:?}");
    assert!(later.foreign.is_empty(), "it is told once: {later:?}");
    assert_eq!(house.ledger().foreign_activities().await.unwrap(), noticed.foreign);
}

/// Ben waits for Anna's place. The other runner plays him at the moment at which she signs in, and her day is longer
/// than a list of who is due stays fresh.
#[tokio::test]
async fn a_persona_that_another_runner_has_played_while_it_waited_is_not_played_again() {
    let house = Blueprint::of(&["Anna", "Ben", "Tom"])
        .script(script(2, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    let played = "CREATE TRIGGER auth.other_runner AFTER INSERT ON sessions BEGIN
                      UPDATE personas SET last_active_at = (SELECT max(created_at) FROM sessions)
                      WHERE user_id = (SELECT id FROM users WHERE email = 'persona.ben@mana.test');
                  END";
    house.stack.database().execute(played, &[]).await.unwrap();
    let faults = mana_mcp::Faults { advance_clock: Some(TimeDelta::seconds(10)), ..Default::default() };
    house.stack.mcp().set_faults(faults);
    let report = house.tick().await;
    assert_eq!(figures(&report), (3, 2, 0, 1), "{report:?}");
    assert_eq!(
        (report.held[0].persona.as_str(), report.held[0].cause),
        (email("Ben").as_str(), HeldBy::NotDue)
    );
    assert_eq!(house.asked("Ben").requests, 0, "nothing is paid for");
}

#[tokio::test]
async fn another_runner_is_noticed_also_by_a_ledger_that_has_delivered_nothing_yet() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.mcp().set_faults(mana_mcp::Faults { refuses_initialize: true, ..Default::default() });
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    house.later(TimeDelta::minutes(10));
    let active = "UPDATE auth.personas SET last_active_at = $2
                  WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)";
    let now = standin::database::Moment::from(house.clock.now());
    house.stack.database().execute(active, &[email("Anna").into(), now.into()]).await.unwrap();
    house.later(TimeDelta::hours(25));
    let noticed = house.tick().await;
    assert_eq!(noticed.foreign.len(), 1, "{noticed:?}");
    house.later(TimeDelta::hours(1));
    assert!(house.tick().await.foreign.is_empty(), "it is told once");
}

#[tokio::test]
async fn a_persona_that_plays_alone_is_never_taken_for_somebody_elses() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.auth().set_faults(mana_auth::Faults { lost_answers: 1, ..Default::default() });
    for day in 0..3 {
        let report = house.tick().await;
        assert!(report.foreign.is_empty(), "day {day}: {report:?}");
        house.later(TimeDelta::hours(25));
        house.runner.flush().await.unwrap();
        house.later(TimeDelta::hours(25));
    }
}

#[tokio::test]
async fn a_hold_is_lifted_by_whoever_has_mended_its_cause() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.auth().set_faults(mana_auth::Faults { sign_ins: 1, ..Default::default() });
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let report = house.tick().await;
    assert_eq!((figures(&report), report.held[0].cause), ((1, 0, 0, 1), HeldBy::Fault));
    assert_eq!(house.runner.release(&email("Anna")).await.unwrap(), Some(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert_eq!(house.runner.release(&email("Anna")).await.unwrap(), Some(0), "what is over stays over");
    assert_eq!(house.runner.release(&email("Nobody")).await.unwrap(), None);
}

/// The sessions that mana-auth has for anybody.
async fn sessions(house: &House) -> i64 {
    house.count("SELECT count(*) AS count FROM auth.sessions").await
}

#[tokio::test]
async fn a_persona_has_one_session_for_all_its_turns_and_none_when_the_program_ends() {
    let house = House::scripted(&["Anna", "Ben"], script(1, &[])).await;
    for _ in 0..3 {
        assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
        assert_eq!(sessions(&house).await, 2);
        house.later(TimeDelta::hours(25));
    }
    // One that mana-auth has ended is opened anew.
    house.stack.database().execute("DELETE FROM auth.sessions", &[]).await.unwrap();
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    assert_eq!(sessions(&house).await, 2);
    house.runner.deps().mana.sign_out_all().await;
    assert_eq!(sessions(&house).await, 0);
}

#[tokio::test]
async fn a_locked_account_is_held_until_its_lock_ends_and_not_asked_meanwhile() {
    let house = Blueprint::of(&["Anna"])
        .stack(|options| options.bearer_lists_organizations = true)
        .config(|config| config.mana.sign_in = SignIn::Bearer)
        .build()
        .await;
    let locked = "INSERT INTO auth.login_attempts (id, email, created_at) VALUES ($1, $2, $3)";
    for attempt in 0..5 {
        let now = standin::database::Moment::from(house.clock.now());
        let values = [format!("{attempt}").into(), email("Anna").into(), now.into()];
        house.stack.database().execute(locked, &values).await.unwrap();
    }
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let turn = house.turn("Anna").await.summary;
    assert_eq!(turn.fault_code.as_deref(), Some("login-locked"));
    let held = turn.held_until.unwrap() - turn.started_at;
    assert!((TimeDelta::minutes(29)..TimeDelta::minutes(31)).contains(&held), "{held}");
    house.later(TimeDelta::minutes(28));
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1), "longer than any back-off after one attempt");
    house.later(TimeDelta::minutes(3));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

/// The list of who is due names Anna's user with Ben's address.
#[tokio::test]
async fn a_sign_in_as_somebody_else_is_a_fault_before_anything_is_done() {
    let house = House::scripted(&["Anna", "Ben"], script(1, &[])).await;
    let user = |name: &str| {
        let sql = "SELECT id FROM auth.users WHERE email = $1";
        let (database, values) = (house.stack.database().clone(), [email(name).into()]);
        async move { database.row(sql, &values).await.unwrap().unwrap().text("id").unwrap() }
    };
    let (anna, ben) = (user("Anna").await, user("Ben").await);
    let mana = &house.runner.deps().mana;
    let mut persona = mana.due().await.unwrap().personas.remove(0);
    assert_eq!(persona.id.as_str(), anna);
    persona.email = email("Ben");
    let turn = house.ledger().turn_of(&persona.id, &persona.slot()).await.unwrap();
    let slot = persona.slot();
    house.ledger().begin(Begin { turn, persona: &persona, slot: &slot }).await.unwrap();
    let stop = house.runner.deps().stop.clone();
    let due = Due { turn, attempt: 1, persona, part: None, stop };
    let ended = within_reason(turn::run(due, house.runner.deps())).await;
    let TurnEnd::Faulted(fault) = ended.end else { panic!("{ended:?}") };
    assert_eq!((fault.stage, fault.code.as_str()), (Stage::SignIn, "login-other-user"));
    let expected = format!("gave user {ben}, but who is due is user {anna}");
    assert!(fault.message.ends_with(&expected), "{}", fault.message);
    assert_eq!(house.stack.claude().books().total.requests, 0);
}

#[tokio::test]
async fn a_token_that_is_refused_in_the_middle_of_a_day_is_renewed_once_and_the_day_goes_on() {
    for (valid_again, completed) in [(true, 1), (false, 0)] {
        let house = House::scripted(&["Anna"], script(6, &[])).await;
        let mut events = house.runner.deps().events.listen();
        let runner = house.runner.clone();
        let tick = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await });
        next(&mut events, |event| matches!(event, Event::ToolCalled { .. }).then_some(())).await;
        house.later(TimeDelta::seconds(20));
        let since = house.clock.now() + TimeDelta::seconds(if valid_again { -10 } else { 1000 });
        let faults = mana_mcp::Faults { tokens_since: Some(since), ..Default::default() };
        house.stack.mcp().set_faults(faults);
        let report = within_reason(tick).await.unwrap().unwrap();
        assert_eq!(report.ran_successfully, completed, "{report:?}");
        let turn = house.turn("Anna").await;
        if valid_again {
            assert!(
                turn.actions.iter().all(|action| action.status == ActionStatus::Ok),
                "{:?}",
                turn.actions
            );
            assert_eq!(turn.actions.len(), 6);
            house.no_session_is_left().await;
        } else {
            assert_eq!(turn.summary.fault_code.as_deref(), Some("mcp-token-refused"));
            assert_eq!(house.actions("Anna").await.len(), turn.actions.len(), "what was done is kept");
        }
    }
}

#[tokio::test]
async fn a_session_that_ends_right_after_it_gave_a_token_is_followed_by_another_once() {
    for (ends, completed) in [(1, 1), (u32::MAX, 0)] {
        let house = House::scripted(&["Anna"], script(2, &[])).await;
        assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
        house.later(TimeDelta::days(7));
        house.stack.auth().set_faults(mana_auth::Faults { sessions: ends, ..Default::default() });
        let report = house.tick().await;
        assert_eq!(report.ran_successfully, completed, "{report:?}");
        if completed == 0 {
            assert_eq!(house.turns("Anna").await[0].summary.fault_code.as_deref(), Some("space-refused"));
        }
    }
}
