//! The closed list of everything that happens and that somebody may want to know.
//!
//! Events go out and never back: metrics, the log, the demo's progress and the live pages
//! are readers of the same values, so they cannot disagree.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::fault::Stage;
use super::ids::{GenerationNumber, PluginName, Sha256Hex, StrategyName, TurnId};
use super::playing::Playing;
use super::rating::Rating;
use super::said::Said;
use super::step::StepKey;
use super::transcript::Phase;
use super::turn_end::TurnEnd;
use super::upstream::Upstream;
use super::usage::{Cost, Usage};
use told::{dollars, ended, millis, scores};

mod told;

/// One thing that happened. As JSON it is what the stream of events tells: no prompt, no reply and no secret is in it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Event {
    /// persona-host runs from now on.
    Started {
        /// Its version.
        version: &'static str,
    },
    /// persona-host was told to end: turns under way finish their step.
    Stopping {
        /// How many turns are under way.
        running: usize,
    },
    /// A tick began: mana-auth was asked who is due.
    TickStarted {
        /// How late it is, against the timer.
        #[serde(rename = "lagMs", serialize_with = "millis")]
        lag: Duration,
    },
    /// A tick's turns are over.
    TickEnded {
        /// How many personas were due.
        due: usize,
        /// How many turns completed.
        completed: usize,
        /// How many ended in a fault.
        faults: usize,
        /// How many were kept back.
        held: usize,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A tick did not come to its end.
    TickFailed {
        /// One of the codes of faults.
        code: &'static str,
        /// What happened.
        why: String,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A persona is due but kept back by us.
    Held {
        /// Its address.
        #[serde(rename = "persona")]
        email: String,
        /// Why.
        reason: String,
    },
    /// Slots of the host's own schedule were left out.
    SlotsLeftOut {
        /// So many, because nobody came to them in time.
        late: usize,
        /// So many, because their persona was busy when they came.
        busy: usize,
    },
    /// Entries of the host's own schedule fit nobody who is known: told once, when somebody is.
    ScheduleFitsNobody {
        /// Their names in the configuration.
        entries: Vec<String>,
        /// How many personas are known.
        known: usize,
    },
    /// How those who wait for a place stand to the places.
    Backlog {
        /// How many wait.
        waiting: usize,
        /// What part of the places' time they take up, given how often each of them comes. Above 1 some are due again
        /// before they are served.
        utilisation: f64,
        /// It has gone above 1, or below it again.
        news: bool,
    },
    /// A persona was active since our last turn of it, and not by us: another runner, or another ledger.
    ForeignActivity {
        /// Its address.
        #[serde(rename = "persona")]
        email: String,
        /// When mana-auth says it was active last.
        last_active_at: DateTime<Utc>,
        /// When mana-auth last acknowledged a turn of ours.
        ours: DateTime<Utc>,
    },
    /// mana-auth takes no more sign-ins at once, and this one waits.
    SignInWaits {
        /// Whose.
        #[serde(rename = "persona")]
        email: String,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// Passwords are refused, and nobody signs in until one is tried again.
    SignInsStopped {
        /// Whose were.
        refused: Vec<String>,
        /// When one is tried again.
        until: DateTime<Utc>,
        /// What to do about it.
        hint: &'static str,
    },
    /// Somebody came in: sign-ins go on.
    SignInsGoOn,
    /// An entry of mana-auth's list of who is due cannot be read: told once, and again when it has changed.
    EntryUnreadable {
        /// Whose it is: an address, a user's id or a place in the list.
        who: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A turn began.
    TurnStarted {
        /// The turn.
        turn: TurnId,
        /// The persona's address.
        #[serde(rename = "persona")]
        email: String,
        /// From 1.
        attempt: u32,
    },
    /// It is fixed who plays a turn, by an attempt that begins it or goes on with it.
    TurnAssigned {
        /// The turn.
        turn: TurnId,
        /// Who.
        #[serde(flatten)]
        playing: Box<Playing>,
    },
    /// A stage of a turn is over.
    StageEnded {
        /// The turn.
        turn: TurnId,
        /// The persona's address.
        #[serde(rename = "persona")]
        email: String,
        /// Which.
        stage: Stage,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
        /// Whether it gave what the next stage needs.
        ok: bool,
        /// The code of the fault that it ended in, if it did and something failed.
        code: Option<String>,
    },
    /// Claude answered.
    ModelCalled {
        /// The turn.
        turn: TurnId,
        /// Which conversation.
        phase: Phase,
        /// Which step of the turn it is.
        step: StepKey,
        /// The model that was asked.
        asked: String,
        /// The model that answered.
        model: String,
        /// The API's id of the reply; empty when there was none.
        reply: String,
        /// Why the reply ended, in the API's words.
        stop_reason: String,
        /// How often the request was sent.
        attempts: u32,
        /// What was said, where somebody has asked for that.
        #[serde(skip)]
        said: Option<Arc<Said>>,
        /// Tokens.
        usage: Usage,
        /// Money.
        #[serde(rename = "costUsd", serialize_with = "dollars")]
        cost: Cost,
        /// Why nothing was read from the cache that the conversation wrote before, where the API says so.
        cache_miss: Option<String>,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// Claude did not answer, however often it was asked.
    ModelFailed {
        /// The turn.
        turn: TurnId,
        /// Which conversation.
        phase: Phase,
        /// Which step of the turn it is.
        step: StepKey,
        /// The model that was asked.
        asked: String,
        /// One of the codes of faults.
        code: &'static str,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A tool answered.
    ToolCalled {
        /// The turn.
        turn: TurnId,
        /// The persona's address.
        #[serde(rename = "persona")]
        email: String,
        /// Which step of the turn it is.
        step: StepKey,
        /// The id that pairs the call with its result; empty if the model gave none.
        call: String,
        /// What was said, where somebody has asked for that.
        #[serde(skip)]
        said: Option<Arc<Said>>,
        /// Dotted name.
        tool: String,
        /// Whether it did it.
        ok: bool,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A plugin was called.
    PluginCalled {
        /// The turn.
        turn: TurnId,
        /// The plugin.
        plugin: PluginName,
        /// Its generation.
        generation: GenerationNumber,
        /// In which stage of the turn.
        stage: Stage,
        /// Which function.
        function: &'static str,
        /// `ok`, `failure`, or what stopped it.
        outcome: &'static str,
        /// Fuel used.
        fuel: u64,
        /// The most memory that it had, in bytes.
        memory: usize,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A build of a plugin was let in.
    PluginLoaded {
        /// The plugin.
        plugin: PluginName,
        /// What it is called from now on.
        generation: GenerationNumber,
        /// The plugin's own version.
        version: String,
        /// Its digest.
        sha256: Sha256Hex,
        /// Only a share of the personas gets it for now.
        on_trial: bool,
        /// What is not as it should be, and was let pass.
        warnings: Vec<String>,
        /// From the look at its file until turns get it.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A build of a plugin was not let in; what served before serves on.
    PluginRefused {
        /// The plugin.
        plugin: PluginName,
        /// How far it got.
        stage: &'static str,
        /// What is wrong with it.
        cause: String,
        /// What to do about it.
        hint: String,
        /// What serves on.
        still_serving: Option<String>,
    },
    /// A plugin's file is gone, or there again; it is served either way.
    PluginOrphaned {
        /// The plugin.
        plugin: PluginName,
        /// Which of both.
        orphaned: bool,
    },
    /// There is a file of a plugin that no strategy uses.
    PluginUnused {
        /// The plugin.
        plugin: PluginName,
    },
    /// A generation broke down too often, and turns do not get it for a while.
    PluginQuarantined {
        /// The plugin.
        plugin: PluginName,
        /// The generation.
        generation: GenerationNumber,
        /// The function that broke down.
        function: &'static str,
        /// How. What it printed may quote prompts and replies: it is not kept.
        #[serde(skip)]
        cause: String,
        /// When one turn tries it again.
        until: DateTime<Utc>,
    },
    /// A generation serves again, or serves everybody after its trial.
    PluginRecovered {
        /// The plugin.
        plugin: PluginName,
        /// The generation.
        generation: GenerationNumber,
        /// It was on trial, and not in quarantine.
        after_trial: bool,
    },
    /// A plugin wrote a log line.
    PluginLogged {
        /// Under which strategy.
        strategy: StrategyName,
        /// Which plugin.
        plugin: PluginName,
        /// `trace` to `error`.
        level: &'static str,
        /// What it said.
        message: String,
    },
    /// A turn is over.
    TurnEnded {
        /// The turn.
        turn: TurnId,
        /// The persona's address.
        #[serde(rename = "persona")]
        email: String,
        /// How it ended.
        #[serde(serialize_with = "ended")]
        outcome: TurnEnd,
        /// How many actions were kept.
        actions: usize,
        /// The ratings that were kept.
        #[serde(serialize_with = "scores")]
        ratings: Vec<Rating>,
        /// How long it took.
        #[serde(rename = "tookMs", serialize_with = "millis")]
        took: Duration,
    },
    /// A delivery was tried.
    Delivered {
        /// `actions` or `feedback`.
        #[serde(rename = "what")]
        kind: &'static str,
        /// Whether mana-auth acknowledged it.
        ok: bool,
        /// How many deliveries wait in the outbox now.
        waiting: u64,
    },
    /// An upstream is asked nothing any more for a while, is tried, or is asked again.
    UpstreamChanged {
        /// Which.
        upstream: Upstream,
        /// `open`: nothing is begun that needs it; `half-open`: it is tried; `closed`: all is well.
        state: &'static str,
        /// Until when, while it is open.
        until: Option<DateTime<Utc>>,
        /// Why; empty when all is well.
        why: String,
    },
    /// A model is asked nothing any more for a while, because this key has none of that name, or is asked again.
    ModelChanged {
        /// Which.
        model: String,
        /// `refused`: no turn is begun that asks it; `answers`: all is well.
        state: &'static str,
        /// Until when it is left alone.
        until: Option<DateTime<Utc>>,
        /// Why; empty when all is well.
        why: String,
    },
    /// Claude has asked for patience: no call of this family of models leaves meanwhile.
    CooledDown {
        /// The family.
        family: String,
        /// `rate-limit` or `overloaded`.
        cause: &'static str,
        /// How long.
        #[serde(rename = "waitMs", serialize_with = "millis")]
        wait: Duration,
        /// How many calls may be under way at once from now on.
        window: usize,
    },
    /// A call to Claude failed and is made again.
    ModelRepeated {
        /// The family of models.
        family: String,
        /// One of the codes of faults.
        cause: &'static str,
        /// How often it was made so far.
        attempts: u32,
        /// After how long, apart from waits for everybody.
        #[serde(rename = "waitMs", serialize_with = "millis")]
        wait: Duration,
        /// What happened.
        why: String,
        /// A reply may have been paid for that did not arrive.
        maybe_paid: bool,
    },
    /// The loop, or one persona, was paused or goes on.
    Paused {
        /// Which persona; none for all.
        #[serde(rename = "persona")]
        email: Option<String>,
        /// Which of both.
        paused: bool,
        /// How many turns were told to go no further than the step that they are in.
        stopped: usize,
    },
}
