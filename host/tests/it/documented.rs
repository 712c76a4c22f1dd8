//! What documents say can be typed: every command in a block is run here, or is on a list with the reason why not, and
//! every command in the text is one that the program knows.

mod reader;

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use persona_host::cli::args::{self, Cli};

use self::reader::{Shown, commands, documents, repository, words};
use crate::commands::{Shell, stack};
use crate::support::builds::built_in;

/// Commands in blocks that are not run here, and why.
const NOT_RUN: [(&str, &str); 12] = [
    ("persona-host run", "it goes on until it is stopped; commands/daemon.rs runs it"),
    ("persona-host demo", "it goes on until it is stopped; commands/demo.rs runs it"),
    (
        "persona-host stack --env-file stack.env",
        "it takes three fixed ports and goes on; commands/neighbours.rs runs it on free ones",
    ),
    ("persona-host plugin list", "it asks a daemon that uses the guide's plugin; commands/live.rs runs it"),
    ("persona-host plugin rollback NAME", "it needs a daemon; commands/live.rs runs it"),
    ("persona-host plugin rollback my-plugin", "it needs a daemon; commands/live.rs runs it"),
    (
        "persona-host plugin build my-plugin",
        "it needs cargo and half a minute; commands/plugin/project.rs runs it in all languages",
    ),
    (
        "persona-host plugin test my-plugin",
        "it builds first; commands/plugin/project.rs runs it in all languages",
    ),
    ("persona-host plugin dev my-plugin --demo", "it needs a compiler and goes on; commands/live.rs runs it"),
    (
        "persona-host turns replay 3f79d227 --strategy careful --ledger \"$ledger\"",
        "the turn is the guide's; commands/replay.rs runs it",
    ),
    (
        "persona-host --config /etc/persona-host/persona-host.toml plugin list",
        "it asks a daemon that systemd has started; commands/live.rs runs `plugin list`",
    ),
    ("persona-host turns list", "it is called in a container of Docker; commands/demo.rs runs it"),
];

/// Commands whose answer in the document is that of other rows than there are here, and why.
const OF_OTHER_ROWS: [(&str, &str); 4] = [
    (
        "persona-host plugin check my-plugin/dist/my-plugin.wasm",
        "the component is a stand-in for the guide's; commands/plugin/guide.rs checks the guide's words",
    ),
    (
        "persona-host plugin call my-plugin/dist/my-plugin.wasm compose-turn",
        "the sentence is the one that the guide's reader has written",
    ),
    (
        "persona-host plugin replay my-plugin/dist/my-plugin.wasm --turns 20 --ledger \"$ledger\"",
        "the build is the one of before, so nothing differs",
    ),
    ("persona-host turns list --ledger \"$ledger\"", "who played under what, and when, is another day's"),
];

fn verbs() -> Vec<String> {
    let mut program = Cli::command();
    program.build();
    let mut leaves = Vec::new();
    crate::commands::voice::verbs(&program, "", &mut leaves);
    leaves
}

fn all() -> Vec<Shown> {
    let verbs = verbs();
    documents().iter().flat_map(|(name, text)| commands(name, text, &verbs)).collect()
}

