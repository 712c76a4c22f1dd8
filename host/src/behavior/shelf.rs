//! One plugin: the generations that its life names, and what is remembered of those before. The hands of the table;
//! who waits and who reads files is the registry.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::builds::{Index, KeptBuild};
use super::call::{CallError, Called};
use super::generation::Generation;
use super::health::{Answer, Ticket, Turning};
use super::life::{Build, Choice, Does, Happens, InPlace, Lasts, LeftOut, Life, Verdict};
use super::record::{BuildRecord, BuildState, LoggedLine, Occasion};
use super::refusal::{LoadStage, Origin, Refusal};
use super::source::Source;
use super::tally::Tally;
use domain::behavior::FailureKind;
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, StrategyName};
use domain::plugin::CanaryPlan;

/// How many builds are remembered.
const RECORDS: usize = 20;
/// How many log lines are remembered.
const LINES: usize = 500;
/// What to do about a build whose trial has failed.
const WITHDRAWN: &str =
    "the log and `persona-host turns list` show the turn; mend the plugin and save it again";

/// All plugins of this process.
pub(super) type Shelves = Mutex<BTreeMap<PluginName, Shelf>>;

/// One plugin.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    numbers: u64,
    life: Life,
    held: BTreeMap<GenerationNumber, Held>,
    records: VecDeque<(BuildRecord, Tally)>,
    /// What lies in the folder was refused: the newest of these records.
    has_refused: bool,
    kept: Vec<KeptBuild>,
    pub(super) log: VecDeque<LoggedLine>,
}

/// A generation that the life names.
#[derive(Debug)]
struct Held {
    generation: Arc<Generation>,
    occasion: Occasion,
    /// Until it is kept.
    source: Option<Source>,
}

impl Verdict {
    /// What a turn says of its plugin whose call ended like this; nothing if the plugin did what it may do.
    #[must_use]
    pub fn of<T>(called: &Called<T>) -> Option<Self> {
        match answer(called) {
            // Who read nothing is judged by what the turn makes of it.
            Answer::Usable | Answer::ReadNothing => None,
            Answer::Unusable => Some(Self::Unusable),
            Answer::BrokeDown(_) => Some(Self::BrokeDown),
        }
    }
}

impl Shelf {
    /// The number of the next generation.
    pub(super) fn next_number(&mut self) -> GenerationNumber {
        self.numbers += 1;
        GenerationNumber(self.numbers)
    }

    pub(super) fn live(&self) -> Option<&Arc<Generation>> {
        self.generation(self.life.live()?)
    }

    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    pub(super) fn kept(&self) -> &[KeptBuild] {
        &self.kept
    }

    pub(super) fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// What serves, for people.
    pub(super) fn serving(&self) -> Option<String> {
        let live = self.live()?;
        Some(format!("{}, generation {}", live.descriptor().version, live.number()))
    }

    pub(super) fn choose(&mut self, strategy: &StrategyName, who: &PersonaId, now: DateTime<Utc>) -> Choice {
        self.life.choose(strategy, who, now)
    }

    pub(super) fn in_place(&mut self, now: DateTime<Utc>) -> InPlace {
        self.life.in_place(now)
    }

    pub(super) fn generation(&self, number: GenerationNumber) -> Option<&Arc<Generation>> {
        self.held.get(&number).map(|held| &held.generation)
    }

    /// A generation that is held and has this digest.
    pub(super) fn of_digest(&self, sha256: &Sha256Hex) -> Option<Arc<Generation>> {
        let held = self.held.values().find(|held| held.generation.digest() == sha256)?;
        Some(Arc::clone(&held.generation))
    }

    /// The bytes of a generation that is to be kept, once.
    pub(super) fn take_to_keep(&mut self, number: GenerationNumber) -> Option<(Arc<Generation>, Source)> {
        let held = self.held.get_mut(&number)?;
        Some((Arc::clone(&held.generation), held.source.take()?))
    }

    pub(super) fn indexed(&mut self, index: Index, now: DateTime<Utc>) {
        let kept = index.builds.iter().map(|build| build.sha256.clone()).collect();
        self.kept = index.builds;
        self.after(Happens::Indexed { kept, set_aside: index.set_aside }, now);
    }

    /// A build was let in.
    pub(super) fn admitted(
        &mut self,
        generation: &Arc<Generation>,
        source: Source,
        left_out: LeftOut,
        occasion: Occasion,
        plan: Option<CanaryPlan>,
        now: DateTime<Utc>,
    ) -> Vec<Does> {
        let build = self.hold(generation, Some(source), left_out, occasion);
        self.after(Happens::Admitted { build, occasion, plan }, now)
    }

