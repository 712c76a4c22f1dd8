//! The fourteen defects of the runner that came before (contract 0), each shown to be absent.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::event::Event;
use domain::ids::StrategyName;
use persona_host::config::SignIn;
use persona_host::http::{Face, Lock, listen, serve};
use persona_host::runner::Runner;
use secrecy::ExposeSecret as _;
use standin::claude::{Fault, Script};
use standin::mana_mcp;

use crate::support::house::{Blueprint, House, email, failures, figures, held, next, script, within_reason};
use crate::support::http::client;

/// D1, D2, D3, D4: where the list of spaces takes the cookie only, as the real one does, and where it
/// takes a Bearer, as the documents say, personas sign in and act.
#[tokio::test]
async fn every_form_of_sign_in_leads_to_a_completed_turn_where_mana_auth_takes_it() {
    for (form, takes_bearer, completed) in [
        (SignIn::Auto, false, true),
        (SignIn::Auto, true, true),
        (SignIn::Cookie, false, true),
        (SignIn::Bearer, true, true),
        (SignIn::Bearer, false, false),
    ] {
        let house = Blueprint::of(&["Anna"])
            .script(script(3, &[]))
            .stack(move |options| options.bearer_lists_organizations = takes_bearer)
            .config(move |config| config.mana.sign_in = form)
            .build()
            .await;
        let report = house.tick().await;
        let case = format!("{form:?}, takes Bearer: {takes_bearer}: {report:?}");
        assert_eq!(figures(&report), (1, usize::from(completed), usize::from(!completed), 0), "{case}");
        assert_eq!(house.actions("Anna").await.len(), if completed { 3 } else { 0 }, "{case}");
        house.no_session_is_left().await;
    }
}

/// D1, D5: the token is the JWT of the login's answer, not its opaque session token, in both forms.
#[tokio::test]
async fn the_token_of_both_forms_of_sign_in_is_one_that_mana_mcp_takes() {
    for form in [SignIn::Cookie, SignIn::Bearer] {
        let house = Blueprint::of(&["Kai"])
            .stack(|options| options.bearer_lists_organizations = true)
            .config(move |config| config.mana.sign_in = form)
            .build()
            .await;
        let deps = house.runner.deps();
        let account = deps.mana.sign_in(&email("Kai")).await.unwrap();
        assert_eq!(account.jwt.expose_secret().split('.').count(), 3, "{form:?}");
        let space = deps.mana.personal_space(&account).await.unwrap();
        let session = deps.mcp.open(&account.jwt, &space.id).await.unwrap();
        assert_eq!(session.tools().await.unwrap().tools.len(), 11, "{form:?}");
        session.close().await;
        house.no_session_is_left().await;
    }
}

/// D6: the runner before wrote `mcp__mana__todo_create`, found no module in it, and never asked for a
/// rating.
#[tokio::test]
async fn actions_have_dotted_names_and_every_module_that_was_used_is_rated() {
    let house = House::of(&["Anna", "Kai"]).await;
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    for name in ["Anna", "Kai"] {
        let actions = house.actions(name).await;
        let mut used: Vec<&str> =
            actions.iter().map(|action| action.tool.split_once('.').unwrap().0).collect();
        used.sort_unstable();
        used.dedup();
        let feedback = house.feedback(name).await;
        let rated: Vec<&str> = feedback.iter().map(|row| row.module.as_str()).collect();
        assert_eq!(rated, used, "{name}: {actions:?}");
        assert!(
            feedback.iter().all(|row| (1..=5).contains(&row.rating) && row.notes.is_some()),
            "{feedback:?}"
        );
    }
}

/// D7, D13: tools need nobody's permission, and each row says how long its tool took.
#[tokio::test]
async fn tools_are_called_without_asking_for_permission_and_their_time_is_delivered() {
    let slow = mana_mcp::Faults { tool_latency: std::time::Duration::from_millis(5), ..Default::default() };
    let house = Blueprint::of(&["Anna"]).interested("Anna", "todo").script(script(3, &[])).build().await;
    house.stack.mcp().set_faults(slow);
    house.tick().await;
    let actions = house.actions("Anna").await;
    assert_eq!(actions.len(), 3, "{actions:?}");
    for action in actions {
        assert_eq!((action.result.as_str(), &action.error), ("ok", &None), "{action:?}");
        assert!(action.latency_ms.is_some_and(|latency| latency >= 5), "{action:?}");
    }
}

