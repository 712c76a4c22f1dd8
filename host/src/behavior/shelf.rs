//! One plugin: the generation that serves, the one on trial, the one that stands in, and what is
//! remembered of those before. Plain state; who waits and who reads files is the registry.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::call::Called;
use super::generation::Generation;
use super::health::{Allowed, Health, Quarantine};
use super::record::{BuildRecord, BuildState, LoggedLine, Occasion};
use super::refusal::{LoadStage, Refusal};
use super::source::Source;
use super::tally::Tally;
use domain::ids::{GenerationNumber, PersonaId, Sha256Hex, StrategyName};
use domain::plugin::{CanaryPlan, ServedAs};

/// How many builds are remembered.
const RECORDS: usize = 20;
/// How many log lines are remembered.
const LINES: usize = 500;
/// So many replies that it cannot read end a trial.
const UNREADABLE: u32 = 2;

/// One plugin.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    numbers: u64,
    live: Option<Served>,
    canary: Option<Trial>,
    previous: Option<Served>,
    records: VecDeque<(BuildRecord, Tally)>,
    pub(super) log: VecDeque<LoggedLine>,
    pub(super) orphaned: bool,
}

/// A generation that turns get.
#[derive(Debug)]
struct Served {
    generation: Arc<Generation>,
    health: Health,
}

/// A new generation that has to show itself.
#[derive(Debug)]
struct Trial {
    generation: Arc<Generation>,
    source: Source,
    plan: CanaryPlan,
    clean: u32,
    unreadable: u32,
}

/// What a turn that begins now gets.
#[derive(Debug)]
pub(super) enum Choice {
    Serves(Arc<Generation>, ServedAs),
    Quarantined(Quarantine, Sha256Hex),
    Nothing,
}

/// How a turn went, as far as its plugin is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that it was asked was answered, and ratings were read.
    Clean,
    /// It found nothing in the reply that it could read.
    Unreadable,
    /// It broke down.
    BrokeDown,
}

/// How a trial ended.
#[derive(Debug)]
pub(super) enum TrialEnd {
    Promoted(Arc<Generation>, Source),
    Withdrawn(Refusal),
}

/// What a call changed about its generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turning {
    /// It is quarantined, or stays so for longer.
    Quarantined(Quarantine),
    /// It serves again.
    Recovered,
}

impl Served {
    fn new(generation: Arc<Generation>) -> Self {
        Self { generation, health: Health::default() }
    }
}

impl Shelf {
    /// The number of the next generation.
    pub(super) fn next_number(&mut self) -> GenerationNumber {
        self.numbers += 1;
        GenerationNumber(self.numbers)
    }

    pub(super) fn live(&self) -> Option<&Arc<Generation>> {
        self.live.as_ref().map(|served| &served.generation)
    }

    pub(super) fn quarantine(&self) -> Option<&Quarantine> {
        self.live.as_ref().and_then(|served| served.health.quarantine.as_ref())
    }

    /// What a turn of this persona gets.
    pub(super) fn choose(&mut self, persona: &PersonaId, now: DateTime<Utc>) -> Choice {
        if let Some(trial) = &self.canary
            && is_in_share(trial, persona)
        {
            return Choice::Serves(Arc::clone(&trial.generation), ServedAs::Canary);
        }
        let Some(live) = &mut self.live else { return Choice::Nothing };
        match live.health.allows(now) {
            Allowed::Yes => Choice::Serves(Arc::clone(&live.generation), ServedAs::Live),
            Allowed::No(quarantine) => Choice::Quarantined(quarantine, live.generation.digest().clone()),
        }
    }

    /// What stands in for the live one, if it was loaded and is well.
    pub(super) fn standing_in(&mut self, now: DateTime<Utc>) -> Option<Option<Arc<Generation>>> {
        let previous = self.previous.as_mut()?;
        let well = previous.health.allows(now) == Allowed::Yes;
        Some(well.then(|| Arc::clone(&previous.generation)))
    }

