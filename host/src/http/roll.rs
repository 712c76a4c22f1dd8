//! Everybody who is known, from wherever: the ledger knows who has played and what keeps whom back, mana-auth named who is
//! due, and the host's own schedule has a next slot for each.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::face::Face;
use crate::store::{Glance, LedgerError, Open, OpenTurn, Paused, Player};
use domain::persona::Persona;
use domain::rating::Rating;

/// How many of its turns a persona's strip has.
const STRIP: u32 = 20;

/// What personas can be asked for by. One can be several of these.
pub(super) const WORDS: [&str; 8] = ["due", "running", "held", "parked", "stopped", "paused", "free", "new"];

/// Everybody who is known.
pub(super) struct Roll {
    /// By address.
    pub(super) personas: BTreeMap<String, Known>,
    /// When mana-auth was asked last who is due.
    pub(super) asked_at: Option<DateTime<Utc>>,
}

/// What is known of a persona.
#[derive(Default)]
pub(super) struct Known {
    /// As mana-auth described it last.
    pub(super) persona: Option<Persona>,
    /// Its latest turns, the newest first.
    pub(super) turns: Vec<Glance>,
    /// What it rated last.
    pub(super) ratings: Vec<Rating>,
    pub(super) open: Vec<OpenTurn>,
    pub(super) paused: Option<Paused>,
    /// Why the last tick kept it back, if no turn says it.
    pub(super) kept_back: Option<String>,
    /// mana-auth named it when it was asked last, and it has not played since.
    pub(super) is_due: bool,
    /// When it plays next, if nothing keeps it back.
    pub(super) next_due: Option<DateTime<Utc>>,
}

impl Roll {
    /// Everybody.
    pub(super) async fn call(face: &Face) -> Result<Self, LedgerError> {
        let (runner, ledger) = (&face.runner, &face.runner.deps().ledger);
        let mut personas: BTreeMap<String, Known> = BTreeMap::new();
        for (email, Player { turns, ratings }) in ledger.players(STRIP).await? {
            personas.insert(email, Known { turns, ratings, ..Known::default() });
        }
        for persona in ledger.personas().await? {
            let known = personas.entry(persona.email.clone()).or_default();
            known.persona = Some(persona);
        }
        let listed = runner.listed();
        for (email, persona) in listed.personas {
            personas.entry(email).or_default().persona = Some(persona);
        }
        for open in ledger.open_turns().await? {
            personas.entry(open.persona.clone()).or_default().open.push(open);
        }
        for (email, paused) in runner.pauses().personas {
            personas.entry(email).or_default().paused = Some(paused);
        }
        for held in runner.kept_back() {
            personas.entry(held.persona).or_default().kept_back = Some(held.reason);
        }
        let slots = runner.next_slots(personas.values().filter_map(|known| known.persona.as_ref())).await?;
        for (email, known) in &mut personas {
            known.is_due =
                slots.is_none() && listed.due.contains(email) && !known.has_played_since(listed.asked_at);
            known.next_due = match &slots {
                Some(slots) => slots.get(email).copied(),
                None => known.due_by_its_cadence(),
            };
        }
        Ok(Self { personas, asked_at: listed.asked_at })
    }
}

impl Known {
    /// What it is of [`WORDS`].
    pub(super) fn words(&self) -> Vec<&'static str> {
        WORDS.into_iter().filter(|word| self.is(word)).collect()
    }

    /// Whether it is one of [`WORDS`].
    pub(super) fn is(&self, word: &str) -> bool {
        match word {
            "due" => self.is_due,
            "paused" => self.paused.is_some(),
            "new" => self.turns.is_empty(),
            "free" => !self.turns.is_empty() && self.is_free(),
            "held" if self.kept_back.is_some() => true,
            state => self.open.iter().any(|open| open.state.name() == state),
        }
    }

    /// Whether a turn is held or parked, so that `release` lets it go on.
    pub(super) fn has_what_can_be_lifted(&self) -> bool {
        self.open.iter().any(|open| matches!(open.open, Open::Held { .. } | Open::Parked { .. }))
    }

    fn is_free(&self) -> bool {
        self.paused.is_none() && self.open.is_empty() && self.kept_back.is_none()
    }

    /// When it was active last: as mana-auth said when it named it, or since, by what the ledger knows.
    pub(super) fn last_active(&self) -> Option<DateTime<Utc>> {
        let own = self.turns.iter().filter(|turn| turn.is_over).filter_map(|turn| turn.ended_at).max();
        own.max(self.persona.as_ref().and_then(|persona| persona.last_active_at))
    }

    fn due_by_its_cadence(&self) -> Option<DateTime<Utc>> {
        Some(self.persona.as_ref()?.cadence.due_after(self.last_active()?))
    }

    fn has_played_since(&self, instant: Option<DateTime<Utc>>) -> bool {
        self.turns.iter().any(|turn| Some(turn.started_at) >= instant)
    }
}
