//! The document of the API and the references that are made from the code: they are as the code is, and the daemon is as
//! they say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use persona_host::http::{document, reference};
use reqwest::Method;
use serde_json::{Value, json};

use super::watched::everything_counted_once;
use super::{Served, served};
use crate::support::house::email;
use crate::support::http::client;
use crate::tidy::{repository, sources};

#[test]
fn what_is_made_from_the_code_is_as_it_was_committed() {
    let document = format!("{}\n", serde_json::to_string_pretty(document()).unwrap());
    let mut advice = Vec::new();
    for (file, made) in [
        ("host/schema/openapi.json", document),
        ("docs/reference/http.md", reference()),
        ("docs/reference/metrics.md", metrics()),
    ] {
        let kept = std::fs::read_to_string(repository().join(file)).unwrap_or_default();
        if kept != made {
            let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file.replace('/', "-"));
            std::fs::write(&new, made).unwrap();
            advice.push(format!("cp {} {file}", new.display()));
        }
    }
    assert!(advice.is_empty(), "not what the code makes; look at it, then: {}", advice.join("; "));
}

/// Routes for programs are served from the list that is described; pages have one of their own.
#[test]
fn every_route_is_described() {
    let files = sources(&["host/src/http"]);
    let served: BTreeSet<&str> = files
        .iter()
        .flat_map(|(_, text)| text.split(".route(\"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(served.contains("/turns/{id}"), "{served:?}");
    let paths = document()["paths"].as_object().unwrap();
    let pages: BTreeSet<&str> = paths
        .iter()
        .filter(|(_, own)| own["get"]["tags"][0] == "pages")
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        served, pages,
        "a page is served and not described, or the other way round: http/pages/shown.rs"
    );
}

#[tokio::test]
async fn a_parameter_is_taken_if_it_is_described() {
    let served = served(&["Anna"]).await;
    for (method, path, own) in operations() {
        if own["tags"][0] == "pages"
            || path.starts_with("/health")
            || path.starts_with("/metrics")
            || path == "/diag/login"
        {
            continue;
        }
        let names: Vec<&str> = own["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|own| own["in"] == "query")
            .map(|own| own["name"].as_str().unwrap())
            .collect();
        let takes = match names.is_empty() {
            true => "this route takes no parameters".to_owned(),
            false => format!("this route takes {}", names.join(", ")),
        };
        let (status, body) = served.ask(method.clone(), &format!("{}?moon=full", with_words(&path))).await;
        let hint = if path.starts_with("/diag") { &body["hint"] } else { &body["error"]["hint"] };
        assert_eq!((status, hint), (400, &json!(takes)), "{method} {path}: {body}");
    }
}

/// Whatever is answered has a status that is described, and the shape that is described for it.
#[tokio::test]
async fn each_answer_is_as_it_is_described() {
    let served = served(&["Anna", "Ben"]).await;
    served.conforms(Method::POST, "/diag/tick", "/diag/tick").await;
    let turn = served.house.turn("Anna").await.summary.id;
    let (anna, login) = (email("Anna"), format!("/diag/login?email={}", email("Anna")));
    for (method, path, asked) in [
        (Method::GET, "/health", "/health"),
        (Method::GET, "/health/live", "/health/live"),
        (Method::GET, "/health/ready", "/health/ready"),
        (Method::GET, "/metrics", "/metrics"),
        (Method::GET, "/diag/login", &login),
        (Method::GET, "/diag/login", "/diag/login"),
        (Method::GET, "/diag/login", "/diag/login?email=nobody@mana.test"),
        (Method::GET, "/api/turns", "/api/turns"),
        (Method::GET, "/api/turns", "/api/turns?state=moon"),
        (Method::GET, "/api/turns/{id}", &format!("/api/turns/{turn}")),
        (Method::GET, "/api/turns/{id}", "/api/turns/ffffffff"),
        (Method::POST, "/api/turns/{id}/resume", &format!("/api/turns/{turn}/resume")),
        (Method::POST, "/api/turns/{id}/resume", "/api/turns/ffffffff/resume"),
        (Method::GET, "/api/costs", "/api/costs?by=persona&since=7d"),
        (Method::POST, "/api/personas/{email}/release", &format!("/api/personas/{anna}/release")),
        (Method::POST, "/api/personas/{email}/release", "/api/personas/ghost/release"),
        (Method::POST, "/api/pause", &format!("/api/pause?persona={anna}&now=true&reason=lunch")),
        (Method::POST, "/api/pause", "/api/pause?persona=persona."),
        (Method::POST, "/api/pause", "/api/pause"),
        (Method::GET, "/api/pause", "/api/pause"),
        (Method::GET, "/health", "/health"),
        (Method::GET, "/health/ready", "/health/ready"),
        (Method::POST, "/diag/tick", "/diag/tick"),
        (Method::GET, "/api/personas", "/api/personas"),
        (Method::GET, "/api/personas", "/api/personas?all=true"),
        (Method::GET, "/api/experiments", "/api/experiments"),
        (Method::GET, "/api/experiments/{key}", "/api/experiments/moon"),
        (Method::GET, "/api/compare", &format!("/api/compare?a={turn}&b={turn}")),
        (Method::GET, "/api/compare", &format!("/api/compare?a={turn}")),
        (Method::GET, "/api/compare", &format!("/api/compare?a={turn}&b=ffffffff")),
        (Method::GET, "/events", "/events?follow=false&since=0"),
        (Method::GET, "/events", "/events?follow=false&kind=moon"),
        (Method::GET, "/api/turns", "/api/turns?persona=x&state=paused"),
        (Method::POST, "/api/resume", &format!("/api/resume?persona={anna}")),
        (Method::POST, "/api/resume", "/api/resume"),
        (Method::GET, "/api/plugins", "/api/plugins"),
        (Method::GET, "/api/plugins/{name}/logs", "/api/plugins/daily/logs"),
        (Method::GET, "/api/plugins/{name}/logs", "/api/plugins/ghost/logs"),
        (Method::POST, "/api/plugins/{name}/reload", "/api/plugins/daily/reload"),
        (Method::POST, "/api/plugins/{name}/rollback", "/api/plugins/daily/rollback"),
        (Method::GET, "/api/strategies", "/api/strategies"),
        (Method::GET, "/api/openapi.json", "/api/openapi.json"),
    ] {
        served.conforms(method, path, asked).await;
    }
    // A persona that is held, neighbours that are left alone, and a tick that fails.
    served.house.later(chrono::TimeDelta::days(1));
    let faults = standin::mana_mcp::Faults { refuses_initialize: true, ..Default::default() };
    served.house.stack.mcp().set_faults(faults);
    served.conforms(Method::POST, "/diag/tick", "/diag/tick").await;
    let faults = standin::mana_auth::Faults { due_lists: u32::MAX, ..Default::default() };
    served.house.stack.auth().set_faults(faults);
    for _ in 0..3 {
        served.conforms(Method::POST, "/diag/tick", "/diag/tick").await;
    }
    for path in ["/api/personas", "/api/turns", "/health", "/health/ready"] {
        served.conforms(Method::GET, path, path).await;
    }
    served.conforms(Method::GET, "/api/personas", "/api/personas?all=true").await;
}

#[tokio::test]
async fn the_page_shows_each_route_with_how_it_is_asked() {
    let served = served(&[]).await;
    let page = client().get(format!("{}/api", served.base)).send().await.unwrap().text().await.unwrap();
    for (method, path, own) in operations() {
        if own["tags"][0] != "pages" {
            assert!(page.contains(&format!("<code>{method} {path}</code>")), "{method} {path}");
        }
    }
    let host = served.base.trim_start_matches("http://");
    for said in [
        format!("curl '{host}/api/turns?persona=persona.anna@mana.test'"),
        format!("curl -X POST '{host}/api/plugins/daily/rollback'"),
        "running, completed, idle, skipped, faulted, stopped, held, paused, parked".to_owned(),
        "href=\"#shape-Recorded\"".to_owned(),
        "id=\"shape-Recorded\"".to_owned(),
        "aria-current=\"page\" data-key=\"a\"".to_owned(),
    ] {
        assert!(page.contains(&said), "{said}: {page}");
    }
}

impl Served {
    async fn conforms(&self, method: Method, path: &str, asked: &str) {
        let response =
            client().request(method.clone(), format!("{}{asked}", self.base)).send().await.unwrap();
        let status = response.status().as_u16().to_string();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let text = response.text().await.unwrap();
        let document = document();
        let answers = &document["paths"][path][method.as_str().to_lowercase()]["responses"];
        let answer = answers
            .get(&status)
            .unwrap_or_else(|| panic!("{method} {asked}: {status} is not described: {text}"));
        let kind = kind.split(';').next().unwrap();
        let content = answer["content"]
            .get(kind)
            .unwrap_or_else(|| panic!("{method} {asked}: {kind} is not described"));
        if kind == "application/json" {
            let mut schema = content["schema"].clone();
            schema["components"] = document["components"].clone();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            let problems: Vec<String> =
                validator.iter_errors(&answer).map(|own| format!("{}: {own}", own.instance_path())).collect();
            assert!(problems.is_empty(), "{method} {asked}: {problems:?} in {text}");
        }
    }
}

fn operations() -> Vec<(Method, String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, own)| (method.to_uppercase().parse().unwrap(), path.clone(), own))
    });
    each.collect()
}

