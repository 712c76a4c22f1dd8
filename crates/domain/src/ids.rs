//! Identifiers as types, so that a space cannot be passed for a persona.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

text_id! {
    /// A persona's user id in mana-auth.
    PersonaId;
    /// A Mana space (an organization in mana-auth's words).
    SpaceId;
    /// One ledger among all that deliver to the same mana-auth.
    LedgerId;
    /// A named component.
    PluginName;
    /// A plugin with settings.
    StrategyName;
}

/// One build of a plugin that this process has loaded, counted from 1 per plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GenerationNumber(pub u64);

impl fmt::Display for GenerationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The SHA-256 of something, written as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digest = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_digest.then(|| Self(text.to_ascii_lowercase()))
    }

    /// All 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the slots of experiments begin with.
const OF_EXPERIMENT: &str = "experiment ";
/// What the slots of the host's own schedule begin with.
const ON_SCHEDULE: &str = "at ";
/// Between an occasion and its number.
const AGAIN: &str = ", again ";

/// The occasion for which a persona is due; together with the persona it names one turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(String);

impl Slot {
    /// The slot of a persona that mana-auth reports as due: the same until its `lastActiveAt` moves.
    #[must_use]
    pub fn after(last_active: Option<DateTime<Utc>>) -> Self {
        Self(match last_active {
            None => "never active".to_owned(),
            Some(at) => format!("after {}", at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        })
    }

    /// The same occasion for the `count`-th time (from 1): mana-auth has forgotten that there was a turn.
    #[must_use]
    pub fn again(self, count: u32) -> Self {
        if count <= 1 { self } else { Self(format!("{}{AGAIN}{count}", self.0)) }
    }

    /// How the ledger finds every time of an occasion: what their slots begin with, after the slot itself.
    #[must_use]
    pub fn beginning_of_further(&self) -> String {
        format!("{}{AGAIN}", self.0)
    }

    /// The slot of the host's own schedule that comes at this instant, chosen by the clocks of this zone.
    #[must_use]
    pub fn at(instant: DateTime<Utc>, zone: &str) -> Self {
        Self(format!("{ON_SCHEDULE}{} {zone}", instant.to_rfc3339_opts(SecondsFormat::Secs, true)))
    }

    /// A turn of an experiment that is run at once: one arm of one block.
    #[must_use]
    pub fn of_arm(experiment: &str, version: u32, block: u32, arm: &str) -> Self {
        Self(format!("{OF_EXPERIMENT}{experiment} v{version} block {block} arm {arm}"))
    }

    /// Whether it is a turn of an experiment that is run at once.
    #[must_use]
    pub fn is_of_an_arm(&self) -> bool {
        self.0.starts_with(OF_EXPERIMENT)
    }

    /// A slot as it was written down.
    #[must_use]
    pub fn written(text: String) -> Self {
        Self(text)
    }

    /// All arms of one block of an experiment: what they have in common.
    #[must_use]
    pub fn of_block(experiment: &str, version: u32, block: u32) -> Self {
        Self(format!("{OF_EXPERIMENT}{experiment} v{version} block {block}"))
    }

    /// The slot as it is written in the ledger.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One persona's whole run for one slot. It goes on the wire as `tickId`.
///
/// The id is a function of persona, slot and ledger, never random: the same due entry is the same turn, so
/// it serves as idempotency key, lock, journal key and prefix of row ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnId(Uuid);

impl TurnId {
    /// The turn of `persona` for `slot`, whoever plays it (a UUID of version 8 over SHA-256).
    #[must_use]
    pub fn of(persona: &PersonaId, slot: &Slot) -> Self {
        let digest = Sha256::new()
            .chain_update(b"persona-host/turn/1\0")
            .chain_update(persona.as_str())
            .chain_update([0])
            .chain_update(slot.as_str())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(Uuid::new_v8(bytes))
    }

    /// The same turn as `ledger` plays it: two ledgers never share an id. Its seed stays what it was.
    #[must_use]
    pub fn in_ledger(self, ledger: &LedgerId) -> Self {
        let digest = Sha256::new()
            .chain_update(b"persona-host/turn/2\0")
            .chain_update(ledger.as_str())
            .chain_update([0])
            .chain_update(self.0.as_bytes())
            .finalize();
        let mut bytes = *self.0.as_bytes();
        bytes[..8].copy_from_slice(&digest[..8]);
        Self(Uuid::new_v8(bytes))
    }

    /// Reads a turn id as it is printed.
    ///
    /// # Errors
    /// When `text` is not a UUID.
    pub fn parse(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// The turn's only randomness: 64 bits of its id.
    #[must_use]
    pub fn seed(self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_due_entry_is_the_same_turn() {
        let anna = PersonaId::new("u-anna");
        let ben = PersonaId::new("u-ben");
        let never = Slot::after(None);
        let once = Slot::after(Some(DateTime::UNIX_EPOCH));
        assert_eq!(TurnId::of(&anna, &never), TurnId::of(&anna, &never));
        assert_ne!(TurnId::of(&anna, &never), TurnId::of(&anna, &once));
        assert_ne!(TurnId::of(&anna, &never), TurnId::of(&ben, &never));
        // Pinned: a turn id that changed with a release would repeat turns that are done.
        assert_eq!(TurnId::of(&anna, &never).to_string(), "3726fa9c-9965-8b22-990b-35fff5be20ea");
    }

    #[test]
    fn each_ledger_has_its_own_turns_of_the_same_seed() {
        let turn = TurnId::of(&PersonaId::new("u-anna"), &Slot::after(None));
        let (one, other) = (turn.in_ledger(&LedgerId::new("1")), turn.in_ledger(&LedgerId::new("2")));
        assert_eq!(one, turn.in_ledger(&LedgerId::new("1")), "a repeat is the same");
        assert_ne!(one, other);
        assert_ne!(one, turn);
        assert_eq!((one.seed(), other.seed()), (turn.seed(), turn.seed()));
        // Pinned, as above.
        assert_eq!(one.to_string(), "2c83f7d3-beeb-8420-990b-35fff5be20ea");
    }

    #[test]
    fn each_time_of_an_occasion_is_a_slot_of_its_own() {
        let never = Slot::after(None);
        assert_eq!(never.clone().again(1), never);
        assert_eq!(never.clone().again(3).as_str(), "never active, again 3");
        assert!(never.clone().again(3).as_str().starts_with(&never.beginning_of_further()));
    }

    #[test]
    fn a_slot_of_the_schedule_says_when_it_comes_and_by_whose_clocks() {
        let slot = Slot::at(DateTime::UNIX_EPOCH, "Europe/Berlin");
        assert_eq!(slot.as_str(), "at 1970-01-01T00:00:00Z Europe/Berlin");
        assert!(!slot.is_of_an_arm());
    }

    #[test]
    fn a_slot_says_after_which_activity_it_comes() {
        assert_eq!(Slot::after(Some(DateTime::UNIX_EPOCH)).as_str(), "after 1970-01-01T00:00:00.000Z");
    }
}
