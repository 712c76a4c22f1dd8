//! One call of a plugin: a fresh store with its limits, and whatever comes of it as a value.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::check;
use super::contract::drifted;
use super::limits::{GRACE, MAX_HANDLES, MAX_TAIL};
use super::printed::plain;
use super::state::{CallState, LogLine, Surroundings};
use super::v0_1::NotInstantiated;
use super::words;
use domain::behavior::{Failure, FailureKind, Problem};
use domain::code::Code;
use domain::strategy::Limits;

/// The longest list of names that a plugin's own file gives to its parts, in characters.
const MAX_NAMES: usize = 2_000;

/// What came of a call, and what it cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Called<T> {
    /// The answer, checked by the host.
    pub result: Result<T, CallError>,
    /// What the host's checks of the answer found and put right.
    pub problems: Vec<Problem>,
    /// The function's name in the contract, such as `compose-turn`.
    #[serde(skip)]
    pub function: &'static str,
    /// The fuel used: the same for the same input.
    pub fuel: u64,
    /// Wall time, instantiation included.
    pub took: Duration,
    /// The most memory that it had, in bytes; memories only grow.
    pub memory: usize,
    /// The last lines that the plugin logged.
    pub log: Vec<LogLine>,
    /// How many lines before these were dropped.
    pub log_dropped: u64,
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum CallError {
    /// The plugin said no.
    #[error("the plugin says: {}", .0.message)]
    Failed(Box<Failure>),
    /// The plugin broke down.
    #[error("the plugin broke down: {trap}{}", Printed(.printed, .backtrace))]
    Trapped {
        /// What stopped it.
        trap: String,
        /// The end of what it wrote to standard output and standard error.
        printed: String,
        /// Where it was.
        backtrace: String,
    },
    /// It computed too much.
    #[error("the plugin was stopped: it used up its fuel ({limit})")]
    OutOfFuel {
        /// How much it had.
        limit: u64,
    },
    /// It took too long.
    #[error("the plugin was stopped: it took longer than {} ms", .limit.as_millis())]
    OutOfTime {
        /// How long it had.
        limit: Duration,
    },
    /// It asked for too much memory.
    #[error("the plugin was stopped: it asked for {} of memory, the limit is {}", Bytes(*.asked), Bytes(*.limit))]
    OutOfMemory {
        /// What it would have had, in bytes.
        asked: usize,
        /// What it may have, in bytes.
        limit: usize,
    },
    /// It returned too much.
    #[error("the plugin was stopped: it handed over more than {} at once", Bytes(*.limit))]
    TooMuchData {
        /// What it may hand over, in bytes.
        limit: usize,
    },
    /// Its answer cannot be used.
    #[error("the plugin's answer cannot be used: {message}")]
    Unacceptable {
        /// What is wrong with it.
        message: String,
    },
    /// It cannot be called at all.
    #[error("{message}")]
    DoesNotFit {
        /// Why.
        message: String,
    },
    /// The process that was to make the call gave no answer.
    #[error("{message}")]
    Unproven {
        /// Why.
        message: String,
        /// Whether it may give one another time.
        is_passing: bool,
    },
}

