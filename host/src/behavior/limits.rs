//! What a call may use beyond what the strategy sets, and the meter for its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The largest component file, in bytes.
pub(super) const MAX_COMPONENT: u64 = 32 << 20;
/// The tail of standard output and of standard error that is kept, in bytes each.
pub(super) const MAX_TAIL: usize = 16 << 10;
/// The longest log line that is kept, in bytes.
pub(super) const MAX_LOG_LINE: usize = 2 << 10;
/// Handles of WASI resources that are open at once.
pub(super) const MAX_HANDLES: usize = 1_000;
/// Core instances, memories and tables of one component, each.
const MAX_INSTANCES: usize = 1_000;
/// How long after its deadline a call is given up from outside, when it waits in a host call where
/// the epoch does not reach it.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// Counts the bytes of all memories and tables of an instance together. wasmtime's own limiter looks
/// at each memory alone, and a component can have many.
#[derive(Debug)]
pub(super) struct MemoryMeter {
    limit: usize,
    pub(super) used: usize,
    /// What the first refused request would have come to. A guest out of memory looks like any other
    /// panic, so only this tells.
    pub(super) refused: Option<usize>,
}

impl MemoryMeter {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: 0, refused: None }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let wanted = self.used.saturating_add(bytes);
        if wanted > self.limit {
            self.refused.get_or_insert(wanted);
            return false;
        }
        self.used = wanted;
        true
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = desired.saturating_sub(current);
        Ok(self.grow(elements.saturating_mul(size_of::<usize>())))
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_count_together_and_the_first_refusal_is_remembered() {
        let mut meter = MemoryMeter::new(1000);
        assert!(meter.memory_growing(0, 400, None).expect("no trap"));
        assert!(meter.memory_growing(0, 400, None).expect("no trap"));
        assert!(meter.table_growing(0, 25, None).expect("no trap"));
        assert_eq!(meter.refused, None);
        assert!(!meter.memory_growing(400, 500, None).expect("no trap"));
        assert!(!meter.table_growing(25, 1000, None).expect("no trap"));
        assert_eq!(meter.refused, Some(1100));
    }
}
