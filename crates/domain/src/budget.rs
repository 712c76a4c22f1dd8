//! What may be spent, and what is taken of it. An amount is taken before a call, as much as the call may cost, and given
//! back as far as it did not: however many calls are made at once, together they never cost more than the budget.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::experiment::Experiment;
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

    /// The limited arms that are none of these experiments', so that nothing counts for them: each in a sentence.
    #[must_use]
    pub fn of_no_arm<'a>(&self, experiments: impl IntoIterator<Item = &'a Experiment>) -> Vec<String> {
        let arms = |own: &Experiment| -> Vec<String> {
            own.arms.iter().map(|arm| format!("{}/{}", own.key(), arm.name)).collect()
        };
        let known: Vec<String> = experiments.into_iter().flat_map(arms).collect();
        let unknown = self.arms.keys().filter(|arm| !known.contains(arm));
        let there_is = if known.is_empty() { "no experiment".to_owned() } else { known.join(", ") };
        unknown
            .map(|arm| {
                format!(
                    "budget.arms limits {arm:?}, which is no arm of an experiment here; there is {there_is}"
                )
            })
            .collect()
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

/// A limit of today, and what is taken of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of what.
    pub account: Account,
    /// The most that may be spent.
    pub limit: NanoUsd,
    /// What is spent, or promised to calls under way.
    pub taken: NanoUsd,
    /// A call found no room, and would find none now.
    pub is_full: bool,
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
    /// What has to be left beside it, for the question that ends the turn.
    pub kept_back: NanoUsd,
}

/// What is taken of each limit. Of what has no limit nothing is kept.
#[derive(Debug)]
pub struct Books {
    limits: Limits,
    day: NaiveDate,
    taken: BTreeMap<Account, NanoUsd>,
    /// What of that is promised to calls under way.
    promised: BTreeMap<Account, NanoUsd>,
    /// The least that each limit of the day had no room for.
    refused: BTreeMap<Account, NanoUsd>,
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

    /// Each limit of today with what is taken of it: everything, the strategies, the arms, and of the personas those who
    /// have spent theirs.
    #[must_use]
    pub fn of_today(&self) -> Vec<Part> {
        let Limits { day, strategies, arms, .. } = &self.limits;
        let named =
            (strategies.keys().cloned().map(Account::Strategy)).chain(arms.keys().cloned().map(Account::Arm));
        let of_personas = self.taken.keys().chain(self.refused.keys()).collect::<BTreeSet<_>>().into_iter();
        let personas = of_personas.filter(|account| matches!(account, Account::Persona(_))).cloned();
        let part = |account| {
            let (limit, taken) = (self.limit(&account)?, self.taken(&account));
            let is_full = taken >= limit || self.is_full(&account).is_some();
            Some(Part { account, limit, taken, is_full })
        };
        let of_many = day.map(|_| Account::Day).into_iter().chain(named).filter_map(part);
        of_many.chain(personas.filter_map(part).filter(|part| part.is_full)).collect()
    }

    /// Turns the page, if it is a later day; a clock that was set back opens no other budget. What turns have taken stays.
    pub fn turn_to(&mut self, day: NaiveDate) {
        if day > self.day {
            self.day = day;
            self.taken.retain(|account, _| matches!(account, Account::Turn(_)));
            self.promised.retain(|account, _| matches!(account, Account::Turn(_)));
            self.refused.clear();
            self.sent_away.clear();
        }
    }

