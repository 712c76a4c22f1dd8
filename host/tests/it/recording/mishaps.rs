//! What went wrong goes wrong again in the same way: the bytes are those that came, and so is what did not come.

use std::time::Duration;

use serde_json::Value;
use standin::claude::Fault;

use crate::commands::Said;

use super::{Silence, essence, keyless, lines, town};
const ONCE: &str = "[model]\nmax_attempts = 2\n";

/// Records a tick in which this goes wrong, and plays it again with nobody there.
async fn check(
    case: &str,
    faults: Vec<Fault>,
    file: &str,
    variable: Option<(&'static str, &str)>,
    shows: &str,
) {
    let (stack, mut shell) = town(&["anna"], |options| options.script.faults = faults).await;
    shell.write("persona-host.toml", file);
    if let Some((name, value)) = variable {
        shell = shell.with(name, value);
    }
    let said = shell.call("tick --json --record tape");
    let told = |said: &Said| said.envelope(said.code.unwrap())["data"].clone();
    let recorded = told(&said);
    let silence = Silence::after(stack).await;
    let shell = keyless(shell);
    let replayed = shell.call("tick --json --replay tape");
    assert_eq!(replayed.code, said.code, "{case}: {replayed:?}");
    let replayed = told(&replayed);
    assert_eq!(essence(replayed), essence(recorded), "{case}");
    let shown = lines(&shell, "tape").iter().map(Value::to_string).any(|line| line.contains(shows));
    assert!(shown, "{case}: {shows:?} is on the tape");
    assert!(silence.is_unbroken(), "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_played_as_it_was() {
    let nobody = "http://127.0.0.1:1";
    let limited = Fault::RateLimit { retry_after: Some(Duration::from_secs(1)) };
    for (case, faults, variable, shows) in [
        ("a stream that broke off", vec![Fault::CutAfter(700)], None, r#""by":"other""#),
        (
            "one that broke off twice",
            vec![Fault::CutAfter(700), Fault::CutAfter(900)],
            None,
            r#""by":"other""#,
        ),
        ("a limit, and then a reply", vec![limited], None, r#"["retry-after","1"]"#),
        ("an error inside a stream", vec![Fault::OverloadedInside], None, "overloaded_error"),
        ("a refusal", vec![Fault::KeyRefused], None, "authentication_error"),
        ("nobody at Claude's address", vec![], Some(("ANTHROPIC_BASE_URL", nobody)), r#""by":"connect""#),
        ("nobody at mana-mcp's", vec![], Some(("MANA_MCP_URL", nobody)), r#""by":"connect""#),
    ] {
        check(case, faults, ONCE, variable, shows).await;
    }
}