    pub(super) fn let_stand_in(&mut self, generation: &Arc<Generation>, now: DateTime<Utc>) {
        self.previous = Some(Served::new(Arc::clone(generation)));
        self.note_fallback(generation, now);
    }

    /// Remembers a generation that stands in for another, of this plugin or of another one.
    pub(super) fn note_fallback(&mut self, generation: &Generation, now: DateTime<Utc>) {
        self.remember(BuildRecord::of(generation, BuildState::Previous, Occasion::Fallback, now));
    }

    /// The one swap: new turns get this generation from now on. What was there before ends with its
    /// last turn.
    pub(super) fn go_live(&mut self, generation: &Arc<Generation>, occasion: Occasion, now: DateTime<Utc>) {
        self.retire(BuildState::Serving);
        self.retire(BuildState::Previous);
        self.retire(BuildState::Canary);
        self.canary = None;
        self.previous = None;
        self.live = Some(Served::new(Arc::clone(generation)));
        self.remember(BuildRecord::of(generation, BuildState::Serving, occasion, now));
    }

    pub(super) fn go_on_trial(
        &mut self,
        generation: &Arc<Generation>,
        source: Source,
        plan: CanaryPlan,
        occasion: Occasion,
        now: DateTime<Utc>,
    ) {
        self.retire(BuildState::Canary);
        let generation = Arc::clone(generation);
        self.remember(BuildRecord::of(&generation, BuildState::Canary, occasion, now));
        self.canary = Some(Trial { generation, source, plan, clean: 0, unreadable: 0 });
    }

    pub(super) fn refuse(&mut self, refusal: &Refusal, occasion: Occasion, now: DateTime<Utc>) {
        self.remember(BuildRecord::refused(refusal, occasion, now));
    }

    /// Whether this build serves, is on trial or was refused: there is nothing to find out about it.
    pub(super) fn is_settled(&self, sha256: &Sha256Hex) -> bool {
        let serves = |generation: &Arc<Generation>| generation.digest() == sha256;
        // What was not trusted may be so with the signature that comes after it.
        let refused = |(record, _): &(BuildRecord, Tally)| {
            record.state == BuildState::Refused
                && record.sha256.as_ref() == Some(sha256)
                && record.stage != Some(LoadStage::Trust)
        };
        self.live().is_some_and(serves)
            || self.canary.as_ref().is_some_and(|trial| serves(&trial.generation))
            || self.records.iter().any(refused)
    }

    /// Whether this very refusal was told before.
    pub(super) fn was_told(&self, refusal: &Refusal) -> bool {
        self.records.iter().any(|(record, _)| {
            record.state == BuildState::Refused
                && record.sha256 == refusal.sha256
                && record.stage == Some(refusal.stage)
                && record.why.as_ref() == Some(&refusal.message)
        })
    }

    /// Books a call.
    pub(super) fn book<T>(
        &mut self,
        generation: &Generation,
        strategy: &StrategyName,
        called: &Called<T>,
        now: DateTime<Utc>,
    ) -> Option<Turning> {
        let number = generation.number();
        if let Some((_, tally)) = self.records.iter_mut().find(|(record, _)| record.number == Some(number)) {
            tally.add(called);
        }
        for line in &called.log {
            if self.log.len() == LINES {
                self.log.pop_front();
            }
            self.log.push_back(LoggedLine {
                at: now,
                strategy: strategy.clone(),
                generation: number,
                function: called.function,
                level: line.level,
                message: line.message.clone(),
            });
        }
        let served = [self.live.as_mut(), self.previous.as_mut()].into_iter().flatten();
        let served = served.into_iter().find(|served| served.generation.number() == number)?;
        match &called.result {
            Err(error) if error.is_breakdown() => {
                let quarantine = served.health.broke_down(called.function, &error.to_string(), now)?;
                Some(Turning::Quarantined(quarantine.clone()))
            }
            _ => served.health.succeeded(called.function).then_some(Turning::Recovered),
        }
    }