impl CallError {
    /// Whether the same call may well come out otherwise on a machine that is less busy.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::OutOfTime { .. } | Self::Unproven { is_passing: true, .. })
    }

    /// A short word for records and metrics of calls: that of its code, without what all of them begin with.
    #[must_use]
    pub fn code(&self) -> &'static str {
        let word = self.fault_code().word();
        word.strip_prefix("plugin-").unwrap_or(word)
    }

    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        match self {
            Self::Failed(failure) => match failure.kind {
                FailureKind::Settings => Code::PluginFailureSettings,
                FailureKind::Input => Code::PluginFailureInput,
                FailureKind::Output => Code::PluginFailureOutput,
                FailureKind::Skip => Code::PluginFailureSkip,
                FailureKind::Internal => Code::PluginFailureInternal,
            },
            Self::Trapped { .. } => Code::PluginTrap,
            Self::OutOfFuel { .. } => Code::PluginOutOfFuel,
            Self::OutOfTime { .. } => Code::PluginOutOfTime,
            Self::OutOfMemory { .. } => Code::PluginOutOfMemory,
            Self::TooMuchData { .. } => Code::PluginTooMuchData,
            Self::Unacceptable { .. } => Code::PluginUnacceptable,
            Self::DoesNotFit { .. } => Code::PluginDoesNotFit,
            Self::Unproven { .. } => Code::PluginUnproven,
        }
    }

    /// Whether the plugin broke down or had to be stopped, and did not merely say no.
    #[must_use]
    pub fn is_breakdown(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Unacceptable { .. } => false,
            Self::Trapped { .. }
            | Self::OutOfFuel { .. }
            | Self::OutOfTime { .. }
            | Self::OutOfMemory { .. }
            | Self::TooMuchData { .. }
            | Self::DoesNotFit { .. }
            | Self::Unproven { .. } => true,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Failed(failure) => match failure.kind {
                FailureKind::Settings => "correct the settings of the strategy",
                FailureKind::Skip => "nothing: the plugin wants this turn left out",
                FailureKind::Input | FailureKind::Output | FailureKind::Internal => {
                    "what the plugin says is for its author"
                }
            },
            Self::OutOfFuel { .. } => "make the plugin compute less, or raise the strategy's limit `fuel`",
            Self::OutOfTime { .. } => {
                "make the plugin wait and compute less, or raise the strategy's limit `time`"
            }
            Self::OutOfMemory { .. } => "make the plugin smaller, or raise the strategy's limit `memory`",
            Self::TooMuchData { .. } => "return less, or raise the strategy's limit `transfer`",
            Self::Trapped { .. } | Self::Unacceptable { .. } => "this is a bug in the plugin, for its author",
            Self::DoesNotFit { .. } => "rebuild it against the unchanged wit/v0.1",
            Self::Unproven { .. } => "make the plugin's settings schema simpler, or the settings smaller",
        }
    }
}

impl<T> Called<T> {
    /// Lets the host look at the answer.
    pub(super) fn checked<U>(self, check: impl FnOnce(T) -> Result<(U, Vec<Problem>), String>) -> Called<U> {
        let Self { result, mut problems, function, fuel, took, memory, log, log_dropped } = self;
        let result = result.and_then(|answer| {
            let (answer, found) = check(answer).map_err(|message| CallError::Unacceptable { message })?;
            problems.extend(found);
            Ok(answer)
        });
        Called { result, problems, function, fuel, took, memory, log, log_dropped }
    }

    /// An answer that took no call.
    pub(super) fn without_call(function: &'static str, answer: T) -> Self {
        Self::unmade(function, Ok(answer))
    }

    /// The same of the function with this name, which is not written down with a call.
    pub(super) fn of(self, function: &'static str) -> Self {
        Self { function, ..self }
    }

    pub(super) fn unmade(function: &'static str, result: Result<T, CallError>) -> Self {
        Self {
            result,
            problems: Vec::new(),
            function,
            fuel: 0,
            took: Duration::ZERO,
            memory: 0,
            log: Vec::new(),
            log_dropped: 0,
        }
    }
}

/// Calls `function`: `body` gets a fresh store, instantiates the plugin in it and calls it there. The
/// store goes with the call, because an instance that trapped is dead and one that did not may
/// remember something.
pub(super) async fn call<T>(
    engine: &wasmtime::Engine,
    function: &'static str,
    limits: &Limits,
    surroundings: Surroundings,
    body: impl AsyncFnOnce(&mut Store<CallState>) -> wasmtime::Result<Result<T, Failure>>,
) -> Called<T> {
    let began = Instant::now();
    let mut store = new_store(engine, limits, surroundings, began + limits.time);
    // The epoch interrupts a plugin that computes; one that waits in a host call is given up here.
    let outcome = tokio::time::timeout(limits.time + GRACE, body(&mut store)).await;
    let result = match outcome {
        Ok(Ok(answer)) => answer.map_err(|failure| CallError::Failed(Box::new(check::failure(failure)))),
        Ok(Err(error)) => Err(explain(&error, store.data(), limits)),
        Err(_) => Err(CallError::OutOfTime { limit: limits.time }),
    };
    let fuel = limits.fuel - store.get_fuel().unwrap_or_default();
    let log = std::mem::take(&mut store.data_mut().log);
    Called {
        result,
        problems: Vec::new(),
        function,
        fuel,
        took: began.elapsed(),
        memory: store.data().memory.used,
        log: log.lines.into(),
        log_dropped: log.dropped,
    }
}

