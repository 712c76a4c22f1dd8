//! What happened, on its way into the ledger: written many at once beside everything else, so that no turn waits for it.
//! Whoever reads along is told of what is kept, and of nothing else: so a number means the same event for ever.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::store::{Ledger, LedgerError, ToKeep};
use domain::clock::Clock;
use domain::event::Event;
use domain::ids::TurnId;
use domain::kind::GAP;

/// How long events are gathered before they are written.
const TOGETHER: Duration = Duration::from_millis(200);
/// From one try to the next while the ledger cannot be written.
const AGAIN: Duration = Duration::from_secs(1);
/// So many wait for the ledger at most: some MB. Further ones are counted.
const MOST: usize = 10_000;
/// So many are written at once at most: turns write with the same hand.
const AT_ONCE: usize = 512;
/// How long the last of them may take.
const LAST: Duration = Duration::from_secs(5);

/// The one that writes down what happened.
#[derive(Debug)]
pub struct Chronicle {
    newest: watch::Receiver<i64>,
    end: CancellationToken,
    keeping: Mutex<Option<JoinHandle<()>>>,
}

impl Chronicle {
    /// Begins to keep what is heard.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn begin(
        ledger: Arc<Ledger>,
        clock: Clock,
        events: Receiver<Event>,
    ) -> Result<Self, LedgerError> {
        let (told, newest) = watch::channel(ledger.newest_event().await?);
        let end = CancellationToken::new();
        let keeper = Keeper { ledger, clock, waiting: Waiting::default(), told, is_unsure: false };
        let keeping = Mutex::new(Some(tokio::spawn(keeper.keep(events, end.clone()))));
        Ok(Self { newest, end, keeping })
    }

    /// The number of the newest event that is kept, now and as it grows.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.clone()
    }

    /// Writes what still waits, and ends.
    pub async fn end(&self) {
        self.end.cancel();
        let keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut keeping) = keeping else { return };
        if tokio::time::timeout(LAST, &mut keeping).await.is_err() {
            keeping.abort();
            tracing::warn!("the ledger does not answer: the last events are not kept");
        }
    }
}

struct Keeper {
    ledger: Arc<Ledger>,
    clock: Clock,
    waiting: Waiting,
    told: watch::Sender<i64>,
    /// The last try failed. It may have come to its end all the same.
    is_unsure: bool,
}

impl Keeper {
    async fn keep(mut self, mut events: Receiver<Event>, end: CancellationToken) {
        while self.gather(&mut events, &end).await {
            let pause = if self.write(&mut events).await { TOGETHER } else { AGAIN };
            if !self.listen(&mut events, &end, pause).await {
                break;
            }
        }
        while !self.waiting.is_empty() && self.write(&mut events).await {}
        let lost = self.waiting.count();
        if lost > 0 {
            tracing::warn!(lost, "the ledger cannot be written: the last events are not kept");
        }
    }

    /// Waits until there is something to write; false at the end, when all that was heard is taken.
    async fn gather(&mut self, events: &mut Receiver<Event>, end: &CancellationToken) -> bool {
        while self.waiting.is_empty() {
            tokio::select! {
                biased;
                heard = events.recv() => if !self.take(heard) { return false },
                () = end.cancelled() => return false,
            }
        }
        if end.is_cancelled() {
            self.catch_up(events);
        }
        !end.is_cancelled()
    }

    /// Hears what comes for so long; false at the end.
    async fn listen(
        &mut self,
        events: &mut Receiver<Event>,
        end: &CancellationToken,
        span: Duration,
    ) -> bool {
        let mut over = pin!(tokio::time::sleep(span));
        loop {
            tokio::select! {
                biased;
                () = &mut over => return true,
                () = end.cancelled() => {
                    self.catch_up(events);
                    return false;
                }
                heard = events.recv() => if !self.take(heard) { return false },
            }
        }
    }

