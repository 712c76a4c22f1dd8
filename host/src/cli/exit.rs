//! Exit codes. They are part of the interface: scripts tell from them what to do next.

/// How the program ends. The numbers from 64 are those of BSD's `sysexits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// A bug, an unexpected failure, or a production start that was blocked (as with the original).
    Unexpected,
    /// Wrong arguments (clap's own code).
    Usage,
    /// A plugin, a catalog or settings cannot be used.
    BadInput,
    /// A neighbour cannot be reached.
    Unreachable,
    /// A port is taken.
    PortTaken,
    /// The ledger or another file cannot be used.
    File,
    /// Something else holds what is needed; try again later.
    Busy,
    /// A key or a login is missing or was refused.
    Refused,
    /// The configuration cannot be used.
    Configuration,
    /// It ran, and the answer is no: a persona failed, or there is no such turn.
    No,
    /// `experiment gate`: a treatment is worse, or breaks a guardrail.
    GateWorse,
    /// `experiment gate`: nothing can be said yet.
    GateInconclusive,
    /// `experiment gate`: the numbers cannot be trusted.
    GateUnhealthy,
}

impl Exit {
    /// The number. Those of `experiment gate` are its own: what keeps it from a verdict ends with 64 or more.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected | Self::GateWorse => 1,
            Self::Usage | Self::GateInconclusive => 2,
            Self::GateUnhealthy => 3,
            Self::BadInput => 65,
            Self::Unreachable => 69,
            Self::PortTaken => 71,
            Self::File => 74,
            Self::Busy => 75,
            Self::Refused => 77,
            Self::Configuration => 78,
            Self::No => 100,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
