//! Codes: each has a page, is made somewhere, and is told where something fails.

use domain::code::Code;

use super::Shell;
use crate::tidy::sources;

#[test]
fn a_code_is_explained_and_a_misspelt_one_is_found() {
    let shell = Shell::new();
    insta::assert_snapshot!(shell.call("explain login-refused").stdout, @r#"
    login-refused  Signing in
      happened      mana-auth refused the persona's password (401).
      usual causes  PERSONA_SEED_SECRET is not the one that the persona was seeded with; the persona was
                    seeded by another installation; somebody changed its password.
      what to do    set the secret that was used for seeding, and start again. Changing the secret
                    changes no password that exists: else delete the persona at mana-auth and seed it
                    anew. Five failures lock the account.
      see           docs/operating.md, "Signing in"
    "#);
    for (line, code) in
        [("explain 78", "exit 78"), ("explain exit-78", "exit 78"), ("explain DEADLINE", "deadline")]
    {
        assert_eq!(shell.document(line, 0)["code"], code, "{line}");
    }
    let all = shell.document("explain", 0);
    let listed: Vec<&str> =
        all.as_array().unwrap().iter().map(|page| page["code"].as_str().unwrap()).collect();
    let text = shell.call("explain").stdout;
    for code in Code::ALL {
        assert!(listed.contains(&code.word()) && text.contains(code.word()), "{code}");
        assert_eq!(Code::of(code.word()), Some(*code));
    }
    let error = shell.error("explain login-refusd", 100);
    assert_eq!(error["message"], "there is no code login-refusd");
    assert!(error["hint"].as_str().unwrap().starts_with("did you mean login-refused?"), "{error}");
    assert!(shell.error("explain banana", 100)["hint"].as_str().unwrap().contains("lists all"));
}

#[test]
fn an_error_names_its_code_and_the_page() {
    let shell = Shell::new();
    shell.write("bad.toml", "[runner]\nconcurency = 3\n");
    for (line, exit, code) in [
        ("config show --config bad.toml", 78, "config-syntax"),
        ("config show --config none.toml", 78, "config-unreadable"),
        ("turns list", 74, "ledger-missing"),
        ("experiment check none.toml", 74, "experiment-unreadable"),
    ] {
        assert_eq!(shell.error(line, exit)["code"], code, "{line}");
        let page = format!("`persona-host explain {code}` tells more");
        assert!(shell.call(line).stderr.contains(&page), "{line}: {}", shell.call(line).stderr);
    }
    assert_eq!(shell.error("turns list --state done", 2)["code"], "usage");
}

#[test]
fn every_code_is_made_somewhere() {
    let sources = sources(&["host/src", "crates/domain/src"]);
    let program = sources.iter().filter(|(path, _)| !path.ends_with("domain/src/code.rs"));
    let program: String =
        program.map(|(_, text)| text.split("#[cfg(test)]").next().unwrap_or(text)).collect();
    for code in Code::ALL {
        assert!(
            program.contains(&format!("Code::{code:?}")),
            "nothing makes {code}: take it and its page away"
        );
    }
}
