//! A case of an author: what is different from what it expects.

use super::{brief, ended};
use crate::commands::Shell;

#[test]
fn a_case_that_fails_says_what_is_different_and_a_mistake_in_one_what_is_meant() {
    let shell = Shell::new();
    shell.write("brief.wasm", brief());
    let line = "plugin test . --file brief.wasm";
    shell.write(
        "cases/wrong.json",
        r#"{"about": "not so", "expect": {
            "turn": {"contains": ["noch ein Satz"], "lacks": ["minutes"], "maxRounds": 3},
            "ratings": [{"module": "todo", "score": 1}], "problems": ["nothing"]}}"#,
    );
    shell.write("cases/right.json", r#"{"expect": {"turn": {"contains": ["Du bist Anna"]}}}"#);
    let said = shell.call(line);
    ended(&said, 100);
    for words in [
        "✓ right",
        "✗ wrong",
        "    compose-turn does not say \"noch ein Satz\"\n",
        "    compose-turn says \"minutes\", and must not\n",
        "    compose-turn wants 6 rounds, expected 3 rounds\n",
        "    todo is rated 4, expected 1\n",
        "    journal is rated 3, and no rating is expected\n",
        "    no problem says \"nothing\"\n",
        "\n1 passed, 1 failed\n",
    ] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
    let document = shell.document(line, 100);
    assert_eq!((&document["passed"], &document["failed"]), (&1.into(), &1.into()));
    assert!(document["cases"][1]["fuel"].as_u64().is_some_and(|fuel| fuel > 0), "{document}");

    shell.write("cases/wrong.json", r#"{"expect": {"turn": {"contain": ["a"]}}}"#);
    let error = shell.error(line, 65);
    assert_eq!(error["message"], "./cases/wrong.json: expect.turn: unknown field \"contain\"");
    assert_eq!(error["hint"], "did you mean \"contains\"?");
}