/// A path with a word in each place.
fn with_words(path: &str) -> String {
    let words: Vec<&str> =
        path.split('/').map(|word| if word.starts_with('{') { "daily" } else { word }).collect();
    words.join("/")
}

/// The page of the metrics: what the registry tells of each when it has counted once.
fn metrics() -> String {
    #[derive(Default)]
    struct Metric<'a> {
        kind: &'a str,
        means: &'a str,
        unit: &'a str,
        labels: BTreeSet<&'a str>,
    }
    let text = everything_counted_once();
    let mut known: BTreeMap<&str, Metric<'_>> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, means] => known.entry(name).or_default().means = means,
            ["#", "TYPE", name, kind] => known.entry(name).or_default().kind = kind,
            ["#", "UNIT", name, unit] => known.entry(name).or_default().unit = unit,
            [sample, ..] if sample != "#" => {
                let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
                let own = ["", "_total", "_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end).filter(|own| known.contains_key(own)));
                let labels =
                    labels.split(',').filter_map(|label| label.split_once('=').map(|(name, _)| name));
                let own = own.unwrap_or_else(|| panic!("{name} has no type"));
                known.get_mut(own).unwrap().labels.extend(labels.filter(|label| *label != "le"));
            }
            _ => {}
        }
    }
    let mut page = "# Metrics\n\nMade from the registry: do not change it by hand. `/metrics` has them for Prometheus. A counter's \
                    sample is named `…_total`, a histogram's `…_bucket`, `…_sum` and `…_count`. One with labels is absent until it \
                    counts for the first time. Labels are closed lists, or names of the configuration; none is a persona.\n\n\
                    | metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (name, Metric { kind, means, unit, labels }) in &known {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        page += &format!("| `{name}` | {kind} | {unit} | {} | {means} |\n", labels.join(", "));
    }
    page
}

/// One that was never counted would be missing in the page.
#[test]
fn every_metric_that_is_registered_is_in_its_page() {
    let page = metrics();
    for (file, text) in sources(&["host/src/telemetry"]) {
        let program = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        for rest in ["register(", "register_with_unit("].iter().flat_map(|call| program.split(call).skip(1)) {
            let Some(name) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            assert!(page.contains(&format!("| `persona_{name}")), "{file}: {name} is counted by no test");
        }
    }
}
