//! Slots in every zone, through all changes of its clocks from 2024 to 2030.

use chrono::{
    DateTime, Datelike as _, Days, NaiveDate, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::{TZ_VARIANTS, Tz};
use domain::ids::PersonaId;
use proptest::prelude::*;
use schedule::{Moment, Rule, Rules, When, Window, cron};

use super::persona;
use domain::persona::Cadence;

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).unwrap()
}

fn days() -> impl Iterator<Item = NaiveDate> {
    first_day().iter_days().take_while(|date| date.year() <= 2030)
}

fn rule(when: When, zone: Tz, window: &str) -> Rule {
    Rule { when, ..Rule { window: Window::parse(window).unwrap(), ..usual(zone) } }
}

fn usual(zone: Tz) -> Rule {
    Rules::of_zone(zone).rule_for(&persona("anna", Cadence::Daily))
}

fn offset(zone: Tz, at: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The days on which the clocks of a zone change, with those before and after.
fn changes(zone: Tz) -> Vec<NaiveDate> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
    let changes =
        |date: &NaiveDate| offset(zone, midnight(*date)) != offset(zone, midnight(*date + Days::new(1)));
    let around = |date: NaiveDate| (-2..=2).map(move |days| date + TimeDelta::days(days));
    days().filter(changes).flat_map(around).collect()
}

/// A day's slot lies in its window, or where a gap in the window ends.
#[track_caller]
fn check_day(rule: &Rule, (from, until): (i64, i64), date: NaiveDate, at: DateTime<Utc>) {
    let zone = rule.zone;
    let local = at.with_timezone(&zone);
    let midnight = date.and_time(NaiveTime::MIN);
    let (earliest, latest) = (midnight + TimeDelta::minutes(from), midnight + TimeDelta::minutes(until));
    let place = format!("{zone} {date} {}: {local}", rule.window);
    let is_inside = (earliest..latest).contains(&local.naive_local());
    if is_inside {
        assert_eq!(
            zone.from_local_datetime(&local.naive_local()).earliest(),
            Some(local),
            "{place}: the second time"
        );
    } else {
        let before = (at - TimeDelta::seconds(1)).with_timezone(&zone).naive_local();
        assert!(before < latest && earliest < local.naive_local(), "{place}: the gap is not in the window");
        assert!(local.naive_local() - before > TimeDelta::seconds(1), "{place}: no gap ends here");
    }
}

#[test]
fn each_day_of_each_zone_has_one_slot_in_its_window_or_where_its_gap_ends() {
    let anna = PersonaId::new("anna");
    for zone in TZ_VARIANTS {
        let daily = rule(When::Daily, zone, "00:01-24:00");
        let mut before = None;
        for date in days() {
            let at = daily.slot_of(&anna, date).unwrap_or_else(|| panic!("{zone} has no slot on {date}"));
            check_day(&daily, (1, 24 * 60), date, at);
            assert!(before < Some(at), "{zone}: the slot of {date} is {at}, and not after {before:?}");
            before = Some(at);
        }
    }
}

#[test]
fn a_narrow_window_may_lie_in_a_gap_or_be_there_twice() {
    let anna = PersonaId::new("anna");
    for zone in TZ_VARIANTS {
        let days = changes(zone);
        for hour in 0..24 {
            let (from, until) = (hour * 60 + 10, hour * 60 + 20);
            let window = format!("{hour:02}:10-{hour:02}:20");
            let daily = rule(When::Daily, zone, &window);
            for date in &days {
                let at =
                    daily.slot_of(&anna, *date).unwrap_or_else(|| panic!("{zone} has no slot on {date}"));
                check_day(&daily, (from, until), *date, at);
            }
        }
    }
}

#[test]
fn the_latest_slot_and_the_next_are_those_of_the_calendar() {
    for zone in TZ_VARIANTS {
        for (when, name) in [(When::Daily, "anna"), (When::Weekdays, "ben")] {
            let (rule, persona) = (rule(when, zone, "00:01-24:00"), PersonaId::new(name));
            let dates = changes(zone);
            let slots = dates.iter().filter_map(|date| rule.slot_of(&persona, *date));
            for slot in slots {
                let second = TimeDelta::seconds(1);
                let around = |at| {
                    let (latest, next) = rule.around(&persona, at);
                    (latest.unwrap().at, next.unwrap().at)
                };
                let (before, itself) = around(slot - second);
                let (again, after) = around(slot);
                assert_eq!((itself, again), (slot, slot), "{zone} {slot}");
                assert!(before < slot && slot < after, "{zone} {slot}");
                assert_eq!(around(after - second), (slot, after), "{zone} {slot}: nothing between");
                assert_eq!(around(before).1, slot, "{zone} {slot}");
            }
        }
    }
}

#[test]
fn a_week_of_weekdays_has_five_slots_by_the_calendar_of_the_zone() {
    let anna = PersonaId::new("anna");
    for zone in TZ_VARIANTS {
        let weekdays = rule(When::Weekdays, zone, "08:00-22:00");
        let of_week = |start: NaiveDate| {
            start.iter_days().take(7).filter_map(|date| weekdays.slot_of(&anna, date)).collect::<Vec<_>>()
        };
        for start in days().step_by(7) {
            let slots = of_week(start);
            assert_eq!(slots.len(), 5, "{zone}, the week of {start}");
            for slot in slots {
                let weekday = slot.with_timezone(&zone).weekday().num_days_from_monday();
                assert!(weekday < 5, "{zone}: {slot}");
            }
        }
    }
}

