//! A canary in every place for a secret: it sings in no file of a recording, also where neighbours say back what they
//! were sent.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Clock;
use persona_host::mana::password;
use secrecy::ExposeSecret as _;
use standin::{Stack, StackOptions};

use crate::commands::Shell;
use crate::support::http::echo;

const KEYS: [(&str, &str); 8] = [
    ("MANA_SERVICE_KEY", "canary-of-the-service-key"),
    ("MANA_SERVICE_KEY_NEXT", "canary-of-the-next-service-key"),
    ("ANTHROPIC_API_KEY", "canary-of-the-api-key"),
    ("PERSONA_SEED_SECRET", "canary-of-the-seed-secret"),
    ("PERSONA_ADMIN_TOKEN", "canary-of-the-admin-token"),
    ("PERSONA_ADMIN_TOKEN_NEXT", "canary-of-the-next-admin-token"),
    ("PERSONA_VIEW_TOKEN", "canary-of-the-view-token"),
    ("PERSONA_VIEW_TOKEN_NEXT", "canary-of-the-next-view-token"),
];

/// Every secret of the places, what is made of them, and what mana-auth gave out.
async fn canaries(stack: &Stack) -> Vec<String> {
    let mut canaries: Vec<String> = KEYS.iter().map(|(_, canary)| (*canary).to_owned()).collect();
    let made = password(&"canary-of-the-seed-secret".into(), "persona.anna@mana.test").unwrap();
    canaries.push(made.expose_secret().to_owned());
    for sql in [
        "SELECT token AS secret FROM auth.sessions",
        "SELECT master_key AS secret FROM auth.encryption_vaults",
    ] {
        let rows = stack.database().rows(sql, &[]).await.unwrap();
        canaries.extend(rows.iter().map(|row| row.text("secret").unwrap()));
    }
    canaries
}

/// No canary is in a file of the folder, and no token has a signature.
fn assert_silent(folder: &Path, canaries: &[String], case: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for canary in canaries {
            let at = text.find(canary).map(|at| text[at.saturating_sub(80)..at].to_owned());
            assert_eq!(at, None, "{case}: {canary} in {}", path.display());
        }
        let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        for token in text.split(|c| !inside(c)).filter(|word| word.starts_with("eyJ")) {
            let parts: Vec<&str> = token.split('.').collect();
            assert!(
                parts.len() < 3 || parts[2].starts_with("masked"),
                "{case}: {token} in {}",
                path.display()
            );
            assert!(
                parts.len() < 3 || URL_SAFE_NO_PAD.decode(parts[1]).is_ok(),
                "its claims can be read: {token}"
            );
        }
    }
}

async fn guarded() -> (Stack, Shell) {
    let options =
        StackOptions { service_key: KEYS[0].1.into(), ..StackOptions::on_free_ports(Clock::system()) };
    let stack = Stack::start(options).await.unwrap();
    let mut shell = Shell::beside(&stack);
    for (name, canary) in KEYS {
        shell = shell.with(name, canary);
    }
    shell.write("catalog.json", crate::commands::catalog(&["anna"]));
    shell.document("seed --catalog catalog.json", 0);
    (stack, shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_recording_of_a_day_on_which_all_is_well() {
    let (stack, shell) = guarded().await;
    // While its session lives, so that the database still has it.
    let shell = shell.with("TICK_INTERVAL_MS", "50");
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let running = shell.start("run --json --record tape");
    let text = || std::fs::read_to_string(shell.path("tape/exchanges.jsonl")).unwrap_or_default();
    crate::support::house::eventually(async || text().contains("/feedback\"")).await;
    let canaries = canaries(&stack).await;
    assert!(canaries.len() > KEYS.len() + 2, "a session, a vault: {canaries:?}");
    assert!(running.terminate().success());
    assert_silent(&shell.path("tape"), &canaries, "all is well");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_says_back_what_it_was_sent_is_recorded_without_it() {
    let (stack, shell) = guarded().await;
    let canaries = canaries(&stack).await;
    let echo = echo().await;
    let mut shell = shell;
    for (number, variable) in
        ["MANA_API_URL", "MANA_AUTH_URL", "MANA_MCP_URL", "ANTHROPIC_BASE_URL"].into_iter().enumerate()
    {
        let real =
            if variable == "MANA_API_URL" { stack.auth_url().to_owned() } else { shell.value(variable) };
        shell = shell.with(variable, &echo.url(""));
        shell.write(
            "persona-host.toml",
            format!("[store]\nurl = \"sqlite:ledger-{number}.db\"\n[model]\nmax_attempts = 1\n"),
        );
        let dir = format!("tape-{number}");
        let said = shell.call(&format!("tick --record {dir}"));
        assert_ne!(said.code, Some(0), "{variable}: {said:?}");
        let tape = std::fs::read_to_string(shell.path(&dir).join("exchanges.jsonl")).unwrap();
        assert!(tape.contains("masked0"), "{variable}: it was said back: {tape}");
        assert_silent(&shell.path(&dir), &canaries, variable);
        shell = shell.with(variable, &real);
    }
    stack.stop().await;
}
