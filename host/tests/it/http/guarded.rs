//! Who is answered, and who is not: other names, other pages, proxies and other machines.

use std::net::Ipv4Addr;

use reqwest::{Method, StatusCode};

use super::{Looks, Served, served};
use crate::support::house::{Blueprint, House, email};
use crate::support::http::client;

const TOKEN: (&str, &str) = ("authorization", "Bearer let me in");
const NEXT_TOKEN: (&str, &str) = ("authorization", "bearer soon let me in");

impl Served {
    /// The status of the answer to a request with these headers.
    async fn status(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = client().request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn only_this_machine_is_answered_by_whatever_name_it_was_asked() {
    let served = served(&[]).await;
    for (header, value, expected) in [
        ("host", "localhost:3070", StatusCode::OK),
        ("host", "127.0.0.1", StatusCode::OK),
        ("host", "evil.example", StatusCode::FORBIDDEN),
        ("host", "evil.example:3070", StatusCode::FORBIDDEN),
        ("origin", "http://localhost:3070", StatusCode::OK),
        ("origin", "https://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
    ] {
        let request = client().get(format!("{}/health", served.base)).header(header, value);
        assert_eq!(request.send().await.unwrap().status(), expected, "{header}: {value}");
    }
}

/// A page that somebody has open may make a browser ask whatever it likes; a command on this machine may ask as before.
#[tokio::test]
async fn no_page_of_others_signs_anybody_in_or_begins_a_tick() {
    let served = served(&["Anna"]).await;
    let login = format!("/diag/login?email={}", email("Anna"));
    let resume = "/api/turns/ffffffff/resume";
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site"), ("referer", "http://localhost:8080/")],
        &[("referer", "https://evil.example/")],
        &[("user-agent", "Mozilla/5.0 (an old one)")],
        &[("origin", "http://localhost:8080")],
        &[("x-real-ip", "10.0.0.7")],
        &[("via", "1.1 proxy")],
        &[("x-forwarded-for", "10.0.0.7"), ("authorization", "Basic bGV0IG1lIGlu")],
    ] {
        for (method, path) in [
            (Method::GET, login.as_str()),
            (Method::HEAD, &login),
            (Method::POST, "/diag/tick"),
            (Method::POST, resume),
        ] {
            assert_eq!(
                served.status(method.clone(), path, headers).await,
                401,
                "{method} {path} {headers:?}"
            );
        }
    }
    let sessions = served.house.stack.database().rows("SELECT id FROM auth.sessions", &[]).await.unwrap();
    assert!(sessions.is_empty(), "nobody was signed in: {sessions:?}");
    assert!(served.house.turns("Anna").await.is_empty());
    for headers in [
        &[("user-agent", "curl/8.14.1")][..],
        &[("via", "1.1 proxy"), TOKEN],
        &[("via", "1.1 proxy"), NEXT_TOKEN],
    ] {
        assert_eq!(served.status(Method::GET, &login, headers).await, 200, "{headers:?}");
    }
    assert_eq!(
        served.status(Method::GET, "/api/turns", &[("x-real-ip", "10.0.0.7")]).await,
        200,
        "looking is free"
    );
}

#[tokio::test]
async fn whoever_can_be_reached_by_other_machines_answers_whoever_has_a_token() {
    only_health_is_free(Ipv4Addr::UNSPECIFIED, false).await;
}

/// Over every route that there is: the document says which of them only show.
#[tokio::test]
async fn the_view_token_opens_whatever_only_shows_and_no_deed() {
    for (bind, require_token) in [(Ipv4Addr::UNSPECIFIED, false), (Ipv4Addr::LOCALHOST, true)] {
        let house = Blueprint::of(&["Anna"]).config(move |config| {
            config.http.bind = bind.into();
            config.http.require_token = require_token;
        });
        let served = Served::of(house.build().await).await;
        let mut deeds = 0;
        let paths = persona_host::http::document()["paths"].as_object().unwrap();
        for (path, methods) in paths.iter().filter(|(path, _)| !path.starts_with("/health")) {
            for (method, own) in methods.as_object().unwrap() {
                let method: Method = method.to_uppercase().parse().unwrap();
                let words = path.split('/').map(|word| if word.starts_with('{') { "ffffffff" } else { word });
                let asked = words.collect::<Vec<_>>().join("/");
                assert_eq!(
                    served.status(method.clone(), &asked, &[]).await,
                    401,
                    "{method} {asked} without one"
                );
                let opens =
                    own["security"].as_array().unwrap().iter().any(|way| way.get("viewToken").is_some());
                deeds += u32::from(!opens);
                assert_eq!(opens, method == Method::GET && path != "/diag/login", "{method} {path}");
                // As a program sends it, the one that is to come, and as a browser sends it.
                for token in
                    ["Bearer let me look", "Bearer soon let me look", "Basic YW55Ym9keTpsZXQgbWUgbG9vaw=="]
                {
                    let status = served.status(method.clone(), &asked, &[("authorization", token)]).await;
                    match opens {
                        true => {
                            assert!(![401, 403, 429].contains(&status), "{method} {asked} {token}: {status}")
                        }
                        false => assert_eq!(status, 403, "{method} {asked} {token}"),
                    }
                }
            }
        }
        assert_eq!(deeds, 8, "every deed was tried");
        assert!(served.house.turns("Anna").await.is_empty(), "none was done");
        let sessions = served.house.stack.database().rows("SELECT id FROM auth.sessions", &[]).await.unwrap();
        assert!(sessions.is_empty(), "nobody was signed in: {sessions:?}");
        let said = client()
            .post(format!("{}/api/pause", served.base))
            .bearer_auth("let me look")
            .send()
            .await
            .unwrap();
        let said: serde_json::Value = said.json().await.unwrap();
        let message = said["error"]["message"].as_str().unwrap();
        assert!(message.contains("view token, which opens what only shows"), "{said}");
    }
}

/// Every user of this machine comes from loopback.
#[tokio::test]
async fn this_machine_needs_a_token_too_where_the_operator_wants_it_so() {
    only_health_is_free(Ipv4Addr::LOCALHOST, true).await;
}

/// A browser asks the person before it for a name and a password, and sends them with whatever page asks from then on.
#[tokio::test]
async fn a_person_types_the_token_into_a_browser_and_pages_of_others_gain_nothing_by_that() {
    let house = Blueprint::of(&["Anna"]).config(|config| config.http.require_token = true);
    let served = Served::of(house.build().await).await;
    let accept = ("accept", "text/html,application/xhtml+xml");
    let asked = client().get(&served.base).header(accept.0, accept.1).send().await.unwrap();
    assert_eq!(asked.status(), 401);
    let how = asked.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(how.starts_with("Basic realm="), "{how}");
    // anybody:let me in
    let typed = ("authorization", "Basic YW55Ym9keTpsZXQgbWUgaW4=");
    let wrong = ("authorization", "Basic YW55Ym9keTpsZXQgbWUgb3V0");
    let (own, other) = (("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"));
    let (browser, whole) = (("user-agent", "Mozilla/5.0 (X11)"), ("sec-fetch-dest", "document"));
    let (page, login) = (format!("{}/turns", served.base), format!("/diag/login?email={}", email("Anna")));
    for (method, path, headers, status) in [
        (Method::GET, "/", &[accept, typed, ("sec-fetch-site", "none")][..], 200),
        (Method::GET, "/", &[accept, wrong, ("sec-fetch-site", "none")], 401),
        (Method::POST, "/api/pause", &[typed, own], 200),
        (Method::POST, "/api/pause", &[typed, other], 401),
        (Method::POST, "/api/pause", &[typed, ("origin", "http://localhost:1")], 401),
        (Method::GET, "/api/turns", &[typed, other], 401),
        // Over HTTP without TLS a browser says nothing on its way to another machine, but where a form or a page comes from.
        (Method::GET, "/", &[accept, typed, browser], 200),
        (Method::GET, "/", &[accept, wrong, browser], 401),
        (Method::GET, "/", &[accept, typed, browser, ("referer", "http://localhost:1/")], 200),
        (Method::GET, "/api/turns", &[typed, browser, ("origin", "http://localhost:1")], 401),
        (Method::POST, "/api/pause", &[typed, browser, ("origin", &served.base)], 200),
        (Method::POST, "/api/pause", &[typed, browser, ("referer", &page)], 200),
        (Method::POST, "/api/pause", &[typed, browser], 401),
        (Method::POST, "/api/pause", &[typed, browser, ("referer", "http://localhost:1/")], 401),
        (Method::POST, "/api/pause", &[typed, browser, ("origin", "null"), ("referer", &page)], 403),
        (Method::GET, &login, &[typed, browser], 401),
        // Whoever follows a link to here sees a page, and does nothing by that.
        (Method::GET, "/", &[accept, typed, other, whole], 200),
        (Method::GET, "/", &[accept, typed, other, ("sec-fetch-dest", "iframe")], 401),
        (Method::GET, &login, &[typed, other, whole], 401),
        (Method::POST, "/api/pause", &[typed, other, whole], 401),
    ] {
        let found = served.status(method.clone(), path, headers).await;
        assert_eq!(found, status, "{method} {path} {headers:?}");
    }
}

async fn only_health_is_free(bind: Ipv4Addr, require_token: bool) {
    let house = Blueprint::of(&["Anna"]).config(move |config| {
        config.http.bind = bind.into();
        config.http.require_token = require_token;
        config.http.allowed_hosts = vec!["personas.internal".to_owned()];
    });
    let served = Served::of(house.build().await).await;
    let login = format!("/diag/login?email={}", email("Anna"));
    let everything = [
        (Method::GET, "/metrics", 200),
        (Method::GET, "/api/turns", 200),
        (Method::GET, "/api/turns/ffffffff", 404),
        (Method::GET, "/api/personas", 200),
        (Method::GET, "/api/strategies", 200),
        (Method::GET, "/api/plugins", 200),
        (Method::GET, "/api/status", 200),
        (Method::GET, "/api/plugins/ghost/logs", 404),
        (Method::GET, login.as_str(), 200),
        (Method::GET, "/api/costs", 200),
        (Method::GET, "/api/pause", 200),
        (Method::POST, "/api/resume", 200),
        (Method::GET, "/", 200),
        (Method::GET, "/turns", 200),
        (Method::GET, "/events", 200),
        (Method::GET, "/assets/pages.css", 200),
        (Method::GET, "/nonsense", 404),
        (Method::POST, "/diag/tick", 200),
        (Method::POST, "/api/plugins/ghost/reload", 404),
        (Method::POST, "/api/plugins/ghost/rollback", 404),
        (Method::POST, "/api/personas/ghost/release", 404),
        (Method::POST, "/api/turns/ffffffff/resume", 404),
    ];
    let named = ("host", "Personas.Internal:3070");
    for (method, path, found) in everything {
        for headers in [&[][..], &[("authorization", "Basic bGV0IG1lIGlu")], &[named]] {
            assert_eq!(
                served.status(method.clone(), path, headers).await,
                401,
                "{method} {path} {headers:?}"
            );
        }
        let wrong = served.status(method.clone(), path, &[("authorization", "Bearer let me ou")]).await;
        assert!([401, 429].contains(&wrong), "{method} {path}: {wrong}");
        for headers in
            [&[TOKEN][..], &[NEXT_TOKEN], &[named, TOKEN], &[TOKEN, ("x-forwarded-for", "10.0.0.7")]]
        {
            let status = served.status(method.clone(), path, headers).await;
            assert_eq!(status, found, "{method} {path} {headers:?}");
        }
        let status = served.status(method.clone(), path, &[("host", "evil.example"), TOKEN]).await;
        assert_eq!(status, 403, "{method} {path} for a name of others");
    }
    for probe in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(served.status(Method::GET, probe, &[]).await, 200, "for probes");
    }
    assert_eq!(served.status(Method::GET, "/health", &[("host", "evil.example")]).await, 403);
}

#[tokio::test]
async fn whoever_guesses_is_told_to_stop_and_keeps_nobody_out() {
    let served = served(&[]).await;
    let tick = async |token| {
        served.status(Method::POST, "/diag/tick", &[("via", "1.1 proxy"), ("authorization", token)]).await
    };
    for _ in 0..10 {
        assert_eq!(tick("Bearer let me out").await, 401);
    }
    assert_eq!(tick("Bearer let me out").await, 429);
    assert_eq!(tick("Bearer let me in").await, 200);
    assert_eq!(served.status(Method::POST, "/diag/tick", &[]).await, 200, "nor this machine");
}

/// No answer tells which token is the right one, and each tells what to do.
#[tokio::test]
async fn no_token_a_wrong_one_and_none_that_could_be_right_are_told_apart() {
    let ask = async |served: &Served, token: Option<&str>| {
        let request = client().post(format!("{}/diag/tick", served.base)).header("via", "1.1 proxy");
        let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
        let response = request.send().await.unwrap();
        let (status, challenge) =
            (response.status().as_u16(), response.headers().contains_key("www-authenticate"));
        let body: serde_json::Value = response.json().await.unwrap();
        (status, challenge, format!("{} {}", body["error"], body["hint"]))
    };
    let locked = served(&[]).await;
    let open = Served::with(House::of(&[]).await, Looks { has_no_token: true, ..Looks::default() }).await;
    for (served, token, status, words) in [
        (&locked, None, 401, ["no admin token was sent", "Authorization: Bearer"]),
        (&locked, Some("let me out"), 401, ["the one that was sent is another", "was started with"]),
        (&open, None, 403, ["no admin token is set there", "set PERSONA_ADMIN_TOKEN where"]),
        (&open, Some("let me in"), 403, ["no admin token is set there", "set PERSONA_ADMIN_TOKEN where"]),
    ] {
        let (found, challenge, said) = ask(served, token).await;
        assert_eq!((found, challenge), (status, status == 401), "{token:?}: {said}");
        assert!(
            words.iter().all(|word| said.contains(word)) && !said.contains("let me"),
            "{token:?}: {said}"
        );
    }
}

#[tokio::test]
async fn every_answer_says_that_it_is_no_page_and_is_not_kept() {
    let looks = Looks { production: true, ..Looks::default() };
    let served = Served::with(House::of(&[]).await, looks).await;
    for (method, path) in
        [(Method::GET, "/api/turns"), (Method::GET, "/nonsense"), (Method::POST, "/diag/tick")]
    {
        let response = client().request(method, format!("{}{path}", served.base)).send().await.unwrap();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(response.headers()[name], value, "{path}");
        }
    }
}

