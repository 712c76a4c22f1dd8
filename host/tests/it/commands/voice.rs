//! One voice: what programs read has one form, of whatever command and however it ends.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _};
use persona_host::cli::args::Cli;

use super::{Shell, catalog};

/// Each command with `--json`, with how it ends. Those that last are called so that they do not.
const CALLS: [(&str, i32); 59] = [
    ("demo --config none.toml", 78),
    ("init new", 0),
    ("init catalog.json/new", 74),
    ("validate --no-environment", 0),
    ("validate --no-environment --config bad.toml", 78),
    ("doctor", 100),
    ("run --config bad.toml", 78),
    ("status", 74),
    ("top", 2),
    ("events tail", 74),
    ("stack --database-url mysql://x", 74),
    ("seed --catalog catalog.json --dry-run", 0),
    ("seed --catalog none.json", 74),
    ("seed --catalog catalog.json", 77),
    ("tick", 77),
    ("tick nobody", 2),
    ("pause", 74),
    ("resume", 74),
    ("costs", 74),
    ("costs --by banana", 2),
    ("personas list", 0),
    ("personas schedule", 0),
    ("personas release anna", 74),
    ("personas password anna@mana.test", 0),
    ("turns list", 74),
    ("turns list --state banana", 2),
    ("turns show 12", 74),
    ("turns tail", 74),
    ("turns diff 12 13", 74),
    ("turns resume 12", 74),
    ("turns replay 12", 74),
    ("plugin new sun --lang rust", 0),
    ("plugin new sun --lang rust", 74),
    ("plugin build nowhere", 74),
    ("plugin inspect catalog.json", 65),
    ("plugin check none.wasm", 74),
    ("plugin call none.wasm describe", 74),
    ("plugin test nowhere", 74),
    ("plugin dev nowhere", 74),
    ("plugin list --url http://127.0.0.1:1", 69),
    ("plugin rollback daily --url http://127.0.0.1:1", 69),
    ("plugin replay none.wasm", 74),
    ("experiment check none.toml", 74),
    ("experiment run none.toml", 74),
    ("experiment report e", 74),
    ("experiment gate e", 74),
    ("experiment gate", 65),
    ("experiment export e", 74),
    ("experiment analyze none.csv", 74),
    ("experiment power --personas 10", 0),
    ("experiment power --personas 0", 65),
    ("experiment assign --key e --unit anna", 0),
    ("config show", 0),
    ("config schema", 0),
    ("explain banana", 100),
    ("completions bash", 0),
    ("man pages", 0),
    ("version", 0),
    ("--help", 0),
];

#[test]
fn every_command_answers_programs_in_one_form() {
    let shell = Shell::new();
    shell.write("bad.toml", "[runner]\nconcurency = 3\n");
    shell.write("catalog.json", catalog(&["anna"]));
    for (line, code) in CALLS {
        let said = shell.call(&format!("{line} --json"));
        said.envelope(code);
        assert_eq!(said.stderr, "", "{line}: for people");
    }
    let called: BTreeSet<&str> = CALLS.into_iter().map(|(line, _)| line).collect();
    let mut program = Cli::command();
    program.build();
    let mut leaves = Vec::new();
    verbs(&program, "", &mut leaves);
    for leaf in leaves {
        let is_called = called.iter().any(|line| *line == leaf || line.starts_with(&format!("{leaf} ")));
        assert!(is_called, "no call of `{leaf}` is tried: add one to CALLS");
    }
}

/// Every command that does something, as it is typed.
pub(crate) fn verbs(command: &Command, above: &str, leaves: &mut Vec<String>) {
    let own = command.get_subcommands().filter(|own| own.get_name() != "help" && !own.is_hide_set());
    for own in own {
        let name = format!("{above} {}", own.get_name()).trim_start().to_owned();
        if own.has_subcommands() { verbs(own, &name, leaves) } else { leaves.push(name) }
    }
}

#[test]
fn an_answer_that_is_no_success_is_told_with_its_reason() {
    let shell = Shell::new();
    shell.write(
        "rows.csv",
        "persona,block,module,arm,rating\nanna,1,todo,control,3\nanna,1,todo,brief,4\nben,1,todo,control,3\nben,1,todo,brief,4\n",
    );
    let said = shell.call("experiment analyze rows.csv --gate --json");
    let document = said.envelope(2);
    assert_eq!(document["error"]["code"], "verdict-inconclusive", "{document}");
    assert_eq!(document["data"]["outcome"], "inconclusive", "{document}");
    assert_eq!(document["error"]["message"], document["data"]["sentence"], "{document}");
    let said = shell.call("experiment analyze rows.csv --gate");
    assert_eq!((said.code, said.stderr.as_str()), (Some(2), ""), "people have read it in the answer");
}
