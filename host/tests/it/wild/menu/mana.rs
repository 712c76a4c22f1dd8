//! What mana-auth says to one persona.

use serde_json::{Value, json};

use super::{LISTED, listing};
use crate::wild::claude::wants;
use crate::wild::porter::At;
use crate::wild::porter::Route::{self, Actions, Feedback, SignIn, Spaces, Token, VaultInit, VaultStatus};
use crate::wild::row::Row;
use crate::wild::sent::{Sent, never, sent, well};

pub(super) fn rows() -> Vec<Row> {
    [sign_ins(), tokens(), spaces(), vaults(), deliveries()].into_iter().flatten().collect()
}

const JSON: &str = "application/json";

/// mana-auth says this to the first question of this kind, and the turn ends so.
fn fails(route: Route, name: &'static str, said: Sent, code: &'static str) -> Row {
    Row::new(name).mana(route, [At::Sent(said)]).ends("faulted", code)
}

/// It says this, and the day is as any other.
fn goes_on(route: Route, name: &'static str, said: impl IntoIterator<Item = At>) -> Row {
    Row::new(name).mana(route, said).claude([wants([listing()])]).did(LISTED).rated()
}

fn sign_ins() -> Vec<Row> {
    let fails = |name, said, code| fails(SignIn, name, said, code);
    let amended = |name: &'static str, amend: fn(&mut Value), code| {
        Row::new(name).mana(SignIn, [At::Amended(amend)]).ends("faulted", code)
    };
    let wrong = || sent(401, r#"{"message":"Invalid email or password"}"#).with("content-type", JSON);
    let too_fast = |wait| sent(429, r#"{"message":"Too many requests."}"#).with("x-retry-after", wait);
    vec![
        fails("a password that is refused", wrong(), "login-refused")
            .recorded(["HTTP 401", "PERSONA_SEED_SECRET"]),
        amended(
            "a sign-in as somebody else",
            |said| said["user"]["id"] = json!("somebody"),
            "login-other-user",
        )
        .recorded(["Nothing was done in that account"]),
        amended("a sign-in as nobody", |said| said["user"] = json!(null), "login-incomplete"),
        amended("a sign-in of a number", |said| said["user"]["id"] = json!(7), "mana-unreadable"),
        fails("an address that is not verified", sent(403, "Email not verified"), "login-unverified"),
        fails(
            "an account that is locked",
            sent(429, r#"{"error":"Account locked","remainingSeconds":600}"#),
            "login-locked",
        )
        .recorded(["30 minutes after the last failure"]),
        fails("a sign-in that is to be tried in an hour", too_fast("3600"), "login-limited")
            .recorded(["HTTP 429"]),
        goes_on(SignIn, "a sign-in that is to be tried again at once", [At::Sent(too_fast("0"))]).last(),
        fails("a sign-in that fails", sent(500, "oops"), "login-failed").recorded(["HTTP 500 — oops"]),
        fails("a sign-in that a gateway refuses", sent(503, "<html>"), "login-failed"),
        fails(
            "a sign-in that is redirected",
            sent(302, "").with("location", "http://169.254.169.254/"),
            "login-failed",
        )
        .recorded(["HTTP 302"]),
        fails("a sign-in that is cut", well(JSON, "{").with("set-cookie", "a=b").cut(), "mana-no-answer"),
        fails("a sign-in that never ends", never(), "mana-no-answer").recorded(["within 3 s"]),
        fails("a sign-in by drops", well(JSON, "{").then_drips(" "), "mana-no-answer"),
        fails("a sign-in of a gigabyte", well(JSON, "{").then_a_gigabyte_of(" "), "mana-unreadable")
            .reads(1 << 20),
        fails("a sign-in in gzip", well(JSON, "").encoded("gzip"), "mana-unreadable").recorded(["gzip"]),
        fails("a refusal of a sign-in in gzip", too_fast("3600").encoded("gzip"), "login-limited")
            .recorded(["gzip"]),
        fails("a failure of a sign-in that is cut", sent(503, "oo").cut(), "login-failed")
            .recorded(["HTTP 503"]),
        fails("a failure of a sign-in by drops", sent(500, "oo").then_drips("o"), "login-failed"),
        fails("a failure of a sign-in of a gigabyte", sent(500, "").then_a_gigabyte_of("x"), "login-failed")
            .reads(64 << 10),
        fails(
            "a web page at the sign-in",
            well("text/html", "<html>").with("set-cookie", "a=b"),
            "mana-unreadable",
        )
        .recorded(["MANA_AUTH_URL"]),
        Row::new("a sign-in without a cookie")
            .mana(SignIn, [At::WithoutCookie])
            .claude([wants([listing()])])
            .did(LISTED),
    ]
}

fn tokens() -> Vec<Row> {
    let fails = |name, said, code| fails(Token, name, said, code);
    let token = |name: &'static str, amend: fn(&mut Value)| Row::new(name).mana(Token, [At::Amended(amend)]);
    vec![
        fails("a token that fails", sent(500, "oops"), "login-failed"),
        fails("a token that is asked for too fast", sent(429, "slowly"), "login-limited")
            .recorded(["heldUntil"]),
        fails("a token that is cut", well(JSON, "{\"tok").cut(), "mana-no-answer"),
        fails("a web page for a token", well("text/html", "<html>"), "mana-unreadable"),
        token("no token", |said| said["token"] = json!(null)).ends("faulted", "login-incomplete"),
        token("an empty token", |said| said["token"] = json!("")).ends("faulted", "login-incomplete"),
        token("a token that is a number", |said| said["token"] = json!(7)).ends("faulted", "mana-unreadable"),
        token("a token that is no JWT", |said| said["token"] = json!("opaque"))
            .ends("faulted", "mcp-token-refused"),
        token("a token with a line break", |said| said["token"] = json!("a\nb"))
            .ends("faulted", "mana-unsendable"),
        token("a token without an end", |said| retimed(said, None))
            .claude([wants([listing()])])
            .did(LISTED)
            .rated(),
        token("a token that has ended when it comes", |said| retimed(said, Some(-60)))
            .claude([wants([listing()])])
            .did(LISTED)
            .rated(),
    ]
}

/// The same token, which ends so many seconds after it began.
fn retimed(said: &mut Value, lasts: Option<i64>) {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    let token = said["token"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&BASE64.decode(parts[1]).unwrap()).unwrap();
    let began = claims["iat"].as_i64().unwrap();
    match lasts {
        Some(lasts) => claims["exp"] = json!(began + lasts),
        None => drop(claims.as_object_mut().unwrap().remove("exp")),
    }
    said["token"] = json!(format!("{}.{}.{}", parts[0], BASE64.encode(claims.to_string()), parts[2]));
}

fn spaces() -> Vec<Row> {
    let fails = |name, said, code| fails(Spaces, name, said, code);
    let list = |name: &'static str, amend: fn(&mut Value)| Row::new(name).mana(Spaces, [At::Amended(amend)]);
    vec![
        fails("no space", well(JSON, "[]"), "no-space").recorded(["seed it again"]),
        fails("spaces that are none", well(JSON, "{}"), "mana-unreadable"),
        fails("a space without an id", well(JSON, r#"[{"name":"x"}]"#), "mana-unreadable")
            .recorded(["missing field"]),
        fails("spaces that fail", sent(500, "oops"), "space-failed"),
        fails("spaces that are not shown", sent(403, "no"), "space-refused"),
        fails(
            "spaces that are asked for too fast",
            sent(429, "slowly").with("retry-after", "600"),
            "space-failed",
        )
        .recorded(["HTTP 429"]),
        fails("spaces that are cut", well(JSON, "[").cut(), "mana-no-answer"),
        fails("spaces that never come", never(), "mana-no-answer"),
        fails("spaces of a gigabyte", well(JSON, "[").then_a_gigabyte_of(" "), "mana-unreadable")
            .reads(1 << 20),
        fails("spaces in br", well(JSON, "").encoded("br"), "mana-unreadable")
            .recorded(["switch compression off"]),
        list("a space that cannot be read beside one that can", |said| {
            said.as_array_mut().unwrap().insert(0, json!({"name": "x"}));
        })
        .claude([wants([listing()])])
        .did(LISTED)
        .rated(),
        list("a space whose id no header can carry", |said| said[0]["id"] = json!("a\nb"))
            .ends("faulted", "mcp-unsendable"),
    ]
}

fn vaults() -> Vec<Row> {
    vec![
        fails(VaultStatus, "a vault of which nothing is known", sent(500, "oops"), "vault-failed"),
        fails(VaultStatus, "a vault that is not told of", well(JSON, "{}"), "mana-unreadable"),
        fails(VaultStatus, "a vault that is asked for too fast", sent(429, "slowly"), "vault-failed"),
        fails(VaultInit, "a vault that is not made", sent(500, "oops"), "vault-failed"),
        fails(VaultInit, "a vault whose making is cut", well(JSON, "{").cut(), "mana-no-answer"),
        fails(VaultInit, "a vault of a gigabyte", well(JSON, "{").then_a_gigabyte_of(" "), "mana-unreadable")
            .reads(1 << 20),
    ]
}

/// The day is over, and what was done is told to mana-auth.
fn deliveries() -> Vec<Row> {
    let later = |name, said: Sent| goes_on(Actions, name, [At::Sent(said)]);
    let taken = |name, said: Sent| goes_on(Actions, name, [At::Taken(said)]);
    let never_taken =
        |name, said: Sent, why| goes_on(Actions, name, [At::Sent(said)]).refused("actions", why);
    vec![
        never_taken("actions that are in conflict", sent(409, "conflict"), "HTTP 409 — conflict"),
        never_taken("actions that are too many", sent(413, ""), "HTTP 413"),
        never_taken("actions that make no sense", sent(422, "no"), "HTTP 422 — no"),
        never_taken(
            "actions that are refused in gzip",
            sent(413, "").encoded("gzip"),
            "HTTP 413 — it is encoded",
        ),
        never_taken("actions that are refused and cut", sent(422, "n").cut(), "HTTP 422 — n"),
        never_taken("actions of nobody", sent(404, r#"{"error":"Persona not found"}"#), "Persona not found"),
        later("actions that come too fast", sent(429, "slowly").with("retry-after", "30")),
        later("actions that fail", sent(500, "oops")),
        later("actions without the right key", sent(401, "who?")),
        later("actions to another path", sent(404, "404 Not Found")),
        later("actions that are redirected", sent(307, "").with("location", "/elsewhere")),
        later("actions that a page answers", well("text/html", "<html>")),
        later("actions that are not well", well(JSON, r#"{"ok":false}"#)),
        later("actions whose answer is a gigabyte", well(JSON, "{").then_a_gigabyte_of(" ")).reads(1 << 20),
        later("actions that are never answered", never()),
        taken("actions that are taken, and a gateway says no", sent(502, "<html>")),
        taken("actions that are taken, and the answer is cut", well(JSON, "{").cut()),
        taken("actions that are taken, and the answer is in gzip", well(JSON, "").encoded("gzip")),
        taken("actions that are taken, and the answer comes by drops", well(JSON, "{").then_drips(" ")),
        goes_on(Feedback, "feedback that is too much", [At::Sent(sent(413, ""))])
            .refused("feedback-1", "HTTP 413"),
        goes_on(Feedback, "feedback that fails", [At::Sent(sent(500, "oops"))]),
        goes_on(
            Feedback,
            "feedback that is taken, and the answer is cut",
            [At::Taken(well(JSON, "{").cut())],
        ),
        goes_on(Actions, "actions that fail again and again", vec![At::Sent(sent(503, "soon")); 5]),
    ]
}
