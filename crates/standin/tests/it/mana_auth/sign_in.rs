//! Contract 3: login, cookie sign-in, tokens, spaces, vault.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use reqwest::Method;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use standin::mana_auth::{NewUser, SignInLimit};
use standin::{DatabaseUrl, StackOptions};

use super::on_both_databases;
use crate::neighbours::{Answer, Neighbours, email, password};

on_both_databases! {
    a_login_gives_session_token_and_jwt_but_no_cookie
    each_row_of_the_login_table
    the_fifth_wrong_password_locks_for_half_an_hour
    cookie_sign_in_leads_to_space_and_token
    each_refusal_of_better_auth
    the_token_has_the_documented_claims_and_fits_the_key_set
    a_session_ends_after_seven_days
    the_vault_is_made_once
    memberships_are_told_to_who_has_the_service_key
}

async fn a_login_gives_session_token_and_jwt_but_no_cookie(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let answer = world.login("Persona.KAI@mana.test", &password("kai")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("set-cookie"), None, "contract D3");
    let body = answer.body.as_object().unwrap();
    let fields: Vec<_> = body.keys().collect();
    assert_eq!(fields, ["redirect", "token", "user", "accessToken", "refreshToken"]);
    assert_eq!(body["redirect"], false);
    assert_eq!(body["token"].as_str().unwrap().len(), 32);
    assert_eq!(body["refreshToken"], body["token"]);
    assert_ne!(body["accessToken"], body["token"], "contract D1");
    let created = body["user"]["createdAt"].as_str().unwrap();
    assert!(created.starts_with("2026-11-20T12:00:") && created.ends_with('Z'), "{created}");
    assert_eq!(
        body["user"],
        json!({"id": kai, "name": "kai", "email": email("kai"), "emailVerified": true, "image": null,
               "createdAt": created, "updatedAt": body["user"]["updatedAt"], "twoFactorEnabled": false,
               "accessTier": "founder", "kind": "persona"})
    );
}

async fn each_row_of_the_login_table(world: Neighbours) {
    world.persona("kai", "daily").await;
    let human = NewUser { email: "mensch@mana.test", name: "Mensch", password: "ein-passwort" };
    world.stack.auth().sign_up(human).await.unwrap();
    let credentials = |email: &str, password: &str| json!({"email": email, "password": password}).to_string();
    let invalid = json!({"error": "Invalid credentials"});
    for (case, body, expected) in [
        ("wrong password", credentials(&email("kai"), "falsch"), (401, invalid.clone())),
        ("unknown user", credentials("niemand@mana.test", "falsch"), (401, invalid.clone())),
        ("nothing in it", "{}".to_owned(), (401, invalid)),
        (
            "not verified",
            credentials("mensch@mana.test", "ein-passwort"),
            (403, json!({"error": "Email not verified", "code": "EMAIL_NOT_VERIFIED"})),
        ),
        (
            "no JSON",
            "email=a".to_owned(),
            (500, json!({"statusCode": 500, "message": "Internal server error"})),
        ),
    ] {
        let answer = world.auth(Method::POST, "/api/v1/auth/login", &[], &body).await;
        assert_eq!(answer.said(), expected, "{case}");
    }
    let answer = world.auth(Method::GET, "/api/v1/nowhere", &[], "").await;
    assert_eq!(answer.said(), (404, json!("404 Not Found")));
    assert_eq!(answer.header("x-stand-in"), Some("persona-host mana-auth"));
}

async fn the_fifth_wrong_password_locks_for_half_an_hour(world: Neighbours) {
    world.persona("kai", "daily").await;
    world.persona("ben", "daily").await;
    for _ in 0..4 {
        assert_eq!(world.login(&email("kai"), "falsch").await.status, 401);
    }
    // A right one starts the count anew.
    assert_eq!(world.login(&email("kai"), &password("kai")).await.status, 200);
    for _ in 0..5 {
        assert_eq!(world.login(&email("kai").to_uppercase(), "falsch").await.status, 401);
    }
    // The clock runs on, so the number of seconds is only known nearly.
    let is_locked_for = async |seconds: i64| {
        let locked = world.login(&email("kai"), &password("kai")).await;
        let left = locked.body["remainingSeconds"].as_i64().unwrap();
        assert_eq!(locked.said(), (429, json!({"error": "Account locked", "remainingSeconds": left})));
        assert!((seconds - 30..=seconds).contains(&left), "{left} of {seconds}");
    };
    is_locked_for(1800).await;
    assert_eq!(world.login(&email("ben"), &password("ben")).await.status, 200, "the lock is per address");
    world.clock.advance(TimeDelta::minutes(29));
    is_locked_for(60).await;
    world.clock.advance(TimeDelta::minutes(1));
    assert_eq!(world.login(&email("kai"), &password("kai")).await.status, 200);
}