/// From one slot of an expression to the next, through a change of clocks: nothing is left out, and nothing comes twice.
#[test]
fn expressions_go_through_every_change_of_clocks() {
    let anna = PersonaId::new("anna");
    for zone in TZ_VARIANTS {
        let dates = changes(zone);
        for (expression, once_a_day) in [("30 2 * * *", true), ("0 0 * * *", true), ("*/20 * * * *", false)] {
            let rule = rule(cron(expression).unwrap(), zone, "08:00-22:00");
            for day in dates.chunks(5) {
                let begin = day[0].and_time(NaiveTime::MIN).and_utc();
                let (_, mut next) = rule.around(&anna, begin);
                let mut seen = Vec::new();
                while let Some(Moment { at, .. }) = next.filter(|next| next.at < begin + TimeDelta::days(5)) {
                    let (latest, after) = rule.around(&anna, at);
                    assert_eq!(latest.map(|latest| latest.at), Some(at), "{zone} {expression}");
                    let middle = rule.around(&anna, at + TimeDelta::minutes(10));
                    assert_eq!(
                        middle.0.map(|latest| latest.at),
                        Some(at),
                        "{zone} {expression}: ten minutes later"
                    );
                    assert!(after.unwrap().at > at, "{zone} {expression} {at}");
                    seen.push(at.with_timezone(&zone).date_naive());
                    next = after;
                }
                if once_a_day {
                    let first = seen.first().copied();
                    let in_order: Vec<NaiveDate> =
                        first.into_iter().flat_map(|date| date.iter_days().take(seen.len())).collect();
                    assert_eq!(seen, in_order, "{zone} {expression}: one each day");
                }
            }
        }
    }
}

#[test]
fn an_expression_comes_at_its_time_after_a_gap_and_once_where_the_hour_is_repeated() {
    let anna = PersonaId::new("anna");
    for (expression, from, slots) in [
        ("30 2 * * *", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        ("30 2 * * *", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        ("0 7 * * 1-5", "2026-11-27T12:00:00Z", ["2026-11-30T06:00:00Z", "2026-12-01T06:00:00Z"]),
    ] {
        let rule = rule(cron(expression).unwrap(), Tz::Europe__Berlin, "08:00-22:00");
        let mut now: DateTime<Utc> = from.parse().unwrap();
        for slot in slots {
            let (_, next) = rule.around(&anna, now);
            now = next.unwrap().at;
            assert_eq!(now, slot.parse::<DateTime<Utc>>().unwrap(), "{expression} from {from}");
        }
    }
    for (expression, says) in [
        ("every day", "must be a cron expression such as"),
        ("0 25 * * *", "must be a cron expression such as"),
        ("0 0 30 2 *", "names a time that never comes"),
        ("* * * * * *", "must have five fields (minute, hour, day, month, weekday): slots are told apart by"),
        ("15 0 7 * * *", "must have five fields"),
        ("0 0 7 * * 1 2027", "must have five fields"),
    ] {
        let error = cron(expression).expect_err(expression).to_string();
        assert!(error.starts_with(says), "{expression}: {error}");
    }
}

proptest! {
    /// Whoever asks, whenever and how often: the slots of an interval are that long apart, and one has just been.
    #[test]
    fn intervals_are_even_and_stable(
        name in "[a-z0-9-]{1,20}",
        minutes in 1_i64..3000,
        seconds in 0_i64..2_000_000_000,
    ) {
        let (persona, length) = (PersonaId::new(name), TimeDelta::minutes(minutes));
        let rule = rule(When::Every(length), Tz::Asia__Kathmandu, "08:00-22:00");
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        let (latest, next) = rule.around(&persona, now);
        let (latest, next) = (latest.unwrap(), next.unwrap());
        prop_assert!(latest.at <= now && now < next.at);
        prop_assert_eq!(next.at - latest.at, length);
        prop_assert_eq!(rule.around(&persona, next.at).0, Some(next));
        prop_assert_eq!(rule.around(&persona, latest.at), (Some(latest), Some(next)));
    }

    /// The same persona has the same slot on the same day, however it is asked for.
    #[test]
    fn days_are_stable(name in "[a-z0-9-]{1,20}", zone in 0..TZ_VARIANTS.len(), day in 0_u64..2500, hour in 0_i64..24) {
        let (persona, zone) = (PersonaId::new(name), TZ_VARIANTS[zone]);
        let rule = usual(zone);
        let date = first_day() + Days::new(day);
        let slot = rule.slot_of(&persona, date).unwrap();
        prop_assert_eq!(rule.slot_of(&persona, date), Some(slot));
        let later = slot + TimeDelta::hours(hour);
        let (latest, next) = rule.around(&persona, later);
        prop_assert!(latest.unwrap().at >= slot && (hour > 0 || latest.unwrap().at == slot));
        prop_assert_eq!(rule.around(&persona, later), (latest, next));
    }
}
