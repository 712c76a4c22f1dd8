//! What it means that a child died: in which words a build is refused that killed it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use super::unproven::Unproven;
use crate::behavior::contract::Mismatch;
use crate::behavior::refusal::LoadStage;

/// The end of a child that gave no answer.
#[derive(Debug)]
pub(super) struct Death {
    pub(super) ended: Ended,
    /// How far it had got.
    pub(super) stage: LoadStage,
    /// What it had.
    pub(super) memory: u64,
    pub(super) time: Duration,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself or by a signal, with these last words.
    By(ExitStatus, String),
    /// It was not ready after this time, and is killed.
    Late(Duration),
}

/// What killed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Stack,
    Memory,
    Time,
    Late(Duration),
    Panic,
    Signal(i32),
    Unknown,
}

impl Death {
    pub(super) fn unproven(self) -> Unproven {
        let cause = match &self.ended {
            Ended::Late(wall) => Cause::Late(*wall),
            Ended::By(status, words) => cause(*status, words),
        };
        let words = match &self.ended {
            Ended::By(_, words) => words.lines().next().unwrap_or_default(),
            Ended::Late(_) => "",
        };
        Unproven {
            stage: self.stage,
            wrong: Mismatch::new(self.message(cause, words), hint(cause, self.stage)),
            // Somebody else may have killed it, or kept it waiting.
            is_passing: matches!(cause, Cause::Late(_) | Cause::Signal(KILL)),
        }
    }

    fn message(&self, cause: Cause, words: &str) -> String {
        let doing = doing(self.stage);
        match cause {
            Cause::Stack => format!("it nests too deep: {doing} overflows the stack"),
            Cause::Memory => format!("{doing} takes more than {} MiB of memory", self.memory >> 20),
            Cause::Time if is_compiled(self.stage) => format!("{doing} takes too much computing time"),
            Cause::Time => format!("{doing} takes more than {} s of computing time", self.time.as_secs()),
            Cause::Late(wall) => format!("{doing} was not done after {} s", wall.as_secs()),
            Cause::Panic => {
                format!(
                    "the compiler failed on it (a bug in wasmtime, not necessarily in the plugin): {words}"
                )
            }
            Cause::Signal(number) => format!("{doing} ended by signal {number}"),
            Cause::Unknown => format!("{doing} ended without an answer: {words}"),
        }
    }
}

const KILL: i32 = 9;
/// SIGXCPU, on Linux and on macOS.
const CPU_TIME_IS_UP: i32 = 24;
/// How a process of Rust ends that panicked.
const PANICKED: i32 = 101;

/// Both Rust's own words and those of the system's libraries tell why a process aborts: its signal does not.
fn cause(status: ExitStatus, words: &str) -> Cause {
    let says = |any: &[&str]| any.iter().any(|some| words.contains(some));
    let signal = status.signal();
    if says(&["has overflowed its stack"]) {
        Cause::Stack
    } else if signal == Some(CPU_TIME_IS_UP) {
        Cause::Time
    } else if says(&[
        "memory allocation of",
        "Cannot allocate memory",
        "out of memory",
        "OutOfMemory",
        "os error 12",
    ]) {
        Cause::Memory
    } else if status.code() == Some(PANICKED) {
        Cause::Panic
    } else {
        signal.map_or(Cause::Unknown, Cause::Signal)
    }
}

fn is_compiled(stage: LoadStage) -> bool {
    !matches!(stage, LoadStage::Contract | LoadStage::Compile)
}

fn doing(stage: LoadStage) -> &'static str {
    match stage {
        LoadStage::Contract => "reading it",
        LoadStage::Compile => "compiling it",
        LoadStage::Link => "linking it",
        LoadStage::Settings => "checking settings by its schema",
        LoadStage::SelfTest => "running its own cases",
        _ => "asking it what it is, and reading its settings schema,",
    }
}

fn hint(cause: Cause, stage: LoadStage) -> &'static str {
    match (cause, stage) {
        (Cause::Stack, LoadStage::Describe | LoadStage::Settings) => {
            "make `settings-schema` flatter: no schema of a plugin refers to itself or nests that deep"
        }
        (Cause::Stack, _) => {
            "build it with a current toolchain: no plugin needs types or components that nest so deep"
        }
        (Cause::Memory | Cause::Time, LoadStage::Describe | LoadStage::Settings) => {
            "make `settings-schema` simpler: branches that refer to branches double the work at each level"
        }
        (Cause::Memory | Cause::Time, LoadStage::SelfTest) => "mend the plugin, or the cases that it ships",
        (Cause::Memory | Cause::Time, _) => {
            "build it optimized, and without components that are instantiated over and over, or functions with \
             tens of thousands of locals or blocks"
        }
        (Cause::Late(_) | Cause::Signal(KILL), _) => {
            "the machine may be busy or short of memory: it is tried again; if that goes on, make it smaller"
        }
        (Cause::Panic | Cause::Signal(_) | Cause::Unknown, _) => {
            "rebuild the plugin with a current toolchain"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_and_signal_tell_the_cause() {
        let (abort, kill, cpu, segv) = (6, 9, 24, 11);
        let exit = |code: i32| code << 8;
        for (status, words, expected) in [
            (abort, "thread '<unnamed>' (7) has overflowed its stack\nfatal runtime error", Cause::Stack),
            (abort, "memory allocation of 4096 bytes failed", Cause::Memory),
            (exit(101), "mmap failed: Cannot allocate memory (os error 12)", Cause::Memory),
            (cpu, "", Cause::Time),
            (kill, "", Cause::Signal(9)),
            (segv, "", Cause::Signal(11)),
            (exit(101), "thread panicked: assertion failed", Cause::Panic),
            (exit(1), "", Cause::Unknown),
        ] {
            assert_eq!(cause(ExitStatus::from_raw(status), words), expected, "{status}: {words}");
        }
    }
}