async fn cookie_sign_in_leads_to_space_and_token(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let signed_in = sign_in(&world, &email("kai"), &password("kai")).await;
    assert_eq!(signed_in.status, 200);
    let fields: Vec<_> = signed_in.body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["redirect", "token", "user"]);
    assert_eq!(signed_in.body["user"]["id"], json!(kai));

    let set_cookie = signed_in.header("set-cookie").unwrap();
    let (pair, attributes) = set_cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
    let value = pair.strip_prefix("mana.session_token=").unwrap();
    assert!(value.starts_with(&format!("{}.", signed_in.body["token"].as_str().unwrap())), "{value}");

    let with_cookie = [("cookie", pair)];
    let list = world.auth(Method::GET, "/api/auth/organization/list", &with_cookie, "").await;
    let space = &list.body[0];
    assert_eq!(space["id"].as_str().unwrap().len(), 21);
    assert_eq!(
        list.said(),
        (
            200,
            json!([{"id": space["id"], "name": "kai", "slug": "persona-kai", "logo": null,
                    "createdAt": space["createdAt"], "metadata": {"tier": "public", "type": "personal"}}])
        )
    );

    let token = world.auth(Method::GET, "/api/auth/token", &with_cookie, "").await;
    assert_eq!(claims(&token.body["token"])["sub"], json!(kai));
    let again = world.auth(Method::GET, "/api/auth/token", &with_cookie, "").await;
    assert_eq!(again.status, 200, "a token may be had as often as wanted");
    let session = world.auth(Method::GET, "/api/auth/get-session", &with_cookie, "").await;
    assert_eq!(session.body["user"]["id"], json!(kai));
    assert_eq!(claims(&json!(session.header("set-auth-jwt").unwrap()))["sub"], json!(kai));
}

async fn each_refusal_of_better_auth(world: Neighbours) {
    world.persona("kai", "daily").await;
    let login = world.login(&email("kai"), &password("kai")).await.body;
    let session_token = format!("Bearer {}", login["token"].as_str().unwrap());
    let jwt = format!("Bearer {}", login["accessToken"].as_str().unwrap());
    let forged = format!("mana.session_token={}.AAAA", login["token"].as_str().unwrap());
    let unauthorized = (401, json!({"message": "Unauthorized", "code": "UNAUTHORIZED"}));
    for (path, headers) in [
        ("/api/auth/organization/list", vec![]),
        ("/api/auth/organization/list", vec![("authorization", session_token.as_str())]),
        ("/api/auth/organization/list", vec![("authorization", jwt.as_str())]),
        ("/api/auth/organization/list", vec![("cookie", forged.as_str())]),
        ("/api/auth/organization/list", vec![("cookie", "mana.session_token=x")]),
        ("/api/auth/token", vec![]),
        ("/api/auth/token", vec![("authorization", jwt.as_str())]),
        ("/api/auth/token", vec![("cookie", forged.as_str())]),
    ] {
        let answer = world.auth(Method::GET, path, &headers, "").await;
        assert_eq!(answer.said(), unauthorized, "{path} {headers:?}");
    }
    let nobody = world.auth(Method::GET, "/api/auth/get-session", &[], "").await;
    assert_eq!(nobody.said(), (200, Value::Null));
    let wrong = sign_in(&world, &email("kai"), "falsch").await;
    let message = json!({"message": "Invalid email or password", "code": "INVALID_EMAIL_OR_PASSWORD"});
    assert_eq!(wrong.said(), (401, message));
}

/// better-auth's limit in production (contract 3.3), which both forms share.
#[tokio::test]
async fn more_sign_ins_than_at_once_are_turned_away_with_how_long_to_wait() {
    let limit = |options: &mut StackOptions| options.sign_in_limit = Some(SignInLimit::REAL);
    let world = Neighbours::start(DatabaseUrl::Memory, limit).await;
    world.persona("kai", "daily").await;
    let cookie = async || sign_in(&world, &email("kai"), &password("kai")).await;
    let wrapped = async || world.login(&email("kai"), &password("kai")).await;
    for wrong in [false, true, false] {
        let given = if wrong { "falsch".to_owned() } else { password("kai") };
        let answer = sign_in(&world, &email("kai"), &given).await;
        assert_eq!(answer.status, if wrong { 401 } else { 200 }, "each counts, also a wrong one");
    }
    let refused = cookie().await;
    assert_eq!(refused.said(), (429, json!({"message": "Too many requests. Please try again later."})));
    assert_eq!(refused.header("x-retry-after"), Some("10"));
    let refused = wrapped().await;
    assert_eq!((refused.status, &refused.body["error"]), (429, &json!("RATE_LIMITED")));
    assert_eq!((refused.header("retry-after"), &refused.body["retryAfterSec"]), (Some("10"), &json!(10)));
    world.clock.advance(TimeDelta::seconds(11));
    assert_eq!((cookie().await.status, wrapped().await.status), (200, 200));
}

