//! The table: what is so now, and what each thing that happens makes of it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::retry::Retry;
use super::serving::{Serving, StandIn};
use super::trial::{End, Trial};
use super::words::{Build, Choice, Does, Happens, InPlace, Lasts, LeftOut, Unfit, Verdict};
use crate::behavior::health::{Allowed, Health, Quarantine};
use crate::behavior::record::Occasion;
use domain::ids::{GenerationNumber, PersonaId, Sha256Hex, StrategyName};
use domain::plugin::CanaryPlan;

/// How many refused builds are remembered.
const REFUSED: usize = 20;

/// What is so.
#[derive(Debug, Default)]
pub(in crate::behavior) struct Life {
    /// What was found in the folder last.
    in_folder: Option<Sha256Hex>,
    live: Option<Serving>,
    trial: Option<Trial>,
    stand_in: StandIn,
    /// Bytes that are no good.
    refused: VecDeque<Sha256Hex>,
    /// When what is in the folder is tried again, though it looks as before.
    retry: Retry,
    /// The good builds on disk, newest first.
    kept: Vec<Sha256Hex>,
    /// What was rolled back or withdrawn, and is not to be loaded from the folder.
    set_aside: Vec<Sha256Hex>,
    /// The disk has told what was set aside before.
    is_told: bool,
    orphaned: bool,
}

impl Life {
    /// What is done when this happens. What is so changes with it.
    pub(in crate::behavior) fn after(&mut self, happens: Happens, now: DateTime<Utc>) -> Vec<Does> {
        match happens {
            Happens::Indexed { kept, set_aside } => self.indexed(kept, set_aside),
            Happens::Found { sha256, occasion } => self.found(sha256, occasion, now),
            Happens::Gone => self.gone(),
            Happens::Admitted { build, occasion, plan } => self.admitted(build, occasion, plan, now),
            Happens::AskedAgain { number, left_out } => self.asked_again(number, left_out, now),
            Happens::Refused { sha256, lasts, of_file } => self.refused(sha256, lasts, of_file, now),
            Happens::RolledBack => self.rolled_back(),
            Happens::Judged { number, verdict } => self.judged(number, verdict, now),
            Happens::StandsIn(build) => self.stands_in(build, now),
            Happens::NoneStandsIn(lasts) => self.none_stands_in(lasts, now),
            Happens::Called { number, function, answer, ticket } => {
                let health = self.health(number);
                let turning = health.and_then(|health| health.called(function, answer, ticket, now));
                turning.map(Does::Turns).into_iter().collect()
            }
            Happens::TicketReturned { number, ticket } => {
                self.health(number).into_iter().for_each(|health| health.release(ticket));
                Vec::new()
            }
        }
    }

    /// What a turn of this persona under this strategy gets.
    pub(in crate::behavior) fn choose(
        &mut self,
        strategy: &StrategyName,
        who: &PersonaId,
        now: DateTime<Utc>,
    ) -> Choice {
        let left_out = self.live.as_ref().and_then(|live| live.build.left_out.get(strategy)).cloned();
        if let Some(trial) = &mut self.trial
            && !trial.build.left_out.contains_key(strategy)
            && trial.takes(who, left_out.is_none())
        {
            return Choice::Trial(trial.build.number);
        }
        let Some(live) = &mut self.live else { return Choice::Nothing };
        if let Some(unfit) = left_out {
            return Choice::LeftOut(unfit.said);
        }
        match live.health.allows(now) {
            Allowed::Yes => Choice::Live(live.build.number, None),
            Allowed::OnTrial(ticket) => Choice::Live(live.build.number, Some(ticket)),
            Allowed::No(quarantine) => Choice::Quarantined(quarantine),
        }
    }

