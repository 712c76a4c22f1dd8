//! What limits hold for, what is given back, and what is said when there is no room.

use super::*;
use crate::ids::{Slot, StrategyName};

/// Kept back for the rating.
const NONE: NanoUsd = NanoUsd(0);
const LIMITS: [(&str, u64); 5] = [("turn", 10), ("persona", 20), ("strategy", 30), ("arm", 25), ("day", 40)];

fn spender(persona: &str) -> Spender {
    let (persona, strategy) = (PersonaId::new(persona), StrategyName::new("daily"));
    Spender { persona, strategy, arm: Some("words/short".to_owned()) }
}

fn turn(name: &str) -> TurnId {
    TurnId::of(&PersonaId::new("anna"), &Slot::of_arm(name, 1, 0, "a"))
}

impl Books {
    /// Under the limits of now.
    fn give_back(&mut self, turn: TurnId, spender: &Spender, day: NaiveDate, amount: NanoUsd) {
        let limits = Arc::clone(&self.limits);
        self.give_back_under(&limits, (turn, spender), day, amount);
    }
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
            calls.map(|(persona, name)| books.take(turn(name), &spender(persona), call(10), NONE).is_ok());
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

#[test]
fn other_limits_keep_what_is_taken_and_learn_what_was_spent_before_of_what_they_limit_anew() {
    let (mut books, anna) = (books(&["day", "turn"]), spender("anna"));
    books.take(turn("1"), &anna, call(9), NONE).expect("there is room");
    books.take(turn("2"), &anna, call(41), NONE).expect_err("the day has no such room");
    let limits = Limits { day: Some(NanoUsd(50)), persona_day: Some(NanoUsd(20)), ..Limits::default() };
    let before = books.change(limits.clone());
    assert_eq!((before.turn, before.persona_day), (Some(NanoUsd(10)), None));
    // What the ledger has of today: a call of before.
    let mut ledger = Books::of(limits, day(1));
    ledger.book_day(&anna, NanoUsd(5));
    books.learn(&ledger, &before);
    let taken = |books: &Books, account: &Account| books.taken(account).0;
    let persona = Account::Persona(PersonaId::new("anna"));
    assert_eq!((taken(&books, &Account::Day), taken(&books, &persona)), (9, 5), "the day knew its own");
    books.take(turn("2"), &anna, call(10), NONE).expect("no turn has a limit any more");
    // The call that began before is over: of the persona's limit it has taken nothing.
    books.give_back_under(&before, (turn("1"), &anna), day(1), NanoUsd(9));
    books.book(turn("1"), &anna, NanoUsd(2));
    books.give_back(turn("2"), &anna, day(1), NanoUsd(10));
    books.book(turn("2"), &anna, NanoUsd(3));
    assert_eq!((taken(&books, &Account::Day), taken(&books, &persona)), (5, 10));
}
