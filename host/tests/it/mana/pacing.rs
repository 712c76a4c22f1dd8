//! How sign-ins go where mana-auth refuses them: too many at once, wrong passwords, the wrong user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::ids::PersonaId;
use futures_util::future::join_all;
use persona_host::mana::{Mana, News, Options, SignInForm, SignInLimit};
use serde_json::json;
use standin::{Stack, StackOptions, mana_auth};
use tokio_util::sync::CancellationToken;

use super::double::{Double, Says, says};
use super::sign_in::{logged_in, minted, signed_in};
use super::{ANNA, mana};
use crate::support::house::within_reason;
use crate::support::http::client;

const COOKIE_SIGN_IN: &str = "POST /api/auth/sign-in/email";
const TOKEN: &str = "GET /api/auth/token";
const LOGIN: &str = "POST /api/v1/auth/login";
const SIGN_OUT: &str = "POST /api/auth/sign-out";

fn refused() -> Says {
    says(401, r#"{"message":"Invalid email or password","code":"INVALID_EMAIL_OR_PASSWORD"}"#)
}

fn address(name: &str) -> String {
    format!("persona.{name}@mana.test")
}

fn client_of(base: &str, clock: &Clock, sign_in_limit: Option<SignInLimit>) -> Mana {
    let options = Options {
        auth_url: base.to_owned(),
        personas_url: base.to_owned(),
        service_key: "".into(),
        seed_secret: "s".into(),
        sign_in: SignInForm::Cookie,
        sign_in_limit,
        patience: Duration::from_secs(30),
    };
    Mana::new(client(), clock.clone(), options)
}

/// D12: nothing is asked for in an account that is not the due entry's own, and its session is ended.
#[tokio::test]
async fn a_session_of_another_user_is_ended_and_nothing_is_called_under_it() {
    let goodbye = || (SIGN_OUT, vec![says(200, json!({"success": true}))]);
    let other = PersonaId::new("u-other");
    for (form, route, answer, proof) in [
        (SignInForm::Auto, COOKIE_SIGN_IN, signed_in(), "mana.session_token=t.sig; mana.session_data=d"),
        (SignInForm::Bearer, LOGIN, logged_in(), "Bearer session-token"),
    ] {
        let double = Double::start([(route, vec![answer]), (TOKEN, vec![minted("a.b.c")]), goodbye()]).await;
        let mana = mana(&double.url(), form);
        let error = mana.sign_in_as(ANNA, &other).await.expect_err("it is another user");
        assert_eq!(error.code(), "login-other-user");
        assert!(["u-anna", "u-other", ANNA].iter().all(|id| error.to_string().contains(id)), "{error}");
        assert_eq!(double.order(), [route, SIGN_OUT], "{form:?}");
        let left = double.came().pop().expect("it came");
        let shown = left.header("cookie").or(left.header("authorization"));
        assert_eq!(shown, Some(proof), "{form:?}");
        mana.sign_out_all().await;
        assert_eq!(double.order().len(), 2, "{form:?}: it is not kept");
    }
    // A session that is kept from before the address went over to somebody else.
    let answers = [(COOKIE_SIGN_IN, vec![signed_in()]), (TOKEN, vec![minted("a.b.c")]), goodbye()];
    let double = Double::start(answers).await;
    let mana = mana(&double.url(), SignInForm::Auto);
    mana.sign_in_as(ANNA, &PersonaId::new("u-anna")).await.expect("it is she");
    mana.sign_in_as(ANNA, &other).await.expect_err("it is another user");
    assert_eq!(double.order(), [COOKIE_SIGN_IN, TOKEN, SIGN_OUT, COOKIE_SIGN_IN, SIGN_OUT]);
}

/// What happens to one persona after the other: minutes that pass before, who, what mana-auth would say, what comes of it,
/// and whether mana-auth was asked.
#[tokio::test]
async fn two_refused_passwords_in_a_row_stop_all_until_one_is_let_in() {
    let course = [
        (0, "anna", "wrong", "login-refused", true),
        (0, "ben", "wrong", "login-refused", true),
        (0, "cem", "right", "login-stopped", false),
        (4, "anna", "wrong", "login-stopped", false),
        // One is tried after a while, and it is not each of them.
        (1, "cem", "wrong", "login-refused", true),
        (0, "dan", "right", "login-stopped", false),
        (9, "dan", "right", "login-stopped", false),
        (1, "dan", "right", "in", true),
        // From here on the secret is known to be right.
        (0, "anna", "wrong", "login-refused", true),
        (0, "ben", "wrong", "login-refused", true),
        (0, "eva", "right", "in", true),
        // What is locked is one persona's own.
        (0, "fay", "locked", "login-locked", true),
        (0, "gus", "locked", "login-locked", true),
        (0, "hal", "right", "in", true),
    ];
    let said: Vec<Says> = (course.iter().filter(|(.., asked)| *asked))
        .map(|(_, _, word, ..)| match *word {
            "wrong" => refused(),
            "locked" => says(429, r#"{"error":"Account locked","remainingSeconds":1800}"#),
            _ => signed_in(),
        })
        .collect();
    let double = Double::start([(COOKIE_SIGN_IN, said), (TOKEN, vec![minted("a.b.c")])]).await;
    let clock = Clock::starting_at("2026-11-23T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
    let news = Arc::new(Mutex::new(Vec::new()));
    let heard = news.clone();
    let tell = move |news: News<'_>| {
        let word = match news {
            News::Stopped(stopped) => format!("stopped for {}", stopped.refused.len()),
            News::GoOn => "go on".to_owned(),
            News::Waits { .. } => "waits".to_owned(),
        };
        heard.lock().unwrap().push(word);
    };
    let mana = client_of(&double.url(), &clock, None).telling(tell);
    let mut knocks = 0;
    for (step, (minutes, name, _, outcome, asked)) in course.into_iter().enumerate() {
        clock.advance(TimeDelta::minutes(minutes));
        let came = mana.sign_in(&address(name)).await;
        let code = came.as_ref().map_or_else(|error| error.code(), |_| "in");
        knocks += usize::from(asked);
        let asked = double.order().iter().filter(|what| *what == COOKIE_SIGN_IN).count();
        assert_eq!((code, asked), (outcome, knocks), "step {step}: {name}");
        if let Err(error) = came
            && error.stops_tick()
        {
            assert!(error.hint().contains("PERSONA_SEED_SECRET"), "step {step}: {}", error.hint());
        }
    }
    assert_eq!(*news.lock().unwrap(), ["stopped for 2", "stopped for 3", "go on"]);
}

#[tokio::test]
async fn of_many_who_come_at_once_with_a_wrong_secret_two_are_refused() {
    let double = Double::start([(COOKIE_SIGN_IN, vec![refused()])]).await;
    let mana = client_of(&double.url(), &Clock::system(), None);
    let names: Vec<String> = (0..10).map(|number| address(&format!("p{number}"))).collect();
    let came = join_all(names.iter().map(|email| mana.sign_in(email))).await;
    let mut codes: BTreeMap<&str, u32> = BTreeMap::new();
    for error in came.iter().filter_map(|came| came.as_ref().err()) {
        *codes.entry(error.code()).or_default() += 1;
    }
    assert_eq!(codes, [("login-refused", 2), ("login-stopped", 8)].into());
    assert_eq!(double.order().len(), 2);
}

/// The stand-in counts as better-auth does; whoever is turned away once waits, and all others with it.
#[tokio::test]
async fn more_than_mana_auth_takes_at_once_wait_and_all_come_in() {
    let clock = Clock::system();
    let window = TimeDelta::milliseconds(900);
    let limit = mana_auth::SignInLimit { at_once: 3, window };
    let options = StackOptions {
        sign_in_limit: Some(limit),
        password_rounds: std::num::NonZeroU32::MIN,
        ..StackOptions::on_free_ports(clock.clone())
    };
    let stack = Stack::start(options).await.unwrap();
    let names: Vec<String> = (0..7).map(|number| address(&format!("p{number}"))).collect();
    let secret = "s".into();
    for email in &names {
        let password = persona_host::mana::password(&secret, email).unwrap();
        let password = secrecy::ExposeSecret::expose_secret(&password);
        let new = mana_auth::NewUser { email, name: email, password };
        stack.auth().sign_up(new).await.unwrap();
    }
    let verified = "UPDATE auth.users SET email_verified = true";
    stack.database().execute(verified, &[]).await.unwrap();
    let waits = Arc::new(Mutex::new(0));
    let heard = waits.clone();
    let tell = move |news: News<'_>| {
        assert!(matches!(news, News::Waits { .. }), "{news:?}");
        *heard.lock().unwrap() += 1;
    };
    let mana = client_of(stack.auth_url(), &clock, None).telling(tell);
    let came = within_reason(join_all(names.iter().map(|email| mana.sign_in(email)))).await;
    let refused: Vec<_> = came.iter().filter_map(|came| came.as_ref().err()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert!(*waits.lock().unwrap() >= 4, "who waits is told of");
    stack.stop().await;
}

#[tokio::test]
async fn whoever_waits_for_its_turn_hears_a_stop() {
    let too_fast = says(429, r#"{"message":"Too many requests"}"#).with("x-retry-after", "20");
    for limit in [None, Some(SignInLimit { at_once: 1, ..SignInLimit::USUAL })] {
        let double = Double::start([(COOKIE_SIGN_IN, vec![too_fast.clone()])]).await;
        let stop = CancellationToken::new();
        let (waits, stopping) = (Arc::new(Mutex::new(0)), stop.clone());
        let tell = move |_: News<'_>| {
            let mut waits = waits.lock().unwrap();
            *waits += 1;
            if *waits == 1 {
                stopping.cancel();
            }
        };
        let mana = client_of(&double.url(), &Clock::system(), limit).telling(tell).heeding(stop);
        let (anna, ben) = (address("anna"), address("ben"));
        let (one, other) =
            within_reason(async { tokio::join!(mana.sign_in(&anna), mana.sign_in(&ben)) }).await;
        for came in [one, other] {
            assert_eq!(came.expect_err("the program stops").code(), "stopping", "{limit:?}");
        }
        assert_eq!(double.order(), [COOKIE_SIGN_IN], "{limit:?}");
    }
}

/// Tokens have a limit of their own: who comes too fast for one is held until then.
#[tokio::test]
async fn a_token_that_was_asked_for_too_fast_says_when_to_come_again() {
    let too_fast = says(429, r#"{"message":"Too many requests"}"#).with("x-retry-after", "7");
    let double = Double::start([(COOKIE_SIGN_IN, vec![signed_in()]), (TOKEN, vec![too_fast])]).await;
    let now: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    let mana = client_of(&double.url(), &Clock::starting_at(now), None);
    let error = mana.sign_in(ANNA).await.expect_err("too fast");
    let wait = error.not_before().expect("it is told") - now;
    assert!(error.code() == "login-limited" && wait >= TimeDelta::seconds(7), "{error}: {wait}");
}