    /// What serves in the place of the live build.
    pub(in crate::behavior) fn in_place(&mut self, now: DateTime<Utc>) -> InPlace {
        match &mut self.stand_in {
            StandIn::Serves(serving) => match serving.health.allows(now) {
                Allowed::Yes => InPlace::Serves(serving.build.number, None),
                Allowed::OnTrial(ticket) => InPlace::Serves(serving.build.number, Some(ticket)),
                Allowed::No(_) => InPlace::Nothing,
            },
            StandIn::Nothing(retry) if !retry.is_due(now) => InPlace::Nothing,
            StandIn::Unknown | StandIn::Nothing(_) => match self.good_kept() {
                kept if kept.is_empty() => InPlace::Nothing,
                kept => InPlace::Load(kept),
            },
        }
    }

    pub(in crate::behavior) fn live(&self) -> Option<GenerationNumber> {
        self.live.as_ref().map(|live| live.build.number)
    }

    pub(in crate::behavior) fn quarantine(&self) -> Option<&Quarantine> {
        self.live.as_ref().and_then(|live| live.health.quarantine.as_ref())
    }

    /// Why the live build leaves a strategy out, if it does.
    pub(in crate::behavior) fn why_left_out(&self, strategy: &StrategyName) -> Option<&Unfit> {
        self.live.as_ref()?.build.left_out.get(strategy)
    }

    /// The strategies that the live build is to be asked about again.
    pub(in crate::behavior) fn to_ask_again(&self, now: DateTime<Utc>) -> Vec<StrategyName> {
        self.live.as_ref().map(|live| live.to_ask_again(now)).unwrap_or_default()
    }

    pub(in crate::behavior) fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// Whether what is in the folder is to be tried again, though it looks as before.
    pub(in crate::behavior) fn is_due_again(&self, now: DateTime<Utc>) -> bool {
        self.retry.is_due(now)
    }

    /// Whether turns get this generation.
    pub(in crate::behavior) fn holds(&self, number: GenerationNumber) -> bool {
        let stands_in = matches!(&self.stand_in, StandIn::Serves(serving) if serving.build.number == number);
        stands_in || self.live() == Some(number) || self.is_on_trial(number)
    }

    fn indexed(&mut self, kept: Vec<Sha256Hex>, set_aside: Vec<Sha256Hex>) -> Vec<Does> {
        self.kept = kept;
        // A disk may lag behind what was decided since.
        if !std::mem::replace(&mut self.is_told, true) {
            for sha256 in set_aside {
                if !self.set_aside.contains(&sha256) && !self.has_turns(&sha256) {
                    self.set_aside.push(sha256);
                }
            }
        }
        Vec::new()
    }

    fn found(&mut self, sha256: Sha256Hex, occasion: Occasion, now: DateTime<Utc>) -> Vec<Does> {
        let mut does = self.lies_there(Some(&sha256));
        if let Some(live) = self.live.as_ref().filter(|live| live.build.sha256 == sha256) {
            does.push(Does::Serves(live.build.number));
            self.retry = Retry::default();
            return does;
        }
        let aside = self.set_aside.contains(&sha256);
        let kept = self.good_kept();
        let next = match occasion {
            Occasion::Start if aside && !kept.is_empty() => Does::LoadKept(kept),
            Occasion::File if self.refused.contains(&sha256) => Does::Knows { refused: true },
            Occasion::File if aside || self.trial.is_some() => Does::Knows { refused: false },
            Occasion::File if self.retry.is_waited_for(now) => {
                does.push(Does::Knows { refused: false });
                return does;
            }
            _ => Does::Load,
        };
        if next != Does::Load {
            // It could be read, and there is nothing more to be tried.
            self.retry = Retry::default();
        }
        does.push(next);
        does
    }

    fn gone(&mut self) -> Vec<Does> {
        let mut does = self.lies_there(None);
        if self.live.is_some() && !std::mem::replace(&mut self.orphaned, true) {
            does.push(Does::Orphans(true));
        }
        does
    }

