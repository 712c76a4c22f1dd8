//! What may be spent, and what is taken of it. An amount is taken before a call, as much as the call may cost, and given
//! back as far as it did not: however many calls are made at once, together they never cost more than the budget.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;

use crate::ids::{PersonaId, StrategyName, TurnId};
use crate::usage::{Cost, NanoUsd};

/// The most that may be spent. What is not limited is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In one turn, on whatever days it is played.
    pub turn: Option<NanoUsd>,
    /// On one persona in a day.
    pub persona_day: Option<NanoUsd>,
    /// On everything in a day.
    pub day: Option<NanoUsd>,
    /// Under a strategy in a day.
    pub strategies: BTreeMap<StrategyName, NanoUsd>,
    /// In an arm of an experiment (`experiment/arm`) in a day.
    pub arms: BTreeMap<String, NanoUsd>,
}

impl Limits {
    /// Nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// For whom a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spender {
    /// Of which persona.
    pub persona: PersonaId,
    /// Under which strategy.
    pub strategy: StrategyName,
    /// In which arm of an experiment, as `experiment/arm`.
    pub arm: Option<String>,
}

/// What a limit is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// One turn.
    Turn(TurnId),
    /// One persona, today.
    Persona(PersonaId),
    /// One strategy, today.
    Strategy(StrategyName),
    /// One arm, today.
    Arm(String),
    /// Everything, today.
    Day,
}

/// A limit that has no room for one more call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Of what.
    pub account: Account,
    /// The most that may be spent.
    pub limit: NanoUsd,
    /// What is spent, or promised to calls under way.
    pub taken: NanoUsd,
    /// What of it is promised.
    pub promised: NanoUsd,
    /// What the call may cost; nothing if nobody knows.
    pub call: Cost,
}

/// What is taken of each limit. Of what has no limit nothing is kept.
#[derive(Debug)]
pub struct Books {
    limits: Limits,
    day: NaiveDate,
    taken: BTreeMap<Account, NanoUsd>,
    /// What of that is promised to calls under way.
    promised: BTreeMap<Account, NanoUsd>,
    /// The least that the limit of the day had no room for.
    refused: Option<NanoUsd>,
    /// Whom a limit of the day had no room for, and for what.
    sent_away: BTreeMap<PersonaId, (Account, NanoUsd)>,
}

impl Books {
    /// Empty books of this day.
    #[must_use]
    pub fn of(limits: Limits, day: NaiveDate) -> Self {
        let (taken, promised, refused, sent_away) = Default::default();
        Self { limits, day, taken, promised, refused, sent_away }
    }

    /// What is limited.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Which day's page is open.
    #[must_use]
    pub fn day(&self) -> NaiveDate {
        self.day
    }

    /// What is spent today, or promised to calls under way; nothing is known of it without a limit.
    #[must_use]
    pub fn taken_today(&self) -> NanoUsd {
        self.taken(&Account::Day)
    }

    /// Turns the page, if it is a later day; a clock that was set back opens no other budget. What turns have taken stays.
    pub fn turn_to(&mut self, day: NaiveDate) {
        if day > self.day {
            self.day = day;
            self.taken.retain(|account, _| matches!(account, Account::Turn(_)));
            self.promised.retain(|account, _| matches!(account, Account::Turn(_)));
            self.refused = None;
            self.sent_away.clear();
        }
    }

    /// Takes what a call may cost from everything that it counts for, or nothing from any.
    ///
    /// # Errors
    /// When one of them has no room for it.
    pub fn take(&mut self, turn: TurnId, spender: &Spender, call: Cost) -> Result<(), NoRoom> {
        for (account, limit) in self.accounts(turn, spender) {
            let taken = self.taken(&account);
            let fits = call.is_some_and(|call| taken.0.checked_add(call.0).is_some_and(|sum| sum <= limit.0));
            if !fits {
                let promised = self.promised.get(&account).copied().unwrap_or_default();
                let no_room = NoRoom { account, limit, taken, promised, call };
                if no_room.may_pass() {
                    return Err(no_room);
                }
                self.note_refused(spender, &no_room);
                return Err(no_room);
            }
        }
        let call = call.unwrap_or_default();
        for (account, _) in self.accounts(turn, spender) {
            let promised = self.promised.entry(account).or_default();
            *promised = NanoUsd(promised.0.saturating_add(call.0));
        }
        self.book(turn, spender, call);
        Ok(())
    }

