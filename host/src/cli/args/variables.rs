//! Which variables each command reads, for its `--help` and for docs/reference/commands.md.

use clap::{Command, CommandFactory as _};

use super::Cli;
use crate::cli::terminal;
use crate::config::{VARIABLES, Variable};

/// What `config` reads: whoever needs a configuration needs all of it to be right.
const ALL: [&str; VARIABLES.len()] = {
    let mut names = [""; VARIABLES.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = VARIABLES[place].name;
        place += 1;
    }
    names
};
/// Where the ledger is, and what is logged of it.
const LEDGER: &[&str] = &["PERSONA_STORE_URL", "RUST_LOG"];
/// Where the persona-host is that runs, and what it lets others do.
const DAEMON: &[&str] = &["PORT", "PERSONA_ADMIN_TOKEN", "PERSONA_VIEW_TOKEN"];
/// The ledger, or the daemon that has it.
const EITHER: &[&str] = &["PERSONA_STORE_URL", "PORT", "PERSONA_ADMIN_TOKEN", "PERSONA_VIEW_TOKEN"];
/// None of ours.
const NONE: &[&str] = &[];

/// What each command reads that its work depends on. A test holds that none is forgotten.
pub const READS: &[(&str, &[&str])] = &[
    (
        "demo",
        &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_MODEL",
            "PORT",
            "PERSONA_CONCURRENCY",
            "RUST_LOG",
        ],
    ),
    ("init", NONE),
    ("validate", &ALL),
    ("doctor", &ALL),
    ("run", &ALL),
    ("status", EITHER),
    ("top", EITHER),
    ("events tail", EITHER),
    ("stack", NONE),
    ("seed", &["MANA_AUTH_URL", "MANA_API_URL", "MANA_ADMIN_JWT", "PERSONA_SEED_SECRET"]),
    ("tick", &ALL),
    ("pause", EITHER),
    ("resume", EITHER),
    ("costs", LEDGER),
    (
        "personas list",
        &[
            "MANA_AUTH_URL",
            "MANA_API_URL",
            "MANA_SERVICE_KEY",
            "MANA_ADMIN_JWT",
            "PERSONA_STORE_URL",
            "PORT",
            "PERSONA_ADMIN_TOKEN",
            "PERSONA_VIEW_TOKEN",
            "RUST_LOG",
        ],
    ),
    (
        "personas schedule",
        &["MANA_AUTH_URL", "MANA_API_URL", "MANA_SERVICE_KEY", "PERSONA_STORE_URL", "RUST_LOG"],
    ),
    ("personas release", EITHER),
    ("personas password", &["PERSONA_SEED_SECRET"]),
    ("turns list", LEDGER),
    ("turns show", LEDGER),
    ("turns tail", EITHER),
    ("turns diff", LEDGER),
    ("turns resume", EITHER),
    ("turns replay", &["PERSONA_STORE_URL", "ANTHROPIC_MODEL", "RUST_LOG"]),
    ("plugin new", NONE),
    ("plugin build", NONE),
    ("plugin inspect", NONE),
    ("plugin check", LEDGER),
    ("plugin call", NONE),
    ("plugin test", NONE),
    ("plugin dev", DAEMON),
    ("plugin list", DAEMON),
    ("plugin rollback", DAEMON),
    ("plugin replay", LEDGER),
    ("experiment check", LEDGER),
    ("experiment run", &ALL),
    ("experiment report", LEDGER),
    ("experiment gate", LEDGER),
    ("experiment export", LEDGER),
    ("experiment analyze", NONE),
    ("experiment power", NONE),
    ("experiment assign", NONE),
    ("config show", &ALL),
    ("config schema", NONE),
    ("explain", NONE),
    ("completions", NONE),
    ("man", NONE),
    ("version", NONE),
];

/// All that can be typed, with what each command reads.
#[must_use]
pub fn command() -> Command {
    let of_terminals = terminal::VARIABLES.map(|(name, means)| (name, means.to_owned()));
    told(Cli::command(), "").after_long_help(format!("Every command goes by:\n{}", lines(&of_terminals)))
}

/// What is known of the variables that a command reads.
#[must_use]
pub fn of(command: &str) -> Vec<&'static Variable> {
    let names = READS.iter().find(|(own, _)| *own == command).map_or(NONE, |(_, names)| names);
    names.iter().filter_map(|name| VARIABLES.iter().find(|own| own.name == *name)).collect()
}

fn told(command: Command, above: &str) -> Command {
    let mut command = command;
    let names: Vec<String> = command.get_subcommands().map(|own| own.get_name().to_owned()).collect();
    for name in names {
        let path = format!("{above} {name}").trim_start().to_owned();
        command = command.mut_subcommand(name, |own| match of(&path).as_slice() {
            [] => told(own, &path),
            read => own.after_long_help(help(read)),
        });
    }
    command
}

fn help(read: &[&Variable]) -> String {
    let rows: Vec<(&str, String)> = (read.iter())
        .map(|own| (own.name, format!("{}{}", own.means, if own.is_secret { " (*)" } else { "" })))
        .collect();
    let secret = match read.iter().any(|own| own.is_secret) {
        true => "\n(*) may be in a file that NAME_FILE names.",
        false => "",
    };
    format!(
        "Environment (a variable goes before the file; an empty one counts as not set, but for secrets):\n{}{secret}",
        lines(&rows)
    )
}

fn lines(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    rows.iter().map(|(name, means)| format!("  {name:<width$}  {means}\n")).collect()
}
