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
    /// It ran, and the answer is no: a persona failed or is held for it, or there is no such turn.
    No,
    /// A second signal came before the end.
    Interrupted,
    /// What `experiment gate` found, or `experiment analyze --gate`. They alone end so, and never fail with a code below 64.
    Verdict(Gate),
}

/// The codes of a gate. They are its own: 1 and 2 mean something else everywhere else.
/// In the order of their gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// Every treatment is better than the control, or equivalent to it.
    Pass,
    /// Nothing can be said yet of some treatment, and none is worse.
    Inconclusive,
    /// Some treatment is worse, or has broken a guardrail.
    Worse,
    /// The numbers cannot be trusted.
    Unhealthy,
}

/// Every way to end and what it means, in the order of the numbers. The reference and `persona-host explain` tell them in
/// these words.
pub const EXITS: [(Exit, &str); 12] = [
    (Exit::Done, "done"),
    (Exit::Unexpected, "unexpected, or a blocked production start"),
    (Exit::Usage, "usage"),
    (Exit::BadInput, "a plugin, catalog, recording or settings cannot be used"),
    (Exit::Unreachable, "a neighbour cannot be reached"),
    (Exit::PortTaken, "a port is taken"),
    (Exit::File, "the ledger or a file cannot be used"),
    (Exit::Busy, "the ledger is in use, or Claude asks for patience"),
    (Exit::Refused, "a key or a login was refused"),
    (Exit::Configuration, "configuration"),
    (Exit::No, "it ran, and the answer is no"),
    (Exit::Interrupted, "ended by a second signal"),
];

/// The same of a gate, which has numbers of its own.
pub const GATES: [(Gate, &str); 4] = [
    (Gate::Pass, "better or equivalent"),
    (Gate::Worse, "worse"),
    (Gate::Inconclusive, "inconclusive"),
    (Gate::Unhealthy, "unhealthy"),
];

impl Exit {
    /// The number that the program ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::BadInput => 65,
            Self::Unreachable => 69,
            Self::PortTaken => 71,
            Self::File => 74,
            Self::Busy => 75,
            Self::Refused => 77,
            Self::Configuration => 78,
            Self::No => 100,
            Self::Interrupted => 130,
            Self::Verdict(Gate::Pass) => 0,
            Self::Verdict(Gate::Worse) => 1,
            Self::Verdict(Gate::Inconclusive) => 2,
            Self::Verdict(Gate::Unhealthy) => 3,
        }
    }

    /// The same where a code below 64 would be read as a verdict: by who calls `experiment gate`.
    #[must_use]
    pub fn beside_verdicts(self) -> Self {
        match self {
            // The one unexpected failure of a verb that reads is a configuration that production forbids.
            Self::Unexpected => Self::Configuration,
            Self::Usage => Self::BadInput,
            other => other,
        }
    }
}

impl Exit {
    /// How a command ends whose turns all met a fault of this code, or one of them what everybody would meet.
    #[must_use]
    pub fn of_fault(code: &str) -> Self {
        match code {
            "seed-secret-empty" | "claude-billing" | "claude-spend-limit" | "claude-permission" => {
                Self::Refused
            }
            "claude-not-found" | "claude-options" | "mana-unsendable" | "wrong-path" => Self::Configuration,
            "claude-rate-limit" | "claude-overloaded" | "claude-away" => Self::Busy,
            "ledger" | "ledger-away" => Self::File,
            code if code.starts_with("login-") || code.ends_with("key-refused") => Self::Refused,
            code if code.ends_with("-unreachable") => Self::Unreachable,
            _ => Self::No,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_turn_would_meet_has_a_code_of_its_own() {
        for (code, number) in [
            ("claude-key-refused", 77),
            ("claude-permission", 77),
            ("claude-billing", 77),
            ("claude-spend-limit", 77),
            ("service-key-refused", 77),
            ("login-refused", 77),
            ("login-stopped", 77),
            ("seed-secret-empty", 77),
            ("claude-not-found", 78),
            ("claude-options", 78),
            ("wrong-path", 78),
            ("claude-unreachable", 69),
            ("mana-unreachable", 69),
            ("mcp-unreachable", 69),
            ("claude-rate-limit", 75),
            ("claude-overloaded", 75),
            ("claude-away", 75),
            ("ledger", 74),
            ("plugin-trap", 100),
            ("claude-request-refused", 100),
            ("budget-exhausted", 100),
        ] {
            assert_eq!(Exit::of_fault(code).code(), number, "{code}");
        }
    }

    #[test]
    fn no_failure_of_the_gate_can_be_mistaken_for_a_verdict() {
        for (failure, _) in EXITS.iter().filter(|(exit, _)| *exit != Exit::Done) {
            assert!(failure.beside_verdicts().code() >= 64, "{failure:?}");
        }
    }

    #[test]
    fn every_number_is_told_once_and_in_order() {
        let codes: Vec<u8> = EXITS.iter().map(|(exit, _)| exit.code()).collect();
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
        let gates: Vec<u8> = GATES.iter().map(|(gate, _)| Exit::Verdict(*gate).code()).collect();
        assert_eq!(gates, [0, 1, 2, 3]);
    }
}