    /// The live build was asked again about what it left out for now.
    pub(super) fn asked_again(&mut self, generation: &Generation, left_out: LeftOut, now: DateTime<Utc>) {
        self.after(Happens::AskedAgain { number: generation.number(), left_out }, now);
    }

    /// A kept build can stand in.
    pub(super) fn stands_in(&mut self, generation: &Arc<Generation>, now: DateTime<Utc>) {
        let build = self.hold(generation, None, LeftOut::new(), Occasion::Fallback);
        self.after(Happens::StandsIn(build), now);
    }

    /// Remembers a generation that stands in for another plugin's.
    pub(super) fn note_fallback(&mut self, generation: &Generation, now: DateTime<Utc>) {
        self.remember(BuildRecord::of(generation, BuildState::Previous, Occasion::Fallback, now));
    }

    /// A build was refused. Gives it with what serves on, unless this very refusal was told before, and what is done.
    pub(super) fn refused(
        &mut self,
        refusal: Refusal,
        occasion: Occasion,
        now: DateTime<Utc>,
    ) -> (Option<Refusal>, Vec<Does>) {
        let of_file = refusal.origin != Origin::Kept
            && matches!(occasion, Occasion::Start | Occasion::File | Occasion::Reload);
        let sha256 = refusal.sha256.clone();
        let does = self.after(Happens::Refused { sha256, lasts: lasts(&refusal), of_file }, now);
        self.has_refused |= of_file;
        if let Some(told) = self.records.iter().position(|(record, _)| is_of(record, &refusal)) {
            self.bring_forward(told);
            return (None, does);
        }
        self.remember(BuildRecord::refused(&refusal, occasion, now));
        (Some(Refusal { still_serving: self.serving(), ..refusal }), does)
    }