#[test]
fn every_command_that_a_document_names_can_be_typed() {
    let mut wrong = Vec::new();
    for Shown { document, line, is_in_a_block, .. } in all() {
        // One of several is as good as another.
        let line: Vec<String> = words(&line)
            .iter()
            .map(|word| word.split('|').next().unwrap_or_default().trim_end_matches('\\').to_owned())
            .collect();
        let Err(error) = args::command().try_get_matches_from(&line) else { continue };
        let is_left_open = matches!(
            error.kind(),
            ErrorKind::MissingRequiredArgument
                | ErrorKind::MissingSubcommand
                | ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                | ErrorKind::InvalidValue
                | ErrorKind::ValueValidation
        );
        if is_in_a_block || !is_left_open {
            wrong.push(format!("{document}: {}: {error}", line.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_out_that_no_document_shows() {
    let shown: BTreeSet<String> =
        all().into_iter().filter(|own| own.is_in_a_block).map(|own| own.line).collect();
    for (line, why) in NOT_RUN.into_iter().chain(OF_OTHER_ROWS) {
        assert!(shown.contains(line), "no document shows `{line}` any more: take it from the list");
        assert!(!why.is_empty(), "{line}");
    }
}

/// The folder in which a reader sits who has come as far as a document, and what was typed before.
fn prepared(document: &str, shell: &Shell) {
    let examples = repository().join("examples");
    shell.write("examples/personas.json", std::fs::read(examples.join("personas.json")).unwrap());
    // As many blocks as there are to be seen, and no more.
    let plan = std::fs::read_to_string(examples.join("experiment.toml")).unwrap();
    shell.write("examples/experiment.toml", plan.replace("\nblocks = 30", "\nblocks = 2"));
    let before: &[&str] = match document {
        "docs/commands.md" => &["seed --catalog examples/personas.json", "tick"],
        "docs/experiments.md" => {
            shell.write("ratings.csv", include_str!("documented/ratings.csv"));
            &[]
        }
        "docs/write-a-behavior.md" => {
            // What a build of the project makes, and the strategies that the guide has come to.
            shell.write("persona-host.toml", include_str!("documented/guide.toml"));
            shell.write("tidy-or-dry.toml", include_str!("documented/tidy-or-dry.toml"));
            shell.write("plugins/my-plugin.wasm", built_in("brief"));
            &["demo --once"]
        }
        _ => &[],
    };
    for line in before {
        let said = shell.call(line);
        assert_eq!(said.code, Some(0), "{document}: {line}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_a_document_shows_is_run() {
    for (document, text) in documents() {
        let shown = commands(&document, &text, &verbs());
        let run: Vec<&Shown> = (shown.iter())
            .filter(|own| own.is_in_a_block && NOT_RUN.iter().all(|(line, _)| *line != own.line))
            .collect();
        if run.is_empty() {
            continue;
        }
        let stack = stack().await;
        let shell = Shell::beside(&stack);
        prepared(&document, &shell);
        for own in run {
            ran(&shell, own);
            if own.line.starts_with("persona-host plugin new my-plugin") {
                shell.write("my-plugin/dist/my-plugin.wasm", built_in("brief"));
            }
        }
        stack.stop().await;
    }
}

/// Types a line as it stands, in a shell that knows the ledger of the newest demo, and holds what it says against what
/// is shown.
fn ran(shell: &Shell, own: &Shown) {
    let program = shell.command("");
    let mut sh = Command::new("/bin/sh");
    let script = format!(
        "ledger=$(ls -t persona-host-demo/*/ledger.db 2>/dev/null | head -n 1)\n\
         persona_host() {{ \"{}\" \"$@\"; }}\n{}",
        program.get_program().display(),
        own.line.replacen("persona-host", "persona_host", 1)
    );
    sh.args(["-c", &script]).env_clear().current_dir(program.get_current_dir().unwrap());
    sh.env("PATH", std::env::var("PATH").unwrap_or_default());
    sh.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = sh.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(said.status.code(), Some(0), "{}: {}:\n{text}", own.document, own.line);
    let is_of_here = OF_OTHER_ROWS.iter().all(|(line, _)| *line != own.line);
    if let Some(answer) = own.answer.as_ref().filter(|_| is_of_here) {
        let missing = unsaid(answer, &text);
        assert!(missing.is_empty(), "{}: {} does not say {missing:#?}, but:\n{text}", own.document, own.line);
    }
}

/// The lines of an answer in a document that the program did not say. Numbers, digests and times are those of another
/// day, `…` stands for anything, and how wide columns are does not matter.
fn unsaid(answer: &str, text: &str) -> Vec<String> {
    let said: Vec<String> = text.lines().map(plain).collect();
    let is_said = |line: &String| {
        let parts: Vec<&str> = line.split('…').map(str::trim).filter(|part| !part.is_empty()).collect();
        said.iter().any(|own| {
            let mut rest = own.as_str();
            parts.iter().all(|part| match rest.split_once(part) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        })
    };
    answer.lines().map(plain).filter(|line| !is_said(line)).collect()
}

fn plain(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let is_digest = word.len() >= 6 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let number = |c: char| if c.is_ascii_digit() { '#' } else { c };
        if is_digest { "#".to_owned() } else { word.chars().map(number).collect::<String>() }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    for c in line.chars() {
        if !(c == '#' && plain.ends_with(['#', '.', ','])) {
            plain.push(c);
        }
    }
    plain
}

#[test]
fn an_answer_that_is_shown_is_held_against_what_is_said() {
    let said = "turn 12 of anna\n  size   1.2 KiB\n  sha256 aa49fb4eb8ca\n";
    assert_eq!(unsaid("turn 7 of anna\nsize 33.4 KiB\nsha256 00ff00ff00\n…\nturn … anna\n", said), [""; 0]);
    assert_eq!(unsaid("turn 7 of ben\n", said), ["turn # of ben"]);
}