/// A client that was written for the original reads `error` as a sentence; whoever asks the API reads a code.
#[tokio::test]
async fn a_refusal_has_the_shape_of_the_route_that_it_stands_for() {
    let served = served(&[]).await;
    for (method, path, headers, status, code) in [
        (Method::POST, "/diag/tick", &[("via", "1.1 proxy")][..], 401, None),
        (Method::POST, "/diag/tick?now=true", &[], 400, None),
        (Method::GET, "/health", &[("host", "evil.example")], 403, None),
        (Method::GET, "/metrics", &[("host", "evil.example")], 403, None),
        (Method::POST, "/api/resume", &[("via", "1.1 proxy")], 401, Some("not-allowed")),
        (
            Method::POST,
            "/api/resume",
            &[("via", "1.1 proxy"), ("authorization", "Bearer x")],
            401,
            Some("not-allowed"),
        ),
        (Method::GET, "/api/turns", &[("host", "evil.example")], 403, Some("wrong-name")),
        (Method::POST, "/api/pause?moon=1", &[], 400, Some("unknown-filter")),
        (Method::GET, "/api/turns/ffffffff", &[], 404, Some("no-such-turn")),
        (Method::POST, "/api/turns/ffffffff/resume", &[], 404, Some("no-such-turn")),
        (Method::GET, "/api/plugins/ghost/logs", &[], 404, Some("no-such-plugin")),
        (Method::POST, "/api/plugins/ghost/rollback", &[], 404, Some("no-such-plugin")),
        (Method::POST, "/api/plugins/daily/rollback", &[], 409, Some("no-earlier-build")),
        (Method::POST, "/api/personas/ghost/release", &[], 404, Some("no-such-persona")),
    ] {
        let mut request = client().request(method.clone(), format!("{}{path}", served.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let found = response.status().as_u16();
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(found, status, "{method} {path}: {body}");
        match code {
            None => assert!(body["error"].is_string(), "{method} {path}: {body}"),
            Some(code) => {
                let error = body["error"].as_object().unwrap_or_else(|| panic!("{method} {path}: {body}"));
                assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "hint"], "{path}");
                assert_eq!(error["code"], code, "{method} {path}: {body}");
            }
        }
    }
}
