//! `events tail`, `turns tail` and `turns diff` as they are typed: over a daemon that is killed, and without one.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use peers::postgres;
use serde_json::{Value, json};

use super::{Running, Shell, catalog, stack};
use crate::support::http::client;

/// A port that nobody has.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn tick(port: u16) {
    let asked = client().post(format!("http://127.0.0.1:{port}/diag/tick"));
    assert_eq!(asked.send().await.unwrap().status(), 200);
}

/// Events up to the first that fits.
fn until(tail: &mut Running, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let line = tail.line();
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let is_last = fits(&event);
        told.push(event);
        if is_last {
            return told;
        }
    }
}

fn of_kind(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == kind
}

/// A daemon is killed in the middle of a turn and started again; whoever reads along misses nothing, and hears nothing twice.
async fn a_tail_goes_on_over_a_kill(ledger: Option<&str>) {
    let (stack, port) = (stack().await, free_port());
    let mut shell = Shell::beside(&stack);
    if let Some(url) = ledger {
        shell = shell.with("PERSONA_STORE_URL", url);
    }
    shell.write("persona-host.toml", format!("[http]\nport = {port}\n"));
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    let mut daemon = shell.start("run --json");
    daemon.logged("persona-host listens");
    let mut tail = shell.start("events tail --since 0 --json");
    let mut told = until(&mut tail, of_kind("started"));
    let ticking =
        tokio::spawn(async move { client().post(format!("http://127.0.0.1:{port}/diag/tick")).send().await });
    told.extend(until(&mut tail, of_kind("model-called")));
    drop(daemon);
    drop(ticking.await);

    let mut daemon = shell.start("run --json");
    daemon.logged("persona-host listens");
    told.extend(until(&mut tail, of_kind("started")));
    tick(port).await;
    // How far the turns had come nobody knows, and the last moments before a kill are in no event; this one is.
    shell.document("pause", 0);
    told.extend(until(&mut tail, of_kind("paused")));
    let mut ended: Vec<&Value> =
        told.iter().filter(|event| event["kind"] == "turn-ended").map(|event| &event["turn"]).collect();
    ended.sort_by_key(|turn| turn.as_str());
    let twice = ended.windows(2).any(|two| two[0] == two[1]);
    assert!(!twice, "a turn ends once: {told:?}");
    let numbers: Vec<i64> = told.iter().filter_map(|event| event["id"].as_i64()).collect();
    assert_eq!(numbers, (1..=i64::try_from(told.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(told.iter().filter(|event| event["kind"] == "started").count(), 2);
    assert_eq!(daemon.terminate().code(), Some(0));
    tail.interrupt();
    let said =
        shell.call(&format!("events tail --no-follow --kind stopping --since {} --json", numbers.len()));
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_where_it_was_when_the_daemon_is_killed_and_started_again() {
    a_tail_goes_on_over_a_kill(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_with_a_ledger_on_a_server() {
    let Some(database) = postgres::database() else { return };
    a_tail_goes_on_over_a_kill(Some(&database.url())).await;
}

#[test]
fn a_part_of_what_there_is_is_not_taken_for_the_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut daemon, _) = listener.accept().unwrap();
        let event = "id: 1\nevent: started\ndata: {\"id\":1,\"kind\":\"started\"}\n\n";
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let _asked = daemon.read(&mut [0; 4096]).unwrap();
        daemon.write_all(format!("{head}{:x}\r\n{event}\r\n", event.len()).as_bytes()).unwrap();
    });
    let said = Shell::new().call(&format!("events tail --no-follow --since 0 --url {url}"));
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    assert!(said.code != Some(0) && said.stderr.contains(&url), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_the_ledger_is_read_to_its_end_and_two_of_its_turns_are_compared() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("persona-host.toml", format!("[http]\nport = {}\n", free_port()));
    shell.error("events tail", 74);
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    let played = shell.document("tick", 0);

    let said = shell.call("events tail --kind turn-started,turn-ended --persona persona.anna@mana.test");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("this is what the ledger holds, to its end"), "{}", said.stderr);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains(" turn-started ") && lines[0].ends_with("attempt=1"), "{lines:?}");
    let said = shell.call("events tail --no-follow --since 1h --json");
    let told: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((said.stderr.as_str(), told.last().unwrap()["kind"].clone()), ("", json!("tick-ended")));
    let second = &told[1]["id"];
    let said = shell.call(&format!("events tail --no-follow --since {second} --json"));
    assert_eq!(said.stdout.lines().count(), told.len() - 2);

    let said = shell.call("turns tail --no-follow");
    for words in ["persona.anna@mana.test begins", "persona.ben@mana.test tool-loop", "completed, rated "] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    for line in ["events tail --kind turn-begun", "events tail --since yesterday", "turns diff one"] {
        shell.error(line, 2);
    }

    let turn = |place: usize| played["personas"][place]["turn"].as_str().unwrap().to_owned();
    let (one, other) = (turn(0), turn(1));
    let two = shell.document(&format!("turns diff {one} {other}"), 0);
    let fact =
        |name: &str| two["facts"].as_array().unwrap().iter().find(|own| own["name"] == name).unwrap().clone();
    assert_eq!((&fact("persona")["differs"], &fact("strategy")["differs"]), (&json!(true), &json!(false)));
    assert_eq!((&two["a"], &two["b"]), (&json!(one), &json!(other)));
    assert_eq!(two["prompts"].as_array().unwrap().len(), 4);
    let said = shell.call(&format!("turns diff {} {}", &one[..8], &other[..8]));
    for words in
        ["≠", "persona.anna@mana.test", "persona.ben@mana.test", "main system is the same in both", "called"]
    {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    let said = shell.call(&format!("turns diff {one} {one}"));
    assert!(
        said.stdout.contains("main user is the same in both") && !said.stdout.contains('≠'),
        "{}",
        said.stdout
    );
    shell.error(&format!("turns diff {one} ffffffff"), 100);
    stack.stop().await;
}
