//! Whose slot has come. A plan remembers which slots are settled, so that nobody is asked for them at each look; what
//! was played is the ledger's to know, and a plan that has forgotten everything comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::lateness::Lateness;
use super::rule::{Moment, Rule};
use super::rules::Rules;
use domain::ids::{PersonaId, Slot};
use domain::persona::Persona;

/// Everybody who is known, and when each is due.
#[derive(Debug)]
pub struct Plan {
    rules: Rules,
    known: BTreeMap<PersonaId, Known>,
}

#[derive(Debug)]
struct Known {
    /// Apart from the rest: a look goes through everybody, and needs it of hardly anybody.
    who: Box<Who>,
    /// The latest slot that had come, and the first that had not, when it was looked at.
    around: Option<(Option<Moment>, Option<Moment>)>,
    /// The slot that need not be looked at again.
    settled: Option<DateTime<Utc>>,
    /// The first slot since the last turn: whoever is passed over does not begin to wait anew with each slot.
    waits_since: Option<DateTime<Utc>>,
    served: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Who {
    persona: Persona,
    rule: Rule,
}

/// Somebody whose slot has come.
#[derive(Clone, Debug)]
pub struct Due {
    /// Who.
    pub persona: Persona,
    /// The slot.
    pub moment: Moment,
    /// It is older than the catch-up allows: no turn is begun for it.
    pub lapsed: bool,
    /// How urgent it is.
    pub lateness: Lateness,
}

/// What the ledger knows of a slot that has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// It has a turn, however that stands.
    pub begun: bool,
    /// Another turn of the persona has ended since it came: the persona was busy then.
    pub played_since: bool,
}

/// What becomes of a slot that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its turn is to be begun.
    Begin,
    /// It has its turn.
    Played,
    /// It is left out: the persona was busy when it came.
    Overlapped,
    /// It is left out: it is too late for it.
    Lapsed,
}

/// What a look at the plan gives.
#[derive(Debug, Default)]
pub struct Look {
    /// Whose slot has come and is not settled, the most urgent first.
    pub due: Vec<Due>,
    /// How many slots have given way to newer ones without a turn.
    pub overtaken: usize,
}

impl Plan {
    /// A plan for nobody yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, known: BTreeMap::new() }
    }

    /// How many personas it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether it knows nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A persona, as it was described last.
    #[must_use]
    pub fn persona(&self, id: &PersonaId) -> Option<&Persona> {
        self.known.get(id).map(|known| &known.who.persona)
    }

    /// Everybody whom it knows, by id.
    pub fn personas(&self) -> impl Iterator<Item = &Persona> {
        self.known.values().map(|known| &known.who.persona)
    }

    /// There is such a persona; it was served then, as far as whoever tells of it knows.
    pub fn know(&mut self, persona: Persona, served: Option<DateTime<Utc>>) {
        let Some(known) = self.known.get_mut(&persona.id) else {
            let (id, rule) = (persona.id.clone(), self.rules.rule_for(&persona));
            let who = Box::new(Who { persona, rule });
            self.known.insert(id, Known { who, around: None, settled: None, waits_since: None, served });
            return;
        };
        known.served = known.served.max(served);
        if known.who.persona == persona {
            return;
        }
        let concerns =
            |persona: &Persona| (persona.email.clone(), persona.archetype.clone(), persona.cadence);
        if concerns(&known.who.persona) != concerns(&persona) {
            known.who.rule = self.rules.rule_for(&persona);
            known.around = None;
        }
        known.who.persona = persona;
    }

    /// Whose slot has come by `now`, without those who are `busy`.
    pub fn look(&mut self, now: DateTime<Utc>, busy: &BTreeSet<PersonaId>) -> Look {
        let mut look = Look::default();
        for (id, known) in &mut self.known {
            look.overtaken += usize::from(known.turn_to(now));
            if known.is_unsettled() && !busy.contains(id) {
                look.due.extend(known.due(now));
            }
        }
        look.due.sort_by(|a, b| a.lateness.order(&b.lateness, now));
        look
    }

    /// The same for one persona. It may be another slot than at the last look.
    pub fn look_at(&mut self, persona: &PersonaId, now: DateTime<Utc>) -> Look {
        let Some(known) = self.known.get_mut(persona) else { return Look::default() };
        let overtaken = usize::from(known.turn_to(now));
        Look { due: known.due(now).into_iter().collect(), overtaken }
    }

    /// The next slot of one persona.
    pub fn next(&mut self, persona: &PersonaId, now: DateTime<Utc>) -> Option<Moment> {
        let known = self.known.get_mut(persona)?;
        known.turn_to(now);
        known.around?.1
    }

    /// What becomes of a slot that has come; what is left out is settled.
    pub fn judge(&mut self, due: &Due, record: Record) -> Verdict {
        let verdict = match record {
            Record { begun: true, .. } => Verdict::Played,
            Record { played_since: true, .. } => Verdict::Overlapped,
            _ if due.lapsed => Verdict::Lapsed,
            _ => return Verdict::Begin,
        };
        if let Some(known) = self.known.get_mut(&due.persona.id) {
            known.settled = Some(due.moment.at);
            known.waits_since = known.waits_since.filter(|_| verdict == Verdict::Lapsed);
        }
        verdict
    }

    /// A turn of this persona was begun: for this slot, or one that goes on.
    pub fn begun(&mut self, persona: &PersonaId, slot: Option<Moment>, now: DateTime<Utc>) {
        if let Some(known) = self.known.get_mut(persona) {
            known.settled = slot.map_or(known.settled, |slot| Some(slot.at));
            known.waits_since = None;
            known.served = Some(now);
        }
    }

    /// A turn of this persona goes on, or is held until it does: its slot is settled.
    pub fn goes_on(&mut self, persona: &PersonaId, slot: &Slot, now: DateTime<Utc>) {
        let Some(known) = self.known.get_mut(persona) else { return };
        known.turn_to(now);
        let latest = known.around.and_then(|(latest, _)| latest);
        if let Some(latest) = latest.filter(|latest| latest.slot() == *slot) {
            known.settled = Some(latest.at);
        }
    }
}

impl Known {
    /// Looks at the calendar, if time has left the slots between which it was. Says whether a slot has given way to a
    /// newer one and is not settled.
    fn turn_to(&mut self, now: DateTime<Utc>) -> bool {
        if let Some((latest, next)) = &self.around
            && latest.as_ref().is_none_or(|latest| latest.at <= now)
            && next.as_ref().is_none_or(|next| now < next.at)
        {
            return false;
        }
        let before = self.around.and_then(|(latest, _)| latest);
        let around = self.who.rule.around(&self.who.persona.id, now);
        self.around = Some(around);
        let overtaken = before.zip(around.0).is_some_and(|(before, latest)| before.at < latest.at);
        overtaken && before.is_some_and(|before| self.settled != Some(before.at))
    }

    fn is_unsettled(&self) -> bool {
        matches!(self.around, Some((Some(latest), _)) if self.settled != Some(latest.at))
    }

    fn due(&mut self, now: DateTime<Utc>) -> Option<Due> {
        let (latest, next) = self.around?;
        let moment = latest.filter(|_| self.is_unsettled())?;
        let Who { persona, rule } = &*self.who;
        let lateness = Lateness {
            due_at: *self.waits_since.get_or_insert(moment.at),
            period: rule.period(moment, next).max(TimeDelta::seconds(1)),
            served: self.served,
            persona: persona.id.clone(),
        };
        let lapsed = now - moment.at > rule.catch_up;
        Some(Due { persona: persona.clone(), moment, lapsed, lateness })
    }
}
