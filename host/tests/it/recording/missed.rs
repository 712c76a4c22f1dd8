//! What is not in a recording is answered by nothing, and told with what differs.

use super::{Silence, keyless, lines, town};

const OTHER_WORDS: &str = "[strategies.daily]\nplugin = \"daily\"\nsettings = { max_tools = 9 }\n";
const OTHER_MODEL: &str = "[strategies.daily]\nplugin = \"daily\"\nmodel = \"claude-opus-5\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_differs_ends_its_turn_and_names_the_first_difference() {
    let (stack, shell) = town(&["anna"], |_| {}).await;
    assert_eq!(shell.call("tick --record tape").code, Some(0));
    let silence = Silence::after(stack).await;
    let shell = keyless(shell);
    for (file, at, recorded, asked) in [
        (OTHER_WORDS, "/body/messages/0/content/0/text", "3 bis 8 Werkzeuge", "3 bis 9 Werkzeuge"),
        (OTHER_MODEL, "/body/model", "claude-haiku-5-5", "claude-opus-5"),
    ] {
        shell.write("persona-host.toml", file);
        let said = shell.call("tick --replay tape");
        assert_eq!(said.code, Some(100), "{said:?}");
        let text = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "the strategy daily was ",
            "not recorded: POST /v1/messages (Claude) differs from exchange ",
            &format!(" at {at}: recorded "),
            recorded,
            asked,
            "never asked for: ",
            "asked, and not recorded: 1; the first:",
        ] {
            assert!(text.contains(words), "{words:?} in:\n{}", said.stderr);
        }
        assert!(said.stdout.contains("undo what changed the request"), "{}", said.stdout);
        let document = shell.document("tick --replay tape", 100);
        let error = document["personas"][0]["error"].as_str().unwrap();
        assert!(error.starts_with("not recorded: ") && error.contains(asked), "{error}");
    }
    assert!(silence.is_unbroken());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_build_that_asks_the_same_is_no_miss_and_is_told() {
    let (stack, shell) = town(&["anna"], |_| {}).await;
    let own = "[strategies.own]\nplugin = \"own\"\n[routing]\ndefault = \"own\"\n";
    shell.write("persona-host.toml", own);
    shell.write("plugins/own.wasm", crate::support::builds::good(1));
    assert_eq!(shell.call("tick --record tape").code, Some(0));
    drop(Silence::after(stack).await);
    let shell = keyless(shell);
    shell.write("plugins/own.wasm", crate::support::builds::good(2));
    let said = shell.call("tick --replay tape");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("the plugin own was "), "{}", said.stderr);

    // A request that nobody makes any more, and one that is made once more than it was.
    let path = shell.path("tape/exchanges.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let is_sign_in = |line: &&str| line.contains("\"path\":\"/api/auth/sign-in/email\"");
    let without: Vec<&str> = text.lines().filter(|line| !is_sign_in(line)).collect();
    std::fs::write(&path, format!("{}\n", without.join("\n"))).unwrap();
    let said = shell.call("tick --replay tape");
    assert_eq!(said.code, Some(100), "{said:?}");
    for words in [
        "exchanges.jsonl was changed since it was recorded",
        "not recorded: POST /api/auth/sign-in/email (mana-auth), nor anything like it",
        "never asked for: 4 of Claude, 7 of mana-auth, 7 of mana-mcp; the first is GET /api/auth/token in line 2",
    ] {
        assert!(said.stderr.contains(words), "{words:?} in:\n{}", said.stderr);
    }
    assert!(lines(&shell, "tape").iter().all(|line| !line.to_string().contains("sign-in")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_plays_under_a_strategy_that_is_not_there() {
    let (stack, shell) = town(&["anna"], |_| {}).await;
    shell
        .write("persona-host.toml", "[strategies.calm]\nplugin = \"daily\"\n[routing]\ndefault = \"calm\"\n");
    assert_eq!(shell.call("tick --record tape").code, Some(0));
    stack.stop().await;
    let shell = keyless(shell);
    shell.write("persona-host.toml", OTHER_WORDS);
    let error = shell.error("tick --replay tape", 78);
    assert_eq!(
        error["message"],
        "the recording has turns under the strategy calm, which there is none of here"
    );
}
