//! The personal space, and the vault.

use domain::ids::PersonaId;
use persona_host::mana::{Proof, SignInForm, SignedIn, Vault};
use serde_json::{Value, json};

use super::double::{Double, says};
use super::sign_in::{minted, signed_in};
use super::{ANNA, mana};

const LIST: &str = "GET /api/auth/organization/list";
const COOKIE_SIGN_IN: &str = "POST /api/auth/sign-in/email";
const STATUS: &str = "GET /api/v1/me/encryption-vault/status";
const INIT: &str = "POST /api/v1/me/encryption-vault/init";

fn anna(proof: Proof) -> SignedIn {
    SignedIn {
        user: PersonaId::new("u-anna"),
        email: ANNA.to_owned(),
        jwt: "a.b.c".into(),
        expires_at: None,
        proof,
    }
}

fn by_cookie() -> SignedIn {
    anna(Proof::Cookie("mana.session_token=t.sig".into()))
}

fn by_bearer() -> SignedIn {
    anna(Proof::Bearer("session-token".into()))
}

fn space(id: &str, metadata: Value) -> Value {
    json!({"id": id, "name": id.to_uppercase(), "slug": id, "logo": null,
           "createdAt": "2026-05-04T08:00:00.000Z", "metadata": metadata})
}

#[tokio::test]
async fn the_personal_space_comes_first_and_then_the_first_of_any_kind() {
    let personal = || json!({"tier": "public", "type": "personal"});
    for (list, id, kind) in [
        (json!([space("p", personal())]), "p", Some("personal")),
        (json!([space("t", json!({"type": "team"})), space("p", personal())]), "p", Some("personal")),
        (
            json!([space("t", json!(r#"{"type":"team"}"#)), space("p", json!(r#"{"type":"personal"}"#))]),
            "p",
            Some("personal"),
        ),
        (
            json!([space("t", json!({"type": "team"})), space("f", json!({"type": "family"}))]),
            "t",
            Some("team"),
        ),
        (json!([space("x", Value::Null)]), "x", None),
    ] {
        let double = Double::start([(LIST, vec![says(200, &list)])]).await;
        let mana = mana(&double.url(), SignInForm::Auto);
        let space = mana.personal_space(&by_cookie()).await.expect("there is one");
        assert_eq!((space.id.as_str(), space.kind.as_deref()), (id, kind), "{list}");
        assert_eq!(space.name, id.to_uppercase());
        assert_eq!(double.came()[0].header("cookie"), Some("mana.session_token=t.sig"));
        assert_eq!(double.came()[0].header("authorization"), None);
    }
}

#[tokio::test]
async fn a_persona_without_a_space_is_named() {
    let double = Double::start([(LIST, vec![says(200, "[]")])]).await;
    let error = mana(&double.url(), SignInForm::Auto).personal_space(&by_cookie()).await.expect_err("none");
    let expected = format!("Persona {ANNA} has no spaces — signup flow did not auto-create one?");
    assert_eq!((error.to_string(), error.code()), (expected, "no-space"));
}

#[tokio::test]
async fn a_bearer_is_tried_as_session_token_and_as_jwt_and_in_auto_once_more_by_cookie() {
    let refused = || says(401, r#"{"message":"Unauthorized","code":"UNAUTHORIZED"}"#);
    let shown = || says(200, json!([space("p", json!({"type": "personal"}))]));
    let error = r#"Space list failed: HTTP 401 — {"message":"Unauthorized","code":"UNAUTHORIZED"}"#;
    for (form, list, succeeds, asked) in [
        (SignInForm::Bearer, vec![shown()], true, 1),
        (SignInForm::Bearer, vec![refused(), shown()], true, 2),
        (SignInForm::Bearer, vec![refused()], false, 2),
        (SignInForm::Auto, vec![refused(), refused(), shown()], true, 3),
        (SignInForm::Auto, vec![refused()], false, 3),
    ] {
        let double = Double::start([
            (LIST, list),
            (COOKIE_SIGN_IN, vec![signed_in()]),
            ("GET /api/auth/token", vec![minted("a.b.c")]),
        ])
        .await;
        let outcome = mana(&double.url(), form).personal_space(&by_bearer()).await;
        assert_eq!(outcome.as_ref().is_ok(), succeeds, "{outcome:?}");
        let lists: Vec<_> = double.came().into_iter().filter(|came| came.what == LIST).collect();
        let proofs: Vec<_> = lists
            .iter()
            .map(|came| came.header("authorization").or(came.header("cookie")).expect("a proof"))
            .collect();
        let all = ["Bearer session-token", "Bearer a.b.c", "mana.session_token=t.sig; mana.session_data=d"];
        assert_eq!(proofs, all[..asked]);
        if let Err(refusal) = outcome {
            assert_eq!((refusal.to_string().as_str(), refusal.code()), (error, "space-refused"));
        }
    }
}

#[tokio::test]
async fn a_cookie_that_is_refused_is_not_tried_otherwise() {
    let double = Double::start([(LIST, vec![says(401, "no")]), (COOKIE_SIGN_IN, vec![signed_in()])]).await;
    let error =
        mana(&double.url(), SignInForm::Auto).personal_space(&by_cookie()).await.expect_err("refused");
    assert_eq!(error.to_string(), "Space list failed: HTTP 401 — no");
    assert_eq!(double.order(), [LIST]);
}

#[tokio::test]
async fn a_missing_vault_is_created_and_an_existing_one_left_alone() {
    let key = json!({"masterKey": "very-secret", "formatVersion": 1, "kekId": "k"});
    for (exists, vault, order) in
        [(true, Vault::Existed, vec![STATUS]), (false, Vault::Created, vec![STATUS, INIT])]
    {
        let status = json!({"vaultExists": exists, "hasRecoveryWrap": false, "zeroKnowledge": false});
        let double = Double::start([(STATUS, vec![says(200, status)]), (INIT, vec![says(200, &key)])]).await;
        let mana = mana(&double.url(), SignInForm::Auto);
        assert_eq!(mana.open_vault(&by_cookie()).await, Ok(vault));
        assert_eq!(double.order(), order);
        assert!(double.came().iter().all(|came| came.header("authorization") == Some("Bearer a.b.c")));
    }
}

#[tokio::test]
async fn a_vault_that_cannot_be_asked_or_created_is_an_error() {
    let missing = json!({"vaultExists": false});
    for (status, init, text) in [
        (says(401, "no"), says(200, "{}"), "Vault status failed: HTTP 401 — no"),
        (says(200, missing), says(500, "kaputt"), "Vault init failed: HTTP 500 — kaputt"),
    ] {
        let double = Double::start([(STATUS, vec![status]), (INIT, vec![init])]).await;
        let error =
            mana(&double.url(), SignInForm::Auto).open_vault(&by_cookie()).await.expect_err("refused");
        assert_eq!((error.to_string().as_str(), error.code()), (text, "vault-failed"));
    }
}