    /// Takes what was said already.
    fn catch_up(&mut self, events: &mut Receiver<Event>) {
        loop {
            match events.try_recv() {
                Ok(event) => drop(self.take(Ok(event))),
                Err(TryRecvError::Lagged(missed)) => drop(self.take(Err(RecvError::Lagged(missed)))),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// Writes what waits, and hears meanwhile; false when the ledger cannot be written now.
    async fn write(&mut self, events: &mut Receiver<Event>) -> bool {
        let batch = self.waiting.first(AT_ONCE);
        let (ledger, known) = (Arc::clone(&self.ledger), *self.told.borrow());
        let mut writing = pin!(keep(&ledger, batch, self.is_unsure.then_some(known)));
        let mut is_open = true;
        let kept = loop {
            tokio::select! {
                kept = &mut writing => break kept,
                heard = events.recv(), if is_open => is_open = self.take(heard),
            }
        };
        match kept {
            Ok((written, newest)) => {
                self.is_unsure = false;
                self.waiting.written(written, self.clock.now());
                self.told.send_replace(newest);
                true
            }
            Err(error) => {
                self.is_unsure = true;
                tracing::debug!(cause = %error, "events wait for the ledger");
                false
            }
        }
    }

    /// Takes what was heard; false when nobody is left who could say anything.
    fn take(&mut self, heard: Result<Event, RecvError>) -> bool {
        let now = self.clock.now();
        match heard {
            Ok(event) => self.waiting.take(&event, now),
            Err(RecvError::Lagged(missed)) => self.waiting.leave_out(missed, now),
            Err(RecvError::Closed) => return false,
        }
        true
    }
}

/// Keeps all of it, or all but what the ledger does not take for what is in it: that is told as a gap. Gives how many are
/// kept, and the number of the last. After a failure it is looked first how far that one came: nobody else keeps events, so
/// whatever is behind the number that was `known` is the beginning of these.
async fn keep(ledger: &Ledger, batch: Vec<ToKeep>, known: Option<i64>) -> Result<(usize, i64), LedgerError> {
    let (all, mut newest) = (batch.len(), 0);
    if let Some(known) = known {
        newest = ledger.newest_event().await?;
        if let Ok(came @ 1..) = usize::try_from(newest - known) {
            return Ok((came, newest));
        }
    }
    match ledger.keep_events(batch.clone()).await {
        Err(error) if error.is_of_one_write() => {}
        kept => return Ok((all, kept?)),
    }
    for one in batch {
        let at = one.at;
        newest = match ledger.keep_events(vec![one]).await {
            Err(error) if error.is_of_one_write() => {
                tracing::error!(cause = %error, "the ledger does not take an event, which is left out");
                ledger.keep_events(vec![gap(1, at, at)]).await?
            }
            kept => kept?,
        };
    }
    Ok((all, newest))
}

/// What waits for the ledger.
#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<ToKeep>,
    /// What came when there was no room, and since when.
    left_out: Option<(u64, DateTime<Utc>)>,
    /// Whose the turns under way are: not every event says it.
    personas: BTreeMap<TurnId, String>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many there are, those included that were left out.
    fn count(&self) -> u64 {
        let left_out = self.left_out.map_or(0, |(count, _)| count);
        left_out.saturating_add(u64::try_from(self.events.len()).unwrap_or(u64::MAX))
    }

    fn first(&self, most: usize) -> Vec<ToKeep> {
        self.events.iter().take(most).cloned().collect()
    }

    /// The first ones are kept. What found no room is told before whatever comes.
    fn written(&mut self, count: usize, now: DateTime<Utc>) {
        self.events.drain(..count.min(self.events.len()));
        self.tell_what_is_left_out(now);
    }

    fn tell_what_is_left_out(&mut self, now: DateTime<Utc>) {
        if let Some((left_out, since)) = self.left_out.take_if(|_| self.events.len() < MOST) {
            self.events.push_back(gap(left_out, since, now));
        }
    }

    fn take(&mut self, event: &Event, at: DateTime<Utc>) {
        let (turn, own) = (event.turn(), event.persona());
        if let (Event::TurnStarted { .. }, Some(turn), Some(email)) = (event, turn, own) {
            self.personas.insert(turn, email.to_owned());
        }
        let known = turn.and_then(|turn| self.personas.get(&turn));
        let persona = own.or(known.map(String::as_str)).map(str::to_owned);
        if let (Event::TurnEnded { .. }, Some(turn)) = (event, turn) {
            self.personas.remove(&turn);
        }
        if !event.is_kept() {
            return;
        }
        if self.events.len() >= MOST {
            return self.leave_out(1, at);
        }
        let mut told = json!(event);
        if let Event::PluginRefused { stage: "replay" | "canary", .. } = event {
            told["cause"] = IN_ITS_WORDS.into();
        }
        if let (Some(persona), Some(fields)) = (&persona, told.as_object_mut()) {
            fields.entry("persona").or_insert_with(|| Value::from(persona.as_str()));
        }
        self.events.push_back(ToKeep { at, kind: event.kind(), turn, persona, event: told.to_string() });
    }

    fn leave_out(&mut self, count: u64, at: DateTime<Utc>) {
        let (before, since) = self.left_out.unwrap_or((0, at));
        self.left_out = Some((before.saturating_add(count), since));
        self.tell_what_is_left_out(at);
    }
}

/// What stands for what a build says of turns, which may quote prompts and replies.
const IN_ITS_WORDS: &str = "it failed in turns: `GET /api/plugins` has its words";

/// What stands where events are missing.
fn gap(left_out: u64, since: DateTime<Utc>, at: DateTime<Utc>) -> ToKeep {
    let event = json!({ "kind": GAP, "reason": "not-kept", "leftOut": left_out, "since": since });
    ToKeep { at, kind: GAP, turn: None, persona: None, event: event.to_string() }
}

#[cfg(test)]
mod tests {
    use domain::code::Code;
    use domain::fault::{Fault, Stage};
    use domain::ids::{GenerationNumber, PersonaId, PluginName, Slot};
    use domain::turn_end::TurnEnd;

    use super::*;

    fn started(attempt: u32) -> Event {
        let turn = TurnId::of(&PersonaId::new("anna"), &Slot::after(None));
        Event::TurnStarted { turn, email: "anna@mana.test".to_owned(), attempt }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_told_once_there_is_room() {
        let (mut waiting, now) = (Waiting::default(), DateTime::UNIX_EPOCH);
        for attempt in 0..u32::try_from(MOST).expect("it is small") + 3 {
            waiting.take(&started(attempt), now);
        }
        assert_eq!((waiting.events.len(), waiting.count()), (MOST, 10_003), "no more memory than that");
        waiting.written(AT_ONCE, now);
        waiting.take(&started(7), now);
        let kinds: Vec<&str> = waiting.events.iter().rev().take(3).map(|own| own.kind).collect();
        assert_eq!(kinds, ["turn-started", GAP, "turn-started"]);
        let gap: Value = serde_json::from_str(&waiting.events[MOST - AT_ONCE].event).expect("it is JSON");
        assert_eq!(gap["leftOut"], 3);
    }

    /// They may quote prompts and replies.
    #[test]
    fn what_a_plugin_says_of_a_turn_is_not_kept() {
        let says = "the plugin says: dear diary";
        let turn = started(1).turn().expect("it has one");
        let ended = |outcome| Event::TurnEnded {
            turn,
            email: "anna@mana.test".to_owned(),
            outcome,
            actions: 0,
            ratings: Vec::new(),
            took: Duration::ZERO,
        };
        let failed = |code| ended(Fault::new(Stage::Parse, code, says).into());
        let plugin = PluginName::new("daily");
        let refused = |stage| Event::PluginRefused {
            plugin: plugin.clone(),
            stage,
            cause: says.to_owned(),
            hint: String::new(),
            still_serving: None,
        };
        let quarantined = Event::PluginQuarantined {
            plugin: plugin.clone(),
            generation: GenerationNumber(1),
            function: "parse-rating",
            cause: says.to_owned(),
            until: DateTime::UNIX_EPOCH,
        };
        for (event, is_told) in [
            (failed(Code::PluginFailureOutput), false),
            (failed(Code::PluginTrap), false),
            (failed(Code::SettingsRefused), false),
            (failed(Code::ClaudeAway), true),
            (ended(TurnEnd::Skipped { reason: says.to_owned(), until: None }), false),
            (ended(TurnEnd::Skipped { reason: says.to_owned(), until: Some(DateTime::UNIX_EPOCH) }), true),
            (refused("canary"), false),
            (refused("replay"), false),
            (refused("contract"), true),
            (quarantined, false),
        ] {
            let mut waiting = Waiting::default();
            waiting.take(&event, DateTime::UNIX_EPOCH);
            let kept = &waiting.events[0].event;
            assert_eq!(kept.contains("dear diary"), is_told, "{kept}");
        }
    }

    #[test]
    fn what_says_only_its_turn_is_kept_with_the_persona() {
        let (mut waiting, now) = (Waiting::default(), DateTime::UNIX_EPOCH);
        let started = started(1);
        let turn = started.turn().expect("it has one");
        waiting.take(&started, now);
        waiting.take(
            &Event::ModelCalled {
                turn,
                phase: domain::transcript::Phase::Main,
                step: domain::step::StepKey::model(domain::transcript::Phase::Main, 1),
                asked: "claude-somebody".to_owned(),
                model: "claude-somebody".to_owned(),
                reply: "msg_1".to_owned(),
                stop_reason: "end_turn".to_owned(),
                attempts: 1,
                said: None,
                usage: domain::usage::Usage::default(),
                cost: None,
                cache_miss: None,
                took: Duration::from_millis(3),
            },
            now,
        );
        let kept = waiting.events.back().expect("it is kept");
        assert_eq!(kept.persona.as_deref(), Some("anna@mana.test"));
        let told: Value = serde_json::from_str(&kept.event).expect("it is JSON");
        assert_eq!((&told["persona"], &told["tookMs"]), (&json!("anna@mana.test"), &json!(3)));
    }
}