/// D8: without a vault every tool with encrypted fields fails.
#[tokio::test]
async fn a_persona_without_a_vault_gets_one_and_its_encrypted_tools_work() {
    let house = Blueprint::of(&["Tom"]).interested("Tom", "todo").script(script(3, &[])).build().await;
    let vaults = "SELECT count(*) AS count FROM auth.encryption_vaults";
    assert_eq!(house.count(vaults).await, 0);
    house.tick().await;
    assert_eq!(house.count(vaults).await, 1);
    let created = house.actions("Tom").await.into_iter().filter(|action| action.tool == "todo.create");
    let created: Vec<String> = created.map(|action| action.result).collect();
    assert!(!created.is_empty() && created.iter().all(|result| result == "ok"), "{created:?}");
    let tasks = "SELECT count(*) AS count FROM mana_records WHERE collection = 'tasks'";
    assert_eq!(house.count(tasks).await, i64::try_from(created.len()).unwrap());

    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0), "the second day finds the vault");
    assert_eq!(house.count(vaults).await, 1);
}

/// D9: mana-mcp's own `spaces.list` always fails. That is one failed action, and the day goes on.
#[tokio::test]
async fn a_tool_that_always_fails_is_an_answer_and_no_end_of_the_turn() {
    let house = Blueprint::of(&["Lena"]).interested("Lena", "spaces").script(script(3, &[])).build().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let actions = house.actions("Lena").await;
    let failed = actions.iter().find(|action| action.tool == "spaces.list").unwrap();
    assert_eq!(failed.result, "error");
    let error = failed.error.as_deref().unwrap();
    assert!(error.contains("organization/list failed: 401"), "{error}");
    assert_eq!(actions.len(), 3, "the persona went on: {actions:?}");
    assert_eq!(house.turn("Lena").await.summary.outcome, "completed");
}

/// D10: mana-auth never gives out the role `admin`, so nothing may need it while personas act.
#[tokio::test]
async fn personas_act_without_any_administrator() {
    let house = House::scripted(&["Paul"], script(3, &[])).await;
    let administrators = "SELECT count(*) AS count FROM auth.users WHERE role = 'admin'";
    assert_eq!(house.count(administrators).await, 0);
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

/// D11, the idle half: mana-auth moves `last_active_at` for rows only.
#[tokio::test]
async fn a_persona_that_used_no_tool_leaves_a_marker_and_is_not_due_again() {
    let house = House::scripted(&["Maya"], Script { never_use_tools: true, ..Script::default() }).await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let markers: Vec<String> = house.actions("Maya").await.into_iter().map(|action| action.tool).collect();
    assert_eq!(markers, ["__idle"]);
    assert_eq!(house.feedback("Maya").await, [], "nothing was used, so nothing was rated");
    assert_eq!(house.turn("Maya").await.summary.outcome, "idle");
    assert_eq!(house.asked("Maya").requests, 1);

    house.later(TimeDelta::minutes(1));
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0));
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0), "the next day is another turn");
    assert_eq!(house.asked("Maya").requests, 2);
}

/// D11, the other half: the runner before asked Claude again once a minute, for ever.
#[tokio::test]
async fn a_persona_whose_turn_faulted_is_held_ever_longer_and_claude_is_not_asked_meanwhile() {
    let refused = Fault::Error { status: 400, kind: "invalid_request_error" };
    let script = script(3, &[refused.clone(), refused.clone(), refused]);
    let house = House::scripted(&["Ben"], script).await;
    for (attempt, minutes) in [(1, 1), (2, 2), (3, 4)] {
        let report = house.tick().await;
        assert_eq!(figures(&report), (1, 0, 1, 0), "{attempt}: {report:?}");
        assert_eq!(failures(&report)[0].0, email("Ben"));
        assert_eq!(house.asked("Ben").requests, attempt);
        for seconds in [0, minutes * 60 - 1] {
            house.later(TimeDelta::seconds(seconds));
            let report = house.tick().await;
            assert_eq!(figures(&report), (1, 0, 0, 1), "{attempt}: {report:?}");
            let why = held(&report)[0].1;
            assert!(why.contains(&format!("after attempt {attempt}: Claude refused")), "{why}");
        }
        assert_eq!(house.asked("Ben").requests, attempt, "nobody who is held is paid for");
        house.later(TimeDelta::seconds(2));
    }
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0), "the same turn, at last");
    let turn = house.turn("Ben").await;
    assert_eq!((turn.summary.attempt, turn.summary.outcome.as_str()), (4, "completed"));
    assert_eq!(turn.summary.fault_message, None);
    house.no_session_is_left().await;
}

