//! Signing in, both ways, and what stands in the way.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use persona_host::mana::{Mana, ManaError, News, Options, Proof, SignInForm, SignedIn};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::double::{Double, Says, says};
use super::{ANNA, ANNAS_PASSWORD, mana};

const COOKIE_SIGN_IN: &str = "POST /api/auth/sign-in/email";
const TOKEN: &str = "GET /api/auth/token";
const LOGIN: &str = "POST /api/v1/auth/login";

fn jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// What a real mana-auth says to a cookie sign-in (contract 3.3).
pub(super) fn signed_in() -> Says {
    says(200, json!({"redirect": false, "token": "session-token", "user": {"id": "u-anna", "email": ANNA}}))
        .with("set-cookie", "mana.session_token=t.sig; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
        .with("set-cookie", "mana.session_data=d; Path=/")
}

/// What a real mana-auth says to the other sign-in (contract 3.1).
pub(super) fn logged_in() -> Says {
    says(
        200,
        json!({"redirect": false, "token": "session-token", "user": {"id": "u-anna", "kind": "persona"},
               "accessToken": "a.b.c", "refreshToken": "session-token"}),
    )
}

pub(super) fn minted(token: &str) -> Says {
    says(200, json!({ "token": token }))
}

fn secrets(signed_in: &SignedIn) -> (&str, &str) {
    let (Proof::Cookie(proof) | Proof::Bearer(proof)) = &signed_in.proof;
    (signed_in.jwt.expose_secret(), proof.expose_secret())
}

#[tokio::test]
async fn the_cookie_sign_in_keeps_every_cookie_and_mints_a_jwt() {
    let double = Double::start([(COOKIE_SIGN_IN, vec![signed_in()]), (TOKEN, vec![minted("a.b.c")])]).await;
    for form in [SignInForm::Auto, SignInForm::Cookie] {
        let anna = mana(&double.url(), form).sign_in(ANNA).await.expect("Anna may come in");
        assert_eq!((anna.user.as_str(), anna.email.as_str()), ("u-anna", ANNA));
        assert_eq!(secrets(&anna), ("a.b.c", "mana.session_token=t.sig; mana.session_data=d"));
        assert!(matches!(anna.proof, Proof::Cookie(_)));
    }
    let came = double.came();
    assert_eq!(came[0].json(), json!({"email": ANNA, "password": ANNAS_PASSWORD}));
    assert_eq!(came[1].header("cookie"), Some("mana.session_token=t.sig; mana.session_data=d"));
    assert_eq!(double.order(), [COOKIE_SIGN_IN, TOKEN, COOKIE_SIGN_IN, TOKEN]);
}

#[tokio::test]
async fn the_bearer_form_takes_the_access_token_and_without_one_the_token() {
    for (answer, secrets_expected) in [
        (logged_in(), ("a.b.c", "session-token")),
        (
            says(200, json!({"token": "session-token", "user": {"id": "u-anna"}})),
            ("session-token", "session-token"),
        ),
        (says(200, json!({"accessToken": "a.b.c", "user": {"id": "u-anna"}})), ("a.b.c", "a.b.c")),
    ] {
        let double = Double::start([(LOGIN, vec![answer])]).await;
        let anna = mana(&double.url(), SignInForm::Bearer).sign_in(ANNA).await.expect("Anna may come in");
        assert_eq!(secrets(&anna), secrets_expected);
        assert!(matches!(anna.proof, Proof::Bearer(_)));
        assert_eq!(double.order(), [LOGIN]);
        assert_eq!(double.came()[0].json(), json!({"email": ANNA, "password": ANNAS_PASSWORD}));
    }
}

#[tokio::test]
async fn where_there_is_no_cookie_auto_goes_the_other_way() {
    let without_cookie = says(200, json!({"token": "session-token", "user": {"id": "u-anna"}}));
    for cookie_route in [says(404, "404 Not Found"), without_cookie] {
        let double =
            Double::start([(COOKIE_SIGN_IN, vec![cookie_route.clone()]), (LOGIN, vec![logged_in()])]).await;
        let anna = mana(&double.url(), SignInForm::Auto).sign_in(ANNA).await.expect("Anna may come in");
        assert_eq!(secrets(&anna), ("a.b.c", "session-token"));
        assert_eq!(double.order(), [COOKIE_SIGN_IN, LOGIN]);

        let error = mana(&double.url(), SignInForm::Cookie).sign_in(ANNA).await.expect_err("only by cookie");
        assert!(["login-failed", "login-no-cookie"].contains(&error.code()), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_is_quoted_and_another_form_is_not_tried() {
    let long = format!("{}{}", "x".repeat(299), "üü");
    for (status, body, quoted, code) in [
        (401, r#"{"error":"Invalid credentials"}"#, r#"{"error":"Invalid credentials"}"#, "login-refused"),
        (403, r#"{"error":"Email not verified"}"#, r#"{"error":"Email not verified"}"#, "login-unverified"),
        (500, long.as_str(), &long[..301], "login-failed"),
    ] {
        for (form, route) in [(SignInForm::Auto, COOKIE_SIGN_IN), (SignInForm::Bearer, LOGIN)] {
            let double = Double::start([(route, vec![says(status, body)])]).await;
            let error = mana(&double.url(), form).sign_in(ANNA).await.expect_err("refused");
            let expected = format!("Persona login failed for {ANNA}: HTTP {status} — {quoted}");
            assert_eq!((error.to_string(), error.code()), (expected, code));
            assert_eq!(double.order(), [route]);
            let debugged = format!("{error:?}");
            assert!(!debugged.contains(ANNAS_PASSWORD), "{debugged}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_token_or_user_is_incomplete() {
    let expected = ManaError::LoginIncomplete { email: ANNA.to_owned() };
    assert_eq!(expected.to_string(), format!("Persona login response missing token/user.id for {ANNA}"));
    for body in [
        json!({}),
        json!({"token": "t"}),
        json!({"user": {"id": "u"}}),
        json!({"token": "", "user": {"id": "u"}}),
    ] {
        let double = Double::start([(LOGIN, vec![says(200, &body)])]).await;
        let error = mana(&double.url(), SignInForm::Bearer).sign_in(ANNA).await;
        assert_eq!(error.expect_err("incomplete"), expected, "{body}");
    }
    let nameless = says(200, json!({"token": "t"})).with("set-cookie", "a=b");
    for (entrance, token) in
        [(nameless, minted("a.b.c")), (signed_in(), minted("")), (signed_in(), says(200, "{}"))]
    {
        let double = Double::start([(COOKIE_SIGN_IN, vec![entrance]), (TOKEN, vec![token])]).await;
        let error = mana(&double.url(), SignInForm::Auto).sign_in(ANNA).await;
        assert_eq!(error.expect_err("incomplete"), expected);
    }
}

#[tokio::test]
async fn a_locked_account_is_left_alone() {
    for body in [
        r#"{"error":"Account locked","remainingSeconds":1800}"#,
        r#"{"error":"ACCOUNT_LOCKED","status":429}"#,
    ] {
        for (form, route) in [(SignInForm::Auto, COOKIE_SIGN_IN), (SignInForm::Bearer, LOGIN)] {
            let locked = says(429, body).with("retry-after", "0");
            let double = Double::start([(route, vec![locked])]).await;
            let before = Clock::system().now();
            let error = mana(&double.url(), form).sign_in(ANNA).await.expect_err("locked");
            assert_eq!((error.code(), double.order().len()), ("login-locked", 1));
            let lasts = error.not_before().expect("it ends some day") - before;
            assert!(lasts >= TimeDelta::minutes(30), "{body}: {lasts}");
            assert!(error.hint().contains("Wait until the lock ends"));
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_came_too_fast_waits_as_told_and_is_repeated_twice_at_most() {
    for (header, seconds, refusals, attempts, succeeds) in [
        ("retry-after", "0", 2, 3, true),
        ("x-retry-after", "0", 2, 3, true),
        ("retry-after", "0", 3, 3, false),
        ("retry-after", "31", 1, 1, false),
    ] {
        let refusal = says(429, r#"{"message":"Too many requests"}"#).with(header, seconds);
        let mut answers = vec![refusal; refusals];
        answers.push(signed_in());
        let double = Double::start([(COOKIE_SIGN_IN, answers), (TOKEN, vec![minted("a.b.c")])]).await;
        let told = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = told.clone();
        let tell = move |news: News<'_>| {
            assert!(matches!(news, News::Waits { email: ANNA, .. }), "{news:?}");
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let outcome = mana(&double.url(), SignInForm::Auto).telling(tell).sign_in(ANNA).await;
        assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), attempts - 1, "each wait is told");
        let knocked = double.order().iter().filter(|what| *what == COOKIE_SIGN_IN).count();
        assert_eq!(
            (knocked, outcome.is_ok()),
            (attempts, succeeds),
            "{header}: {seconds}, {refusals} refusals"
        );
        if let Err(error) = outcome {
            assert_eq!(error.code(), "login-limited");
        }
    }
}

#[tokio::test]
async fn the_jwt_says_until_when_it_is_good() {
    let now: DateTime<Utc> = "2026-05-04T08:00:00Z".parse().expect("a date");
    let token = jwt(&json!({"iat": now.timestamp() - 7200, "exp": now.timestamp() - 6300}));
    let double = Double::start([(COOKIE_SIGN_IN, vec![signed_in()]), (TOKEN, vec![minted(&token)])]).await;
    let options = Options {
        auth_url: double.url(),
        personas_url: double.url(),
        service_key: "".into(),
        seed_secret: "s".into(),
        sign_in: SignInForm::Auto,
        sign_in_limit: None,
        patience: Duration::from_secs(30),
    };
    let mana = Mana::new(crate::support::http::client(), Clock::starting_at(now), options);
    let anna = mana.sign_in(ANNA).await.expect("Anna may come in");
    let left = anna.expires_at.expect("the token says so") - now;
    assert!(left >= TimeDelta::minutes(15) && left < TimeDelta::minutes(16), "{left}");
}

#[tokio::test]
async fn a_jwt_is_renewed_by_the_cookie_and_after_the_session_by_signing_in_anew() {
    let ended = says(401, r#"{"message":"Unauthorized","code":"UNAUTHORIZED"}"#);
    let tokens = vec![minted("first"), minted("second"), ended, minted("third")];
    let double = Double::start([(COOKIE_SIGN_IN, vec![signed_in()]), (TOKEN, tokens)]).await;
    let mana = mana(&double.url(), SignInForm::Auto);
    let first = mana.sign_in(ANNA).await.expect("Anna may come in");
    let second = mana.refresh(&first).await.expect("the session lives");
    let third = mana.refresh(&second).await.expect("she signs in anew");
    let jwts = [&first, &second, &third].map(|anna| anna.jwt.expose_secret().to_owned());
    assert_eq!(jwts, ["first", "second", "third"]);
    assert_eq!(double.order(), [COOKIE_SIGN_IN, TOKEN, TOKEN, TOKEN, COOKIE_SIGN_IN, TOKEN]);
}

#[tokio::test]
async fn who_has_a_session_goes_on_with_it_and_is_signed_out_with_mana_auths_own_origin() {
    const SIGN_OUT: &str = "POST /api/auth/sign-out";
    let issued = jwt(&json!({"iss": "https://auth.mana.test", "exp": 1}));
    let double = Double::start([
        (COOKIE_SIGN_IN, vec![signed_in()]),
        (TOKEN, vec![minted("first"), minted(&issued)]),
        (SIGN_OUT, vec![says(200, json!({"success": true}))]),
    ])
    .await;
    let mana = mana(&double.url(), SignInForm::Auto);
    for expected in ["first", issued.as_str()] {
        let anna = mana.sign_in(ANNA).await.expect("Anna may come in");
        assert_eq!(anna.jwt.expose_secret(), expected);
    }
    mana.sign_out_all().await;
    mana.sign_out_all().await;
    assert_eq!(double.order(), [COOKIE_SIGN_IN, TOKEN, TOKEN, SIGN_OUT]);
    let goodbye = double.came().pop().expect("it came");
    assert_eq!(goodbye.header("cookie"), Some("mana.session_token=t.sig; mana.session_data=d"));
    assert_eq!(goodbye.header("origin"), Some("https://auth.mana.test"));
}

/// Each login by bearer opens a session. The one before may still be in use; none is forgotten.
#[tokio::test]
async fn whoever_logs_in_again_and_again_is_signed_out_of_every_session() {
    const SIGN_OUT: &str = "POST /api/auth/sign-out";
    let login = |number: u32| {
        let token = format!("s{number}");
        says(200, json!({"token": token, "accessToken": "a.b.c", "user": {"id": "u-anna"}}))
    };
    let double = Double::start([
        (LOGIN, (1..=4).map(login).collect()),
        (SIGN_OUT, vec![says(200, json!({"success": true}))]),
    ])
    .await;
    let mana = mana(&double.url(), SignInForm::Bearer);
    for _ in 0..4 {
        mana.sign_in(ANNA).await.expect("Anna may come in");
    }
    assert_eq!(double.order(), [LOGIN, LOGIN, LOGIN, SIGN_OUT, LOGIN, SIGN_OUT]);
    mana.sign_out_all().await;
    let mut ended: Vec<String> = (double.came().iter())
        .filter(|came| came.what == SIGN_OUT)
        .map(|came| came.header("authorization").expect("who leaves").to_owned())
        .collect();
    ended.sort();
    assert_eq!(ended, ["Bearer s1", "Bearer s2", "Bearer s3", "Bearer s4"]);
}

#[tokio::test]
async fn a_bearer_is_renewed_by_logging_in_again() {
    let again = says(200, json!({"token": "s2", "accessToken": "second", "user": {"id": "u-anna"}}));
    let double = Double::start([(LOGIN, vec![logged_in(), again])]).await;
    let mana = mana(&double.url(), SignInForm::Bearer);
    let first = mana.sign_in(ANNA).await.expect("Anna may come in");
    let second = mana.refresh(&first).await.expect("Anna may come in again");
    assert_eq!(secrets(&second), ("second", "s2"));
}