    /// A trial is of what lies in the folder: a build that was taken away is not promoted.
    fn lies_there(&mut self, sha256: Option<&Sha256Hex>) -> Vec<Does> {
        let mut does = Vec::new();
        if self.in_folder.as_ref() != sha256 {
            self.in_folder = sha256.cloned();
            self.retry = Retry::default();
        }
        if let Some(trial) = self.trial.take_if(|trial| Some(&trial.build.sha256) != sha256) {
            does.push(Does::Retires(trial.build.number));
        }
        if sha256.is_some() && std::mem::take(&mut self.orphaned) {
            does.push(Does::Orphans(false));
        }
        does
    }

    fn admitted(
        &mut self,
        build: Build,
        occasion: Occasion,
        plan: Option<CanaryPlan>,
        now: DateTime<Utc>,
    ) -> Vec<Does> {
        if self.in_folder.as_ref() == Some(&build.sha256) {
            self.retry = Retry::default();
        }
        // Nothing to compare with, nothing to be careful about: then all get it at once. So they do when somebody
        // goes back.
        let plan = plan.filter(|_| self.live.is_some() && occasion != Occasion::Rollback);
        let Some(plan) = plan else { return self.goes_live(build, occasion == Occasion::Rollback, now) };
        let mut does = Vec::new();
        if self.set_aside.contains(&build.sha256) {
            does.push(Does::TakesBack(build.sha256.clone()));
        }
        self.is_good_again(&build.sha256);
        let number = build.number;
        let before = self.trial.replace(Trial::new(build, plan));
        does.extend(before.map(|before| Does::Retires(before.build.number)));
        does.push(Does::GoesOnTrial(number));
        does
    }

    /// Unless another one is live by now.
    fn asked_again(&mut self, number: GenerationNumber, left_out: LeftOut, now: DateTime<Utc>) -> Vec<Does> {
        if let Some(live) = self.live.as_mut().filter(|live| live.build.number == number) {
            live.asked_again(left_out, now);
        }
        Vec::new()
    }

    /// The one swap. What was there before ends with its last turn.
    fn goes_live(&mut self, build: Build, rolled_back: bool, now: DateTime<Utc>) -> Vec<Does> {
        let mut does = Vec::new();
        let number = build.number;
        self.is_good_again(&build.sha256);
        if let Some(before) = self.live.replace(Serving::new(build, now)) {
            does.push(Does::Retires(before.build.number));
            if rolled_back {
                does.push(self.sets_aside(before.build.sha256));
            }
        }
        if let Some(trial) = self.trial.take() {
            does.push(Does::Retires(trial.build.number));
        }
        if let StandIn::Serves(previous) = std::mem::take(&mut self.stand_in) {
            does.push(Does::Retires(previous.build.number));
        }
        does.extend([Does::GoesLive(number), Does::Keeps(number)]);
        does
    }

    fn is_good_again(&mut self, sha256: &Sha256Hex) {
        self.refused.retain(|refused| refused != sha256);
        self.set_aside.retain(|aside| aside != sha256);
    }

    fn refused(
        &mut self,
        sha256: Option<Sha256Hex>,
        lasts: Lasts,
        of_file: bool,
        now: DateTime<Utc>,
    ) -> Vec<Does> {
        if of_file {
            match lasts {
                Lasts::AWhile => self.retry.after_failure(now),
                Lasts::ForTheBytes | Lasts::UntilItLooksDifferent => self.retry = Retry::default(),
            }
        }
        if let Some(sha256) = sha256.filter(|_| lasts == Lasts::ForTheBytes) {
            self.remember_refused(sha256);
        }
        match self.good_kept() {
            kept if self.live.is_none() && of_file && !kept.is_empty() => vec![Does::LoadKept(kept)],
            _ => Vec::new(),
        }
    }

    fn remember_refused(&mut self, sha256: Sha256Hex) {
        self.refused.retain(|refused| *refused != sha256);
        self.refused.push_front(sha256);
        self.refused.truncate(REFUSED);
    }