/// D12: tokens live 15 minutes, and mana-mcp keeps the one that a session was opened with.
#[tokio::test]
async fn a_turn_that_outlives_its_token_goes_on_with_a_fresh_one() {
    for (minutes_per_reply, form) in [
        (6, SignIn::Cookie),
        (14, SignIn::Cookie),
        (16, SignIn::Cookie),
        (40, SignIn::Cookie),
        (16, SignIn::Bearer),
    ] {
        let advance = Some(TimeDelta::minutes(minutes_per_reply));
        let script = Script { advance_clock: advance, calls_per_turn: Some(5), ..Script::default() };
        let house = Blueprint::of(&["Kai"])
            .interested("Kai", "notes")
            .script(script)
            .stack(|options| options.bearer_lists_organizations = true)
            .config(move |config| config.mana.sign_in = form)
            .build()
            .await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (1, 1, 0, 0), "{minutes_per_reply}: {report:?}");
        let results: Vec<String> =
            house.actions("Kai").await.into_iter().map(|action| action.result).collect();
        assert_eq!(results, ["ok"; 5], "{minutes_per_reply}");
        house.no_session_is_left().await;
    }
}

/// D14: a tick by hand took no notice of the one that ran, nor of the pause.
#[tokio::test]
async fn a_second_tick_does_not_wait_for_the_first_and_leaves_out_who_is_under_way_also_over_http() {
    let house = Blueprint::of(&["Sofia"]).interested("Sofia", "journal").script(script(3, &[])).build().await;
    let silent = mana_mcp::Faults { silent_tool: Some("journal.add".to_owned()), ..Default::default() };
    house.stack.mcp().set_faults(silent);
    let stop = house.runner.deps().stop.clone();
    let listener = listen(house.config.http.bind, 0).await.unwrap();
    let url = format!("http://{}/diag/tick", listener.local_addr().unwrap());
    let (remote, commands) = Runner::door();
    let face = Face {
        runner: house.runner.clone(),
        remote,
        production: false,
        missing_keys: Vec::new(),
        lock: Arc::new(Lock::new([], Vec::new())),
    };
    let serving = tokio::spawn(serve(listener, face, stop.clone()));
    let ticking = tokio::spawn(house.runner.clone().serve(commands, false));
    let mut events = house.runner.deps().events.listen();

    let first = tokio::spawn(client().post(&url).send());
    next(&mut events, |event| matches!(event, Event::ModelCalled { .. }).then_some(())).await;
    let second = client().post(&url).send().await.unwrap();
    assert_eq!(second.status(), 200);
    let said: serde_json::Value = second.json().await.unwrap();
    assert_eq!(said["result"]["ranSuccessfully"], 0, "{said}");
    assert_eq!(said["result"]["held"][0]["reason"], "its turn is running", "{said}");
    let direct = house.runner.tick(None, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(held(&direct), [(email("Sofia").as_str(), "its turn is running")]);

    house.stack.mcp().set_faults(mana_mcp::Faults::default());
    house.stack.mcp().close_sessions().await;
    let first = within_reason(first).await.unwrap().unwrap();
    assert_eq!(first.status(), 200);
    stop.cancel();
    within_reason(ticking).await.unwrap();
    within_reason(serving).await.unwrap().unwrap();
}

/// D14: while the runner is paused a tick does nothing, whoever asks for it.
#[tokio::test]
async fn a_tick_while_paused_does_nothing_and_asks_nobody() {
    let house = Blueprint::of(&["Sofia"]).config(|config| config.runner.paused = true).build().await;
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0));
    assert_eq!(house.stack.claude().books().total.requests, 0);
    assert!(house.turns("Sofia").await.is_empty());
    house.runner.resume(None).await.unwrap();
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

/// Both built-in plugins, and who is routed to which, beside each other in one tick.
#[tokio::test]
async fn each_persona_is_served_by_the_strategy_that_it_is_routed_to() {
    let house = Blueprint::of(&["Anna", "Lena"])
        .config(|config| {
            config.routing.archetypes.insert("ceo-busy".to_owned(), StrategyName::new("brief"));
        })
        .build()
        .await;
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    for (name, strategy) in [("Anna", "daily"), ("Lena", "brief")] {
        let turn = house.turn(name).await;
        assert_eq!(turn.summary.strategy.as_deref(), Some(strategy));
        assert_eq!(turn.summary.plugin.as_deref(), Some(strategy));
        assert_eq!(turn.summary.generation, Some(1));
        let asked = house.asked(name);
        assert_eq!(
            (turn.summary.usage, u64::from(turn.summary.model_calls)),
            (asked.usage, asked.paid),
            "{name}"
        );
    }
}
