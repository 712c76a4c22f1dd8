//! What keeps personas back, or under way, for `personas list`: turns that are open, and what else a tick would say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use comfy_table::{Cell, Color};
use serde::Serialize;

use crate::cli::output::{ODD, styled};
use crate::cli::text::{in_a_line, printable};
use crate::cli::tick_view::CAUSE;
use crate::runner::KeptBack;
use crate::store::{Acknowledged, Ledger, LedgerError, Open, OpenTurn, Pauses};
use domain::persona::Persona;
use domain::state::State;

/// Everybody who is kept back or under way, by address.
#[derive(Default)]
pub(super) struct KeptBackList {
    personas: BTreeMap<String, Vec<Now>>,
    pauses: Pauses,
}

/// How a persona stands at the moment.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Now {
    /// It has a turn that is open.
    Turn(OpenTurn),
    /// It is due, and has none.
    Due(KeptBack),
}

impl KeptBackList {
    /// Those with a turn that is open, and those who are paused.
    pub(super) async fn read(ledger: &Ledger) -> Result<Self, LedgerError> {
        let mut list = Self { pauses: ledger.pauses().await?, ..Self::default() };
        for turn in ledger.open_turns().await? {
            list.personas.entry(turn.persona.clone()).or_default().push(Now::Turn(turn));
        }
        for email in list.pauses.personas.keys() {
            list.personas.entry(email.clone()).or_default();
        }
        Ok(list)
    }

    /// Adds what speaks against a turn of somebody who is due. `known` is from before mana-auth was asked.
    pub(super) async fn due(
        &mut self,
        persona: &Persona,
        ledger: &Ledger,
        known: Acknowledged,
    ) -> Result<(), LedgerError> {
        let kept_back = match ledger.occasion(persona, known).await {
            Ok(occasion) => KeptBack::of(occasion),
            // The tick says what is wrong with the row.
            Err(error) if error.is_of_one_row() => None,
            Err(error) => return Err(error),
        };
        if let Some(kept_back) = kept_back {
            self.personas.entry(persona.email.clone()).or_default().push(Now::Due(kept_back));
        }
        Ok(())
    }

    /// Adds why the daemon keeps somebody back, of whom the ledger says nothing.
    pub(super) fn kept(&mut self, email: &str, kept_back: KeptBack) {
        self.personas.entry(email.to_owned()).or_default().push(Now::Due(kept_back));
    }

    pub(super) fn emails(&self) -> impl Iterator<Item = &String> {
        self.personas.keys()
    }

    /// What a document says of a persona.
    pub(super) fn of(&self, email: &str) -> &[Now] {
        self.personas.get(email).map_or(&[], Vec::as_slice)
    }

    /// Since when it is paused, alone or with everybody.
    pub(super) fn paused_since(&self, email: &str) -> Option<DateTime<Utc>> {
        let own = self.pauses.personas.get(email);
        self.pauses.everybody.iter().chain(own).map(|paused| paused.since).min()
    }

    /// A word for a table, if there is one to say.
    pub(super) fn cell(&self, email: &str) -> Option<Cell> {
        let is = |wanted: State| self.of(email).iter().any(|now| now.state() == wanted);
        let open = [State::Running, State::Paused, State::Held, State::Stopped, State::Parked];
        let state = open.into_iter().find(|state| is(*state));
        let paused = self.paused_since(email).map(|_| State::Paused);
        let state = if state == Some(State::Running) { state } else { paused.or(state) }?;
        Some(Cell::new(state).fg(if state == State::Parked { Color::Red } else { Color::Yellow }))
    }

    /// Who is kept back, until when, why, and what to do: a line each.
    pub(super) fn text(&self, now: DateTime<Utc>) -> String {
        let all = self.personas.iter().flat_map(|(email, all)| all.iter().map(move |own| (email, own)));
        let turns: String = all.filter_map(|(email, own)| own.line(email, now)).collect();
        let lines: String =
            self.pauses.lines().into_iter().map(|line| format!("{}\n", printable(&line))).collect();
        format!("{lines}{turns}")
    }
}

impl Now {
    fn state(&self) -> State {
        match self {
            Self::Turn(turn) => turn.state,
            Self::Due(_) => State::Held,
        }
    }

