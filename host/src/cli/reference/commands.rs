//! Every command with its flags, the variables that it reads, and the exit codes.

use std::fmt::Write as _;

use clap::{Arg, Command};

use crate::cli::args::{command, variables_of};
use crate::cli::{EXITS, Exit, GATES, terminal};
use crate::config::VARIABLES;

/// The page.
#[must_use]
pub fn commands() -> String {
    let mut program = command().disable_help_subcommand(true);
    program.build();
    let mut page = format!(
        "# Commands\n\n\
         Written by `persona-host man --form markdown docs/reference`. What all commands have in common (`--json`, colours, what\n\
         goes where) is in [commands.md](../commands.md).\n\n{}{}## All commands\n\n\
         Each of them takes, besides its own:\n\n{}\n",
        exits(),
        variables(),
        table(program.get_arguments().filter(|own| own.is_global_set())),
    );
    each(&program, &mut page);
    page
}

fn exits() -> String {
    let row = |(code, means): (u8, &str)| format!("| {code} | {means} |\n");
    let exits: String = EXITS.iter().map(|(exit, means)| row((exit.code(), means))).collect();
    let gates: String = GATES.iter().map(|(gate, means)| row((Exit::Verdict(*gate).code(), means))).collect();
    format!(
        "## Exit codes\n\n\
         They are part of the interface. `persona-host explain 78` has a page for each; [states.md](../states.md) tells those of\n\
         a tick.\n\n| code | |\n| --: | --- |\n{exits}\n\
         `experiment gate` and `experiment analyze --gate` have codes of their own; what keeps them from a verdict ends with 64\n\
         or more:\n\n| code | |\n| --: | --- |\n{gates}\n"
    )
}

fn variables() -> String {
    let own = VARIABLES.iter().map(|own| {
        let file = if own.is_secret { format!(" (or `{}_FILE`)", own.name) } else { String::new() };
        format!("| `{}`{file} | {} |\n", own.name, cell(own.means))
    });
    let of_terminals =
        terminal::VARIABLES.iter().map(|(name, means)| format!("| `{name}` | {} |\n", cell(means)));
    format!(
        "## Variables\n\n\
         A variable goes before the file, and an empty one counts as not set, but for secrets. A secret may be in a file that\n\
         `NAME_FILE` names, and not in both. [configuration.md](configuration.md) has the keys of the file.\n\n\
         | variable | |\n| --- | --- |\n{}{}\n",
        own.collect::<String>(),
        of_terminals.collect::<String>()
    )
}

fn each(above: &Command, page: &mut String) {
    let own = above.get_subcommands().filter(|own| !own.is_hide_set());
    for command in own {
        if command.has_subcommands() {
            each(command, page);
        } else {
            page.push_str(&one(command));
        }
    }
}

fn one(command: &Command) -> String {
    let full = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let path = full.strip_prefix("persona-host ").unwrap_or(full);
    let about = command.get_long_about().or_else(|| command.get_about());
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let mut text = format!("### {path}\n\n");
    // Writing to a string cannot fail.
    let _ = write!(text, "{}\n\n```text\n{usage}\n```\n\n", about.map(plain).unwrap_or_default());
    let arguments =
        table(command.get_arguments().filter(|own| !own.is_global_set() && own.get_id() != "help"));
    if !arguments.is_empty() {
        let _ = writeln!(text, "{arguments}");
    }
    let reads = variables_of(path);
    if reads.len() == VARIABLES.len() {
        text += "It reads every variable of the configuration.\n\n";
    } else if !reads.is_empty() {
        let names: Vec<String> = reads.iter().map(|own| format!("`{}`", own.name)).collect();
        let _ = write!(text, "It reads {}.\n\n", names.join(", "));
    }
    text
}

/// A row for each argument; nothing where there is none.
fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = arguments.filter(|own| !own.is_hide_set()).map(row).collect();
    if rows.is_empty() { rows } else { format!("| argument | |\n| --- | --- |\n{rows}") }
}

fn row(argument: &Arg) -> String {
    let takes = argument.get_action().takes_values();
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = value.filter(|_| takes);
    let shown = match (argument.get_long(), value) {
        (Some(long), Some(value)) => format!("--{long} {value}"),
        (Some(long), None) => format!("--{long}"),
        (None, value) => value.unwrap_or_else(|| argument.get_id().to_string()),
    };
    let mut means = argument.get_long_help().or_else(|| argument.get_help()).map(plain).unwrap_or_default();
    let choices: Vec<String> = (argument.get_possible_values().iter())
        .filter(|own| !own.is_hide_set())
        .map(|own| format!("`{}`", own.get_name()))
        .collect();
    if takes && !choices.is_empty() {
        let _ = write!(means, " One of {}.", choices.join(", "));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|own| format!("`{}`", own.display())).collect();
    if takes && !defaults.is_empty() {
        let _ = write!(means, " {} if left out.", defaults.join(", "));
    }
    format!("| `{shown}` | {} |\n", cell(&means))
}

/// As sentences: clap takes the last full stop away where there is only one.
fn plain(text: &clap::builder::StyledStr) -> String {
    let text = anstream::adapter::strip_str(&text.to_string()).to_string();
    let end = if text.is_empty() || text.ends_with('.') { "" } else { "." };
    text + end
}

/// Text as a cell of a table takes it.
pub(super) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
