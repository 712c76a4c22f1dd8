//! The rounds of `experiment run`: one after the other, and once more for turns that were kept back.

use std::cell::Cell;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::tape::Tape;
use crate::cli::output::{FAINT, ODD, Output, styled};
use crate::evidence::Record;
use crate::runner::{Blocks, Border, Broken, CutShort, Round, RoundError, Runner};
use domain::clock::Clock;
use domain::experiment::{Assignment, Metric};
use domain::persona::Persona;
use experiment::numbers::difference;
use standin::DatabaseError;
use standin::mana_mcp::ManaMcp;

/// A Monday, so that nobody has the weekend off. Runs on stand-ins have the same days each time.
const FIRST_DAY: &str = "2026-01-05T08:00:00Z";
/// Holds that end later are not waited for.
const SOON: TimeDelta = TimeDelta::minutes(15);
/// How long nobody looks at the wall clock, which may be set meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long a ledger that is away is left alone.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How instants are told.
const TIME: &str = "%H:%M:%S UTC";

/// A run from its first round to its last.
pub(super) struct Course<'a> {
    pub(super) runner: &'a Runner,
    pub(super) blocks: &'a Blocks,
    pub(super) worlds: Option<Worlds<'a>>,
    pub(super) tape: &'a Tape,
    pub(super) output: Output,
}

/// Days and worlds of a run on stand-ins: each arm of a persona has a world of its own. With real neighbours there
/// is one world, and days pass by themselves.
pub(super) struct Worlds<'a> {
    /// Nobody, in a replay.
    pub(super) mcp: Option<&'a ManaMcp>,
    pub(super) clock: &'a Clock,
}

impl Worlds<'_> {
    async fn cross(
        &self,
        border: Border,
        persona: &Persona,
        place: &Assignment,
    ) -> Result<(), DatabaseError> {
        let Some(mcp) = self.mcp else { return Ok(()) };
        let world = format!("{}.{}/{}", place.experiment, place.version, place.arm);
        match border {
            Border::Enter => mcp.enter_world(persona.id.as_str(), &world).await,
            Border::Leave => mcp.leave_world(persona.id.as_str(), &world).await,
        }
    }
}

/// What came of going through the blocks once.
#[derive(Default)]
struct Pass {
    /// Rounds in which turns were played.
    played: u32,
    /// Blocks that were looked at.
    reached: u32,
    /// Turns that are kept back.
    held: u32,
    /// How many of them because an upstream is left alone.
    left_alone: u32,
    cut_short: Option<CutShort>,
}