    fn line(&self, email: &str, now: DateTime<Utc>) -> Option<String> {
        let (how, why, hint) = match self {
            Self::Turn(OpenTurn { open: Open::Running { .. }, .. }) => return None,
            Self::Turn(OpenTurn { paused_since: Some(since), open, hint, .. }) => {
                let (Open::Held { then, why, .. } | Open::Stopped { then, why }) = open else { return None };
                let how = format!("is paused since {}, and {} after that", minute(*since), then.words());
                (how, why, hint.as_deref())
            }
            Self::Turn(OpenTurn { open: Open::Held { until, then, attempts, why }, hint, .. }) => {
                let how = match *until > now {
                    true => format!("is held until {}", minute(*until)),
                    false => then.words().to_owned(),
                };
                (format!("{how}, after attempt {attempts}"), why, hint.as_deref())
            }
            Self::Turn(OpenTurn { open: Open::Stopped { then, why }, hint, .. }) => {
                (format!("was stopped, and {}", then.words()), why, hint.as_deref())
            }
            Self::Turn(OpenTurn { open: Open::Parked { since, why }, hint, .. }) => {
                (format!("has a turn that is parked since {}", minute(*since)), why, hint.as_deref())
            }
            Self::Due(KeptBack { why, .. }) => ("is held".to_owned(), why, None),
        };
        let hint = hint.map_or_else(String::new, |hint| format!("  {}\n", printable(hint)));
        Some(format!("{} {}: {}\n{hint}", printable(email), styled(ODD, how), in_a_line(why, CAUSE)))
    }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Then;

    fn check(own: Now, word: Option<&str>, line: &str) {
        let email = "persona.anna@mana.test".to_owned();
        let list = KeptBackList { personas: [(email.clone(), vec![own])].into(), ..KeptBackList::default() };
        assert_eq!(list.cell(&email).map(|cell| cell.content()).as_deref(), word);
        let text = anstream::adapter::strip_str(&list.text(at("2026-11-29T15:00:00Z"))).to_string();
        assert_eq!(text, line);
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().expect("an instant")
    }

    fn turn(open: Open, hint: Option<&str>) -> Now {
        let (persona, turn) = ("persona.anna@mana.test".to_owned(), "8c2f".to_owned());
        let state = open.state(false);
        Now::Turn(OpenTurn { persona, turn, state, open, paused_since: None, hint: hint.map(str::to_owned) })
    }

    #[test]
    fn each_way_to_be_kept_back_says_until_when_why_and_what_to_do() {
        let since = at("2026-11-29T14:00:00Z");
        let held = |until, then| {
            let why = "no key\n at all".to_owned();
            Open::Held { until: at(until), then, attempts: 2, why }
        };
        check(turn(Open::Running { since }, None), Some("running"), "");
        check(
            turn(held("2026-11-29T15:04:05Z", Then::BeginsAnew), Some("do something")),
            Some("held"),
            "persona.anna@mana.test is held until 2026-11-29 15:04 UTC, after attempt 2: no key / at all\n  do something\n",
        );
        check(
            turn(held("2026-11-29T14:59:59Z", Then::GoesOn), None),
            Some("held"),
            "persona.anna@mana.test goes on from its last known step at the next tick, after attempt 2: no key / at all\n",
        );
        check(
            turn(held("2026-11-29T14:59:59Z", Then::BeginsAnew), None),
            Some("held"),
            "persona.anna@mana.test begins anew at the next tick at which its persona is due for it, after attempt 2: \
             no key / at all\n",
        );
        check(
            turn(Open::Parked { since, why: "it broke".to_owned() }, Some("`turns resume 8c2f`")),
            Some("parked"),
            "persona.anna@mana.test has a turn that is parked since 2026-11-29 14:00 UTC: it broke\n  `turns resume 8c2f`\n",
        );
        let stopped = || Open::Stopped { then: Then::GoesOn, why: "the budget is used up".to_owned() };
        check(
            turn(stopped(), None),
            Some("stopped"),
            "persona.anna@mana.test was stopped, and goes on from its last known step at the next tick: the budget is \
             used up\n",
        );
        let Now::Turn(own) = turn(stopped(), Some("`resume`")) else { unreachable!("it is a turn") };
        check(
            Now::Turn(OpenTurn { state: State::Paused, paused_since: Some(since), ..own }),
            Some("paused"),
            "persona.anna@mana.test is paused since 2026-11-29 14:00 UTC, and goes on from its last known step at the \
             next tick after that: the budget is used up\n  `resume`\n",
        );
        let why = "its turn is over; mana-auth does not know it yet".to_owned();
        check(
            Now::Due(KeptBack { is: "unacknowledged", until: None, why }),
            Some("held"),
            "persona.anna@mana.test is held: its turn is over; mana-auth does not know it yet\n",
        );
    }
}
