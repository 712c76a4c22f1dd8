//! What authors of plugins can type.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What can be done with plugins.
#[derive(Clone, Debug, Subcommand)]
pub enum Plugin {
    /// Begin a plugin: a folder with a behavior that works, cases for it and the contract.
    New(New),
    /// Build the component of a project: DIR/dist/NAME.wasm.
    ///
    /// The language is known by the project's files. Rust needs cargo, JavaScript npm, Python its
    /// venv; what is missing is named with how to install it. The component is put in its place in
    /// one move, so that a host that watches it never reads half of it. Then each function is called
    /// once, with a sample: an answer that the host could not use is told, and the exit code is 65.
    Build {
        /// The project's folder.
        #[arg(value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
    /// Look at a component without running it: contract, imports, exports, what it was made with.
    Inspect {
        /// The component.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Find out whether the host would take a component, and what its calls cost.
    ///
    /// It is loaded as the host loads it, asked for its settings, and called once with a sample turn.
    /// Without --settings, those of each strategy of the configuration that uses a plugin of that name
    /// are checked.
    Check(Check),
    /// Call one function of a component, as in a turn, and see the answer. No model is asked.
    ///
    /// What is not given comes from a sample: Anna, on an April morning. Context and outcome may be
    /// given in part.
    Call(Call),
    /// Build a project, and run its cases: DIR/cases/*.json.
    Test(Test),
    /// Work on a project: build it at each save, and see what it asks and reads now.
    ///
    /// Each build is shown beside the one before, with what changed, and loaded into the persona-host
    /// that runs on this machine. With --demo one is started that does nothing else than to let ten
    /// personas live under this plugin.
    Dev(Dev),
    /// The plugins of the persona-host that runs: what serves, what was refused and why.
    List {
        /// Where it runs; as configured in [http] if left out.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Let the persona-host that runs go back to the last good build of a plugin.
    ///
    /// The build that is left is not loaded again from the folder until its file changes.
    Rollback {
        /// The plugin.
        #[arg(value_name = "NAME")]
        name: String,
        /// Where it runs; as configured in [http] if left out.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// See what a build would have asked and read in turns of the past. Nothing is paid.
    Replay(Replay),
}

/// Options of `plugin dev`.
#[derive(Clone, Debug, Args)]
pub struct Dev {
    /// The project's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Whom to show: an entry of a catalog, or a catalog (its first persona, or FILE#EMAIL).
    #[arg(long, value_name = "FILE")]
    pub persona: Option<String>,
    /// The settings, as JSON; none if left out.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Build and show once, then end.
    #[arg(long)]
    pub once: bool,
    /// Start a demo and load the builds into that.
    #[arg(long, conflicts_with = "url")]
    pub demo: bool,
    /// Where the persona-host runs; as configured in [http] if left out.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Options of `plugin replay`.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// The component.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How many turns, from the newest.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub turns: u32,
    /// Only turns under this strategy, with its settings; those of each strategy that uses a plugin of
    /// the file's name if left out.
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Another ledger than the configured one, such as a demo's.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// Options of `plugin new`.
#[derive(Clone, Debug, Args)]
pub struct New {
    /// The plugin's name: letters, digits, `-` and `_`, beginning with a letter.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it is written in.
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Lang,
    /// The folder for it, which must not hold anything; NAME if left out.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The languages that a plugin can begin in.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Lang {
    /// On the SDK, which comes with it.
    Rust,
    /// On QuickJS.
    Js,
    /// On CPython.
    Python,
}

/// Options of `plugin check`.
#[derive(Clone, Debug, Args)]
pub struct Check {
    /// The component.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whom to call it with: an entry of a catalog, or a catalog (its first persona, or FILE#EMAIL).
    #[arg(long, value_name = "FILE")]
    pub persona: Option<String>,
    /// The settings to check and to call it with, as JSON.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

/// Options of `plugin call`.
#[derive(Clone, Debug, Args)]
pub struct Call {
    /// The component.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What is called.
    #[arg(value_name = "FUNCTION")]
    pub function: Function,
    /// The persona: an entry of a catalog, or a catalog (its first persona, or FILE#EMAIL).
    #[arg(long, value_name = "FILE")]
    pub persona: Option<String>,
    /// The settings, as JSON; none if left out.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// The turn's context, or a part of it, as JSON.
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// What came of the turn, or a part of it, as JSON.
    #[arg(long, value_name = "FILE")]
    pub outcome: Option<PathBuf>,
    /// The model's reply, as text.
    #[arg(long, value_name = "FILE")]
    pub reply: Option<PathBuf>,
}

/// The functions of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Function {
    /// What the plugin says of itself.
    Describe,
    /// What is wrong with settings.
    CheckSettings,
    /// The question that opens the turn.
    ComposeTurn,
    /// The question for the ratings.
    ComposeRating,
    /// The ratings in the reply.
    ParseRating,
}

/// Options of `plugin test`.
#[derive(Clone, Debug, Args)]
pub struct Test {
    /// The project's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Test this component, and build none.
    #[arg(long, value_name = "FILE", conflicts_with = "no_build")]
    pub file: Option<PathBuf>,
    /// Test what was built last.
    #[arg(long)]
    pub no_build: bool,
    /// Write down all prompts and ratings in cases/*.snap; from then on they are compared.
    #[arg(long)]
    pub update: bool,
}
