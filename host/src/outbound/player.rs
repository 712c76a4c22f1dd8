//! Answers off a recording instead of over the network. Answers come in the order in which they came, and the clock moves
//! with them. What is not in the recording is answered by nothing.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::Notify;

use super::error::SendError;
use super::question::{Difference, Key, difference, key, likeness};
use super::tape::{EXCHANGES, Exchange, Head, Line, Question, TapeError};
use answer_id::answer_to;
use domain::clock::Clock;
use domain::upstream::Upstream;
use reading::{Entry, Read, State, read};

mod answer_id;
mod reading;

/// Who is to be answered before is waited for so long after anything happened at all: a turn that has left its course
/// does not ask any more.
const STALLED: Duration = Duration::from_secs(2);
/// The same once one has.
const STRAYED: Duration = Duration::from_millis(100);
/// So many questions are compared to find the nearest one.
const COMPARED: usize = 48;

/// Plays one recording. Clones play it together.
#[derive(Clone, Debug)]
pub struct Player(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    dir: PathBuf,
    head: Head,
    file: File,
    clock: Clock,
    entries: Vec<Entry>,
    state: Mutex<State>,
    moved: Notify,
    notes: Vec<String>,
}

impl Player {
    /// Opens a recording. The clock stands at its beginning.
    ///
    /// # Errors
    /// When the folder is no recording of this version, or a line of it makes no sense.
    pub fn open(dir: &Path) -> Result<Self, TapeError> {
        let head = Head::read(dir)?;
        let Read { file, entries, state, notes } = read(dir, &head)?;
        let (clock, state, moved) = (Clock::standing_at(head.began), Mutex::new(state), Notify::new());
        Ok(Self(Arc::new(Inside { dir: dir.to_owned(), head, file, clock, entries, state, moved, notes })))
    }

