//! The stream of events, as a program reads it: nothing is missed, nothing comes twice, and who does not read is cut off.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::DateTime;
use domain::event::Event;
use domain::ids::PluginName;
use persona_host::http::Limits;
use persona_host::sse;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Looks, Served, served};
use crate::support::house::{House, email, eventually, figures, script, within_reason};
use crate::support::http::client;
use crate::support::meddling::meddle;

/// A reader of the stream.
struct Reader {
    response: reqwest::Response,
    decoder: sse::Decoder,
    read: std::collections::VecDeque<sse::Event>,
}

impl Reader {
    /// The next event: what it is called, and what it says. Nothing at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        while self.read.is_empty() {
            let chunk = within_reason(self.response.chunk()).await.unwrap()?;
            let mut events = Vec::new();
            self.decoder.feed(&chunk, &mut events).unwrap();
            self.read.extend(events);
        }
        let event = self.read.pop_front()?;
        Some((event.name, serde_json::from_str(&event.data).unwrap()))
    }

    /// How far it is told to be, as soon as that is at least so far.
    async fn mark(&mut self, least: i64) -> i64 {
        loop {
            let mark = self.decoder.last_id().map(|id| id.parse().unwrap());
            if let Some(mark) = mark.filter(|mark| *mark >= least) {
                return mark;
            }
            let chunk = within_reason(self.response.chunk()).await.unwrap().expect("it goes on");
            let mut events = Vec::new();
            self.decoder.feed(&chunk, &mut events).unwrap();
            self.read.extend(events);
        }
    }

    /// All up to the first of this kind.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let (name, event) = self.next().await.expect("it comes");
            assert_eq!(event["kind"], name.as_str(), "{event}");
            told.push(event);
            if name == kind {
                return told;
            }
        }
    }

    /// All that is left, to the end.
    async fn rest(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        while let Some((_, event)) = self.next().await {
            told.push(event);
        }
        told
    }
}

impl Served {
    async fn read(&self, query: &str) -> Reader {
        self.read_from(query, None).await
    }

    async fn read_from(&self, query: &str, last: Option<i64>) -> Reader {
        let mut request = client().get(format!("{}/events{query}", self.base));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no", "a proxy passes each on at once");
        Reader { response, decoder: sse::Decoder::new(1 << 20), read: Default::default() }
    }
}

fn numbers(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["id"].as_i64().expect("each has a number")).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn whoever_is_cut_off_before_it_has_heard_an_event_comes_back_to_where_it_was() {
    let served = served(&["Anna"]).await;
    let (mut reader, mut quiet) = (served.read("").await, served.read("?kind=paused").await);
    let mark = reader.mark(0).await;
    drop(reader);
    served.ask(Method::POST, "/diag/tick").await;
    let told = served.read_from("", Some(mark)).await.until("tick-ended").await;
    assert_eq!(numbers(&told), (mark + 1..=mark + i64::try_from(told.len()).unwrap()).collect::<Vec<_>>());
    // What it did not want is passed over, and is no gap for it later.
    let newest = numbers(&told).pop().unwrap();
    assert!(quiet.mark(newest).await >= newest && quiet.read.is_empty());
}

#[tokio::test]
async fn a_turn_is_told_from_its_beginning_to_its_end_with_numbers_that_follow_each_other() {
    let served = served(&["Anna"]).await;
    let mut reader = served.read("?since=0").await;
    served.ask(Method::POST, "/diag/tick").await;
    let told = reader.until("tick-ended").await;
    let first = told[0]["id"].as_i64().unwrap();
    assert_eq!((first, numbers(&told)), (1, (1..=i64::try_from(told.len()).unwrap()).collect()));
    let turn = served.house.turn("Anna").await;
    let of_turn: Vec<&Value> =
        told.iter().filter(|event| event["turn"] == turn.summary.id.as_str()).collect();
    assert!(of_turn.iter().all(|event| event["persona"] == email("Anna").as_str()), "{of_turn:#?}");
    let ended = of_turn.last().unwrap();
    assert_eq!((&ended["kind"], &ended["outcome"]["state"]), (&json!("turn-ended"), &json!("completed")));
    assert_eq!(ended["ratings"].as_array().unwrap().len(), turn.summary.ratings.len());
    let stages = of_turn.iter().filter(|event| event["kind"] == "stage-ended").count();
    assert_eq!(stages, 10);
    // No text of prompts or replies.
    let all = json!(told).to_string();
    let asked = turn.steps[0].result.as_ref().unwrap()["user"].as_str().unwrap().to_owned();
    let notes = turn.summary.ratings.iter().filter_map(|own| own.notes.clone());
    for text in notes.chain(turn.final_text).chain([asked]).filter(|text| text.len() > 8) {
        assert!(!all.contains(&text), "{text}");
    }
}

