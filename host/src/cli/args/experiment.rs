//! What experimenters can type.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::record::{Record, Recorded};
use domain::experiment::Design;

/// What can be done with experiments.
#[derive(Clone, Debug, Subcommand)]
pub enum Experiment {
    /// Check an experiment file, and say beforehand what it can find, what it costs and how long it takes.
    Check {
        /// The experiment.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Run an experiment now: block after block for all its personas, with a running verdict.
    ///
    /// It goes on where it stopped. Without --stand-ins the configured neighbours are used, and Claude
    /// is paid.
    Run(RunExperiment),
    /// What an experiment shows.
    Report(ReportOf),
    /// The verdict as an exit code, for pipelines: 0 better or equivalent, 1 worse, 2 inconclusive,
    /// 3 unhealthy.
    Gate {
        /// Which experiment.
        #[command(flatten)]
        of: Kept,
    },
    /// Every observation of an experiment, a line each.
    Export(Export),
    /// The same report for ratings from anywhere: rows of persona,block,module,arm,rating.
    Analyze(Analyze),
    /// What an experiment of some size can find, and what it takes to find something.
    Power(Power),
    /// Where units land: their bucket, their arm, and the order of arms in their blocks.
    Assign(Assign),
}

/// An experiment in a ledger.
#[derive(Clone, Debug, Args)]
pub struct Kept {
    /// The key of the experiment.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// One phase of it, from 1; the last if left out. Phases are never merged.
    #[arg(long, value_name = "NUMBER")]
    pub phase: Option<u32>,
    /// One version of its plan; the newest if left out.
    #[arg(long, value_name = "NUMBER")]
    pub plan_version: Option<u32>,
    /// Another ledger than the configured one.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// Options of `experiment run`.
#[derive(Clone, Debug, Args)]
pub struct RunExperiment {
    /// The experiment.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// At most so many blocks of each persona now; the planned ones if left out.
    #[arg(long, value_name = "NUMBER")]
    pub blocks: Option<u32>,
    /// At most so many US dollars now.
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub budget: Option<f64>,
    /// Use stand-ins for the neighbours and Claude: no key, no cost, and exact pairs, because each arm of a
    /// persona has an app and a memory of its own.
    #[arg(long, conflicts_with = "recorded")]
    pub stand_ins: bool,
    /// What the scripted Claude likes: asked for ratings with this TEXT in the prompt, it gives so many POINTS
    /// more on average (-1 to 1). To see whether an experiment finds what is there.
    #[arg(long = "taste", value_name = "TEXT=POINTS", requires = "stand_ins")]
    pub tastes: Vec<String>,
    /// Where the stand-ins keep their rows and the ledger is; each experiment has a folder of its own in it.
    #[arg(long, value_name = "FOLDER", default_value = "persona-host-experiments", requires = "stand_ins")]
    pub dir: PathBuf,
    /// Whether it is recorded.
    #[command(flatten)]
    pub record: Record,
    /// Whether it is a replay.
    #[command(flatten)]
    pub replay: Recorded,
}

/// Options of `experiment report`.
#[derive(Clone, Debug, Args)]
pub struct ReportOf {
    /// Which experiment.
    #[command(flatten)]
    pub of: Kept,
    /// How it is shown.
    #[command(flatten)]
    pub view: View,
}

/// How a report is shown; with --json it is one JSON document.
#[derive(Clone, Debug, Args)]
pub struct View {
    /// As a page of text, as Markdown, or as one HTML page that needs nothing else.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    pub form: Form,
    /// Write it into this file instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For a terminal.
    Text,
    /// Markdown.
    Markdown,
    /// One HTML page.
    Html,
}

/// Options of `experiment export`.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// Which experiment.
    #[command(flatten)]
    pub of: Kept,
    /// CSV that `experiment analyze` reads, or JSON lines with everything.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Rows::Csv)]
    pub form: Rows,
    /// Write it into this file instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rows {
    /// A line per rating.
    Csv,
    /// A JSON document per turn.
    JsonLines,
}

/// Options of `experiment analyze`.
#[derive(Clone, Debug, Args)]
pub struct Analyze {
    /// CSV with the header persona,block,module,arm,rating and, if there is more, order, phase, tokens, cost,
    /// latency, actions, failed_actions, rounds, unreadable, refused, faulted, reached, before or turn. An empty rating
    /// is a missing one.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The arm that the others are compared with.
    #[arg(long, value_name = "ARM", default_value = "control")]
    pub control: String,
    /// Who saw what; found out from the rows if left out.
    #[arg(long, value_name = "DESIGN", value_enum)]
    pub design: Option<DesignName>,
    /// Differences below this do not matter, in rating points.
    #[arg(long, value_name = "POINTS", default_value_t = 0.2, allow_negative_numbers = true)]
    pub margin: f64,
    /// The accepted rate of false alarms.
    #[arg(long, value_name = "RATE", default_value_t = 0.05, allow_negative_numbers = true)]
    pub alpha: f64,
    /// How many blocks were planned; as many as there are if left out.
    #[arg(long, value_name = "NUMBER")]
    pub planned_blocks: Option<u32>,
    /// The phase, where the rows have several; the last if left out.
    #[arg(long, value_name = "NUMBER")]
    pub phase: Option<u32>,
    /// How the personas of a split were meant to be dealt to the arms, such as control=0.8,brief=0.2; alike if left
    /// out.
    #[arg(long, value_name = "ARM=PART", value_delimiter = ',')]
    pub weights: Vec<String>,
    /// Print the verdict alone, and end with its code as `experiment gate` does: 0 better or equivalent, 1 worse,
    /// 2 inconclusive, 3 unhealthy. Who asks again while rows come in names the --planned-blocks.
    #[arg(long)]
    pub gate: bool,
    /// How it is shown.
    #[command(flatten)]
    pub view: View,
}

/// Options of `experiment power`.
#[derive(Clone, Debug, Args)]
pub struct Power {
    /// How many personas.
    #[arg(long, value_name = "G")]
    pub personas: u32,
    /// How many modules a persona rates in a turn.
    #[arg(long, value_name = "M", default_value_t = 1)]
    pub modules: u32,
    /// How many blocks each persona plays.
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub blocks: u32,
    /// The effect to be found, in rating points.
    #[arg(long, value_name = "POINTS", default_value_t = 0.25, allow_negative_numbers = true)]
    pub effect: f64,
    /// How much the effect differs between personas: a standard deviation.
    #[arg(long, value_name = "SD", default_value_t = 0.25)]
    pub effect_sd: f64,
    /// How much the difference of one pair differs from the next: a standard deviation.
    #[arg(long, value_name = "SD", default_value_t = 1.0)]
    pub noise_sd: f64,
    /// How much the personas' own means differ: a standard deviation (only for a split design).
    #[arg(long, value_name = "SD", default_value_t = 0.6)]
    pub persona_sd: f64,
    /// Who sees what.
    #[arg(long, value_name = "DESIGN", value_enum, default_value_t = DesignName::Crossover)]
    pub design: DesignName,
    /// The accepted rate of false alarms.
    #[arg(long, value_name = "RATE", default_value_t = 0.05, allow_negative_numbers = true)]
    pub alpha: f64,
    /// The chance with which the effect is to be found.
    #[arg(long, value_name = "CHANCE", default_value_t = 0.8, allow_negative_numbers = true)]
    pub power: f64,
    /// What a turn costs in US dollars, to tell what the experiment costs.
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub turn_cost: Option<f64>,
}

/// Options of `experiment assign`.
#[derive(Clone, Debug, Args)]
pub struct Assign {
    /// The key of the experiment.
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// The units, such as addresses of personas.
    #[arg(long = "unit", value_name = "UNIT", required = true, num_args = 1..)]
    pub units: Vec<String>,
    /// The salt; the key if left out.
    #[arg(long, value_name = "SALT")]
    pub seed: Option<String>,
    /// The arms, the control first.
    #[arg(long, value_name = "ARM", value_delimiter = ',', default_value = "control,treatment")]
    pub arms: Vec<String>,
    /// Their weights, which sum to 1; alike if left out.
    #[arg(long, value_name = "WEIGHT", value_delimiter = ',')]
    pub weights: Vec<f64>,
    /// The part of units that takes part.
    #[arg(long, value_name = "PART", default_value_t = 1.0)]
    pub traffic: f64,
    /// How many blocks to show the order of.
    #[arg(long, value_name = "NUMBER", default_value_t = 6)]
    pub blocks: u32,
    /// GrowthBook's hash version, 1 or 2.
    #[arg(long, value_name = "VERSION", default_value_t = 2)]
    pub hash_version: u32,
}

/// Who sees what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DesignName {
    /// Every persona plays every arm.
    Crossover,
    /// Every persona plays one arm.
    Split,
}

impl From<DesignName> for Design {
    fn from(name: DesignName) -> Self {
        match name {
            DesignName::Crossover => Self::Crossover,
            DesignName::Split => Self::Split,
        }
    }
}
