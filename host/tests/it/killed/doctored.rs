//! Does the audit find what it is for? Evidence of days that nobody disturbed, doctored in one way at a time.

use super::audit::audit;
use super::colony::Colony;
use super::course::{Size, live};
use super::evidence::Evidence;

type Doctor = fn(&mut Evidence);

/// What is done to the evidence, and what the audit has to say of it.
const FAULTS: [(Doctor, &str); 13] = [
    (|evidence| drop(evidence.turns.remove(0)), "p0 has no turn on day 0"),
    (|evidence| evidence.days = 1, "is one turn too many"),
    (|evidence| evidence.turns[0].recorded.summary.outcome = "running".to_owned(), "is not over: running"),
    (|evidence| evidence.turns[0].recorded.summary.outcome = "faulted".to_owned(), "ended as faulted"),
    (|evidence| evidence.waiting = 1, "1 deliveries still wait"),
    (|evidence| evidence.pages.overlaps.push("p0 had at once: two".to_owned()), "p0 had at once"),
    (
        |evidence| {
            let mut turns = evidence.turns.iter().filter(|turn| turn.persona == "p0");
            let begun_at = turns.next_back().unwrap().recorded.steps.last().unwrap().begun_at;
            evidence.turns[0].recorded.steps.last_mut().unwrap().begun_at = begun_at;
        },
        "p0 had steps of two turns in turns",
    ),
    (
        |evidence| {
            let again = evidence.pages.tool_calls[0].clone();
            evidence.pages.tool_calls.push(again);
        },
        "arrived 2 times, with 1 intents and 1 answers",
    ),
    (|evidence| drop(evidence.pages.tool_calls.remove(0)), "arrived 0 times, with 1 intents and 1 answers"),
    (
        |evidence| evidence.turns[0].recorded.actions.truncate(1),
        "has kept other actions than it has journaled",
    ),
    (
        |evidence| {
            let rows = evidence.actions.get_mut(evidence.turns[0].id()).unwrap();
            rows.push(rows[0].clone());
        },
        "and mana-auth has",
    ),
    (|evidence| evidence.feedback.clear(), "and mana-auth has []"),
    (
        |evidence| {
            let bodies = evidence.pages.deliveries.values_mut().next().unwrap();
            let body = String::from_utf8(bodies.keys().next().unwrap().clone()).unwrap();
            bodies.insert(body.replace("\"result\":\"ok\"", "\"result\":\"error\"").into_bytes(), 1);
        },
        "came again as",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_finds_what_it_is_for() {
    let size = Size { personas: 2, days: 2, kills: 0 };
    let mut colony = Colony::of(size.personas, None).await;
    let course = live(&mut colony, size, 0).await;
    let sound = Evidence::of(&colony, &course).await;
    let findings = audit(&sound);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(sound.turns.len(), 4);
    for (doctor, expected) in FAULTS {
        let mut evidence = sound.clone();
        doctor(&mut evidence);
        let findings = audit(&evidence);
        assert!(findings.iter().any(|fault| fault.contains(expected)), "{expected}: {findings:?}");
    }

    let mut evidence = sound.clone();
    evidence.turns[0].recorded.summary.ratings.clear();
    evidence.feedback.remove(evidence.turns[0].id());
    evidence.paid += 1;
    let findings = audit(&evidence);
    let [unrated, paid] = findings.as_slice() else { panic!("{findings:?}") };
    assert!(unrated.ends_with("and rated {}"), "{unrated}");
    assert_eq!(paid, "1 model calls were paid for again, and 0 were under way at kills");
    evidence.model_calls_under_way = 1;
    assert_eq!(audit(&evidence).len(), 1, "that one was under way");
    colony.stack.stop().await;
}
