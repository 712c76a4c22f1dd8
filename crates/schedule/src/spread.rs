//! Where in a length of time a persona's slot lies: anywhere, and always at the same place.

use chrono::{NaiveDate, TimeDelta};
use sha2::{Digest as _, Sha256};

use domain::ids::PersonaId;

/// A whole number of seconds from 0, below `within`: a function of the persona, and of the date if there is one.
///
/// It is pinned by a test: another one would move every slot of every persona.
pub(crate) fn offset(persona: &PersonaId, date: Option<NaiveDate>, within: TimeDelta) -> TimeDelta {
    let seconds = within.num_seconds().max(1);
    let mut digest = Sha256::new().chain_update(b"persona-host/slot/1\0").chain_update(persona.as_str());
    if let Some(date) = date {
        digest = digest.chain_update([0]).chain_update(date.to_string());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    let number = u64::from_be_bytes(first) % seconds.unsigned_abs();
    TimeDelta::seconds(i64::try_from(number).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_persona_comes_at_the_same_place() {
        let (anna, ben) = (PersonaId::new("u-anna"), PersonaId::new("u-ben"));
        let day = TimeDelta::hours(14);
        let date = NaiveDate::from_ymd_opt(2026, 11, 29);
        let places = [
            offset(&anna, date, day),
            offset(&anna, date.and_then(|date| date.succ_opt()), day),
            offset(&ben, date, day),
            offset(&anna, None, TimeDelta::hours(1)),
        ];
        let seconds = places.map(|place| place.num_seconds());
        assert_eq!(seconds, [29_486, 6_827, 13_727, 372], "pinned");
    }

    #[test]
    fn many_personas_are_spread_evenly() {
        let mut hours = [0; 10];
        for number in 0..10_000 {
            let persona = PersonaId::new(format!("u-{number}"));
            let place = offset(&persona, None, TimeDelta::hours(10)).num_hours();
            hours[usize::try_from(place).expect("from 0 to 9")] += 1;
        }
        assert!(hours.iter().all(|count| (850..1150).contains(count)), "{hours:?}");
    }
}
