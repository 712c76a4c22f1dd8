//! What can be typed of events, and of turns as they go.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::since::Place;
use domain::kind::KINDS;

/// What can be done with events.
#[derive(Clone, Debug, Subcommand)]
pub enum Events {
    /// What happens, a line each, as it happens, until Ctrl-C.
    ///
    /// The persona-host that runs is asked; if it ends and is started again, nothing is missed. If none runs, the ledger
    /// is read, to its end. With --json each line is one JSON object (docs/reference/events.md tells what is in it).
    Tail(EventsTail),
}

/// Options of `events tail`.
#[derive(Clone, Debug, Args)]
pub struct EventsTail {
    /// Only this kind; several with commas between them.
    #[arg(long, value_name = "KIND", value_delimiter = ',', hide_possible_values = true, value_parser = kinds())]
    pub kind: Vec<String>,
    /// Where, and from where on.
    #[command(flatten)]
    pub tail: Tail,
}

/// From where on something is read as it happens, and from whom.
#[derive(Clone, Debug, Args)]
pub struct Tail {
    /// Begin behind the event of this number, or so long ago, such as 24h, or on a day, such as 2026-11-29.
    ///
    /// Without it: now; 24 hours ago where nothing is waited for.
    #[arg(long, value_name = "ID|TIME", value_parser = Place::from_str)]
    pub since: Option<Place>,
    /// Only what is about this persona.
    #[arg(long, value_name = "EMAIL")]
    pub persona: Option<String>,
    /// End with what has happened, and wait for nothing more.
    #[arg(long)]
    pub no_follow: bool,
    /// Ask the persona-host at this address.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Options of `turns diff`.
#[derive(Clone, Debug, Args)]
pub struct TurnsDiff {
    /// The id of a turn, or the beginning of it.
    #[arg(value_name = "A")]
    pub one: String,
    /// The id of another.
    #[arg(value_name = "B")]
    pub other: String,
    /// Another ledger than the configured one, such as a demo's.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

fn kinds() -> PossibleValuesParser {
    let told = KINDS.iter().filter(|kind| kind.left_out.is_none());
    PossibleValuesParser::new(told.map(|kind| kind.name))
}
