//! What can be typed.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::since::Since;
use crate::store::{CostsBy, TurnFilter, wanted};

mod events;
mod experiment;
mod plugin;
mod record;
mod variables;
mod words;

pub use events::{Events, EventsTail, Tail, TurnsDiff};
pub use experiment::{
    Analyze, Assign, DesignName, Experiment, Export, Form, Kept, Power, ReportOf, Rows, RunExperiment, View,
};
pub use plugin::{Call, Check, Dev, Function, Lang, New, Plugin, Replay, Test};
pub use record::{Record, Recorded};
pub use variables::{READS, command, of as variables_of};
use words::Words;

/// Drives synthetic users through an app, with Claude and the app's MCP server.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "persona-host",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// The configuration file; `persona-host.toml` in this folder if there is one.
    #[arg(long, global = true, value_name = "FILE", display_order = 100)]
    pub config: Option<PathBuf>,
    /// For programs: one JSON document on standard output, however it ends (docs/commands.md).
    #[arg(long, global = true, display_order = 101)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show everything on this machine: ten personas, stand-ins for the neighbours, no key needed.
    ///
    /// With ANTHROPIC_API_KEY set the real Claude is asked, after saying so. On Saturdays and Sundays
    /// the demo's clock shows the Friday before, because four of the ten have the weekend off.
    Demo(Demo),
    /// Make a folder to begin in: a configuration with every key explained, folders, an experiment.
    ///
    /// What is there already stays as it is.
    Init {
        /// Where; it is made if it is not there.
        #[arg(value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
    /// Find everything that is wrong with configuration, plugins and experiments, before anything is begun.
    ///
    /// No neighbour is asked, and no ledger is made. It ends with 78 when the configuration is wrong, and with 65 when
    /// only plugins or experiments are.
    Validate(Validate),
    /// Look at the set-up that there is, the neighbours included, and name what is wrong, why, and what to do.
    ///
    /// Nothing is changed and nothing is paid for. One persona signs in, once, to see whether the seed secret is right. It
    /// ends with 100 when anything is wrong.
    Doctor(Doctor),
    /// Run the daemon: the loop, and HTTP on port 3070. It logs to standard error.
    Run(Record),
    /// Run stand-ins of mana-auth, mana-mcp and Claude on loopback, until Ctrl-C.
    Stack(Stack),
    /// Create the personas of a catalog at mana-auth.
    Seed(Seed),
    /// Run one tick now, for everybody who is due.
    Tick(Tick),
    /// How it stands, on one screen: what goes on, what is in the way, what today costs.
    ///
    /// A persona-host that runs is asked; where none runs, the ledger tells what it knows.
    Status {
        /// Ask the persona-host at this address, and nobody else.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// The same, drawn again and again on a terminal; `q` or Ctrl-C ends it.
    Top {
        /// Ask the persona-host at this address, and nobody else.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Begin no more turns: of anybody, or of one persona. It lasts, also over a restart, until `resume`.
    ///
    /// A persona-host that runs is asked to do it; SIGUSR1 does the same as `pause --now`, and SIGUSR2 as `resume`.
    Pause {
        /// Only this persona: its address, or the beginning of it.
        #[arg(long, value_name = "EMAIL")]
        persona: Option<String>,
        /// Running turns, too, make no further call: they go on after `resume`, and nothing of them is paid twice.
        #[arg(long)]
        now: bool,
        /// Why, for who looks later.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Also somebody who is not known yet: an address that means nobody is refused otherwise.
        #[arg(long, requires = "persona")]
        anyway: bool,
        /// Ask the persona-host at this address, and not the ledger.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// End a pause. Who was paused by address stays so until resumed by address.
    Resume {
        /// Only this persona: its address, or the beginning of it.
        #[arg(long, value_name = "EMAIL")]
        persona: Option<String>,
        /// Ask the persona-host at this address, and not the ledger.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Look at personas.
    #[command(subcommand)]
    Personas(Personas),
    /// Look at turns in the ledger.
    #[command(subcommand)]
    Turns(Turns),
    /// Look at what happens.
    #[command(subcommand)]
    Events(Events),
    /// What turns cost, by whom, under what, and when.
    Costs {
        /// What is told apart.
        #[arg(long, value_name = "KIND", default_value = "day", value_parser = kinds_of_costs())]
        by: CostsBy,
        /// Only turns that began since then, such as 7d, or from a day on, such as 2026-11-29.
        #[arg(long, value_name = "TIME", value_parser = Since::from_str)]
        since: Option<Since>,
        /// Another ledger than the configured one, such as a demo's.
        #[arg(long, value_name = "FILE")]
        ledger: Option<PathBuf>,
    },
    /// Write, try and test plugins.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Compare strategies: plan, run and judge experiments.
    #[command(subcommand)]
    Experiment(Experiment),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// What a code means, why it comes, and what to do about it; without one, the list of all.
    ///
    /// A code is a word such as `login-refused`, which errors, `turns show` and the log tell, or an exit code.
    Explain {
        /// Such as login-refused, or 78.
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
    /// Print what a shell has to know to complete these commands.
    ///
    /// For bash, for instance: persona-host completions bash > ~/.local/share/bash-completion/completions/persona-host
    Completions {
        /// Which shell.
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write the manual into a folder, a page for each command; or the reference, as Markdown.
    Man {
        /// The folder; it is made if it is not there.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Pages for `man`, or the reference of commands, configuration and contract.
        #[arg(long, value_name = "FORM", value_enum, default_value_t = Manual::Roff)]
        form: Manual,
    },
    /// Which version this is, which contracts it speaks, and what it stands on.
    Version,
}

/// How the manual is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Manual {
    /// For `man`.
    Roff,
    /// The reference in docs/reference.
    Markdown,
}

/// Options of `demo`.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// One tick, then end. Without it each further tick is the next weekday, until Ctrl-C.
    #[arg(long)]
    pub once: bool,
    /// Where the rows are kept; each demo has a folder of its own in it.
    #[arg(long, value_name = "FOLDER", default_value = "persona-host-demo")]
    pub dir: PathBuf,
    /// Whether it is recorded.
    #[command(flatten)]
    pub record: Record,
    /// End when the standard input does: for whoever starts a demo and must not leave it behind.
    #[arg(long, hide = true)]
    pub until_input_ends: bool,
}

/// Options of `validate`.
#[derive(Clone, Debug, Args)]
pub struct Validate {
    /// Without the variables of the environment: the file alone, where no secrets are.
    #[arg(long)]
    pub no_environment: bool,
    /// Who there is: entries for anybody else are told.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
}

/// Options of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Do what is safe: make folders that are missing, close files with secrets to others. It asks before.
    #[arg(long)]
    pub fix: bool,
    /// Do it without asking.
    #[arg(long, requires = "fix")]
    pub yes: bool,
    /// Who signs in once; somebody who is due or known to the ledger, if left out.
    #[arg(long, value_name = "EMAIL")]
    pub persona: Option<String>,
    /// Let nobody sign in: whether the seed secret is right is not known then.
    #[arg(long, conflicts_with = "persona")]
    pub no_sign_in: bool,
}

/// Options of `stack`.
#[derive(Clone, Debug, Args)]
pub struct Stack {
    /// Where mana-auth and mana-mcp keep their rows: sqlite:FILE or postgres://… (in memory if left out).
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Port of the stand-in mana-auth; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 3001)]
    pub auth_port: u16,
    /// Port of the stand-in mana-mcp; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 3069)]
    pub mcp_port: u16,
    /// Port of the scripted Claude; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 3079)]
    pub claude_port: u16,
    /// Also write the variables that persona-host needs to reach them into this file.
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// Options of `seed`.
#[derive(Clone, Debug, Args)]
pub struct Seed {
    /// The catalog, such as examples/personas.json.
    #[arg(long, value_name = "FILE")]
    pub catalog: PathBuf,
    /// An administrator's token; MANA_ADMIN_JWT if left out.
    #[arg(long, value_name = "TOKEN")]
    pub jwt: Option<String>,
    /// Only say what would be created.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `tick`.
#[derive(Clone, Debug, Args)]
pub struct Tick {
    /// Only this persona, if it is due.
    #[arg(long, value_name = "EMAIL", conflicts_with = "recorded")]
    pub persona: Option<String>,
    /// Also if it is held after a fault: the hold is lifted first.
    #[arg(long, requires = "persona")]
    pub now: bool,
    /// Whether it is recorded.
    #[command(flatten)]
    pub record: Record,
    /// Whether it is a replay.
    #[command(flatten)]
    pub replay: Recorded,
}

/// What can be done with personas.
#[derive(Clone, Debug, Subcommand)]
pub enum Personas {
    /// Who there is: due now, active last, their last turn.
    ///
    /// Everybody is shown with MANA_ADMIN_JWT set, or of a catalog; else whoever has run or is due.
    List {
        /// Show the personas of this catalog too, such as examples/personas.json.
        #[arg(long, value_name = "FILE")]
        catalog: Option<PathBuf>,
    },
    /// When each persona's slots are, with `schedule.mode = "calendar"`: the latest, whether it had its turn, the next.
    ///
    /// It shows whom the ledger knows, and who is due by mana-auth's rule.
    Schedule,
    /// Lift what keeps a persona back after a fault, once its cause is mended.
    ///
    /// It plays at the next tick at which it is due. A persona-host that runs is asked to do it.
    Release {
        /// Its address.
        email: String,
        /// Ask the persona-host at this address, and not the ledger.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// A persona's password, made of its address and PERSONA_SEED_SECRET.
    Password {
        /// The address, exactly as in the catalog.
        email: String,
    },
}

/// What can be done with turns.
#[derive(Clone, Debug, Subcommand)]
pub enum Turns {
    /// The newest turns, a line each.
    List {
        /// Only this persona's.
        #[arg(long, value_name = "EMAIL", value_parser = wanted::persona)]
        persona: Option<String>,
        /// Only in this state.
        #[arg(long, value_name = "STATE", value_parser = states())]
        state: Option<String>,
        /// Only those of which an attempt failed, also when a later one succeeded.
        #[arg(long)]
        ever_faulted: bool,
        /// Only those that were under way since then, such as 24h or 2026-11-29 (of a failed attempt: that failed since then).
        #[arg(long, value_name = "TIME", value_parser = Since::from_str)]
        since: Option<Since>,
        /// Only those that were under way before then, written alike (of a failed attempt: that failed before then).
        #[arg(long, value_name = "TIME", value_parser = Since::from_str)]
        until: Option<Since>,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = wanted::at_most)]
        limit: u32,
        /// Another ledger than the configured one, such as a demo's.
        #[arg(long, value_name = "FILE")]
        ledger: Option<PathBuf>,
    },
    /// Turns as they go: a line as one begins, comes to its next stage, and ends, until Ctrl-C.
    ///
    /// As `events tail`: nothing is missed over a restart of persona-host; if none runs, the ledger is read to its end.
    Tail(Tail),
    /// Two turns side by side, and where they differ: what served them, what they were asked, did, rated and cost.
    Diff(TurnsDiff),
    /// Lets a turn go on that is parked or held, from its last known step.
    Resume {
        /// Its id, or the beginning of it.
        id: String,
        /// Address of the running persona-host to ask, if it is not the one in the configuration.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// A turn of the past by a strategy of today: how far the kept replies fit, and what would be asked otherwise.
    ///
    /// Nobody but the plugin is asked: it is free, and writes nothing. It ends with 100 when anything is different.
    Replay(ReplayTurn),
    /// One turn: every attempt, what was asked, each round, each tool call, ratings and cost.
    Show {
        /// Its id, or the beginning of it.
        id: String,
        /// Another ledger than the configured one, such as a demo's.
        #[arg(long, value_name = "FILE")]
        ledger: Option<PathBuf>,
    },
}

/// Options of `turns replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayTurn {
    /// Its id, or the beginning of it.
    pub id: String,
    /// The strategy; the turn's own, as it is configured and built today, if left out.
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Another ledger than the configured one, such as a demo's.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// What can be done with the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// Each value, and where it comes from.
    Show,
    /// The JSON Schema of the file: an editor completes and checks by it what begins with `#:schema FILE`.
    Schema,
}

fn kinds_of_costs() -> Words<CostsBy> {
    Words { words: CostsBy::ALL.map(|(name, _)| name).to_vec(), read: wanted::costs_by }
}

fn states() -> Words<String> {
    Words { words: TurnFilter::STATES.to_vec(), read: wanted::state }
}