#[tokio::test]
async fn who_comes_back_with_its_last_number_reads_on_there_also_after_a_restart() {
    let served = served(&["Anna"]).await;
    let mut reader = served.read("").await;
    served.ask(Method::POST, "/api/pause").await;
    let last = *numbers(&reader.until("paused").await).last().unwrap();
    served.ask(Method::POST, "/api/resume").await;
    // A header of the reader goes before what the address says.
    let mut reader = served.read_from("?since=0", Some(last)).await;
    let told = reader.until("paused").await;
    assert_eq!((numbers(&told)[0], &told.last().unwrap()["paused"]), (last + 1, &json!(false)));

    let served = served.restarted().await;
    let told = served.read_from("", Some(last)).await.until("started").await;
    assert_eq!(numbers(&told), (last + 1..=last + i64::try_from(told.len()).unwrap()).collect::<Vec<_>>());
    let kinds = kinds(&told);
    assert_eq!(kinds.iter().filter(|kind| **kind == "paused").count(), 1, "{kinds:?}");
    assert!(kinds.contains(&"stopping"), "{kinds:?}");
}

#[tokio::test]
async fn a_number_that_is_gone_or_was_never_there_begins_with_a_gap() {
    let served = served(&[]).await;
    for _ in 0..5 {
        served.ask(Method::POST, "/api/pause").await;
        served.ask(Method::POST, "/api/resume").await;
    }
    let mut reader = served.read("?since=0").await;
    for _ in 0..10 {
        reader.until("paused").await;
    }
    let newest = served.house.ledger().newest_event().await.unwrap();
    served.house.ledger().prune_events(DateTime::UNIX_EPOCH, 3, 1_000).await.unwrap();
    let told = served.read_from("?follow=false", Some(2)).await.rest().await;
    let gap = (&told[0]["kind"], &told[0]["reason"], &told[0]["leftOut"], &told[0]["id"]);
    assert_eq!(gap, (&json!("gap"), &json!("pruned"), &json!(newest - 5), &json!(newest - 3)));
    assert_eq!(numbers(&told[1..]), [newest - 2, newest - 1, newest]);
    let told = served.read_from("?follow=false", Some(newest + 100)).await.rest().await;
    assert_eq!((&told[0]["reason"], numbers(&told[1..]).len()), (&json!("unknown"), 3));
}

