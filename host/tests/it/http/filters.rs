//! What the API's routes can be asked for, and what they refuse.

use reqwest::Method;
use serde_json::json;

use super::served;
use crate::commands::Shell;
use crate::support::house::email;

/// Every route of the API: a filter that it has not, and one that stands there twice.
#[tokio::test]
async fn a_filter_that_cannot_be_meant_is_refused_by_name_with_what_is_allowed() {
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let states = "one of running, completed, idle, skipped, faulted, stopped, held, paused, parked";
    for (query, named) in [
        ("state=bogus", ["\"state\"", "\"bogus\"", states]),
        ("state=", ["\"state\"", "\"\"", states]),
        ("state=Completed", ["\"state\"", "\"Completed\"", states]),
        ("since=yesterday", ["\"since\"", "\"yesterday\"", "24h or 7d, a day (UTC) such as 2026-11-29"]),
        ("since=2026-11-29T00:00:00%2B25:00", ["\"since\"", "+25:00", "RFC 3339"]),
        ("until=tomorrow", ["\"until\"", "\"tomorrow\"", "24h or 7d, a day (UTC) such as 2026-11-29"]),
        ("everFaulted=yes", ["\"everFaulted\"", "\"yes\"", "one of true, false"]),
        ("everFaulted", ["\"everFaulted\"", "\"\"", "one of true, false"]),
        ("limit=many", ["\"limit\"", "\"many\"", "a whole number; more than 500 counts as 500"]),
        ("limit=-1", ["\"limit\"", "\"-1\"", "a whole number"]),
        ("limit=1.5", ["\"limit\"", "\"1.5\"", "a whole number"]),
        ("persona=", ["\"persona\"", "\"\"", "the address of a persona"]),
        ("persona=%FF&state=%FE", ["\"state\"", "\"\u{fffd}\"", states]),
        ("state=idle&state=idle", ["\"state\"", "\"idle\"", "twice"]),
    ] {
        let (status, body) = served.get(&format!("/api/turns?{query}")).await;
        let error = body["error"]["message"].as_str().unwrap_or_else(|| panic!("{query}: {body}"));
        assert_eq!((status, &body["error"]["code"]), (400, &json!("bad-filter")), "{query}: {body}");
        assert!(named.iter().all(|word| error.contains(word)), "{query}: {error}");
    }
    for (query, found) in [
        ("since=2026-11-22T00:00:00Z", 1),
        ("since=2026-11-22T00:00:00.5%2B01:00", 1),
        ("since=3000-01-01T00:00:00Z", 0),
        ("since=2026-11-22", 1),
        ("since=24h", 1),
        ("until=24h", 0),
        ("until=3000-01-01T00:00:00Z", 1),
        ("since=24h&until=0s", 1),
        ("limit=99999999999999999999", 1),
        ("everFaulted=false&state=completed", 1),
        ("everFaulted=true", 0),
    ] {
        let (status, body) = served.get(&format!("/api/turns?{query}")).await;
        assert_eq!((status, body["turns"].as_array().map(Vec::len)), (200, Some(found)), "{query}: {body}");
    }
    let turn = served.house.turn("Anna").await.summary.id;
    for (method, route, takes) in [
        (
            Method::GET,
            "/api/turns".to_owned(),
            "this route takes persona, experiment, arm, state, everFaulted, since, until, limit",
        ),
        (Method::GET, "/api/personas".to_owned(), "this route takes all"),
        (Method::GET, "/api/experiments".to_owned(), NO_FILTERS),
        (Method::GET, "/api/compare".to_owned(), "this route takes a, b"),
        (Method::GET, format!("/api/turns/{turn}"), NO_FILTERS),
        (Method::GET, "/api/strategies".to_owned(), NO_FILTERS),
        (Method::GET, "/api/plugins".to_owned(), NO_FILTERS),
        (Method::GET, "/api/status".to_owned(), NO_FILTERS),
        (Method::GET, "/api/plugins/daily/logs".to_owned(), NO_FILTERS),
        (Method::POST, "/api/plugins/daily/reload".to_owned(), NO_FILTERS),
        (Method::POST, "/api/plugins/daily/rollback".to_owned(), NO_FILTERS),
        (Method::POST, format!("/api/personas/{}/release", email("Anna")), NO_FILTERS),
        (Method::POST, format!("/api/turns/{turn}/resume"), NO_FILTERS),
    ] {
        let (status, body) = served.ask(method.clone(), &format!("{route}?sate=idle")).await;
        let said = "there is no parameter \"sate\" here (its value is \"idle\")";
        let refused = json!({"error": {"code": "unknown-filter", "message": said, "hint": takes}});
        assert_eq!((status, body), (400, refused), "{route}");
        let (status, body) = served.ask(method, &format!("{route}?a=1&a=2")).await;
        assert_eq!((status, &body["error"]["code"]), (400, &json!("bad-filter")), "{route}: {body}");
    }
    for (method, route, takes) in [
        (Method::GET, "/api/costs", "this route takes by, since"),
        (Method::POST, "/api/pause", "this route takes persona, now, reason, anyway"),
        (Method::POST, "/api/resume", "this route takes persona"),
    ] {
        let (status, body) = served.ask(method, &format!("{route}?sate=idle")).await;
        assert_eq!((status, &body["error"]["hint"]), (400, &json!(takes)), "{route}: {body}");
    }
    for route in ["/api/turns/%FF", "/api/plugins/%FF/logs"] {
        let (status, body) = served.get(route).await;
        assert_eq!(status, 400, "{route}: {body}");
        assert!(
            body["error"]["message"].as_str().is_some_and(|error| error.contains("%FF")),
            "{route}: {body}"
        );
    }
}

/// What a route says that shows all that there is.
const NO_FILTERS: &str = "this route takes no parameters";

/// Each value that both can be given is refused by both, or by neither, and in the same words.
#[tokio::test]
async fn what_cannot_be_meant_is_refused_in_the_words_of_the_command_line() {
    let served = served(&[]).await;
    let shell = Shell::new();
    for (verb, option, name, value) in [
        ("turns list", "state", "state", "bogus"),
        ("turns list", "state", "state", ""),
        ("turns list", "since", "since", "yesterday"),
        ("turns list", "since", "since", "2026-13-29"),
        ("turns list", "until", "until", "tomorrow"),
        ("turns list", "persona", "persona", ""),
        ("turns list", "limit", "limit", "many"),
        ("turns list", "limit", "limit", "1.5"),
        ("costs", "by", "by", "moon"),
        ("costs", "since", "since", "-3h"),
    ] {
        let said = shell.error(&format!("{verb} --{option}={value}"), 2)["message"].clone();
        let route = if verb == "costs" { "/api/costs" } else { "/api/turns" };
        let (status, body) = served.get(&format!("{route}?{name}={value}")).await;
        let message = body["error"]["message"].as_str().unwrap_or_else(|| panic!("{name}: {body}"));
        let (_, why) = message.split_once(": ").unwrap_or_else(|| panic!("{message}"));
        let why = why.split(';').next().unwrap_or(why);
        assert_eq!(status, 400, "{name}={value}: {body}");
        assert!(said.as_str().is_some_and(|said| said.contains(why)), "{said} has not {why:?}");
    }
    // A day was once refused in words of the program's own language.
    let (status, body) = served.get("/api/turns?since=2026-11-29").await;
    assert_eq!(status, 200, "{body}");
}