    /// Remembers for whom and for what a limit of the day had no room.
    fn note_refused(&mut self, spender: &Spender, NoRoom { account, call, .. }: &NoRoom) {
        let call = call.unwrap_or_default();
        if *account == Account::Day {
            self.refused = Some(self.refused.map_or(call, |least| least.min(call)));
        }
        if !matches!(account, Account::Turn(_)) {
            self.sent_away.insert(spender.persona.clone(), (account.clone(), call));
        }
    }

    /// Writes down what was spent, whether there is room for it or not.
    pub fn book(&mut self, turn: TurnId, spender: &Spender, amount: NanoUsd) {
        self.book_turn(turn, amount);
        self.book_day(spender, amount);
    }

    /// The same of the turn alone, which an earlier day may have paid for.
    pub fn book_turn(&mut self, turn: TurnId, amount: NanoUsd) {
        if self.limits.turn.is_some() {
            self.add(Account::Turn(turn), amount);
        }
    }

    /// The same of today alone, whichever turns paid for it.
    pub fn book_day(&mut self, spender: &Spender, amount: NanoUsd) {
        for (account, _) in self.accounts_of_day(spender) {
            self.add(account, amount);
        }
    }

    fn add(&mut self, account: Account, amount: NanoUsd) {
        let taken = self.taken.entry(account).or_default();
        *taken = NanoUsd(taken.0.saturating_add(amount.0));
    }

    /// A call is over: what was taken for it on `day` is given back, to be booked as far as it was spent.
    pub fn give_back(&mut self, turn: TurnId, spender: &Spender, day: NaiveDate, amount: NanoUsd) {
        for (account, _) in self.accounts(turn, spender) {
            let is_of_now = day == self.day || matches!(account, Account::Turn(_));
            if let Some(promised) = self.promised.get_mut(&account).filter(|_| is_of_now) {
                *promised = NanoUsd(promised.0.saturating_sub(amount.0));
            }
            if let Some(taken) = self.taken.get_mut(&account).filter(|_| is_of_now) {
                *taken = NanoUsd(taken.0.saturating_sub(amount.0));
            }
        }
    }

    /// Forgets a turn that does not go on by itself.
    pub fn close(&mut self, turn: TurnId) {
        self.taken.remove(&Account::Turn(turn));
        self.promised.remove(&Account::Turn(turn));
    }

    /// Why a turn of this persona need not begin: a limit of the day has been found too narrow for a call, and still is.
    #[must_use]
    pub fn is_full_for(&self, persona: &PersonaId) -> Option<NoRoom> {
        let of_all = self.refused.map(|call| (Account::Day, call));
        let own = self.sent_away.get(persona).cloned();
        of_all.into_iter().chain(own).find_map(|(account, call)| {
            let (limit, taken) = (self.limit(&account)?, self.taken(&account));
            let promised = self.promised.get(&account).copied().unwrap_or_default();
            let is_full = taken.0.saturating_add(call.0) > limit.0;
            is_full.then_some(NoRoom { account, limit, taken, promised, call: Some(call) })
        })
    }

    fn limit(&self, account: &Account) -> Option<NanoUsd> {
        match account {
            Account::Turn(_) => self.limits.turn,
            Account::Persona(_) => self.limits.persona_day,
            Account::Strategy(name) => self.limits.strategies.get(name).copied(),
            Account::Arm(arm) => self.limits.arms.get(arm).copied(),
            Account::Day => self.limits.day,
        }
    }

    fn taken(&self, account: &Account) -> NanoUsd {
        self.taken.get(account).copied().unwrap_or_default()
    }

