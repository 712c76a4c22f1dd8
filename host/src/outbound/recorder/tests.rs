//! What a recording does when the disk does not.

use super::inside::MOST_WAITING;
use super::*;

#[tokio::test]
async fn a_disk_that_is_full_ends_the_recording_and_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let fresh = Fresh { dir: folder.path().to_owned(), is_kept: AtomicBool::new(false) };
    let claimed = Claimed { fresh, file: full };
    let recorder = claimed.record(&Clock::system(), &[]).expect("there is a thread");
    let url = "http://localhost/due".parse().expect("a URL");
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    for _ in 0..3 {
        let mut taping = recorder.begin(Upstream::ManaAuth, None, &request);
        taping.answered(200, &HeaderMap::new());
        taping.chunk(b"{}");
        taping.whole();
    }
    let head = Head {
        v: crate::outbound::VERSION,
        program: String::new(),
        command: String::new(),
        began: DateTime::UNIX_EPOCH,
        plugins: std::collections::BTreeMap::new(),
        strategies: std::collections::BTreeMap::new(),
        setup: serde_json::Value::Null,
        ended: None,
    };
    let totals = recorder.end(&head).await;
    assert_eq!((totals.exchanges, totals.lost), (0, 3));
    assert!(totals.why.is_some_and(|why| why.contains("No space left")));
}

#[tokio::test]
async fn a_disk_that_is_silent_is_waited_for_by_nobody_who_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    // What nobody reads takes no more once it is full.
    let (_reader, silent) = std::io::pipe().expect("a pipe");
    let file = File::from(std::os::fd::OwnedFd::from(silent));
    let fresh = Fresh { dir: folder.path().to_owned(), is_kept: AtomicBool::new(false) };
    let recorder = Claimed { fresh, file }.record(&Clock::system(), &[]).expect("there is a thread");
    let url = "http://localhost/due".parse().expect("a URL");
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    for _ in 0..40 {
        let mut taping = recorder.begin(Upstream::ManaAuth, None, &request);
        taping.answered(200, &HeaderMap::new());
        taping.chunk(&vec![b'a'; 2 << 20]);
        taping.whole();
    }
    assert!(recorder.0.lost.load(Ordering::Relaxed) >= 8, "what does not fit into memory is lost");
    assert!(recorder.0.waiting.load(Ordering::Relaxed) <= MOST_WAITING);
}