    /// Counts a turn of the generation on trial.
    pub(super) fn judge(
        &mut self,
        generation: &Generation,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> Option<TrialEnd> {
        let trial = self.canary.as_mut().filter(|trial| trial.generation.number() == generation.number())?;
        match verdict {
            Verdict::Clean => trial.clean += 1,
            Verdict::Unreadable => trial.unreadable += 1,
            Verdict::BrokeDown => {}
        }
        let why = match verdict {
            Verdict::BrokeDown => "it broke down in a turn",
            _ if trial.unreadable >= UNREADABLE => "it could read nothing in the replies of two turns",
            _ if trial.clean >= trial.plan.clean_turns => {
                let Trial { generation, source, .. } = self.canary.take()?;
                let record =
                    self.records.iter().position(|(record, _)| record.number == Some(generation.number()));
                let occasion = record.map_or(Occasion::File, |at| self.records[at].0.occasion);
                let tally = record.and_then(|at| self.records.remove(at)).map(|(_, tally)| tally);
                self.go_live(&generation, occasion, now);
                if let (Some(tally), Some((_, own))) = (tally, self.records.front_mut()) {
                    *own = tally;
                }
                return Some(TrialEnd::Promoted(generation, source));
            }
            _ => return None,
        };
        let Trial { generation, source, clean, plan, .. } = self.canary.take()?;
        let message = format!("{why}, after {clean} of {} clean turns", plan.clean_turns);
        let hint = "the log and `persona-host turns list` show the turn; mend the plugin and save it again";
        let still_serving = self.serving();
        let refusal = Refusal { still_serving, ..Refusal::of(&source, LoadStage::Canary, message, hint) };
        if let Some((record, _)) =
            self.records.iter_mut().find(|(record, _)| record.number == Some(generation.number()))
        {
            record.state = BuildState::Refused;
            record.stage = Some(LoadStage::Canary);
            record.why = Some(refusal.message.clone());
            record.hint = Some(refusal.hint.clone());
        }
        Some(TrialEnd::Withdrawn(refusal))
    }

    /// What serves, for people.
    pub(super) fn serving(&self) -> Option<String> {
        let live = self.live()?;
        Some(format!("{}, generation {}", live.descriptor().version, live.number()))
    }

    /// The builds that are remembered, newest first, with what their calls came to.
    pub(super) fn records(&self) -> Vec<BuildRecord> {
        let with_figures = |(record, tally): &(BuildRecord, Tally)| BuildRecord {
            figures: tally.figures(),
            ..record.clone()
        };
        self.records.iter().map(with_figures).collect()
    }

    fn retire(&mut self, state: BuildState) {
        for (record, _) in self.records.iter_mut().filter(|(record, _)| record.state == state) {
            record.state = BuildState::Retired;
        }
    }

    fn remember(&mut self, record: BuildRecord) {
        self.records.push_front((record, Tally::default()));
        // What serves stays in the list, however long ago it came.
        while self.records.len() > RECORDS {
            let oldest = self
                .records
                .iter()
                .rposition(|(record, _)| matches!(record.state, BuildState::Retired | BuildState::Refused));
            match oldest {
                Some(oldest) => drop(self.records.remove(oldest)),
                None => return,
            }
        }
    }
}

/// Whether the trial has this persona: the same for each of its turns, and another share of the personas
/// for each build.
fn is_in_share(trial: &Trial, persona: &PersonaId) -> bool {
    let digest = Sha256::new()
        .chain_update(trial.generation.digest().as_str())
        .chain_update([0])
        .chain_update(persona.as_str())
        .finalize();
    let [first, second, third, fourth, ..] = digest[..] else { return false };
    f64::from(u32::from_be_bytes([first, second, third, fourth])) < trial.plan.share * 2f64.powi(32)
}