#[tokio::test]
async fn a_deployment_with_the_bearer_plugin_takes_the_session_token_and_no_jwt() {
    let world = Neighbours::start(DatabaseUrl::Memory, |options| {
        options.bearer_lists_organizations = true;
    })
    .await;
    world.persona("kai", "daily").await;
    let login = world.login(&email("kai"), &password("kai")).await.body;
    for (token, expected) in [("token", 200), ("accessToken", 401)] {
        let bearer = format!("Bearer {}", login[token].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let answer = world.auth(Method::GET, "/api/auth/organization/list", &headers, "").await;
        assert_eq!(answer.status, expected, "{token}");
    }
}

async fn the_token_has_the_documented_claims_and_fits_the_key_set(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let token = world.jwt("kai").await;
    let said = claims(&json!(token));
    let mut fields: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["aud", "email", "exp", "iat", "iss", "role", "sid", "sub", "tier"]);
    assert_eq!((&said["sub"], &said["email"]), (&json!(kai), &json!(email("kai"))));
    assert_eq!((&said["role"], &said["tier"]), (&json!("user"), &json!("founder")), "contract D10");
    assert_eq!((&said["aud"], &said["iss"]), (&json!("mana"), &json!(world.stack.auth_url())));
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 900);

    let key = world.auth(Method::GET, "/api/auth/jwks", &[], "").await.body["keys"][0].clone();
    assert_eq!((&key["alg"], &key["crv"], &key["kty"]), (&json!("EdDSA"), &json!("Ed25519"), &json!("OKP")));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let header: Value = decoded(signed.split('.').next().unwrap());
    assert_eq!(header, json!({"alg": "EdDSA", "kid": key["kid"]}));
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &signature).unwrap();
}

async fn a_session_ends_after_seven_days(world: Neighbours) {
    world.persona("kai", "daily").await;
    let signed_in = sign_in(&world, &email("kai"), &password("kai")).await;
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap();
    for (days, expected) in [(6, 200), (1, 401)] {
        world.clock.advance(TimeDelta::days(days));
        let answer = world.auth(Method::GET, "/api/auth/token", &[("cookie", cookie)], "").await;
        assert_eq!(answer.status, expected);
    }
}

async fn the_vault_is_made_once(world: Neighbours) {
    world.persona("kai", "daily").await;
    let bearer = format!("Bearer {}", world.jwt("kai").await);
    let vault = async |method: Method, part: &str| {
        let path = format!("/api/v1/me/encryption-vault/{part}");
        world.auth(method, &path, &[("authorization", bearer.as_str())], "").await
    };
    let status = |exists: bool| json!({"vaultExists": exists, "hasRecoveryWrap": false, "zeroKnowledge": false, "recoverySetAt": null});
    assert_eq!(vault(Method::GET, "status").await.said(), (200, status(false)));
    let missing = json!({"error": "vault not initialised", "code": "VAULT_NOT_INITIALISED"});
    assert_eq!(vault(Method::GET, "key").await.said(), (404, missing));
    let made = vault(Method::POST, "init").await;
    assert_eq!((made.status, &made.body["formatVersion"]), (200, &json!(1)));
    assert_eq!(vault(Method::POST, "init").await.said(), made.said(), "a repeat changes nothing");
    assert_eq!(vault(Method::GET, "key").await.said(), made.said());
    assert_eq!(vault(Method::GET, "status").await.said(), (200, status(true)));

    let nobody = world.auth(Method::POST, "/api/v1/me/encryption-vault/init", &[], "").await;
    let message = json!({"statusCode": 401, "message": "Missing or invalid Authorization header"});
    assert_eq!(nobody.said(), (401, message));
}

async fn memberships_are_told_to_who_has_the_service_key(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    world.clock.advance(TimeDelta::minutes(1));
    let family = world.stack.auth().add_space(&kai, "Familie", "family").await.unwrap();
    let path = format!("/api/v1/internal/users/{kai}/memberships");
    let key = world.stack.service_key();
    let answer = world.auth(Method::GET, &path, &[("x-service-key", key)], "").await;
    let memberships = answer.body["memberships"].as_array().unwrap();
    assert_eq!(
        (memberships.len(), &memberships[1]),
        (2, &json!({"organizationId": family, "role": "owner"}))
    );
    let refused = world.auth(Method::GET, &path, &[], "").await;
    let message = json!({"statusCode": 401, "message": "Invalid or missing service key"});
    assert_eq!(refused.said(), (401, message));
}

async fn sign_in(world: &Neighbours, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    let headers = [("content-type", "application/json")];
    world.auth(Method::POST, "/api/auth/sign-in/email", &headers, &body).await
}

fn claims(token: &Value) -> Value {
    decoded(token.as_str().unwrap().split('.').nth(1).unwrap())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
