//! Money before a call and after it. What a call may cost is taken from the budget before it is made, so that calls made
//! at once never spend more together; what it did not cost is given back.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::engine::{Failing, Undone};
use crate::model::{ModelError, price};
use crate::store::{Amount, Ledger, LedgerError, Spent};
use domain::budget::{Account, Books, Limits, NoRoom, Part, Spender};
use domain::clock::Clock;
use domain::experiment::Experiment;
use domain::fault::{Fault, Stage};
use domain::ids::{PersonaId, TurnId};
use domain::usage::{Cost, NanoUsd};
use schedule::first_instant;

/// So often the ledger is read for other limits while calls end meanwhile: whether such a call is in what was read, nobody
/// knows.
const READINGS: usize = 5;

/// The budget of this process. Its day is the calendar day of one zone.
#[derive(Clone, Debug)]
pub struct Budget {
    state: Arc<Mutex<State>>,
    /// Told when a call is over.
    given_back: Arc<Notify>,
    is_limited: bool,
    clock: Clock,
    zone: Tz,
}

#[derive(Debug)]
struct State {
    books: Books,
    /// The calls under way, by their numbers.
    calls: BTreeMap<u64, Call>,
    /// How many calls have begun, and how many are over.
    begun: u64,
    over: u64,
}

/// A call under way.
#[derive(Debug)]
struct Call {
    turn: TurnId,
    spender: Spender,
    day: NaiveDate,
    /// Of which limits so much is taken for it.
    limits: Arc<Limits>,
    most: NanoUsd,
}

/// What was taken for a call. Dropped without a word nothing of it is spent; once the call may be under way, all of it.
#[derive(Debug)]
pub(super) struct Taken {
    budget: Budget,
    call: u64,
    is_asked: bool,
    is_over: bool,
}

/// Why no reply came of a call.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It was not made.
    #[error(transparent)]
    NoRoom(#[from] Exhausted),
    /// It was not made, because the turn is to go no further.
    #[error("the turn was stopped before this call")]
    Stopped,
    /// It failed.
    #[error(transparent)]
    Failed(#[from] ModelError),
}

/// The budget has no room for a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{no_room}")]
pub struct Exhausted {
    /// Which of its limits.
    pub no_room: NoRoom,
    /// When there will be room again, if it is one of a day.
    pub until: Option<DateTime<Utc>>,
}

impl Budget {
    /// Nothing is spent yet.
    #[must_use]
    pub fn of(limits: Limits, clock: Clock, zone: Tz) -> Self {
        let (is_limited, today) = (!limits.is_empty(), clock.now().with_timezone(&zone).date_naive());
        let state = State { books: Books::of(limits, today), calls: BTreeMap::new(), begun: 0, over: 0 };
        Self { state: Arc::new(Mutex::new(state)), given_back: Arc::default(), is_limited, clock, zone }
    }

    /// The same, with what the ledger has of today. What has no price is told, and missing in it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn of_ledger(
        limits: Limits,
        clock: Clock,
        zone: Tz,
        ledger: &Ledger,
        max_tokens: u32,
    ) -> Result<Self, LedgerError> {
        let budget = Self::of(limits, clock, zone);
        if budget.is_limited {
            let spent = ledger.spent_since(budget.midnight(budget.today())).await?;
            book(&mut budget.state().books, &spent, max_tokens);
        }
        Ok(budget)
    }

    /// Other limits, where something was limited and still is. What was limited before keeps its books; of what was not,
    /// the ledger says what is spent today, what calls under way may cost counts at once, and a turn's own limit counts from
    /// now on.
    ///
    /// # Errors
    /// When the ledger cannot be read: nothing is changed then.
    pub async fn change(&self, limits: Limits, ledger: &Ledger, max_tokens: u32) -> Result<(), LedgerError> {
        for reading in 1..=READINGS {
            let (day, over) = self.page();
            let spent = ledger.spent_since(self.midnight(day)).await?;
            let mut state = self.state();
            if (state.books.day(), state.over) == (day, over) || reading == READINGS {
                state.change(limits, spent, max_tokens);
                break;
            }
        }
        self.given_back.notify_waiters();
        Ok(())
    }

    /// Whether anything is limited.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Writes down what earlier attempts spent of a turn's own budget.
    pub(super) fn book_turn(&self, turn: TurnId, amount: NanoUsd) {
        self.state().books.book_turn(turn, amount);
    }

    /// See [`Limits::of_no_arm`].
    pub fn of_no_arm<'a>(&self, experiments: impl IntoIterator<Item = &'a Experiment>) -> Vec<String> {
        self.state().books.limits().of_no_arm(experiments)
    }

    /// Each limit of today, and what of it is taken: see [`Books::of_today`].
    #[must_use]
    pub fn of_today(&self) -> Vec<Part> {
        self.state().books.of_today()
    }

    /// Why a turn of this persona need not begin.
    #[must_use]
    pub fn is_full_for(&self, persona: &PersonaId) -> Option<Exhausted> {
        let no_room = self.state().books.is_full_for(persona)?;
        Some(self.exhausted(no_room))
    }

    /// Takes what a call may cost, and leaves so much as `kept_back` of what the turn has for itself. What the call may
    /// cost is asked only where something is limited. While calls under way may leave enough of what was promised to
    /// them, they are waited for.
    pub(super) async fn take(
        &self,
        turn: TurnId,
        spender: Spender,
        most: impl FnOnce() -> Cost,
        kept_back: NanoUsd,
        stop: &CancellationToken,
    ) -> Result<Taken, Unanswered> {
        let most = if self.is_limited { most() } else { Some(NanoUsd(0)) };
        loop {
            let mut given_back = pin!(self.given_back.notified());
            given_back.as_mut().enable();
            let taken = {
                let mut state = self.state();
                let taken = state.books.take(turn, &spender, most, kept_back);
                taken.map(|()| state.begin(turn, &spender, most.unwrap_or_default()))
            };
            let no_room = match taken {
                Ok(call) => return Ok(Taken { budget: self.clone(), call, is_asked: false, is_over: false }),
                Err(no_room) => no_room,
            };
            if !no_room.may_pass() {
                return Err(Unanswered::NoRoom(self.exhausted(no_room)));
            }
            tokio::select! {
                () = given_back => {}
                () = stop.cancelled() => return Err(Unanswered::Stopped),
            }
        }
    }

    /// Forgets what a turn took: it is over, or does not go on by itself in a moment.
    pub(super) fn close(&self, turn: TurnId) {
        if self.is_limited {
            self.state().books.close(turn);
        }
    }

    fn exhausted(&self, no_room: NoRoom) -> Exhausted {
        let until = match no_room.account {
            Account::Turn(_) => None,
            _ => self.today().succ_opt().map(|tomorrow| self.midnight(tomorrow)),
        };
        Exhausted { no_room, until }
    }

    fn today(&self) -> NaiveDate {
        self.clock.now().with_timezone(&self.zone).date_naive()
    }

    fn midnight(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        first_instant(midnight, self.zone).unwrap_or_else(|| midnight.and_utc())
    }

    /// Whose day the books are of, and how many calls are over.
    fn page(&self) -> (NaiveDate, u64) {
        let state = self.state();
        (state.books.day(), state.over)
    }

    /// The books are at today's page.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.books.turn_to(self.today());
        state
    }
}