    /// What is known of the recording.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.0.head
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The time of the recording. It moves with the answers, and not by itself.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What is worth knowing of the recording before it is played, in sentences.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// Each question that the recording has no answer to, in sentences.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        self.state().missed.clone()
    }

    /// How many exchanges were asked for, and how many there are.
    #[must_use]
    pub fn played(&self) -> (usize, usize) {
        let state = self.state();
        (state.is_asked.iter().filter(|is_asked| **is_asked).count(), state.is_asked.len())
    }

    /// Whether there are calls of Claude that nobody has asked for.
    #[must_use]
    pub fn has_more_turns(&self) -> bool {
        let state = self.state();
        let mut left = self.0.entries.iter().zip(&state.is_asked).filter(|(_, is_asked)| !**is_asked);
        left.any(|(entry, _)| entry.upstream == Upstream::Claude)
    }

    /// Goes on to the next look who is due: those are passed over that were made while others already acted upon a later
    /// one, and the clock is set to its time, or what was seen then would seem to be old.
    pub fn go_to_next_look(&self) {
        self.pass_over_old_looks();
        let next = {
            let state = self.state();
            self.0
                .entries
                .iter()
                .zip(&state.is_asked)
                .position(|(entry, is_asked)| entry.is_look && !*is_asked)
        };
        // An exchange that cannot be read says so when it is asked for.
        if let Some(came) = next.and_then(|place| self.read(place).ok()?.came) {
            self.move_to(came.at);
        }
    }

    fn pass_over_old_looks(&self) {
        let mut state = self.state();
        let State { is_asked, left, .. } = &mut *state;
        let asked = self.0.entries.iter().zip(is_asked.iter()).filter(|(_, is_asked)| **is_asked);
        let latest = asked.map(|(entry, _)| entry.seq).max().unwrap_or_default();
        for places in left.values_mut() {
            places.retain(|place| {
                let is_old = self.0.entries[*place].is_look && self.0.entries[*place].seq < latest;
                is_asked[*place] |= is_old;
                !is_old
            });
        }
    }

    /// What nobody asked for, but for looks, in a few words; what is still under way may come yet.
    pub async fn left(&self) -> Option<String> {
        let is_left = || {
            let state = self.state();
            self.0.entries.iter().zip(&state.is_asked).any(|(entry, is_asked)| !*is_asked && !entry.is_look)
        };
        while is_left() && tokio::time::timeout(STALLED / 4, self.0.moved.notified()).await.is_ok() {}
        let state = self.state();
        let all = self.0.entries.iter().zip(&state.is_asked);
        let left: Vec<&Entry> =
            all.filter(|(entry, is_asked)| !**is_asked && !entry.is_look).map(|(entry, _)| entry).collect();
        let first = left.first()?;
        let counted = Upstream::ALL.iter().filter_map(|upstream| {
            let count = left.iter().filter(|entry| entry.upstream == *upstream).count();
            (count > 0).then(|| format!("{count} of {upstream}"))
        });
        let counted: Vec<String> = counted.collect();
        Some(format!("{}; the first is {} in line {}", counted.join(", "), first.name, first.line))
    }

    /// The time that `of` was told, where the recording knows it.
    pub(super) fn moment(&self, of: &str) -> Option<DateTime<Utc>> {
        let told = self.state().moments.get_mut(of)?.pop_front()?;
        self.move_to(told);
        Some(told)
    }

    /// What came of this request in the recording, when its turn has come.
    pub(super) async fn answer(
        &self,
        upstream: Upstream,
        whose: Option<&str>,
        request: &reqwest::Request,
    ) -> Result<Exchange, SendError> {
        let (essence, id) = self.question(upstream, whose, request);
        let found = self.take(&key(&essence));
        let Some(place) = found else { return Err(self.missing(upstream, &essence)) };
        let mut exchange = self.read(place)?;
        self.0.moved.notify_waiters();
        match exchange.came {
            Some(came) => {
                self.in_order(came.nth).await;
                self.move_to(came.at);
            }
            // Nothing ever came, and it was given up.
            None => std::future::pending().await,
        }
        answer_to(&mut exchange, &id);
        Ok(exchange)
    }

    /// The essence of a request, and the id that its answer has to have.
    fn question(
        &self,
        upstream: Upstream,
        whose: Option<&str>,
        request: &reqwest::Request,
    ) -> (Value, Value) {
        let url = request.url();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{query}", url.path());
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let mut state = self.state();
        let whose = whose.map_or_else(|| state.mask.whose(request.headers()), str::to_owned);
        let asked = (upstream, request.method().as_str(), path.as_str());
        let (question, _) = Question::of(asked, request.headers(), body, &mut state.mask);
        let id = question.body["id"].clone();
        (question.by(whose).essence(upstream), id)
    }

    fn take(&self, key: &Key) -> Option<usize> {
        let mut state = self.state();
        let place = state.left.get_mut(key)?.pop_front()?;
        state.is_asked[place] = true;
        Some(place)
    }

    fn read(&self, place: usize) -> Result<Exchange, SendError> {
        let Entry { offset, length, line, .. } = &self.0.entries[place];
        let mut bytes = vec![0; *length];
        let unreadable = |cause: String| {
            let path = self.0.dir.join(EXCHANGES);
            SendError::Unrecorded(format!("{}, line {line}, cannot be read: {cause}", path.display()))
        };
        self.0.file.read_exact_at(&mut bytes, *offset).map_err(|cause| unreadable(cause.to_string()))?;
        match serde_json::from_slice(&bytes) {
            Ok(Line::Exchange(exchange)) => Ok(*exchange),
            Ok(Line::Moment { .. }) => Err(unreadable("it was changed".to_owned())),
            Err(cause) => Err(unreadable(cause.to_string())),
        }
    }

    /// Waits until everybody is answered who was before. Who does not ask any more is not waited for.
    async fn in_order(&self, nth: u64) {
        let _place = Place { player: self, nth };
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.state().line.first().is_none_or(|first| *first >= nth) {
                return;
            }
            let patience = if self.state().missed.is_empty() { STALLED } else { STRAYED };
            if tokio::time::timeout(patience, moved).await.is_err() {
                self.give_up_before(nth);
            }
        }
    }

    /// Waits no longer for those that came before and that nobody has asked for.
    fn give_up_before(&self, nth: u64) {
        let mut state = self.state();
        let gone: Vec<u64> = (self.0.entries.iter().zip(&state.is_asked))
            .filter(|(_, is_asked)| !**is_asked)
            .filter_map(|(entry, _)| entry.came.filter(|came| *came < nth))
            .collect();
        state.line.retain(|came| !gone.contains(came));
    }

    fn move_to(&self, at: DateTime<Utc>) {
        let ahead = at - self.0.clock.now();
        if ahead > chrono::TimeDelta::zero() {
            self.0.clock.advance(ahead);
        }
    }

    /// That there is no answer, and how the question differs from the nearest one that was recorded.
    fn missing(&self, upstream: Upstream, essence: &Value) -> SendError {
        let text = |name: &str| essence[name].as_str().unwrap_or_default().to_owned();
        let asked = Question {
            whose: text("whose"),
            method: text("method"),
            path: text("path"),
            headers: std::collections::BTreeMap::new(),
            body: essence["body"].clone(),
        };
        let what = format!("{} ({upstream})", asked.name());
        let why = match self.nearest(upstream, &asked, essence) {
            Some((exchange, Some(difference))) => format!(
                "not recorded: {what} differs from exchange {} at {}: recorded {}, asked {}",
                exchange.seq, difference.at, difference.recorded, difference.asked
            ),
            Some((exchange, None)) => {
                format!(
                    "not recorded: {what} is asked once more than it was, the last time as exchange {}",
                    exchange.seq
                )
            }
            None => format!("not recorded: {what}, nor anything like it"),
        };
        self.state().missed.push(why.clone());
        self.0.moved.notify_waiters();
        SendError::Unrecorded(why)
    }

    fn nearest(
        &self,
        upstream: Upstream,
        asked: &Question,
        essence: &Value,
    ) -> Option<(Exchange, Option<Difference>)> {
        let name = asked.name();
        let is_asked = self.state().is_asked.clone();
        let kin = |place: &usize| {
            let entry = &self.0.entries[*place];
            entry.upstream == upstream && entry.name.split(' ').take(3).eq(name.split(' ').take(3))
        };
        let mut places: Vec<usize> = (0..self.0.entries.len()).filter(kin).collect();
        // Those that nobody has asked for yet are likelier.
        places.sort_by_key(|place| is_asked[*place]);
        let compared = places.into_iter().take(COMPARED).filter_map(|place| {
            let exchange = self.read(place).ok()?;
            let recorded = exchange.question.essence(upstream);
            let is_own = recorded["whose"] == essence["whose"];
            Some(((is_own, likeness(&recorded, essence), !is_asked[place]), exchange, recorded))
        });
        let first_of_best = |best: Option<((bool, usize, bool), Exchange, Value)>, next: (_, _, _)| match best
        {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        };
        let (_, exchange, recorded) = compared.fold(None, first_of_best)?;
        let difference = difference(&recorded, essence);
        Some((exchange, difference))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line of answers, which is left however the wait ends.
struct Place<'a> {
    player: &'a Player,
    nth: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.player.state().line.remove(&self.nth);
        self.player.0.moved.notify_waiters();
    }
}
