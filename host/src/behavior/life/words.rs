//! What can happen to a plugin, and what is done then, as plain values.

use std::collections::BTreeMap;

use crate::behavior::health::{Answer, Quarantine, Ticket, Turning};
use crate::behavior::record::Occasion;
use domain::ids::{GenerationNumber, Sha256Hex, StrategyName};
use domain::plugin::CanaryPlan;

/// Strategies whose settings a build does not take, and why.
pub type LeftOut = BTreeMap<StrategyName, Unfit>;

/// What is said against a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// In words.
    pub said: String,
    /// Whether that may be over by itself: it had too little time on a machine that was busy.
    pub is_passing: bool,
}

/// A build that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::behavior) struct Build {
    pub(in crate::behavior) number: GenerationNumber,
    pub(in crate::behavior) sha256: Sha256Hex,
    pub(in crate::behavior) left_out: LeftOut,
}

/// For how long a refusal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::behavior) enum Lasts {
    /// As long as the bytes are these.
    ForTheBytes,
    /// Until something else lies beside them: a signature.
    UntilItLooksDifferent,
    /// It may be over by itself: it took too long, say, or could not be read.
    AWhile,
}

/// How a turn went, as far as its plugin is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that it was asked was answered, and ratings were read.
    Clean,
    /// It found nothing in the reply that it could read.
    Unreadable,
    /// It gave an answer that the turn could not go on with.
    Unusable,
    /// It broke down.
    BrokeDown,
}

/// What happens.
#[derive(Clone, Debug)]
pub(in crate::behavior) enum Happens {
    /// The disk tells which builds it keeps and which are set aside.
    Indexed { kept: Vec<Sha256Hex>, set_aside: Vec<Sha256Hex> },
    /// There is a file, and it holds this build.
    Found { sha256: Sha256Hex, occasion: Occasion },
    /// The file is gone, and nothing of that name is built in.
    Gone,
    /// A build has shown itself. With a plan it has to do so in turns, too, if another one serves.
    Admitted { build: Build, occasion: Occasion, plan: Option<CanaryPlan> },
    /// The live build was asked again about the strategies that it left out for now. These are still left out.
    AskedAgain { number: GenerationNumber, left_out: LeftOut },
    /// A build was refused, or could not even be read. `of_file`: it is the one in the folder.
    Refused { sha256: Option<Sha256Hex>, lasts: Lasts, of_file: bool },
    /// Somebody wants what was there before.
    RolledBack,
    /// A turn of this generation is over.
    Judged { number: GenerationNumber, verdict: Verdict },
    /// A kept build can stand in for the one that is ill.
    StandsIn(Build),
    /// None can.
    NoneStandsIn(Lasts),
    /// A turn called a generation.
    Called { number: GenerationNumber, function: &'static str, answer: Answer, ticket: Option<Ticket> },
    /// The turn that tried a generation in quarantine is over.
    TicketReturned { number: GenerationNumber, ticket: Ticket },
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::behavior) enum Does {
    /// Load what was found.
    Load,
    /// Load the first of these kept builds that is good.
    LoadKept(Vec<Sha256Hex>),
    /// Nothing is to be loaded: this one serves.
    Serves(GenerationNumber),
    /// Nothing is to be loaded: it is on trial, was refused or was rolled back.
    Knows { refused: bool },
    /// New turns get it.
    GoesLive(GenerationNumber),
    /// A share of the personas gets it.
    GoesOnTrial(GenerationNumber),
    /// No new turn gets it any more.
    Retires(GenerationNumber),
    /// The build on trial is refused after all, for this reason.
    Withdraws(String),
    /// It stands in.
    StandsIn(GenerationNumber),
    /// Write it to the kept builds.
    Keeps(GenerationNumber),
    /// Write down that it was rolled back or withdrawn.
    SetsAside(Sha256Hex),
    /// Write down that it may be loaded from the folder again: somebody asked for it.
    TakesBack(Sha256Hex),
    /// The file is gone, or there again.
    Orphans(bool),
    /// A generation is quarantined, or serves again.
    Turns(Turning),
}

/// What a turn that begins now gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::behavior) enum Choice {
    Live(GenerationNumber, Option<Ticket>),
    Trial(GenerationNumber),
    /// The live build does not take the strategy's settings.
    LeftOut(String),
    Quarantined(Quarantine),
    Nothing,
}

/// What serves in the place of a build in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::behavior) enum InPlace {
    Serves(GenerationNumber, Option<Ticket>),
    /// Try these kept builds.
    Load(Vec<Sha256Hex>),
    Nothing,
}