impl State {
    /// A call begins for which so much was taken; gives its number.
    fn begin(&mut self, turn: TurnId, spender: &Spender, most: NanoUsd) -> u64 {
        let (day, limits) = (self.books.day(), Arc::clone(self.books.limits()));
        self.calls.insert(self.begun, Call { turn, spender: spender.clone(), day, limits, most });
        self.begun += 1;
        self.begun - 1
    }

    /// A call is over, and cost this. A cost that nobody knows is what was taken.
    fn end(&mut self, call: u64, cost: Cost) {
        let Some(Call { turn, spender, day, limits, most }) = self.calls.remove(&call) else { return };
        self.over += 1;
        self.books.give_back_under(&limits, (turn, &spender), day, most);
        self.books.book(turn, &spender, cost.unwrap_or(most));
    }

    /// Other limits from now on, with what the ledger has of today. A call under way has no answer there: it is taken for
    /// here, and no second time.
    fn change(&mut self, limits: Limits, mut spent: Vec<Spent>, max_tokens: u32) {
        let calls = &mut self.calls;
        spent.retain(|own| match own.amount {
            Amount::Unanswered { turn, .. } => calls.values().all(|call| call.turn != turn),
            _ => true,
        });
        let mut of_ledger = Books::of(limits.clone(), self.books.day());
        book(&mut of_ledger, &spent, max_tokens);
        let before = self.books.change(limits);
        self.books.learn(&of_ledger, &before);
        for call in calls.values_mut() {
            self.books.promise_anew((call.turn, &call.spender), call.day, call.most, &before);
            call.limits = Arc::clone(self.books.limits());
        }
    }
}

/// Writes down what the ledger has of today. What has no price is told, and missing.
fn book(books: &mut Books, spent: &[Spent], max_tokens: u32) {
    for Spent { spender, amount } in spent {
        match self::amount(amount, max_tokens) {
            Some(spent) => books.book_day(spender, spent),
            None => {
                tracing::warn!(?amount, "what was paid today has no price, and is missing in the budget");
            }
        }
    }
}

/// What was spent before, as an amount: of what nobody knows, the most that it can have been.
#[must_use]
pub(super) fn amount(spent: &Amount, max_tokens: u32) -> Cost {
    match spent {
        Amount::Cost(cost) => Some(*cost),
        // As if the model had replied that was asked.
        Amount::Unpriced { model, usage } => price::cost(model, usage),
        Amount::Unanswered { model, prompt, .. } => price::most(model, *prompt, max_tokens),
    }
}

