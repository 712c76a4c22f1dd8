//! What is taken of each limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::{Account, Limits, NoRoom, Part, Spender};
use crate::ids::{PersonaId, TurnId};
use crate::usage::{Cost, NanoUsd};

#[cfg(test)]
mod tests;

/// What is taken of each limit. Of what has no limit nothing is kept.
#[derive(Debug)]
pub struct Books {
    limits: Arc<Limits>,
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
        Self { limits: Arc::new(limits), day, taken, promised, refused, sent_away }
    }

    /// What is limited.
    #[must_use]
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Other limits from now on; gives those before. What was limited keeps what is taken of it, and who was refused may
    /// find room.
    pub fn change(&mut self, limits: Limits) -> Arc<Limits> {
        let before = std::mem::replace(&mut self.limits, Arc::new(limits));
        self.refused.clear();
        self.sent_away.clear();
        let (limits, mut taken) = (&self.limits, std::mem::take(&mut self.taken));
        taken.retain(|account, _| limits.of(account).is_some());
        self.promised.retain(|account, _| limits.of(account).is_some());
        self.taken = taken;
        before
    }

    /// What other books of today have of accounts that were not limited `before`, and are now.
    pub fn learn(&mut self, other: &Self, before: &Limits) {
        for (account, amount) in &other.taken {
            if before.of(account).is_none() && self.limits.of(account).is_some() {
                self.add(account.clone(), *amount);
            }
        }
    }

    /// A call under way, taken for on `day`, counts for what was not limited `before`, too.
    pub fn promise_anew(
        &mut self,
        (turn, spender): (TurnId, &Spender),
        day: NaiveDate,
        call: NanoUsd,
        before: &Limits,
    ) {
        for (account, _) in self.accounts(turn, spender) {
            let is_of_now = day == self.day || matches!(account, Account::Turn(_));
            if is_of_now && before.of(&account).is_none() {
                self.promise(account.clone(), call);
                self.add(account, call);
            }
        }
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
        let Limits { day, strategies, arms, .. } = &*self.limits;
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
            self.promise(account, call);
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

    fn promise(&mut self, account: Account, call: NanoUsd) {
        let promised = self.promised.entry(account).or_default();
        *promised = NanoUsd(promised.0.saturating_add(call.0));
    }

    fn add(&mut self, account: Account, amount: NanoUsd) {
        let taken = self.taken.entry(account).or_default();
        *taken = NanoUsd(taken.0.saturating_add(amount.0));
    }

    /// A call is over: what was taken for it on `day`, under these limits, is given back, to be booked as far as it was
    /// spent. From what was not limited then, nothing was taken.
    pub fn give_back_under(
        &mut self,
        limits: &Limits,
        (turn, spender): (TurnId, &Spender),
        day: NaiveDate,
        amount: NanoUsd,
    ) {
        for (account, _) in self.accounts(turn, spender) {
            let is_of_now = day == self.day || matches!(account, Account::Turn(_));
            if !is_of_now || limits.of(&account).is_none() {
                continue;
            }
            if let Some(promised) = self.promised.get_mut(&account) {
                *promised = NanoUsd(promised.0.saturating_sub(amount.0));
            }
            if let Some(taken) = self.taken.get_mut(&account) {
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
        self.limits.of(account)
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
        let Limits { persona_day, day, strategies, arms, .. } = &*self.limits;
        let all = [
            day.map(|limit| (Account::Day, limit)),
            strategies.get(strategy).map(|limit| (Account::Strategy(strategy.clone()), *limit)),
            arm.as_ref().and_then(|arm| Some((Account::Arm(arm.clone()), *arms.get(arm)?))),
            persona_day.map(|limit| (Account::Persona(persona.clone()), limit)),
        ];
        all.into_iter().flatten().collect()
    }
}
