//! The ids by which other programs know a turn and its parts (W3C Trace Context). They are functions: whoever is called
//! in the middle of a turn is told whose part it is before that part is over, and so is who reads a log line.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::fault::Stage;
use super::ids::TurnId;
use super::step::StepKey;

/// A trace: all attempts of a turn. It is the turn's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// A span: one attempt of a turn, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// A part of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// All of it.
    Whole,
    /// A stage.
    Stage(Stage),
    /// A call to Claude or of a tool.
    Step(&'a StepKey),
    /// A call of the plugin, by its place among those of the attempt.
    Plugin(u32),
}

impl TraceId {
    /// That of a turn.
    #[must_use]
    pub fn of(turn: TurnId) -> Self {
        Self(turn.bytes())
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// A number from 0 to below 1 that all attempts of the turn share: whether a share of all turns has it is decided by
    /// that. (Of the 56 bits on the right, which Trace Context calls random, the 53 that a float holds; a UUID's fixed bits are
    /// further left.)
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are no more bits than it holds")]
    pub fn lot(self) -> f64 {
        let bits = self.0[9..].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (bits >> 3) as f64 / (1_u64 << 53) as f64
    }
}

impl SpanId {
    /// That of a part of an attempt (from 1).
    #[must_use]
    pub fn of(turn: TurnId, attempt: u32, part: Part<'_>) -> Self {
        let digest = Sha256::new()
            .chain_update(b"persona-host/span/1\0")
            .chain_update(turn.bytes())
            .chain_update(attempt.to_be_bytes())
            .chain_update(part.to_string())
            .finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(bytes)
    }

    /// Its 8 bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }
}

/// What a neighbour is told who is called as this part (Trace Context, version 00).
#[must_use]
pub fn traceparent(trace: TraceId, span: SpanId, is_kept: bool) -> String {
    format!("00-{trace}-{span}-{:02x}", u8::from(is_kept))
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Stage(stage) => write!(f, "stage/{stage}"),
            Self::Step(step) => write!(f, "step/{step}"),
            Self::Plugin(place) => write!(f, "plugin/{place}"),
        }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::transcript::Phase;
    use super::*;

    #[test]
    fn ids_are_the_same_for_the_same_part_and_others_for_any_other() {
        let turn = TurnId::parse("3726fa9c-9965-8b22-990b-35fff5be20ea").expect("an id");
        let (model, tool) = (StepKey::model(Phase::Main, 1), StepKey::tool(1, 0));
        let parts =
            [Part::Whole, Part::Stage(Stage::Tools), Part::Step(&model), Part::Step(&tool), Part::Plugin(1)];
        let of = |attempt: u32| parts.map(|part| SpanId::of(turn, attempt, part).to_string());
        let all: BTreeSet<String> = of(1).into_iter().chain(of(2)).collect();
        assert_eq!(all.len(), 2 * parts.len());
        assert_eq!(of(1), of(1));
        let told = traceparent(TraceId::of(turn), SpanId::of(turn, 1, Part::Step(&tool)), true);
        // Pinned: a log of one release names the traces of another.
        assert_eq!(told, "00-3726fa9c99658b22990b35fff5be20ea-2eb907bfbbdb50d4-01");
    }

    #[test]
    fn the_lots_of_turns_lie_everywhere_between_0_and_1() {
        let lot = |text: &str| TraceId::of(TurnId::parse(text).expect("an id")).lot();
        assert!(lot("3726fa9c-9965-8b22-9900-000000000000").abs() < 1e-9);
        assert!((lot("3726fa9c-9965-8b22-9980-000000000000") - 0.5).abs() < 1e-9);
        let last = lot("3726fa9c-9965-8b22-99ff-ffffffffffff");
        assert!(last > 0.999 && last <= 1.0);
    }
}
