//! Exit codes. They are part of the interface: scripts tell from them what to do next.

/// How the program ends. The numbers from 64 are those of BSD's `sysexits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A bug, an unexpected failure, or a production start that was blocked (as with the original).
    Unexpected = 1,
    /// Wrong arguments (clap's own code).
    Usage = 2,
    /// A plugin, a catalog or settings cannot be used.
    BadInput = 65,
    /// A neighbour cannot be reached.
    Unreachable = 69,
    /// A port is taken.
    PortTaken = 71,
    /// The ledger or another file cannot be used.
    File = 74,
    /// Something else holds what is needed; try again later.
    Busy = 75,
    /// A key or a login is missing or was refused.
    Refused = 77,
    /// The configuration cannot be used.
    Configuration = 78,
    /// It ran, and the answer is no: a persona failed, or there is no such turn.
    No = 100,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