    /// Everything limited that a call counts for, the widest first.
    fn accounts(&self, turn: TurnId, spender: &Spender) -> Vec<(Account, NanoUsd)> {
        let of_turn = self.limits.turn.map(|limit| (Account::Turn(turn), limit));
        self.accounts_of_day(spender).into_iter().chain(of_turn).collect()
    }

    fn accounts_of_day(&self, spender: &Spender) -> Vec<(Account, NanoUsd)> {
        let Spender { persona, strategy, arm } = spender;
        let Limits { persona_day, day, strategies, arms, .. } = &self.limits;
        let all = [
            day.map(|limit| (Account::Day, limit)),
            strategies.get(strategy).map(|limit| (Account::Strategy(strategy.clone()), *limit)),
            arm.as_ref().and_then(|arm| Some((Account::Arm(arm.clone()), *arms.get(arm)?))),
            persona_day.map(|limit| (Account::Persona(persona.clone()), limit)),
        ];
        all.into_iter().flatten().collect()
    }
}

impl Account {
    /// The key of the configuration that limits it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Turn(_) => "budget.turn".to_owned(),
            Self::Persona(_) => "budget.persona_day".to_owned(),
            Self::Strategy(name) => format!("budget.strategies.{name}"),
            Self::Arm(arm) => format!("budget.arms.{arm:?}"),
            Self::Day => "budget.day".to_owned(),
        }
    }
}