    /// Takes what a call may cost from everything that it counts for, or nothing from any. So much as `kept_back` has to
    /// be left of what nobody else takes from: the turn's own budget, and the persona's.
    ///
    /// # Errors
    /// When one of them has no room for it.
    pub fn take(
        &mut self,
        turn: TurnId,
        spender: &Spender,
        call: Cost,
        kept_back: NanoUsd,
    ) -> Result<(), NoRoom> {
        for (account, limit) in self.accounts(turn, spender) {
            let (taken, promised) = (self.taken(&account), self.promised(&account));
            let kept_back = if account.is_of_one_turn() { kept_back } else { NanoUsd(0) };
            let no_room = NoRoom { account, limit, taken, promised, call, kept_back };
            if no_room.is_so() {
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
    fn note_refused(&mut self, spender: &Spender, NoRoom { account, call, kept_back, .. }: &NoRoom) {
        let call = NanoUsd(call.unwrap_or_default().0.saturating_add(kept_back.0));
        if !matches!(account, Account::Turn(_)) {
            let least = self.refused.entry(account.clone()).or_insert(call);
            *least = call.min(*least);
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
        let of_all = self.is_full(&Account::Day);
        of_all
            .or_else(|| self.sent_away.get(persona).and_then(|(account, call)| self.no_room(account, *call)))
    }

    /// Why a limit of the day has no room, if it was found too narrow for a call, and still is.
    fn is_full(&self, account: &Account) -> Option<NoRoom> {
        self.no_room(account, *self.refused.get(account)?)
    }

    fn no_room(&self, account: &Account, call: NanoUsd) -> Option<NoRoom> {
        let (limit, taken, promised) = (self.limit(account)?, self.taken(account), self.promised(account));
        let (account, call, kept_back) = (account.clone(), Some(call), NanoUsd(0));
        Some(NoRoom { account, limit, taken, promised, call, kept_back }).filter(NoRoom::is_so)
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

    fn promised(&self, account: &Account) -> NanoUsd {
        self.promised.get(account).copied().unwrap_or_default()
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
    /// Whether no more than one turn takes from it at a time.
    fn is_of_one_turn(&self) -> bool {
        matches!(self, Self::Turn(_) | Self::Persona(_))
    }

    /// The same with whose it is, where the key does not say that.
    #[must_use]
    pub fn named(&self) -> String {
        match self {
            Self::Turn(id) => format!("{} of {id}", self.key()),
            Self::Persona(id) => format!("{} of {id}", self.key()),
            Self::Strategy(_) | Self::Arm(_) | Self::Day => self.key(),
        }
    }

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

impl Part {
    /// The same for programs: the limit by its key in the configuration, amounts in US dollars.
    #[must_use]
    pub fn shown(&self) -> Value {
        let Self { account, limit, taken, is_full } = self;
        let mut shown = json!({
            "of": account.key(),
            "limitUsd": limit.dollars(),
            "takenUsd": taken.dollars(),
            "isFull": is_full,
        });
        if let Account::Persona(id) = account {
            shown["personaId"] = id.as_str().into();
        }
        shown
    }
}

impl NoRoom {
    /// Whether there is room once calls under way have cost less than was promised to them, as far as anybody knows.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let is_within = |needed: NanoUsd| needed.0.saturating_sub(self.promised.0) <= self.limit.0;
        self.promised.0 > 0 && self.needed().is_some_and(is_within)
    }

    fn is_so(&self) -> bool {
        self.needed().is_none_or(|needed| needed > self.limit)
    }

    /// What the limit would have to be for the call; nothing if nobody knows.
    fn needed(&self) -> Cost {
        let with_call = self.taken.0.checked_add(self.call?.0)?;
        with_call.checked_add(self.kept_back.0).map(NanoUsd)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, limit, taken, call, kept_back, .. } = self;
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
        }?;
        match kept_back {
            NanoUsd(0) => Ok(()),
            kept_back => write!(f, ", and {kept_back} is kept for the question how it was"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slot;

    /// Kept back for the rating.
    const NONE: NanoUsd = NanoUsd(0);
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
            let took = calls
                .map(|(persona, name)| books.take(turn(name), &spender(persona), call(10), NONE).is_ok());
            assert_eq!(took, admitted, "{limited:?}");
        }
    }

    #[test]
    fn what_is_not_spent_is_given_back_and_what_has_no_price_has_no_room() {
        let (mut books, anna) = (books(&["day"]), spender("anna"));
        books.take(turn("1"), &anna, call(40), NONE).expect("all of it");
        let full = books.take(turn("1"), &anna, call(1), NONE).expect_err("there is no room");
        assert_eq!((full.taken, full.limit, full.call), (NanoUsd(40), NanoUsd(40), call(1)));
        books.give_back(turn("1"), &anna, day(1), NanoUsd(35));
        books.take(turn("1"), &anna, call(35), NONE).expect("so much was given back");
        books.give_back(turn("1"), &anna, day(1), NanoUsd(35));
        assert!(books.take(turn("1"), &anna, None, NONE).is_err());
        assert!(books.take(turn("1"), &anna, call(u64::MAX), NONE).is_err());
        assert_eq!(books.taken(&Account::Day), NanoUsd(5));
    }

    #[test]
    fn a_new_day_has_its_own_money_and_a_turn_goes_on_with_what_is_left_of_its_own() {
        let (mut books, anna) = (books(&["day", "turn"]), spender("anna"));
        books.take(turn("1"), &anna, call(7), NONE).expect("there is room");
        books.turn_to(day(2));
        assert_eq!(books.taken(&Account::Day), NanoUsd(0));
        // A call of yesterday that cost less than was taken.
        books.give_back(turn("1"), &anna, day(1), NanoUsd(2));
        assert_eq!(books.taken(&Account::Day), NanoUsd(0));
        assert!(books.take(turn("1"), &anna, call(6), NONE).is_err(), "the turn has 5 left");
        books.take(turn("1"), &anna, call(5), NONE).expect("so much is left");
        books.close(turn("1"));
        books.take(turn("1"), &anna, call(10), NONE).expect("it is another turn by now");
    }

    #[test]
    fn nobody_begins_while_the_day_is_known_to_have_no_room() {
        let (mut books, anna) = (books(&["day", "persona"]), spender("anna"));
        let ben = PersonaId::new("ben");
        assert_eq!(books.is_full_for(&anna.persona), None);
        books.take(turn("1"), &anna, call(20), NONE).expect("all that she may spend");
        assert_eq!(books.is_full_for(&anna.persona), None, "nobody has asked for more");
        let early = books.take(turn("1"), &anna, call(1), NONE).expect_err("there is no room");
        assert!(early.may_pass() && books.is_full_for(&anna.persona).is_none(), "the call may cost less");
        books.give_back(turn("1"), &anna, day(1), NanoUsd(20));
        books.book(turn("1"), &anna, NanoUsd(20));
        let late = books.take(turn("1"), &anna, call(1), NONE).expect_err("there is no room");
        assert!(!late.may_pass());
        let full = books.is_full_for(&anna.persona).expect("hers is spent");
        assert_eq!((full.account, books.is_full_for(&ben)), (Account::Persona(anna.persona.clone()), None));
        books.give_back(turn("1"), &anna, day(1), NanoUsd(1));
        assert_eq!(books.is_full_for(&anna.persona), None, "there is room again for such a call");
    }

    #[test]
    fn a_call_leaves_what_the_question_how_it_was_may_cost_of_what_nobody_else_takes_from() {
        let (mut books, anna) = (books(&["day", "turn", "persona"]), spender("anna"));
        let no_room = books.take(turn("1"), &anna, call(8), NanoUsd(3)).expect_err("2 would be left");
        assert_eq!(no_room.account, Account::Turn(turn("1")));
        let said = no_room.to_string();
        assert!(said.ends_with(", and $0.0000 is kept for the question how it was"), "{said}");
        books.take(turn("1"), &anna, call(7), NanoUsd(3)).expect("3 are left");
        books.take(turn("1"), &anna, call(3), NONE).expect("for which they were kept");
        // What is everybody's cannot be kept for one of them.
        let ben = spender("ben");
        books.take(turn("2"), &ben, call(10), NONE).expect("there is room");
        let only_day = Limits { day: Some(NanoUsd(10)), ..Limits::default() };
        Books::of(only_day, day(1)).take(turn("1"), &anna, call(10), NanoUsd(3)).expect("all of it");
    }

    #[test]
    fn each_limit_of_today_says_what_is_taken_of_it_and_whether_it_has_turned_a_call_away() {
        let (mut books, anna) = (books(&["day", "strategy", "persona", "turn"]), spender("anna"));
        let told = |books: &Books| -> Vec<(String, u64, bool)> {
            let parts = books.of_today().into_iter();
            parts.map(|part| (part.account.key(), part.taken.0, part.is_full)).collect()
        };
        let of = |key: &str, taken, is_full| (key.to_owned(), taken, is_full);
        assert_eq!(told(&books), [of("budget.day", 0, false), of("budget.strategies.daily", 0, false)]);
        books.take(turn("1"), &anna, call(9), NONE).expect("there is room");
        books.take(turn("2"), &anna, call(10), NONE).expect("there is room");
        books.book(turn("3"), &spender("ben"), NanoUsd(9));
        books.take(turn("3"), &spender("cem"), call(3), NONE).expect_err("the strategy has 2 left");
        let expected = [of("budget.day", 28, false), of("budget.strategies.daily", 28, false)];
        assert_eq!(told(&books), expected, "calls under way may leave enough");
        books.give_back(turn("1"), &anna, day(1), NanoUsd(19));
        books.book(turn("1"), &anna, NanoUsd(20));
        books.take(turn("4"), &spender("cem"), call(3), NONE).expect_err("the strategy has 1 left");
        let expected = [
            of("budget.day", 29, false),
            of("budget.strategies.daily", 29, true),
            of("budget.persona_day", 20, true),
        ];
        assert_eq!(told(&books), expected);
    }

    #[test]
    fn it_says_whose_it_is_how_much_and_what_the_call_may_cost() {
        let no_room = NoRoom {
            account: Account::Strategy(StrategyName::new("daily")),
            limit: NanoUsd(2_000_000_000),
            taken: NanoUsd(1_995_000_000),
            promised: NanoUsd(0),
            call: call(12_300_000),
            kept_back: NONE,
        };
        assert_eq!(
            no_room.to_string(),
            "today's budget of the strategy daily of $2.0000 has no room for another call: $1.9950 of it is taken, and \
             the call may cost up to $0.0123"
        );
        assert_eq!(no_room.account.key(), "budget.strategies.daily");
    }
}
