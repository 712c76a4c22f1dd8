//! The pages, as a browser gets them: what they show, and that nothing in them is of others.

use chrono::TimeDelta;
use domain::usage::NanoUsd;
use persona_host::config::Watching;
use reqwest::Method;
use standin::claude::Fault;

use super::{Served, served};
use crate::experiment::two_arms;
use crate::support::builds::good;
use crate::support::house::{Blueprint, email, script};
use crate::support::http::client;

const PAGES: [&str; 9] = [
    "/",
    "/api",
    "/compare",
    "/turns",
    "/personas",
    "/plugins",
    "/experiments",
    "/costs",
    "/costs?by=persona",
];

impl Served {
    /// Status and text of a page.
    async fn page(&self, path: &str) -> (u16, String) {
        let response = client().get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The page once nothing of it is being computed; each look takes its moment.
    async fn settled(&self, path: &str) -> (u16, String) {
        loop {
            let (status, page) = self.page(path).await;
            if !page.contains("being computed") {
                return (status, page);
            }
            assert!(page.contains("hx-trigger=\"every 2s\""), "it looks again: {page}");
        }
    }
}

#[tokio::test]
async fn every_page_loads_nothing_from_elsewhere_and_runs_nothing_that_is_written_in_it() {
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let turn = served.house.turn("Anna").await.summary.id;
    for path in PAGES.map(str::to_owned).into_iter().chain([format!("/turns/{turn}")]) {
        let response = client().get(format!("{}{path}", served.base)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        let text = response.text().await.unwrap();
        for bad in [" style=", "<style", "onclick=", "javascript:", "http://", "https://", "hx-on"] {
            assert!(!text.contains(bad), "{path} has {bad}");
        }
        assert_eq!(text.matches("<script").count(), text.matches("<script src=\"/assets/").count(), "{path}");
        for asset in text.split('"').filter(|part| part.starts_with("/assets/")) {
            assert_eq!(served.page(asset).await.0, 200, "{asset}");
        }
    }
    assert_eq!(served.page("/assets/..%2fpages.css").await.0, 404);
}

#[tokio::test]
async fn what_is_now_is_said_first_and_what_failed_with_its_reason() {
    let refused = Fault::Error { status: 400, kind: "invalid_request_error" };
    let house = Blueprint::of(&["Anna", "Ben"]).script(script(1, &[refused])).config(|config| {
        config.runner.concurrency = 1;
        config.budget.day = Some(NanoUsd(1_000_000_000));
    });
    let served = Served::of(house.build().await).await;
    let (_, before) = served.page("/").await;
    for said in ["running", "none since the start", "Nobody plays", "No turn yet", "of $1.00"] {
        assert!(before.contains(said), "{said}: {before}");
    }
    served.ask(Method::POST, "/diag/tick").await;
    let (_, after) = served.page("/").await;
    for said in ["2 due, 1 played", "1 failed", "invalid_request_error", "All turns"] {
        assert!(after.contains(said), "{said}: {after}");
    }
    served.ask(Method::POST, "/api/pause").await;
    let (_, paused) = served.page("/").await;
    assert!(paused.contains("paused") && paused.contains("/api/resume"), "{paused}");
}

#[tokio::test]
async fn a_turn_is_shown_from_its_question_to_its_ratings_with_what_each_step_was_given_and_gave() {
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let turn = served.house.turn("Anna").await;
    let (status, page) = served.page(&format!("/turns/{}", &turn.summary.id[..8])).await;
    assert_eq!(status, 200);
    for said in [
        "question of the day",
        "model, round 1",
        "question for ratings",
        "composed by <code>compose-turn</code> of the plugin <a href=\"/plugins#daily-",
        "composed by <code>compose-rating</code> of the plugin <a href=\"/plugins#daily-",
        "most tokens of a reply <span class=\"whose\">the host's configuration",
        "The step as JSON",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for action in &turn.actions {
        assert!(page.contains(&action.tool), "{}", action.tool);
    }
    for rating in &turn.summary.ratings {
        assert!(page.contains(&format!("{} <b>{}</b>", rating.module, rating.score.get())), "{rating:?}");
    }
    let bars = page.matches("<rect").count();
    assert_eq!(bars, turn.steps.len() + 1, "a bar for each step and for what comes before");
}

#[tokio::test]
async fn two_turns_are_compared_in_what_they_were_asked_did_and_rated() {
    let served = served(&["Anna", "Ben"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let [anna, ben] = [served.house.turn("Anna").await.summary.id, served.house.turn("Ben").await.summary.id];
    let (_, turns) = served.page("/turns").await;
    assert!(turns.contains(&format!("name=\"a\" value=\"{anna}\"")), "{turns}");
    let (status, page) = served.page(&format!("/compare?a={anna}&b={ben}")).await;
    assert_eq!(status, 200);
    for said in [&email("Anna"), &email("Ben"), "<del>", "<ins>", "(differs)"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let (_, same) = served.page(&format!("/compare?a={anna}&b={anna}")).await;
    assert!(same.contains("the same in both") && !same.contains("differs"), "{same}");
}

#[tokio::test]
async fn a_persona_has_a_page_with_its_ratings_over_time() {
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (_, all) = served.page("/personas").await;
    let place = format!("/personas/{}", email("Anna"));
    assert!(all.contains(&format!("href=\"{place}\"")), "{all}");
    let (status, page) = served.page(&place).await;
    assert_eq!(status, 200);
    for rating in served.house.turn("Anna").await.summary.ratings {
        assert!(page.contains(&format!("&quot;{}&quot;", rating.module)), "{}: {page}", rating.module);
    }
    assert_eq!(served.page("/personas/nobody@mana.test").await.0, 404);
}

#[tokio::test]
async fn whoever_has_never_played_is_among_the_personas_and_each_can_be_asked_for_by_how_it_stands() {
    let served = served(&["Anna", "Ben"]).await;
    let (anna, ben) = (email("Anna"), email("Ben"));
    let (_, before) = served.page("/personas").await;
    assert!(before.contains("Nobody is known yet") && before.contains("has not been asked"), "{before}");
    served.ask(Method::POST, &format!("/api/pause?persona={ben}&anyway=true&reason=lunch")).await;
    served.ask(Method::POST, "/diag/tick").await;
    for (wanted, has_anna, has_ben) in [
        ("", true, true),
        ("?state=free", true, false),
        ("?state=new", false, true),
        ("?state=due", false, true),
        ("?state=paused", false, true),
        ("?state=running", false, false),
        ("?persona=anna", true, false),
        ("?persona=%20MANA.test", true, true),
        ("?persona=ANNA&state=new", false, false),
    ] {
        let (status, page) = served.page(&format!("/personas{wanted}")).await;
        let row = |email: &str| page.contains(&format!("href=\"/personas/{email}\""));
        assert_eq!((status, row(&anna), row(&ben)), (200, has_anna, has_ben), "{wanted}: {page}");
    }
    let (_, page) = served.page("/personas").await;
    for said in ["because lunch", "due now", "never", "daily", "mana-auth was asked"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let (status, own) = served.page(&format!("/personas/{ben}")).await;
    assert!(
        status == 200 && own.contains("It has not played yet") && own.contains("Its description"),
        "{own}"
    );
    assert_eq!(served.page("/personas?state=happy").await.0, 400);
}

#[tokio::test]
async fn each_build_of_a_plugin_is_on_its_time_line_with_what_became_of_it_and_why() {
    let house = Blueprint::of(&["Anna"]).script(script(1, &[])).own_plugin(good(1));
    let house = house.config(|config| config.plugins.watch = Watching::Off).build().await;
    let served = Served::of(house).await;
    served.ask(Method::POST, "/diag/tick").await;
    served.house.reload(&good(2)).await;
    served.house.reload(b"no component").await;
    let (_, page) = served.page("/plugins").await;
    for said in [
        "Generation 2 ",
        "new turns get it",
        "another took its place",
        "was not let in",
        "its file changed",
        "persona-host started",
        "What to do: ",
        "<dt>p95</dt>",
        "<dt>fuel a call</dt>",
        "/api/plugins/own/rollback",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let turn = served.house.turn("Anna").await.summary;
    let (_, shown) = served.page(&format!("/turns/{}", turn.id)).await;
    let place = format!("own-{}", &turn.plugin_sha256.unwrap()[..12]);
    assert!(shown.contains(&format!("href=\"/plugins#{place}\"")), "{shown}");
    assert_eq!(page.matches(&format!("<li id=\"{place}\"")).count(), 1, "where the turn leads to: {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_shows_its_course_and_the_turns_behind_its_numbers_and_is_computed_anew_when_one_ends()
{
    let house = Blueprint::of(&["Anna", "Ben"]).script(script(2, &[])).config(|config| {
        config.experiments = config.plugins.dir.with_file_name("experiments");
        std::fs::create_dir_all(&config.experiments).unwrap();
        std::fs::write(config.experiments.join("live.toml"), two_arms("live", "brief", 2)).unwrap();
    });
    let served = Served::of(house.build().await).await;
    let mut pages = Vec::new();
    for _ in 0..4 {
        served.house.tick().await;
        served.house.later(TimeDelta::days(1));
        pages.push(served.settled("/experiments/live").await.1);
        assert_eq!(
            served.settled("/experiments/live").await.1.contains("No trend yet"),
            pages.last().unwrap().contains("No trend yet")
        );
    }
    let last = &pages[3];
    for said in [
        "Round by round",
        "<polyline class=\"effect\"",
        "Evidence e",
        "/turns?experiment=live&amp;arm=control&amp;state=completed",
    ] {
        assert!(last.contains(said), "{said}: {last}");
    }
    assert!(
        pages[1].contains("No trend yet") && !pages[1].contains("<polyline"),
        "after one round: {}",
        pages[1]
    );
    assert!(last.contains(", round 2 of 2,"), "{last}");
    let (_, all) = served.settled("/experiments").await;
    assert!(all.contains("href=\"/experiments/live\"") && all.contains("round 2 of 2"), "{all}");
}

#[tokio::test]
async fn filters_are_in_the_address_and_what_cannot_be_meant_is_said_on_a_page() {
    let served = served(&["Anna", "Ben"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (anna, ben) = (email("Anna"), email("Ben"));
    let (_, page) = served.page(&format!("/turns?persona={anna}&state=&since=24h&until=0s")).await;
    assert!(page.contains(&anna) && !page.contains(&ben), "{page}");
    assert!(page.contains("name=\"until\" value=\"0s\""), "{page}");
    let (_, page) = served.page(&format!("/turns?persona={anna}&until=24h")).await;
    assert!(page.contains("No turn is like that"), "{page}");
    let (_, page) = served.page("/turns?state=parked").await;
    assert!(page.contains("No turn is like that"), "{page}");
    for (path, status, said) in [
        ("/turns?state=happy", 400, "must be one of"),
        ("/turns?colour=red", 400, "there is no parameter"),
        ("/turns/ffffffff", 404, "ffffffff"),
        ("/experiments/none", 404, "there is no experiment"),
    ] {
        let (was, page) = served.settled(path).await;
        assert_eq!(was, status, "{path}");
        assert!(page.contains(said) && page.contains("This page cannot be shown"), "{path}: {page}");
    }
}

#[tokio::test]
async fn words_of_others_are_text_on_every_page() {
    let evil = "<script>alert(1)</script>\u{202e}";
    let house = Blueprint::of(&["Anna"]).script(script(1, &[])).described(|_| evil.to_owned());
    let served = Served::of(house.build().await).await;
    served.ask(Method::POST, "/diag/tick").await;
    let turn = served.house.turn("Anna").await.summary.id;
    for path in ["/".to_owned(), "/turns".to_owned(), "/personas".to_owned(), format!("/turns/{turn}")] {
        let (_, page) = served.page(&path).await;
        assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'), "{path}");
    }
    let (_, page) = served.page(&format!("/turns/{turn}")).await;
    assert!(page.contains("&lt;script&gt;alert(1)"), "the question of the day has them: {page}");
}

#[tokio::test]
async fn a_reader_of_events_hears_that_something_changed_and_the_end() {
    let served = served(&["Anna"]).await;
    let mut events = client().get(format!("{}/events?kind=changed", served.base)).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let changed = "event: changed\ndata: {}\n\n";
    assert_eq!(events.chunk().await.unwrap().unwrap(), changed);
    served.ask(Method::POST, "/diag/tick").await;
    assert_eq!(events.chunk().await.unwrap().unwrap(), changed);
    served.house.runner.deps().stop.cancel();
    while let Some(more) = events.chunk().await.unwrap() {
        assert_eq!(more, changed);
    }
}