impl Taken {
    /// From now on Claude may be asked, and nobody knows what that costs until it has answered.
    pub(super) fn asked(mut self) -> Self {
        self.is_asked = true;
        self
    }

    /// It cost this. A cost that nobody knows is what was taken.
    pub(super) fn cost(mut self, cost: Cost) {
        self.end(cost);
    }

    fn end(&mut self, cost: Cost) {
        self.is_over = true;
        self.budget.state().end(self.call, cost);
        self.budget.given_back.notify_waiters();
    }
}

/// The call was given up: in its middle, or before, when the turn was out of time or the journal could not be written. Nobody
/// is to wait for what it may leave.
impl Drop for Taken {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(if self.is_asked { None } else { Some(NanoUsd(0)) });
        }
    }
}

impl Failing for Unanswered {
    fn undone(&self) -> Undone {
        match self {
            Self::NoRoom(_) | Self::Stopped => Undone::Surely,
            Self::Failed(error) => error.undone(),
        }
    }
}

impl Exhausted {
    /// One call may cost more than the whole limit: no other day has room for it either.
    #[must_use]
    pub fn never_has_room(&self) -> bool {
        self.no_room.call.is_some_and(|call| call > self.no_room.limit)
    }

    /// What makes room for such a call.
    #[must_use]
    pub fn raise(&self) -> String {
        format!("raise {}, or lower model.max_tokens", self.no_room.account.key())
    }

    /// What ends the turn's attempt.
    pub(super) fn fault(&self, stage: Stage) -> Fault {
        let key = self.no_room.account.key();
        let hint = match self.until {
            // Tomorrow there is no more room for it than today.
            Some(_) if self.never_has_room() => {
                format!("{}: one call may cost more than all of it, on any day", self.raise())
            }
            Some(until) => format!(
                "there is room again from {}, or when {key} is raised",
                until.format("%Y-%m-%d %H:%M UTC")
            ),
            None => format!("raise {key}, or shorten the prompts, the tool results or model.max_tokens"),
        };
        let fault = Fault::of_budget(stage, self.to_string()).hint(hint);
        // Who has a day's budget is held by that alone: it may be raised before the day is over.
        Fault { excused: self.until.is_some(), ..fault }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::ids::{Slot, StrategyName};
    use futures_util::FutureExt as _;

    use super::*;

    fn spender() -> Spender {
        Spender { persona: PersonaId::new("anna"), strategy: StrategyName::new("daily"), arm: None }
    }

    fn turn() -> TurnId {
        TurnId::of(&PersonaId::new("anna"), &Slot::after(None))
    }

    fn budget(clock: &Clock) -> Budget {
        let limits = Limits { day: Some(NanoUsd(10)), ..Limits::default() };
        Budget::of(limits, clock.clone(), Tz::UTC)
    }

    /// What comes of asking for so much, unless it is waited.
    fn asked(budget: &Budget, most: u64) -> Option<Result<Taken, Unanswered>> {
        let stop = CancellationToken::new();
        budget.take(turn(), spender(), || Some(NanoUsd(most)), NanoUsd(0), &stop).now_or_never()
    }

    #[test]
    fn a_call_that_was_given_up_counts_as_its_most_and_nobody_waits_for_it() {
        let budget = budget(&Clock::starting_at(DateTime::UNIX_EPOCH));
        let call = asked(&budget, 8).expect("nobody else is there").expect("there is room").asked();
        assert!(asked(&budget, 5).is_none(), "the call may leave enough");
        drop(call);
        assert!(matches!(asked(&budget, 5), Some(Err(Unanswered::NoRoom(_)))), "it has left nothing");
        assert_eq!(budget.of_today()[0].taken, NanoUsd(8));
    }

    #[test]
    fn a_call_that_was_given_up_before_claude_was_asked_costs_nothing() {
        let budget = budget(&Clock::starting_at(DateTime::UNIX_EPOCH));
        let call = asked(&budget, 8).expect("nobody else is there").expect("there is room");
        assert!(asked(&budget, 5).is_none(), "the call may leave enough");
        drop(call);
        assert_eq!(budget.of_today()[0].taken, NanoUsd(0));
        assert!(matches!(asked(&budget, 10), Some(Ok(_))));
    }

    #[test]
    fn a_clock_that_is_set_back_over_midnight_opens_no_other_budget_and_leaves_no_promise_behind() {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH + TimeDelta::days(3));
        let budget = budget(&clock);
        asked(&budget, 4).expect("nobody else is there").expect("there is room").cost(Some(NanoUsd(4)));
        clock.advance(TimeDelta::days(-1));
        let call = asked(&budget, 6).expect("nobody else is there").expect("there is room");
        assert!(asked(&budget, 5).is_none(), "the call may leave enough");
        call.cost(Some(NanoUsd(1)));
        assert!(matches!(asked(&budget, 6), Some(Err(Unanswered::NoRoom(_)))), "5 of 10 are spent");
        assert!(matches!(asked(&budget, 5), Some(Ok(_))));
    }
}
