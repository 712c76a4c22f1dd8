//! A mana-auth that is not there, or that is something else.

use std::time::Duration;

use axum::Router;
use domain::clock::Clock;
use persona_host::mana::{Mana, Options, SignInForm};

use super::double::{Double, says};
use super::{ANNA, mana};
use crate::support::http::{Nobody, Server, client};

#[tokio::test]
async fn a_mana_auth_that_is_down_is_named() {
    let nobody = Nobody::there();
    let mana = mana(&nobody.url(""), SignInForm::Auto);
    let error = mana.sign_in(ANNA).await.expect_err("nobody listens");
    let start = format!(
        "Persona login failed for {ANNA}: cannot connect to {}/api/auth/sign-in/email (",
        nobody.url("")
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(
        (error.code(), error.stops_tick(), error.is_worth_repeating()),
        ("mana-unreachable", true, true)
    );
    assert!(error.hint().contains("MANA_AUTH_URL"));

    let error = mana.due().await.expect_err("nobody listens");
    assert!(
        error.to_string().starts_with("listDuePersonas failed: cannot connect to http://127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_json_names_who_gave_it() {
    let route = "GET /api/v1/internal/personas/due";
    let double = Double::start([(route, vec![says(200, "<html>")])]).await;
    let error = mana(&double.url(), SignInForm::Auto).due().await.expect_err("a page");
    let start = format!(
        "listDuePersonas failed: cannot read the answer of {}/api/v1/internal/personas/due (",
        double.url()
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(error.code(), "mana-unreadable");
}

#[tokio::test]
async fn an_answer_in_an_encoding_that_nobody_asked_for_says_so() {
    let encoded = async || ([("content-encoding", "gzip")], [0x1f_u8, 0x8b]);
    let server = Server::start(Router::new().fallback(encoded)).await;
    let error = mana(&server.url(""), SignInForm::Auto).due().await.expect_err("nobody can read it");
    assert_eq!(error.code(), "mana-unreadable");
    assert!(
        error.to_string().contains("\"gzip\"") && error.to_string().contains("switch compression off"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_configured_badly_is_told_apart() {
    let with = |auth_url: &str, service_key: &str, seed_secret: &str| {
        let options = Options {
            auth_url: auth_url.to_owned(),
            personas_url: auth_url.to_owned(),
            service_key: service_key.into(),
            seed_secret: seed_secret.into(),
            sign_in: SignInForm::Auto,
            sign_in_limit: None,
            patience: Duration::from_secs(30),
        };
        Mana::new(client(), Clock::system(), options)
    };
    let nobody = Nobody::there().url("");
    let error = with(&nobody, "a key\n", "s").due().await.expect_err("a line break");
    assert_eq!(error.code(), "mana-unsendable");
    assert!(!format!("{error} {error:?}").contains("a key"), "{error:?}");
    let error = with(&nobody, "k", "").sign_in(ANNA).await.expect_err("no secret");
    assert_eq!(
        (error.to_string().as_str(), error.stops_tick()),
        ("personaPassword: seedSecret is required", true)
    );
    let error = with("no address", "k", "s").due().await.expect_err("no address");
    assert_eq!(error.code(), "mana-unreachable");
}
