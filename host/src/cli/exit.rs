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
        let failures = [
            Exit::Unexpected,
            Exit::Usage,
            Exit::BadInput,
            Exit::Unreachable,
            Exit::PortTaken,
            Exit::File,
            Exit::Busy,
            Exit::Refused,
            Exit::Configuration,
            Exit::No,
        ];
        for failure in failures {
            assert!(failure.beside_verdicts().code() >= 64, "{failure:?}");
        }
    }
}
