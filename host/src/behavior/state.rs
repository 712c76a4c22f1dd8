//! What one call's store holds: a WASI that shows nothing, the tails of what the plugin printed, its
//! log lines, its meter.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rand_core::TryRng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::limits::{MAX_LOG_LINE, MAX_TAIL, MemoryMeter};
use super::words;
use domain::strategy::Limits;

/// One line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How important it is.
    pub level: LogLevel,
    /// The text, at most 2 KiB of it.
    pub message: String,
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For the plugin's author.
    Debug,
    /// For everybody.
    Info,
    /// Something is odd.
    Warn,
    /// Something is broken.
    Error,
}

impl LogLevel {
    /// The level in a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The only things about the world that a plugin can learn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// What WASI's clock shows, in milliseconds since the Unix epoch.
    pub(super) now_ms: u64,
    /// What WASI's random numbers are a function of.
    pub(super) seed: u64,
}

impl Surroundings {
    /// For calls outside of a turn.
    pub(super) const NONE: Self = Self { now_ms: 0, seed: 0 };
}

/// The data of one call's store.
pub(super) struct CallState {
    wasi: WasiCtx,
    resources: ResourceTable,
    pub(super) memory: MemoryMeter,
    pub(super) log: Log,
    pub(super) stderr: Tail,
    pub(super) deadline: Instant,
}

impl CallState {
    pub(super) fn new(limits: &Limits, surroundings: Surroundings, deadline: Instant) -> Self {
        let stderr = Tail::default();
        Self {
            wasi: empty_wasi(surroundings, &stderr),
            resources: ResourceTable::new(),
            memory: MemoryMeter::new(limits.memory),
            log: Log::new(limits.log_lines),
            stderr,
            deadline,
        }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

/// No files, no network, no environment; time and randomness are the turn's. Both output streams end
/// in one tail, in the order in which they were written.
fn empty_wasi(surroundings: Surroundings, tail: &Tail) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder
        .stdout(tail.clone())
        .stderr(tail.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .wall_clock(FixedClock(Duration::from_millis(surroundings.now_ms)))
        .monotonic_clock(CountingClock::default())
        .secure_random(Seeded(surroundings.seed))
        .insecure_random(Seeded(surroundings.seed))
        .insecure_random_seed(u128::from(surroundings.seed))
        .max_random_size(64 << 10);
    builder.build()
}

/// The last lines of a plugin's log.
#[derive(Debug, Default)]
pub(super) struct Log {
    limit: usize,
    pub(super) lines: VecDeque<LogLine>,
    pub(super) dropped: u64,
}

impl Log {
    fn new(limit: usize) -> Self {
        Self { limit, lines: VecDeque::new(), dropped: 0 }
    }

    pub(super) fn push(&mut self, level: LogLevel, mut message: String) {
        if message.len() > MAX_LOG_LINE {
            message.truncate(message.floor_char_boundary(MAX_LOG_LINE));
            message.push('…');
            message.shrink_to_fit();
        }
        let message = words::line(message, usize::MAX);
        self.lines.push_back(LogLine { level, message });
        if self.lines.len() > self.limit {
            self.lines.pop_front();
            self.dropped += 1;
        }
    }
}

/// Keeps the end of what is written and swallows the rest. wasmtime's own pipe fails when it is full,
/// and the guest then panics in its `println!`.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    /// What is kept, as text.
    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (front, back) = kept.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }

    fn append(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(MAX_TAIL)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = (kept.len() + bytes.len()).saturating_sub(MAX_TAIL);
        kept.drain(..surplus);
        kept.extend(bytes);
    }
}

impl IsTerminal for Tail {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Tail {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Tail {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Tail {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Tail {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A clock that stands still at the turn's time.
struct FixedClock(Duration);

impl HostWallClock for FixedClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

/// A clock that moves by a microsecond each time it is read: the same for every run, and a guest that
/// waits for it gets on.
#[derive(Default)]
struct CountingClock(AtomicU64);

impl HostMonotonicClock for CountingClock {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

/// SplitMix64. Not for secrets, of which a plugin has none; written out here because its numbers must
/// stay the same when a library is updated.
struct Seeded(u64);

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_end() {
        let tail = Tail::default();
        for number in 0..10_000 {
            tail.append(format!("{number} ").as_bytes());
        }
        let text = tail.text();
        assert_eq!(text.len(), MAX_TAIL);
        assert!(text.ends_with("9998 9999 "), "{text}");
        tail.append(&vec![b'x'; MAX_TAIL + 1]);
        assert_eq!(tail.text(), "x".repeat(MAX_TAIL));
    }

    #[test]
    fn a_log_keeps_the_last_lines_and_counts_the_others() {
        let mut log = Log::new(2);
        for message in ["one", "two", "three"] {
            log.push(LogLevel::Info, message.to_owned());
        }
        log.push(LogLevel::Info, "ä".repeat(MAX_LOG_LINE));
        assert_eq!(log.dropped, 2);
        assert_eq!(log.lines[0].message, "three");
        assert_eq!(log.lines[1].message, format!("{}…", "ä".repeat(MAX_LOG_LINE / 2)));
    }

    #[test]
    fn random_numbers_are_a_function_of_the_seed() {
        // The published first number of SplitMix64 for seed 0.
        assert_eq!(Seeded(0).try_next_u64(), Ok(0xe220_a839_7b1d_cdaf));
        let mut bytes = [0; 11];
        let Ok(()) = Seeded(0).try_fill_bytes(&mut bytes);
        assert_eq!(bytes[..8], 0xe220_a839_7b1d_cdaf_u64.to_le_bytes());
    }
}
