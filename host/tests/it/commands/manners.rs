//! Manners: what may be typed next, and what a terminal and its variables change.

use std::process::{Command, Stdio};

use clap::CommandFactory as _;
use persona_host::cli::args::{self, Cli, READS};
use persona_host::config::VARIABLES;

use super::voice::verbs;
use super::{Said, Shell, catalog, stack};
use crate::support::builds::built_in;

impl Shell {
    /// The same call on a terminal, which `script` has for it; both streams come as one.
    fn call_on_a_terminal(&self, line: &str) -> Said {
        let own = self.command(line);
        let mut script = Command::new("/usr/bin/script");
        let line = format!("{} {line}", own.get_program().display());
        script.args(["-q", "-e", "-c", &line, "/dev/null"]).env_clear().stdin(Stdio::null());
        script.current_dir(own.get_current_dir().unwrap());
        script.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = script.output().expect("there is a script command");
        let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
        Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

#[test]
fn a_success_says_to_people_what_may_be_typed_next() {
    let shell = Shell::new();
    shell.write("my catalog.json", catalog(&["anna"]));
    shell.write("catalog.json", catalog(&["anna"]));
    shell.write("fine.toml", "");
    shell.write("plan.toml", include_str!("../../../../examples/experiment.toml"));
    shell.write("built/brief.wasm", built_in("brief"));
    let program = env!("CARGO_BIN_EXE_persona-host");
    for (line, next) in [
        (
            "init here",
            &[
                "cd here",
                "@ validate",
                "@ demo --once",
                "@ experiment run experiment.toml --stand-ins",
                "@ run",
            ][..],
        ),
        ("init", &["@ validate", "@ demo --once", "@ experiment run experiment.toml --stand-ins", "@ run"]),
        ("validate --config fine.toml", &["@ run --config fine.toml"]),
        ("validate --config fine.toml --no-environment", &["@ run --config fine.toml"]),
        ("seed --catalog catalog.json --dry-run", &["@ seed --catalog catalog.json"]),
        (
            "plugin new sun --lang rust --dir a/b",
            &["@ plugin build a/b", "@ plugin check a/b/dist/sun.wasm", "@ plugin test a/b"],
        ),
        ("plugin inspect built/brief.wasm", &["@ plugin check built/brief.wasm"]),
        ("plugin check built/brief.wasm", &["mkdir -p plugins && cp built/brief.wasm plugins/"]),
        ("experiment check plan.toml", &["@ experiment run plan.toml --stand-ins"]),
        ("man pages", &["man pages/persona-host.1"]),
    ] {
        let said = shell.call(line);
        assert_eq!(said.code, Some(0), "{line}: {said:?}");
        assert!(
            !said.stdout.contains("next:"),
            "the answer of {line} is nothing but the answer: {}",
            said.stdout
        );
        let typed: Vec<&str> = said.stderr.lines().filter_map(|line| line.strip_prefix("next: ")).collect();
        let expected: Vec<String> = next.iter().map(|line| line.replace('@', program)).collect();
        assert_eq!(typed, expected, "{line}");
        for own in typed.iter().filter_map(|line| line.strip_prefix(program)) {
            let words = std::iter::once("persona-host").chain(own.split_whitespace());
            args::command().try_get_matches_from(words).expect("it can be typed");
        }
        let said = shell.call(&format!("{line} --json"));
        assert!(!said.stderr.contains("next:"), "{line}: programs know");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_for_terminals_where_no_log_tells_the_same() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna", "ben", "cleo"]));
    shell.document("seed --catalog catalog.json", 0);
    let tick = |name: &str| format!("tick --persona persona.{name}@mana.test");
    let progress = "✓ persona.";
    let said = shell.call(&tick("anna"));
    assert_eq!((said.code, said.stderr.contains(progress)), (Some(0), false), "{said:?}");
    let said = shell.call_on_a_terminal(&tick("ben"));
    assert_eq!((said.code, said.stdout.contains(progress)), (Some(0), true), "{said:?}");
    let shell = shell.with("RUST_LOG", "persona_host=info");
    let said = shell.call_on_a_terminal(&tick("cleo"));
    assert_eq!((said.code, said.stdout.contains(progress)), (Some(0), false), "{said:?}");
    stack.stop().await;
}

#[test]
fn colours_are_where_somebody_sees_them_and_wants_them() {
    for (variables, piped, terminal) in [
        (&[("TERM", "xterm")][..], false, true),
        (&[("TERM", "dumb")], false, false),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], false, false),
        (&[("CLICOLOR_FORCE", "1")], true, true),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
    ] {
        let shell = variables.iter().fold(Shell::new(), |shell, (name, value)| shell.with(name, value));
        shell.write("bad.toml", "[runner]\nconcurency = 3\n");
        for line in
            ["explain login-refused", "explain banana", "validate --config bad.toml", "tick --unknown"]
        {
            let said = shell.call(line);
            let is_coloured = (said.stdout + &said.stderr).contains('\u{1b}');
            assert_eq!(is_coloured, piped, "{line} with {variables:?}");
            let is_coloured = shell.call_on_a_terminal(line).stdout.contains("\u{1b}[");
            assert_eq!(is_coloured, terminal, "{line} on a terminal with {variables:?}");
        }
    }
}

#[test]
fn text_is_as_wide_as_columns_says() {
    for (columns, most) in [("60", 60), ("90", 90), ("400", 100), ("none", 100)] {
        let shell = Shell::new().with("COLUMNS", columns);
        shell.write("rows.csv", "persona,block,module,arm,rating\nanna,1,todo,control,9\n");
        for line in ["explain login-refused", "explain banana", "experiment analyze rows.csv", "run --help"] {
            let said = shell.call(line);
            let text = said.stdout + &said.stderr;
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= most, "{line} in {columns} columns has {widest}:\n{text}");
        }
        let table = shell.call("config show").stdout;
        let widest = table.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
        let is_fitted = columns.parse().is_ok_and(|columns: usize| columns < 400);
        assert!(!is_fitted || widest <= 90, "a table in {columns} columns has {widest}:\n{table}");
    }
}

#[test]
fn a_reader_that_has_gone_is_left_in_peace() {
    let shell = Shell::new();
    for line in ["explain", "explain --json", "config schema", "config show", "--help", "completions bash"] {
        let mut command = shell.command(line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert_eq!((said.status.code(), &*stderr), (Some(0), ""), "{line}");
    }
}

#[test]
fn the_help_of_each_command_has_the_variables_that_it_reads() {
    let mut program = Cli::command();
    program.build();
    let mut leaves = Vec::new();
    verbs(&program, "", &mut leaves);
    for leaf in &leaves {
        assert!(
            READS.iter().any(|(own, _)| own == leaf),
            "which variables does `{leaf}` read? add it to READS"
        );
    }
    for (command, names) in READS {
        assert!(leaves.iter().any(|leaf| leaf == command), "{command} is in READS, and is no command");
        let mut words = vec!["persona-host"];
        words.extend(command.split(' '));
        words.push("--help");
        let help = args::command().try_get_matches_from(words).unwrap_err().to_string();
        for name in *names {
            assert!(VARIABLES.iter().any(|own| own.name == *name), "{name} is no variable");
            assert!(help.contains(&format!("\n  {name} ")), "{name} in the help of {command}:\n{help}");
        }
    }
    for variable in VARIABLES {
        let is_read = READS.iter().any(|(_, names)| names.contains(&variable.name));
        assert!(is_read, "no command reads {}", variable.name);
    }
    let help = Shell::new().call("--help").stdout;
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS"] {
        assert!(help.contains(&format!("\n  {name} ")), "{help}");
    }
}
