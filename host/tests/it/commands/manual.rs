//! What a system keeps of the program beside it: versions, completions, the manual.

use std::process::Command;

use persona_host::cli::args::Cli;

use super::Shell;

#[test]
fn a_version_names_contracts_and_what_the_program_stands_on() {
    let shell = Shell::new();
    let document = shell.document("version", 0);
    let numbers = |text: &str, parts: usize| {
        let numbers: Vec<_> = text.split('.').map(|part| part.parse::<u32>()).collect();
        numbers.len() == parts && numbers.iter().all(Result::is_ok)
    };
    let text = |key: &str| document[key].as_str().unwrap().to_owned();
    assert_eq!(text("version"), env!("CARGO_PKG_VERSION"));
    assert!(numbers(&text("wasmtime"), 3) && text("wasmtime").starts_with("48."), "{document}");
    assert!(numbers(&text("sqlite"), 3), "{document}");
    assert!(text("target").contains(std::env::consts::ARCH), "{document}");
    assert_eq!((text("prices").len(), &document["contracts"]["behavior"]), (10, &"0.1.x".into()));
    assert!(document["contracts"]["ledger"].as_i64().unwrap() >= 9, "{document}");
    let said = shell.call("version").stdout;
    for value in [text("target"), text("wasmtime"), text("sqlite"), text("prices")] {
        assert!(said.contains(&value), "{value} in {said}");
    }
}

#[test]
fn a_shell_is_told_every_verb() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = shell.call(&format!("completions {name}"));
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{name}");
        for verb in verbs() {
            assert!(said.stdout.contains(&verb), "{verb} for {name}");
        }
        assert_eq!(shell.document(&format!("completions {name}"), 0)["script"], said.stdout);
    }
    shell.write("completions.bash", shell.call("completions bash").stdout);
    let asked = "source completions.bash && COMP_WORDS=(persona-host turns sh) COMP_CWORD=2; \
                 $(complete -p persona-host | sed 's/.*-F \\([^ ]*\\).*/\\1/') persona-host sh turns && echo ${COMPREPLY[@]}";
    let told = Command::new("bash").args(["-c", asked]).current_dir(shell.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "show", "{told:?}");
    shell.error("completions tcsh", 2);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let shell = Shell::new();
    let document = shell.document("man share/man1", 0);
    let pages = document["pages"].as_array().unwrap();
    for verb in verbs() {
        let page = format!("share/man1/persona-host-{verb}.1");
        assert!(pages.iter().any(|own| *own == page.as_str()), "{page} in {document}");
    }
    let page = std::fs::read_to_string(shell.path("share/man1/persona-host-turns-show.1")).unwrap();
    for words in [
        ".TH persona-host-turns-show 1 ",
        "persona-host 0.1.0",
        "every attempt",
        "\\-\\-ledger",
        "\\-\\-json",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    assert_eq!(shell.call("man share/man1").stderr, "next: man share/man1/persona-host.1\n");
    shell.write("file", "");
    let error = shell.error("man file", 74);
    assert!(
        error["message"].as_str().unwrap().starts_with("the manual cannot be written to file"),
        "{error}"
    );
}

/// The verbs of the program.
fn verbs() -> Vec<String> {
    use clap::CommandFactory as _;
    Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}