    /// With a build on trial, that one is what is gone back from; the live one never stopped to serve.
    fn rolled_back(&mut self) -> Vec<Does> {
        let Some(live) = self.live() else { return Vec::new() };
        if let Some(trial) = self.trial.take() {
            let aside = self.sets_aside(trial.build.sha256);
            return vec![Does::Retires(trial.build.number), aside, Does::Serves(live)];
        }
        match self.other_kept() {
            kept if kept.is_empty() => Vec::new(),
            kept => vec![Does::LoadKept(kept)],
        }
    }

    fn sets_aside(&mut self, sha256: Sha256Hex) -> Does {
        self.set_aside.retain(|aside| *aside != sha256);
        self.set_aside.insert(0, sha256.clone());
        Does::SetsAside(sha256)
    }

    fn judged(&mut self, number: GenerationNumber, verdict: Verdict, now: DateTime<Utc>) -> Vec<Does> {
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.build.number == number) else {
            return Vec::new();
        };
        let Some(end) = trial.after(verdict) else { return Vec::new() };
        let Some(Trial { build, .. }) = self.trial.take() else { return Vec::new() };
        match end {
            End::Good => self.goes_live(build, false, now),
            End::Bad(why) => {
                self.remember_refused(build.sha256.clone());
                // A restart forgets what was refused, and there is no trial at the start.
                vec![Does::Withdraws(why), self.sets_aside(build.sha256)]
            }
        }
    }

    /// Unless nothing is ill any more: another build may have gone live meanwhile.
    fn stands_in(&mut self, build: Build, now: DateTime<Utc>) -> Vec<Does> {
        if self.quarantine().is_none() || self.serves(&build.sha256) {
            return Vec::new();
        }
        let number = build.number;
        self.stand_in = StandIn::Serves(Serving::new(build, now));
        vec![Does::StandsIn(number)]
    }

    fn none_stands_in(&mut self, lasts: Lasts, now: DateTime<Utc>) -> Vec<Does> {
        let mut retry = match std::mem::take(&mut self.stand_in) {
            StandIn::Nothing(retry) => retry,
            StandIn::Unknown | StandIn::Serves(_) => Retry::default(),
        };
        match lasts {
            Lasts::AWhile => retry.after_failure(now),
            Lasts::ForTheBytes | Lasts::UntilItLooksDifferent => retry = Retry::default(),
        }
        self.stand_in = StandIn::Nothing(retry);
        Vec::new()
    }

    /// The kept builds that somebody could go back to, newest first.
    fn other_kept(&self) -> Vec<Sha256Hex> {
        let other =
            self.kept.iter().filter(|sha256| !self.set_aside.contains(sha256) && !self.serves(sha256));
        other.cloned().collect()
    }

    /// The kept builds that could serve, newest first: nobody has found fault with them since.
    pub(in crate::behavior) fn good_kept(&self) -> Vec<Sha256Hex> {
        let mut kept = self.other_kept();
        kept.retain(|sha256| !self.refused.contains(sha256));
        kept
    }

    fn serves(&self, sha256: &Sha256Hex) -> bool {
        self.live.as_ref().is_some_and(|live| live.build.sha256 == *sha256)
    }

    /// Whether it is live or on trial.
    fn has_turns(&self, sha256: &Sha256Hex) -> bool {
        self.serves(sha256) || self.trial.as_ref().is_some_and(|trial| trial.build.sha256 == *sha256)
    }

    fn is_on_trial(&self, number: GenerationNumber) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.build.number == number)
    }

    fn health(&mut self, number: GenerationNumber) -> Option<&mut Health> {
        let stand_in = match &mut self.stand_in {
            StandIn::Serves(serving) => Some(serving),
            StandIn::Unknown | StandIn::Nothing(_) => None,
        };
        let mut serving = self.live.as_mut().into_iter().chain(stand_in);
        serving.find(|serving| serving.build.number == number).map(|serving| &mut serving.health)
    }
}
