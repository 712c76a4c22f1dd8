//! What processes have computed, and how much memory this one had, as the kernel counts it (Linux).

use std::ops::Sub;

/// What a process has computed so far, all of its threads together, in seconds; exact to a hundredth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    /// In the program.
    pub(crate) user: f64,
    /// In the kernel.
    pub(crate) system: f64,
}

impl CpuTime {
    /// Of this process.
    pub(crate) fn now() -> Self {
        Self::of(std::process::id())
    }

    /// Of a process that runs.
    pub(crate) fn of(process: u32) -> Self {
        let stat =
            std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs, and this is Linux");
        // The second field is a name in brackets; user and system time are the 14th and the 15th.
        let (_, after_name) = stat.rsplit_once(')').expect("a name in brackets");
        let mut ticks = after_name.split_whitespace().skip(11);
        let mut next = || ticks.next().and_then(|field| field.parse::<f64>().ok()).expect("a number") / 100.0;
        Self { user: next(), system: next() }
    }

    pub(crate) fn all(self) -> f64 {
        self.user + self.system
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }
}