#[tokio::test]
async fn only_what_is_asked_for_is_told_and_what_cannot_be_meant_is_refused() {
    let served = served(&["Anna", "Ben"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    eventually(async || served.house.ledger().newest_event().await.unwrap() > 40).await;
    let query = format!("?since=24h&follow=false&persona={}&kind=turn-started,turn-ended", email("Ben"));
    let told = served.read(&query).await.rest().await;
    assert_eq!(kinds(&told), ["turn-started", "turn-ended"]);
    for (query, said) in [
        ("?kind=turn-begun", "there are no events of the kind"),
        ("?kind=plugin-logged", "are not told: a plugin may quote"),
        ("?kind=changed,paused", "there are no events of the kind"),
        ("?since=yesterday", "must be the number of an event, or"),
        ("?since=-1", "must be the number of an event, or"),
        ("?follow=maybe", "must be one of true, false"),
        ("?kind=changed&since=0", "\\\"since\\\" means nothing with kind=changed"),
        ("?kind=changed&persona=anna", "\\\"persona\\\" means nothing with kind=changed"),
        ("?kind=changed&follow=false", "\\\"follow\\\" means nothing with kind=changed"),
        ("?colour=red", "there is no parameter"),
    ] {
        let (status, body) = served.get(&format!("/events{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body.to_string().contains(said), "{query}: {body}");
    }
    for (query, last) in [("", "seven"), ("?kind=changed", "7")] {
        let last = client().get(format!("{}/events{query}", served.base)).header("last-event-id", last);
        assert_eq!(last.send().await.unwrap().status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_ledger_that_takes_no_events_keeps_no_turn_waiting_and_gets_all_of_them_later() {
    let served = served(&["Anna"]).await;
    let path = served.house.ledger_path();
    meddle(path, "CREATE TRIGGER away BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'away'); END").await;
    let before = served.house.ledger().newest_event().await.unwrap();
    assert_eq!(figures(&served.house.tick().await), (1, 1, 0, 0));
    assert_eq!(served.house.ledger().newest_event().await.unwrap(), before);
    meddle(path, "DROP TRIGGER away").await;
    let told = served.read_from("", Some(before)).await.until("tick-ended").await;
    assert_eq!(numbers(&told)[0], before + 1);
    let of = |kind: &str| kinds(&told).iter().filter(|own| **own == kind).count();
    assert_eq!((of("turn-started"), of("stage-ended"), of("turn-ended"), of("gap")), (1, 10, 1, 0));
}

#[tokio::test]
async fn an_event_that_the_ledger_does_not_take_is_a_gap_among_the_others() {
    let served = served(&["Anna"]).await;
    let refusal = "CREATE TRIGGER picky BEFORE INSERT ON events WHEN NEW.kind = 'tool-called'
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    meddle(served.house.ledger_path(), refusal).await;
    let mut reader = served.read("?since=0").await;
    assert_eq!(figures(&served.house.tick().await), (1, 1, 0, 0));
    let told = reader.until("tick-ended").await;
    let gaps: Vec<&Value> = told.iter().filter(|event| event["kind"] == "gap").collect();
    assert_eq!(gaps.len(), served.house.turn("Anna").await.actions.len(), "{told:#?}");
    assert!(gaps.iter().all(|gap| gap["reason"] == "not-kept" && gap["leftOut"] == 1), "{gaps:?}");
    assert_eq!(numbers(&told), (1..=i64::try_from(told.len()).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reader_hears_the_end() {
    let served = served(&[]).await;
    let mut reader = served.read("").await;
    served.house.runner.deps().stop.cancel();
    reader.rest().await;
}

/// Each place is taken, until the one who does not read has lost its own. It reads on where it was.
/// Who asks for all that there is, and not for what comes, has no other way to see that it is not all.
#[tokio::test]
async fn what_cannot_be_read_to_its_end_does_not_end_as_if_it_were_all() {
    let served = served(&[]).await;
    let all = async || {
        let asked = client().get(format!("{}/events?since=0&follow=false", served.base)).send().await?;
        asked.error_for_status()?.text().await
    };
    assert!(all().await.is_ok());
    served.house.ledger().close().await;
    assert!(all().await.is_err());
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_others_get_the_place() {
    let limits = Limits { readers: 1, patience: Duration::from_millis(300), ..Limits::of_this_process() };
    let looks = Looks { limits: Some(limits), ..Looks::default() };
    let served = Served::with(House::scripted(&[], script(1, &[])).await, looks).await;
    let address: SocketAddr = served.base.trim_start_matches("http://").parse().unwrap();
    let mut lazy = TcpStream::connect(address).await.unwrap();
    lazy.write_all(b"GET /events?since=0 HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let status =
        async || client().get(format!("{}/events?kind=changed", served.base)).send().await.unwrap().status();
    eventually(async || status().await == 503).await;
    // More than a system's buffers take.
    let cause = "x".repeat(100 << 10);
    for _ in 0..200 {
        served.house.runner.deps().events.emit(Event::PluginRefused {
            plugin: PluginName::new("own"),
            stage: "compile",
            cause: cause.clone(),
            hint: String::new(),
            still_serving: None,
        });
    }
    eventually(async || status().await == 200).await;

    let mut read = Vec::new();
    let _ = within_reason(lazy.read_to_end(&mut read)).await;
    let read = String::from_utf8_lossy(&read).into_owned();
    let ids = read.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<i64>().ok());
    let last = ids.max().expect("it was told something");
    let newest = served.house.ledger().newest_event().await.unwrap();
    assert!(last < newest, "{last} of {newest}: not all of it");
    let told = served.read_from("?follow=false", Some(last)).await.rest().await;
    assert_eq!(numbers(&told), (last + 1..=newest).collect::<Vec<_>>());
}
