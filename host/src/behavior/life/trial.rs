//! A trial with a share of the personas: who is in it, and how it ends.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::words::{Build, Verdict};
use domain::ids::PersonaId;
use domain::plugin::CanaryPlan;

/// So many turns of no use end a trial.
const USELESS: u32 = 2;

/// A new build that has to show itself.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) build: Build,
    plan: CanaryPlan,
    clean: u32,
    useless: u32,
    /// Of these, the turns in whose replies it found nothing.
    unreadable: u32,
    comers: Comers,
}

/// Who has come since it began.
#[derive(Debug)]
enum Comers {
    /// None of these is in its share.
    Others(BTreeSet<PersonaId>),
    /// Somebody is.
    InItsShare,
    /// Nobody was, and so this one is taken in.
    TakenIn(PersonaId),
}

/// How a trial ends.
#[derive(Debug)]
pub(super) enum End {
    /// It has shown itself.
    Good,
    /// It has not, and why.
    Bad(String),
}

impl Trial {
    pub(super) fn new(build: Build, plan: CanaryPlan) -> Self {
        let comers = Comers::Others(BTreeSet::new());
        Self { build, plan, clean: 0, useless: 0, unreadable: 0, comers }
    }

    /// Counts a turn. Gives the end that this brings, if any.
    pub(super) fn after(&mut self, verdict: Verdict) -> Option<End> {
        let (clean, wanted) = (self.clean, self.plan.clean_turns);
        let bad = |why: &str| Some(End::Bad(format!("{why}, after {clean} of {wanted} clean turns")));
        match verdict {
            Verdict::BrokeDown => return bad("it broke down in a turn"),
            Verdict::Clean => {
                self.clean += 1;
                return (self.clean >= wanted).then_some(End::Good);
            }
            Verdict::Unusable => self.useless += 1,
            Verdict::Unreadable => {
                self.useless += 1;
                self.unreadable += 1;
            }
        }
        match (self.useless >= USELESS, self.unreadable == self.useless) {
            (false, _) => None,
            (true, true) => bad("it could read nothing in the replies of two turns"),
            (true, false) => bad("its answers were of no use in two turns"),
        }
    }

    /// Whether it gets a turn of this persona. Whom nothing else serves has nothing to lose. Of few personas none may be
    /// in its share, and it would never end: then it takes in the first one who comes the second time.
    pub(super) fn takes(&mut self, persona: &PersonaId, is_served_otherwise: bool) -> bool {
        if !is_served_otherwise || self.has_in_its_share(persona) {
            if let Comers::Others(_) = self.comers {
                self.comers = Comers::InItsShare;
            }
            return true;
        }
        match &mut self.comers {
            Comers::Others(others) if others.contains(persona) => {
                self.comers = Comers::TakenIn(persona.clone());
                true
            }
            Comers::Others(others) => {
                others.insert(persona.clone());
                false
            }
            Comers::InItsShare => false,
            Comers::TakenIn(taken_in) => taken_in == persona,
        }
    }

    /// The same for each of its turns, and another share of the personas for each build.
    fn has_in_its_share(&self, persona: &PersonaId) -> bool {
        let digest = Sha256::new()
            .chain_update(self.build.sha256.as_str())
            .chain_update([0])
            .chain_update(persona.as_str())
            .finalize();
        let [first, second, third, fourth, ..] = digest[..] else { return false };
        f64::from(u32::from_be_bytes([first, second, third, fourth])) < self.plan.share * 2f64.powi(32)
    }
}
