//! What a plan makes of slots that were missed, and of a clock that is set.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::persona::Cadence;
use schedule::{Due, Plan, Record, Rules, Verdict};

use super::persona;

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A plan for one persona of this cadence in Berlin.
fn plan(cadence: Cadence) -> Plan {
    let mut plan = Plan::new(Rules::of_zone(Tz::Europe__Berlin));
    plan.know(persona("anna", cadence), None);
    plan
}

fn due(plan: &mut Plan, now: DateTime<Utc>) -> Vec<Due> {
    plan.look(now, &BTreeSet::new()).due
}

#[test]
fn of_many_missed_slots_the_newest_is_due_and_only_while_it_is_young() {
    for (cadence, catch_up) in
        [(Cadence::Hourly, TimeDelta::hours(1)), (Cadence::Daily, TimeDelta::hours(12))]
    {
        let mut plan = plan(cadence);
        let anna = persona("anna", cadence).id;
        let start = instant("2026-11-23T23:00:00Z");
        let next = plan.next(&anna, start).unwrap().at;
        let found = due(&mut plan, next);
        assert_eq!((found.len(), found[0].moment.at, found[0].lapsed), (1, next, false));
        plan.begun(&anna, Some(found[0].moment), next);
        assert!(due(&mut plan, next).is_empty(), "it is settled");

        let much_later = next + TimeDelta::days(3);
        let newest = plan.next(&anna, much_later - catch_up).unwrap().at;
        let found = due(&mut plan, newest + TimeDelta::minutes(5));
        assert_eq!((found.len(), found[0].moment.at, found[0].lapsed), (1, newest, false), "{cadence:?}");
        if cadence == Cadence::Daily {
            let found = due(&mut plan, newest + catch_up + TimeDelta::seconds(1));
            assert_eq!((found[0].moment.at, found[0].lapsed), (newest, true), "and not for ever");
        }
    }
}

#[test]
fn a_clock_that_goes_back_comes_upon_slots_of_before_and_not_upon_new_ones() {
    let mut plan = plan(Cadence::Daily);
    let anna = persona("anna", Cadence::Daily).id;
    let first = plan.next(&anna, instant("2026-11-23T23:00:00Z")).unwrap().at;
    let second = plan.next(&anna, first).unwrap().at;
    let slots =
        |plan: &mut Plan, now| due(plan, now).into_iter().map(|due| due.moment.slot()).collect::<Vec<_>>();
    let begin = |plan: &mut Plan, now| {
        let found = due(plan, now).remove(0);
        plan.begun(&found.persona.id, Some(found.moment), now);
        found.moment.slot()
    };
    let played = vec![begin(&mut plan, first)];
    assert_ne!(vec![begin(&mut plan, second)], played);
    // It is the same slot again, by which the ledger knows its turn.
    assert_eq!(slots(&mut plan, first), played);
    assert_eq!(slots(&mut plan, second - TimeDelta::seconds(1)), played);
}

#[test]
fn slots_that_wait_too_long_are_counted_once() {
    let anna = persona("anna", Cadence::Hourly).id;
    let first = plan(Cadence::Hourly).next(&anna, instant("2026-11-23T23:00:00Z")).unwrap().at;
    let mut plan = plan(Cadence::Hourly);
    let overtaken =
        |plan: &mut Plan, hours| plan.look(first + TimeDelta::hours(hours), &BTreeSet::new()).overtaken;
    assert_eq!([0, 1, 1, 2].map(|hours| overtaken(&mut plan, hours)), [0, 1, 0, 1]);
    let found = due(&mut plan, first + TimeDelta::hours(2)).remove(0);
    assert_eq!(found.lateness.due_at, first, "and the wait is as long as it is");
    plan.begun(&anna, Some(found.moment), first + TimeDelta::hours(2));
    assert_eq!(overtaken(&mut plan, 3), 0, "that one was played");
}

#[test]
fn what_the_ledger_knows_decides_and_is_asked_for_once() {
    let late = TimeDelta::hours(13);
    for (begun, played_since, after, verdict) in [
        (false, false, TimeDelta::zero(), Verdict::Begin),
        (true, false, TimeDelta::zero(), Verdict::Played),
        (true, true, late, Verdict::Played),
        (false, true, TimeDelta::minutes(5), Verdict::Overlapped),
        (false, false, late, Verdict::Lapsed),
    ] {
        let mut plan = plan(Cadence::Weekdays);
        let anna = persona("anna", Cadence::Weekdays).id;
        // Friday's: the next is far away.
        let slot = plan.next(&anna, instant("2026-11-26T23:00:00Z")).unwrap().at;
        let found = due(&mut plan, slot + after).remove(0);
        assert_eq!(plan.judge(&found, Record { begun, played_since }), verdict);
        assert_eq!(due(&mut plan, slot + after).len(), usize::from(verdict == Verdict::Begin), "{verdict:?}");
    }
}

#[test]
fn another_cadence_counts_at_once() {
    let mut plan = plan(Cadence::Daily);
    let now = instant("2026-11-23T23:00:00Z");
    let hourly = persona("anna", Cadence::Hourly);
    let daily = plan.next(&hourly.id, now).unwrap();
    plan.know(hourly.clone(), None);
    let next = plan.next(&hourly.id, now).unwrap();
    assert!(next.at - now <= TimeDelta::hours(1) && next != daily, "{next:?}");
    assert_eq!(plan.len(), 1);
}