fn new_store(
    engine: &wasmtime::Engine,
    limits: &Limits,
    surroundings: Surroundings,
    deadline: Instant,
) -> Store<CallState> {
    let mut store = Store::new(engine, CallState::new(limits, surroundings, deadline));
    store.limiter(|state| &mut state.memory);
    store.set_fuel(limits.fuel).expect("the engine counts fuel");
    store.set_hostcall_fuel(limits.transfer);
    store.set_max_component_handles(MAX_HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| {
        if Instant::now() >= context.data().deadline {
            return Err(DeadlineExceeded.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// The epoch came round after the deadline.
#[derive(Debug, thiserror::Error)]
#[error("the deadline has passed")]
struct DeadlineExceeded;

/// wasmtime's error in our words. The order matters: a plugin that is denied memory panics, and its
/// trap then looks like any other.
fn explain(error: &wasmtime::Error, state: &CallState, limits: &Limits) -> CallError {
    let trap = error.downcast_ref::<Trap>();
    if error.is::<DeadlineExceeded>() {
        return CallError::OutOfTime { limit: limits.time };
    }
    if trap == Some(&Trap::OutOfFuel) {
        return CallError::OutOfFuel { limit: limits.fuel };
    }
    if let Some(asked) = state.memory.refused {
        return CallError::OutOfMemory { asked, limit: limits.memory };
    }
    let root = error.root_cause().to_string();
    // wasmtime keeps the type of this error to itself.
    if root.contains("too much data is being copied") {
        return CallError::TooMuchData { limit: limits.transfer };
    }
    let exit = error.downcast_ref::<I32Exit>();
    // Too many instances: another error of which only the words are told.
    let is_crowd = root.starts_with("resource limit exceeded");
    if trap.is_none() && exit.is_none() && !is_crowd && error.is::<NotInstantiated>() {
        return CallError::DoesNotFit { message: words::lines(drifted(error), MAX_NAMES) };
    }
    let trap = match exit {
        Some(I32Exit(status)) => format!("it called exit with status {status}"),
        None => root,
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    let printed = words::lines(plain(&state.stderr.text()), MAX_TAIL);
    CallError::Trapped { trap, printed, backtrace: words::line(backtrace, MAX_NAMES) }
}

/// The functions that were active, innermost first.
fn frames(backtrace: &WasmBacktrace) -> String {
    let names = backtrace.frames().iter().filter_map(|frame| {
        let symbol = frame.symbols().first().and_then(|symbol| symbol.name());
        symbol.or(frame.func_name())
    });
    names.take(12).collect::<Vec<_>>().join(" < ")
}

/// What the plugin printed, indented; if it printed nothing, where it was.
struct Printed<'e>(&'e str, &'e str);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, text) = match (self.0.trim(), self.1) {
            ("", "") => return Ok(()),
            ("", backtrace) => ("it was in", backtrace),
            (printed, _) => ("it printed", printed),
        };
        write!(f, "; {label}:")?;
        text.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Bytes for people.
struct Bytes(usize);

impl fmt::Display for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "shown, never calculated with")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_what_was_printed_or_else_where_it_was() {
        let error = |printed: &str, backtrace: &str| CallError::Trapped {
            trap: "unreachable".to_owned(),
            printed: printed.to_owned(),
            backtrace: backtrace.to_owned(),
        };
        for (error, shown) in [
            (
                error("boom\nat x\n", "a < b"),
                "the plugin broke down: unreachable; it printed:\n  boom\n  at x",
            ),
            (error("\n", "a < b"), "the plugin broke down: unreachable; it was in:\n  a < b"),
            (error("", ""), "the plugin broke down: unreachable"),
        ] {
            assert_eq!(error.to_string(), shown);
        }
    }
}