impl NoRoom {
    /// Whether there is room once calls under way have cost less than was promised to them, as far as anybody knows.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let spent = self.taken.0.saturating_sub(self.promised.0);
        self.promised.0 > 0 && self.call.is_some_and(|call| spent.saturating_add(call.0) <= self.limit.0)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, limit, taken, call, .. } = self;
        let whose = match account {
            Account::Turn(_) => "the turn's budget".to_owned(),
            Account::Persona(_) => "the persona's budget of today".to_owned(),
            Account::Strategy(name) => format!("today's budget of the strategy {name}"),
            Account::Arm(arm) => format!("today's budget of the arm {arm}"),
            Account::Day => "today's budget".to_owned(),
        };
        write!(f, "{whose} of {limit} has no room for another call: {taken} of it is taken, and ")?;
        match call {
            Some(call) => write!(f, "the call may cost up to {call}"),
            None => write!(f, "what the call may cost is not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slot;

    const LIMITS: [(&str, u64); 5] =
        [("turn", 10), ("persona", 20), ("strategy", 30), ("arm", 25), ("day", 40)];

    fn spender(persona: &str) -> Spender {
        let (persona, strategy) = (PersonaId::new(persona), StrategyName::new("daily"));
        Spender { persona, strategy, arm: Some("words/short".to_owned()) }
    }

    fn turn(name: &str) -> TurnId {
        TurnId::of(&PersonaId::new("anna"), &Slot::of_arm(name, 1, 0, "a"))
    }

    fn books(limited: &[&str]) -> Books {
        let of = |name| {
            limited
                .contains(&name)
                .then(|| LIMITS.iter().find(|(own, _)| *own == name).map(|(_, limit)| NanoUsd(*limit)))
                .flatten()
        };
        let limits = Limits {
            turn: of("turn"),
            persona_day: of("persona"),
            day: of("day"),
            strategies: of("strategy").map(|limit| (StrategyName::new("daily"), limit)).into_iter().collect(),
            arms: of("arm").map(|limit| ("words/short".to_owned(), limit)).into_iter().collect(),
        };
        Books::of(limits, day(1))
    }

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, number).expect("a day")
    }

    fn call(amount: u64) -> Cost {
        Some(NanoUsd(amount))
    }

    #[test]
    fn each_limit_holds_for_what_it_is_of() {
        // Calls of 10 by (persona, turn), and how many of them there is room for.
        let calls = [("anna", "1"), ("anna", "1"), ("anna", "2"), ("anna", "3"), ("ben", "4"), ("ben", "5")];
        for (limited, admitted) in [
            (&["turn"][..], [true, false, true, true, true, true]),
            (&["persona"], [true, true, false, false, true, true]),
            (&["strategy"], [true, true, true, false, false, false]),
            (&["arm"], [true, true, false, false, false, false]),
            (&["day"], [true, true, true, true, false, false]),
            (&["turn", "day", "persona"], [true, false, true, false, true, true]),
            (&[], [true; 6]),
        ] {
            let mut books = books(limited);
            let took =
                calls.map(|(persona, name)| books.take(turn(name), &spender(persona), call(10)).is_ok());
            assert_eq!(took, admitted, "{limited:?}");
        }
    }

    #[test]
    fn what_is_not_spent_is_given_back_and_what_has_no_price_has_no_room() {
        let (mut books, anna) = (books(&["day"]), spender("anna"));
        books.take(turn("1"), &anna, call(40)).expect("all of it");
        let full = books.take(turn("1"), &anna, call(1)).expect_err("there is no room");
        assert_eq!((full.taken, full.limit, full.call), (NanoUsd(40), NanoUsd(40), call(1)));
        books.give_back(turn("1"), &anna, day(1), NanoUsd(35));
        books.take(turn("1"), &anna, call(35)).expect("so much was given back");
        books.give_back(turn("1"), &anna, day(1), NanoUsd(35));
        assert!(books.take(turn("1"), &anna, None).is_err());
        assert!(books.take(turn("1"), &anna, call(u64::MAX)).is_err());
        assert_eq!(books.taken_today(), NanoUsd(5));
    }

    #[test]
    fn a_new_day_has_its_own_money_and_a_turn_goes_on_with_what_is_left_of_its_own() {
        let (mut books, anna) = (books(&["day", "turn"]), spender("anna"));
        books.take(turn("1"), &anna, call(7)).expect("there is room");
        books.turn_to(day(2));
        assert_eq!(books.taken_today(), NanoUsd(0));
        // A call of yesterday that cost less than was taken.
        books.give_back(turn("1"), &anna, day(1), NanoUsd(2));
        assert_eq!(books.taken_today(), NanoUsd(0));
        assert!(books.take(turn("1"), &anna, call(6)).is_err(), "the turn has 5 left");
        books.take(turn("1"), &anna, call(5)).expect("so much is left");
        books.close(turn("1"));
        books.take(turn("1"), &anna, call(10)).expect("it is another turn by now");
    }

    #[test]
    fn nobody_begins_while_the_day_is_known_to_have_no_room() {
        let (mut books, anna) = (books(&["day", "persona"]), spender("anna"));
        let ben = PersonaId::new("ben");
        assert_eq!(books.is_full_for(&anna.persona), None);
        books.take(turn("1"), &anna, call(20)).expect("all that she may spend");
        assert_eq!(books.is_full_for(&anna.persona), None, "nobody has asked for more");
        let early = books.take(turn("1"), &anna, call(1)).expect_err("there is no room");
        assert!(early.may_pass() && books.is_full_for(&anna.persona).is_none(), "the call may cost less");
        books.give_back(turn("1"), &anna, day(1), NanoUsd(20));
        books.book(turn("1"), &anna, NanoUsd(20));
        let late = books.take(turn("1"), &anna, call(1)).expect_err("there is no room");
        assert!(!late.may_pass());
        let full = books.is_full_for(&anna.persona).expect("hers is spent");
        assert_eq!((full.account, books.is_full_for(&ben)), (Account::Persona(anna.persona.clone()), None));
        books.give_back(turn("1"), &anna, day(1), NanoUsd(1));
        assert_eq!(books.is_full_for(&anna.persona), None, "there is room again for such a call");
    }

    #[test]
    fn it_says_whose_it_is_how_much_and_what_the_call_may_cost() {
        let no_room = NoRoom {
            account: Account::Strategy(StrategyName::new("daily")),
            limit: NanoUsd(2_000_000_000),
            taken: NanoUsd(1_995_000_000),
            promised: NanoUsd(0),
            call: call(12_300_000),
        };
        assert_eq!(
            no_room.to_string(),
            "today's budget of the strategy daily of $2.0000 has no room for another call: $1.9950 of it is taken, and \
             the call may cost up to $0.0123"
        );
        assert_eq!(no_room.account.key(), "budget.strategies.daily");
    }
}