impl Course<'_> {
    /// Round by round, from the first that is not over, and no more than `most` of them. When nothing else is left to
    /// play, turns that are kept back are waited for, and so is a ledger that is away. Says whether all of them are over.
    pub(super) async fn play(&self, most: Option<u32>) -> Result<bool, RoundError<DatabaseError>> {
        let planned = self.blocks.experiment.plan.planned_blocks;
        let mut pass = Pass { reached: planned, ..Pass::default() };
        let (mut left, mut played) = (most, 0);
        loop {
            let since = self.runner.deps().clock.now();
            pass = self.pass(pass.reached, left).await?;
            played += pass.played;
            if let Some(why) = pass.cut_short {
                self.say_why(why);
                return Ok(false);
            }
            if pass.held == 0 {
                if played == 0 && most != Some(0) {
                    self.output.say(&styled(FAINT, "  all planned blocks are played"));
                }
                return Ok(pass.reached == planned);
            }
            if !self.wait_for_hold(&pass, since).await? {
                return Ok(false);
            }
            // Those that were begun; no further ones.
            left = None;
        }
    }

    async fn pass(&self, blocks: u32, most: Option<u32>) -> Result<Pass, RoundError<DatabaseError>> {
        let mut pass = Pass::default();
        for block in 0..blocks {
            if most.is_some_and(|most| pass.played >= most) {
                break;
            }
            if self.runner.keeps_all(&self.blocks.personas).is_some() {
                pass.cut_short = Some(CutShort::Kept);
                break;
            }
            let round = self.round(block).await?;
            pass.reached = block + 1;
            pass.held += round.held;
            pass.left_alone += round.left_alone;
            if round.played > 0 {
                pass.played += 1;
                self.tell(block, round).await;
            }
            if round.cut_short.is_some() {
                pass.cut_short = round.cut_short;
                break;
            }
        }
        Ok(pass)
    }

    async fn round(&self, block: u32) -> Result<Round, RoundError<DatabaseError>> {
        let before = Cell::new(0);
        let round = self.outlasting(async || {
            self.round_of(block).await.map_err(|broken| {
                before.set(before.get() + broken.played);
                broken.why
            })
        });
        let halted = Round { cut_short: Some(CutShort::Halted), ..Round::default() };
        let round = round.await?.unwrap_or(halted);
        Ok(Round { played: before.get() + round.played, ..round })
    }

    /// Does something again and again while the ledger is away. Nothing: the run was halted meanwhile.
    async fn outlasting<T>(
        &self,
        work: impl AsyncFn() -> Result<T, RoundError<DatabaseError>>,
    ) -> Result<Option<T>, RoundError<DatabaseError>> {
        let mut told = None;
        loop {
            let error = match work().await {
                Err(RoundError::Ledger(error)) if error.may_pass() => error,
                done => {
                    if told.is_some() && done.is_ok() {
                        self.output.say(&styled(FAINT, "  the ledger is there again: the run goes on"));
                    }
                    return done.map(Some);
                }
            };
            let why = format!("  {error}: {}; this waits until then", error.hint().unwrap_or_default());
            if told.as_ref() != Some(&why) {
                self.output.say(&styled(ODD, &why));
                told = Some(why);
            }
            tokio::select! {
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = self.blocks.halt.cancelled() => return Ok(None),
            }
        }
    }

    async fn round_of(&self, block: u32) -> Result<Round, Broken<DatabaseError>> {
        if let Some(Worlds { clock, .. }) = &self.worlds {
            clock.advance(first_day() + TimeDelta::days(i64::from(block)) - clock.now());
        }
        // A build that was saved meanwhile opens a phase.
        self.runner.reloader().rescan().await;
        let at = async |border: Border, persona: &Persona, place: &Assignment| match &self.worlds {
            Some(worlds) => worlds.cross(border, persona, place).await,
            None => Ok(()),
        };
        self.runner.play_round(self.blocks, block, &at).await
    }

    /// Waits for the end of the first hold, if that is soon. False: the run ends here, and why is told.
    async fn wait_for_hold(
        &self,
        &Pass { held, left_alone, .. }: &Pass,
        since: DateTime<Utc>,
    ) -> Result<bool, RoundError<DatabaseError>> {
        let why = if left_alone > 0 { "because a neighbour is left alone" } else { "after a fault" };
        let say =
            |what: String| self.output.say(&styled(ODD, format!("  {held} turns are kept back {why}{what}")));
        if self.worlds.is_some() {
            say(": on stand-ins the time does not come at which they would go on".to_owned());
            return Ok(false);
        }
        if self.tape.has_missed() {
            say(": what they asked was not recorded".to_owned());
            return Ok(false);
        }
        let clock = &self.runner.deps().clock;
        let next = async || Ok(self.runner.next_hold(&self.blocks.personas, since).await?);
        let Some(next) = self.outlasting(next).await? else {
            self.say_why(CutShort::Halted);
            return Ok(false);
        };
        let asks_again = (left_alone > 0).then(|| self.runner.asks_again());
        let end = match next.into_iter().chain(asks_again).min() {
            Some(end) if end - clock.now() <= SOON => end,
            Some(end) => {
                say(format!(": type the same again after {}", end.format(TIME)));
                return Ok(false);
            }
            None => {
                say(": type the same again later".to_owned());
                return Ok(false);
            }
        };
        if self.tape.is_replay() {
            // Its clock moves only when it is moved.
            clock.advance(end - clock.now());
            return Ok(true);
        }
        say(format!("; the first goes on at {}, and until then this waits", end.format(TIME)));
        loop {
            let left = (end - clock.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return Ok(true);
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_AGAIN)) => {}
                () = self.blocks.halt.cancelled() => {
                    self.say_why(CutShort::Halted);
                    return Ok(false);
                }
            }
        }
    }

    fn say_why(&self, why: CutShort) {
        let why = match why {
            CutShort::Halted => "stopped: type the same again to go on".to_owned(),
            CutShort::Spent => {
                "the budget is used up: raise --budget, or `budget` in the file, to go on".to_owned()
            }
            CutShort::Kept => {
                let kept = self.runner.keeps_all(&self.blocks.personas).unwrap_or_default();
                format!("nobody can begin: {kept}. Type the same again when that is over")
            }
        };
        self.output.say(&format!("  {}", styled(ODD, why)));
    }

    /// A line for a round: how far, and what it says so far.
    async fn tell(&self, block: u32, round: Round) {
        let Self { runner, blocks, output, .. } = self;
        let key = blocks.experiment.key();
        let report = match Record::read(&runner.deps().ledger, key, None).await {
            Ok(record) => record.report(None).ok(),
            Err(_) => None,
        };
        let planned = blocks.experiment.plan.planned_blocks;
        let so_far = report.as_ref().map_or_else(String::new, |report| {
            let cost = report.progress.cost.map_or_else(String::new, |cost| format!(" · ${cost:.4}"));
            let effects: Vec<String> = report.comparisons.iter().map(effect).collect();
            format!("{}{cost}", effects.join(" · ")).trim_start_matches(" · ").to_owned()
        });
        let held = if round.held > 0 { format!(" · {} kept back", round.held) } else { String::new() };
        let so_far = if so_far.is_empty() { so_far } else { format!(" · {so_far}") };
        output.say(&format!("  round {} of {planned}: {} turns{held}{so_far}", block + 1, round.played));
    }
}

fn effect(comparison: &experiment::report::Comparison) -> String {
    let unit = if comparison.primary.metric == Metric::Rating { " points" } else { "" };
    let shown = |effect| difference(comparison.primary.metric, effect);
    // The effect that the interval is of.
    let rounds = comparison.primary.anytime.as_ref();
    let effect = rounds.map(|own| own.effect).or(comparison.primary.effect);
    let effect = effect.map_or_else(|| "–".to_owned(), |effect| format!("{}{unit}", shown(effect)));
    let interval =
        rounds.map_or_else(String::new, |own| format!(" ({} to {})", shown(own.low), shown(own.high)));
    format!("{} {effect}{interval}", comparison.treatment)
}

pub(super) fn first_day() -> DateTime<Utc> {
    FIRST_DAY.parse().expect("it is an instant")
}
