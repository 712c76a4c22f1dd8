//! Folders that are no recording, or no whole one.

use serde_json::Value;

use super::{keyless, town};
use crate::commands::Shell;

fn edit(shell: &Shell, file: &str, change: impl Fn(String) -> String) {
    let path = shell.path("tape").join(file);
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, change(before)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_cannot_be_read_is_refused_with_a_sentence() {
    let (stack, shell) = town(&["anna"], |_| {}).await;
    assert_eq!(shell.call("tick --record tape").code, Some(0));
    let error = shell.error("tick --record tape", 74);
    assert_eq!(
        (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap()),
        (
            "tape is not empty: a recording is never mixed with another one, or with anything else",
            "name a folder that is not there yet"
        )
    );
    stack.stop().await;
    // Whoever cannot begin leaves nothing that would be in the way.
    assert_eq!(shell.call("tick --record other").code, Some(69));
    let shell = keyless(shell);
    let whole = std::fs::read_to_string(shell.path("tape/recording.json")).unwrap();
    let exchanges = std::fs::read_to_string(shell.path("tape/exchanges.jsonl")).unwrap();
    shell.write("empty/notes", "nothing");
    for (dir, file, change, code, message) in [
        ("nowhere", "", None, 65, "nowhere is no recording: there is no recording.json in it"),
        ("empty", "", None, 65, "empty is no recording: there is no recording.json in it"),
        (
            "tape",
            "recording.json",
            Some(("\"v\": 1", "\"v\": 2")),
            65,
            "tape is a recording of version 2, and this persona-host reads version 1",
        ),
        ("tape", "recording.json", Some(("\"v\": 1", "\"w\": 1")), 65, "tape is a recording of version null"),
        ("tape", "recording.json", Some(("{", "")), 65, "tape/recording.json cannot be read: "),
        (
            "tape",
            "recording.json",
            Some(("\"setup\"", "\"upset\"")),
            65,
            "tape/recording.json cannot be read: ",
        ),
        ("tape", "exchanges.jsonl", Some(("\"seq\":2,", "")), 65, "tape/exchanges.jsonl, line "),
        (
            "tape",
            "exchanges.jsonl",
            Some(("\"chunks\":[", "\"chunks\":[7,")),
            65,
            ", is no exchange: its body has ",
        ),
        ("tape", "exchanges.jsonl", Some(("cut", "")), 65, ", is no exchange: "),
        ("tape", "ledger.db", Some(("remove", "")), 74, "tape/ledger.db cannot be copied to "),
    ] {
        match change {
            Some(("cut", _)) => edit(&shell, file, |text| text[..text.len() - 40].to_owned()),
            Some(("remove", _)) => std::fs::remove_file(shell.path("tape").join(file)).unwrap(),
            Some((from, to)) => edit(&shell, file, |text| text.replacen(from, to, 1)),
            None => {}
        }
        let error = shell.error(&format!("tick --replay {dir}"), code);
        let said = error["message"].as_str().unwrap();
        assert!(said.contains(message), "{file} {change:?}: {said}");
        assert!(error["hint"].is_string(), "{error}");
        shell.write("tape/recording.json", &whole);
        shell.write("tape/exchanges.jsonl", &exchanges);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_was_not_ended_is_played_as_far_as_it_goes_and_says_so() {
    let (stack, shell) = town(&["anna"], |_| {}).await;
    assert_eq!(shell.call("tick --record tape").code, Some(0));
    stack.stop().await;
    let shell = keyless(shell);
    edit(&shell, "recording.json", |text| {
        let mut head: Value = serde_json::from_str(&text).unwrap();
        head.as_object_mut().unwrap().remove("ended");
        head.to_string()
    });
    edit(&shell, "exchanges.jsonl", |text| text[..text.len() - 40].to_owned());
    let said = shell.call("tick --replay tape");
    // What was cut off is the goodbye, with which nobody's turn ends.
    assert_eq!(said.code, Some(100), "{said:?}");
    for words in [
        "the last line of exchanges.jsonl was cut off, and is left out",
        "the recording is incomplete: it was not ended, or it still goes on",
        "asked, and not recorded: 1; the first:\n  not recorded: POST /api/auth/sign-out (mana-auth)",
    ] {
        assert!(said.stderr.contains(words), "{words:?} in:\n{}", said.stderr);
    }
    assert!(said.stdout.contains("1 of 1 personas ran, 0 failed"), "{}", said.stdout);
}