    /// Counts a turn of a generation on trial. Gives the refusal, if that has failed, and what is done.
    pub(super) fn judge(
        &mut self,
        generation: &Generation,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> (Option<Refusal>, Vec<Does>) {
        let does = self.after(Happens::Judged { number: generation.number(), verdict }, now);
        let why = does.iter().find_map(|done| if let Does::Withdraws(why) = done { Some(why) } else { None });
        let refusal = why.map(|why| Refusal {
            sha256: Some(generation.digest().clone()),
            still_serving: self.serving(),
            ..Refusal::new(
                generation.plugin(),
                generation.origin().clone(),
                LoadStage::Canary,
                why,
                WITHDRAWN,
            )
        });
        if let (Some(refusal), Some((record, _))) = (&refusal, self.record(generation.number())) {
            record.state = BuildState::Refused;
            record.stage = Some(LoadStage::Canary);
            record.why = Some(refusal.message.clone());
            record.hint = Some(refusal.hint.clone());
            self.has_refused = true;
        }
        (refusal, does)
    }

    /// Books a call.
    pub(super) fn book<T>(
        &mut self,
        generation: &Generation,
        strategy: &StrategyName,
        called: &Called<T>,
        ticket: Option<Ticket>,
        now: DateTime<Utc>,
    ) -> Option<Turning> {
        let (number, function) = (generation.number(), called.function);
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
                function,
                level: line.level,
                message: line.message.clone(),
            });
        }
        let does = self.after(Happens::Called { number, function, answer: answer(called), ticket }, now);
        does.into_iter().find_map(|does| if let Does::Turns(turning) = does { Some(turning) } else { None })
    }

    /// What the table says. The part of it that concerns records and generations is done already.
    pub(super) fn after(&mut self, happens: Happens, now: DateTime<Utc>) -> Vec<Does> {
        let found = match &happens {
            Happens::Found { sha256, .. } => Some(Some(sha256.clone())),
            Happens::Gone => Some(None),
            _ => None,
        };
        if found.is_some() {
            self.has_refused = false;
        }
        let does = self.life.after(happens, now);
        for done in &does {
            match done {
                Does::GoesLive(number) => self.show(*number, BuildState::Serving, now),
                Does::GoesOnTrial(number) => self.show(*number, BuildState::Canary, now),
                Does::StandsIn(number) => self.show(*number, BuildState::Previous, now),
                Does::Retires(number) => {
                    if let Some((record, _)) = self.record(*number) {
                        record.state = BuildState::Retired;
                    }
                }
                Does::Knows { refused: true } => self.is_refused_again(found.clone().flatten().as_ref()),
                _ => {}
            }
        }
        self.held.retain(|number, _| self.life.holds(*number));
        does
    }

    /// The builds that are remembered, newest first, with what their calls came to.
    pub(super) fn records(&self) -> Vec<BuildRecord> {
        let with_figures = |(record, tally): &(BuildRecord, Tally)| BuildRecord {
            figures: tally.figures(),
            ..record.clone()
        };
        self.records.iter().map(with_figures).collect()
    }

    fn hold(
        &mut self,
        generation: &Arc<Generation>,
        source: Option<Source>,
        left_out: LeftOut,
        occasion: Occasion,
    ) -> Build {
        let (number, sha256) = (generation.number(), generation.digest().clone());
        self.held.insert(number, Held { generation: Arc::clone(generation), occasion, source });
        Build { number, sha256, left_out }
    }

    /// Remembers a generation in this state as the newest. One that was on trial keeps what its calls came to.
    fn show(&mut self, number: GenerationNumber, state: BuildState, now: DateTime<Utc>) {
        let at = self.records.iter().position(|(record, _)| record.number == Some(number));
        if let Some((record, tally)) = at.and_then(|at| self.records.remove(at)) {
            self.records.push_front((BuildRecord { state, at: now, ..record }, tally));
        } else if let Some(held) = self.held.get(&number) {
            let record = BuildRecord::of(&held.generation, state, held.occasion, now);
            self.remember(record);
        }
    }

    /// The same bytes lie in the folder again: theirs is the newest refusal.
    fn is_refused_again(&mut self, sha256: Option<&Sha256Hex>) {
        let refused = |(record, _): &(BuildRecord, Tally)| {
            record.state == BuildState::Refused && record.sha256.as_ref() == sha256
        };
        if let Some(at) = self.records.iter().position(refused) {
            self.has_refused = true;
            self.bring_forward(at);
        }
    }

    fn bring_forward(&mut self, at: usize) {
        if let Some(record) = self.records.remove(at) {
            self.records.push_front(record);
        }
    }

    fn record(&mut self, number: GenerationNumber) -> Option<&mut (BuildRecord, Tally)> {
        self.records.iter_mut().find(|(record, _)| record.number == Some(number))
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

/// Whether a record tells this very refusal.
fn is_of(record: &BuildRecord, refusal: &Refusal) -> bool {
    record.state == BuildState::Refused
        && record.sha256 == refusal.sha256
        && record.stage == Some(refusal.stage)
        && record.why.as_ref() == Some(&refusal.message)
}

/// For how long a refusal holds.
pub(super) fn lasts(refusal: &Refusal) -> Lasts {
    match refusal.stage {
        LoadStage::Trust => Lasts::UntilItLooksDifferent,
        LoadStage::Read => Lasts::AWhile,
        _ if refusal.is_passing => Lasts::AWhile,
        _ => Lasts::ForTheBytes,
    }
}

/// What a call came to. To leave the turn out is an answer.
fn answer<T>(called: &Called<T>) -> Answer {
    match &called.result {
        Ok(_) => Answer::Usable,
        Err(error) if error.is_breakdown() => Answer::BrokeDown(error.to_string()),
        Err(CallError::Failed(failure)) => match (failure.kind, called.function) {
            (FailureKind::Skip, "compose-turn") => Answer::Usable,
            (FailureKind::Output, "parse-rating") => Answer::ReadNothing,
            _ => Answer::Unusable,
        },
        Err(_) => Answer::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::behavior::Failure;

    #[test]
    fn what_a_plugin_may_say_is_no_breakdown_and_only_an_answer_to_go_on_with_is_a_sign_of_health() {
        for (function, kind, is, judged) in [
            ("compose-turn", None, Answer::Usable, None),
            ("parse-rating", None, Answer::Usable, None),
            ("compose-turn", Some(FailureKind::Skip), Answer::Usable, None),
            ("parse-rating", Some(FailureKind::Output), Answer::ReadNothing, None),
            ("compose-turn", Some(FailureKind::Output), Answer::Unusable, Some(Verdict::Unusable)),
            ("parse-rating", Some(FailureKind::Skip), Answer::Unusable, Some(Verdict::Unusable)),
            ("parse-rating", Some(FailureKind::Internal), Answer::Unusable, Some(Verdict::Unusable)),
        ] {
            let no = |kind| {
                CallError::Failed(Box::new(Failure {
                    kind,
                    code: None,
                    message: "no".to_owned(),
                    detail: None,
                }))
            };
            let called = Called::unmade(function, kind.map_or(Ok(()), |kind| Err(no(kind))));
            assert_eq!((answer(&called), Verdict::of(&called)), (is, judged), "{function} {kind:?}");
        }
    }
}
