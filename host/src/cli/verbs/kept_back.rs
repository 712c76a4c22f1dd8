//! What keeps personas back, or under way, for `personas list`: turns that are open, and what else a tick would say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use comfy_table::{Cell, Color};
use serde::Serialize;

use crate::cli::output::{ODD, styled};
use crate::cli::text::{in_a_line, printable};
use crate::cli::tick_view::CAUSE;
use crate::runner::KeptBack;
use crate::store::{Acknowledged, Ledger, LedgerError, Open, OpenTurn};
use domain::persona::Persona;

/// Everybody who is kept back or under way, by address.
#[derive(Default)]
pub(super) struct KeptBackList(BTreeMap<String, Vec<Now>>);

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
    /// Those with a turn that is open.
    pub(super) async fn read(ledger: &Ledger) -> Result<Self, LedgerError> {
        let mut list = Self::default();
        for turn in ledger.open_turns().await? {
            list.0.entry(turn.persona.clone()).or_default().push(Now::Turn(turn));
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
            self.0.entry(persona.email.clone()).or_default().push(Now::Due(kept_back));
        }
        Ok(())
    }

    pub(super) fn emails(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// What a document says of a persona.
    pub(super) fn of(&self, email: &str) -> &[Now] {
        self.0.get(email).map_or(&[], Vec::as_slice)
    }

    /// A word for a table, if there is one to say.
    pub(super) fn cell(&self, email: &str) -> Option<Cell> {
        let all = self.0.get(email)?;
        let is = |wanted: &str| all.iter().any(|now| now.word() == wanted);
        let word = ["running", "held", "parked"].into_iter().find(|word| is(word))?;
        Some(Cell::new(word).fg(if word == "parked" { Color::Red } else { Color::Yellow }))
    }

    /// Who is kept back, until when, why, and what to do: a line each.
    pub(super) fn text(&self, now: DateTime<Utc>) -> String {
        let all = self.0.iter().flat_map(|(email, all)| all.iter().map(move |own| (email, own)));
        all.filter_map(|(email, own)| own.line(email, now)).collect()
    }
}

impl Now {
    fn word(&self) -> &'static str {
        match self {
            Self::Turn(OpenTurn { open: Open::Running { .. }, .. }) => "running",
            Self::Turn(OpenTurn { open: Open::Held { .. }, .. }) | Self::Due(_) => "held",
            Self::Turn(OpenTurn { open: Open::Parked { .. }, .. }) => "parked",
        }
    }

    fn line(&self, email: &str, now: DateTime<Utc>) -> Option<String> {
        let (how, why, hint) = match self {
            Self::Turn(OpenTurn { open: Open::Running { .. }, .. }) => return None,
            Self::Turn(OpenTurn { open: Open::Held { until, then, attempts, why }, hint, .. }) => {
                let how = match *until > now {
                    true => format!("is held until {}", minute(*until)),
                    false => then.words().to_owned(),
                };
                (format!("{how}, after attempt {attempts}"), why, hint.as_deref())
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
        let list = KeptBackList([(email.clone(), vec![own])].into());
        assert_eq!(list.cell(&email).map(|cell| cell.content()).as_deref(), word);
        let text = anstream::adapter::strip_str(&list.text(at("2026-11-29T15:00:00Z"))).to_string();
        assert_eq!(text, line);
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().expect("an instant")
    }

    fn turn(open: Open, hint: Option<&str>) -> Now {
        let (persona, turn) = ("persona.anna@mana.test".to_owned(), "8c2f".to_owned());
        Now::Turn(OpenTurn { persona, turn, open, hint: hint.map(str::to_owned) })
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
        let why = "its turn is over; mana-auth does not know it yet".to_owned();
        check(
            Now::Due(KeptBack { is: "unacknowledged", until: None, why }),
            Some("held"),
            "persona.anna@mana.test is held: its turn is over; mana-auth does not know it yet\n",
        );
    }
}
