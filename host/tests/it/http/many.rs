//! Connections that ask nothing, ask slowly, ask much, or are many: turns go on, and so does the server.

use std::net::SocketAddr;
use std::time::Duration;

use persona_host::http::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Looks, Served, served};
use crate::support::house::{House, figures, script, within_reason};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn limits(connections: usize, silence: Duration) -> Limits {
    Limits { connections, silence, ..Limits::of_this_process() }
}

async fn within(limits: Limits) -> Served {
    let looks = Looks { limits: Some(limits), ..Looks::default() };
    Served::with(House::scripted(&["Anna"], script(2, &[])).await, looks).await
}

async fn connect(base: &str) -> TcpStream {
    let address: SocketAddr = base.trim_start_matches("http://").parse().unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// What comes until the other side has had enough.
async fn all(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ = within_reason(stream.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn who_says_nothing_half_of_it_or_nothing_more_is_cut_off() {
    let served = within(limits(8, Duration::from_millis(300))).await;
    for said in ["", "GET /health HTT", "GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        let mut stream = connect(&served.base).await;
        stream.write_all(said.as_bytes()).await.unwrap();
        let answer = all(stream).await;
        assert!(!answer.contains("200 OK"), "{said:?}: {answer}");
    }
    let mut stream = connect(&served.base).await;
    stream.write_all(HEALTH).await.unwrap();
    assert!(all(stream).await.starts_with("HTTP/1.1 200 OK"), "it was kept open, and not for ever");
}

#[tokio::test]
async fn no_body_is_waited_for_that_is_longer_than_any_request() {
    let served = served(&[]).await;
    let mut stream = connect(&served.base).await;
    let head = "POST /diag/tick HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(all(stream).await.starts_with("HTTP/1.1 413 "));
    let long = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: {}", "x".repeat(100_000));
    let mut stream = connect(&served.base).await;
    // It may be cut off before all of it is sent.
    let _ = stream.write_all(long.as_bytes()).await;
    assert!(!all(stream).await.contains("200 OK"));
}

/// Each newcomer takes the place of the oldest who says nothing.
#[tokio::test]
async fn many_who_say_nothing_keep_nobody_out() {
    let served = within(limits(8, Duration::from_secs(600))).await;
    let mut silent = Vec::new();
    for number in 0..200 {
        silent.push(connect(&served.base).await);
        if number % 50 == 49 {
            assert_eq!(served.get("/health").await.0, 200, "after {number}");
        }
    }
    assert_eq!(figures(&served.house.tick().await), (1, 1, 0, 0));
    let first = silent.remove(0);
    assert_eq!(all(first).await, "", "the oldest has lost its place");
}

/// Somebody who is being answered keeps the place.
#[tokio::test]
async fn nobody_is_cut_off_while_being_answered() {
    let served = within(limits(2, Duration::from_secs(600))).await;
    let mut ticking = connect(&served.base).await;
    ticking
        .write_all(b"POST /diag/tick HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(connect(&served.base).await);
    }
    let answer = all(ticking).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"ranSuccessfully\":1"), "{answer}");
}
