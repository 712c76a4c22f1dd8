//! What a child may take, and how it sets itself these limits: they hold from before it has read a byte.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// What the proof of one build may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofLimits {
    /// Memory, in bytes: what can be written to, stacks and tables included. Address space is no measure,
    /// because wasmtime reserves 4 GiB of it for each memory and touches none; the same reservations are part
    /// of what machine code is compiled for, so they cannot be smaller here than in the host.
    pub memory: u64,
    /// Computing time of all threads together, for a small component; a large one has more.
    pub time: Duration,
    /// What it may take by the wall beside thrice its computing time: it may share the machine with others.
    pub patience: Duration,
}

impl Default for ProofLimits {
    /// Twice the memory and four times the computing time that a Python component of 18 MiB takes.
    fn default() -> Self {
        Self { memory: 1 << 30, time: Duration::from_secs(20), patience: Duration::from_secs(30) }
    }
}

impl ProofLimits {
    /// The computing time that a component of so many bytes has until it is compiled.
    pub(super) fn time_for(&self, bytes: usize) -> Duration {
        let mib = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        self.time.saturating_add(self.time.saturating_mul(mib) / 5)
    }

    /// How long a child may take by the wall that has this computing time.
    pub(super) fn wall_for(&self, time: Duration) -> Duration {
        self.patience.saturating_add(time.saturating_mul(3))
    }
}

/// How much more than [`ProofLimits::time`] a child has for all that comes after the compiler.
const AFTERWARDS: Duration = Duration::from_secs(120);
/// Files, pipes and timers of one child.
const HANDLES: u64 = 64;

/// Takes these limits upon this process.
pub(super) fn take(memory: u64, time: Duration) -> io::Result<()> {
    let hard = time.saturating_add(AFTERWARDS).as_secs() + 1;
    for (resource, current, maximum) in [
        (Resource::Core, 0, 0),
        (Resource::Data, memory, memory),
        (Resource::Nofile, HANDLES, HANDLES),
        (Resource::Cpu, time.as_secs().max(1), hard),
    ] {
        // Where the operator allows less, less it is.
        let lowest = |limit: u64| Some(getrlimit(resource).maximum.map_or(limit, |own| own.min(limit)));
        setrlimit(resource, Rlimit { current: lowest(current), maximum: lowest(maximum) })?;
    }
    Ok(())
}

/// From now on this process may compute for so long, whatever it has had or saved before.
pub(super) fn allow(time: Duration) -> io::Result<()> {
    let spent = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or_default();
    let maximum = getrlimit(Resource::Cpu).maximum;
    let wanted = spent + 1 + time.as_secs();
    let current = Some(maximum.map_or(wanted, |maximum| wanted.min(maximum)));
    setrlimit(Resource::Cpu, Rlimit { current, maximum })?;
    Ok(())
}
