//! The audit: what the neighbours saw against what the ledger says. A plain function on values, so that a test can
//! show that it finds something.

use std::collections::{BTreeMap, BTreeSet};

use domain::action::ActionStatus;
use persona_host::store::RecordedStep;
use serde_json::Value;

use super::books::sorted;
use super::evidence::{Evidence, Turn, asked};

/// What is not as it should be.
type Findings = Vec<String>;

/// Looks at everything.
pub(super) fn audit(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    every_day_has_its_turn(evidence, &mut findings);
    no_two_turns_at_once(evidence, &mut findings);
    let received = received(evidence);
    for turn in &evidence.turns {
        let key = (turn.persona.as_str(), turn.day);
        calls_have_intents(turn, received.get(&key).unwrap_or(&Bag::new()), &mut findings);
        rows_are_those_of_the_ledger(turn, evidence, &mut findings);
        the_day_is_rated(turn, &mut findings);
    }
    repeats_are_identical(evidence, &mut findings);
    little_is_paid_again(evidence, &mut findings);
    findings
}

/// Things, and how often each.
type Bag<T> = BTreeMap<T, usize>;
type Call = (String, String);

fn bag<T: Ord>(things: impl IntoIterator<Item = T>) -> Bag<T> {
    let mut bag = Bag::new();
    for thing in things {
        *bag.entry(thing).or_default() += 1;
    }
    bag
}

/// No turn is lost, and none is there twice.
fn every_day_has_its_turn(evidence: &Evidence, findings: &mut Findings) {
    let turns: BTreeSet<(&str, usize)> =
        evidence.turns.iter().map(|turn| (turn.persona.as_str(), turn.day)).collect();
    for persona in &evidence.personas {
        for day in 0..evidence.days {
            if !turns.contains(&(persona.as_str(), day)) {
                findings.push(format!("{persona} has no turn on day {day}"));
            }
        }
    }
    for turn in &evidence.turns {
        let (name, summary) = (turn.name(), &turn.recorded.summary);
        if turn.day >= evidence.days {
            findings.push(format!("{name} is one turn too many"));
        }
        if summary.outcome == "running" || summary.held_until.is_some() {
            findings.push(format!("{name} is not over: {}", summary.outcome));
        } else if summary.outcome != "completed" {
            let why = summary.fault_message.as_deref().unwrap_or_default();
            findings.push(format!("{name} ended as {}: {why}", summary.outcome));
        }
    }
    if evidence.waiting > 0 {
        findings.push(format!("{} deliveries still wait", evidence.waiting));
    }
}

/// A persona never has calls of two turns at once, and never two calls.
fn no_two_turns_at_once(evidence: &Evidence, findings: &mut Findings) {
    findings.extend(evidence.pages.overlaps.iter().cloned());
    for persona in &evidence.personas {
        let turns = evidence.turns.iter().filter(|turn| turn.persona == *persona);
        let mut steps: Vec<_> =
            turns.flat_map(|turn| turn.recorded.steps.iter().map(|step| (step.begun_at, turn.day))).collect();
        steps.sort_unstable();
        if !steps.is_sorted_by_key(|(_, day)| *day) {
            findings.push(format!("{persona} had steps of two turns in turns"));
        }
    }
}

/// What mana-mcp was asked to do, by persona and day.
fn received(evidence: &Evidence) -> BTreeMap<(&str, usize), Bag<Call>> {
    let mut received: BTreeMap<_, Bag<Call>> = BTreeMap::new();
    for call in &evidence.pages.tool_calls {
        let calls = received.entry((call.persona.as_str(), call.day)).or_default();
        *calls.entry((call.tool.clone(), call.arguments.clone())).or_default() += 1;
    }
    received
}

/// Each call that arrived was journaled before and none was repeated; and one whose answer was heard did arrive.
fn calls_have_intents(turn: &Turn, received: &Bag<Call>, findings: &mut Findings) {
    let mut steps: BTreeMap<&str, (Call, bool)> = BTreeMap::new();
    for step in turn.tool_steps() {
        let (_, is_answered) = steps.entry(&step.key).or_insert_with(|| (asked(step), false));
        *is_answered |= is_heard(step);
    }
    let journaled = bag(steps.values().map(|(call, _)| call));
    let answered = bag(steps.values().filter(|(_, is_answered)| *is_answered).map(|(call, _)| call));
    let calls: BTreeSet<&Call> = journaled.keys().copied().chain(received.keys()).collect();
    for call in calls {
        let arrived = received.get(call).copied().unwrap_or_default();
        let least = answered.get(call).copied().unwrap_or_default();
        let most = journaled.get(call).copied().unwrap_or_default();
        if !(least..=most).contains(&arrived) {
            let text = format!("{call:?} arrived {arrived} times, with {most} intents and {least} answers");
            findings.push(format!("{}: {text}", turn.name()));
        }
    }
    let kept = (turn.recorded.actions.iter()).map(|action| (action.tool.clone(), sorted(&action.input)));
    if bag(kept) != bag(steps.values().map(|(call, _)| call.clone())) {
        findings.push(format!("{} has kept other actions than it has journaled", turn.name()));
    }
}

/// Whether the answer of a tool call was heard.
fn is_heard(step: &RecordedStep) -> bool {
    step.result.as_ref().is_some_and(|result| result["unknown"] != true)
}

/// mana-auth has each action and each rating of the ledger exactly once, and nothing else.
fn rows_are_those_of_the_ledger(turn: &Turn, evidence: &Evidence, findings: &mut Findings) {
    let result = |status| if status == ActionStatus::Ok { "ok" } else { "error" };
    let kept: Vec<(usize, String, String)> = (turn.recorded.actions.iter())
        .map(|action| (action.index as usize, action.tool.clone(), result(action.status).to_owned()))
        .collect();
    let arrived = evidence.actions.get(turn.id()).cloned().unwrap_or_default();
    if kept != arrived {
        findings.push(format!("{} did {kept:?}, and mana-auth has {arrived:?}", turn.name()));
    }
    let mut rated: Vec<&str> =
        turn.recorded.summary.ratings.iter().map(|rating| rating.module.as_str()).collect();
    rated.sort_unstable();
    let arrived = evidence.feedback.get(turn.id()).cloned().unwrap_or_default();
    if rated != arrived {
        findings.push(format!("{} rated {rated:?}, and mana-auth has {arrived:?}", turn.name()));
    }
}

/// Whoever has begun its day has rated it in the end.
fn the_day_is_rated(turn: &Turn, findings: &mut Findings) {
    let rated: BTreeSet<&str> =
        turn.recorded.summary.ratings.iter().map(|rating| rating.module.as_str()).collect();
    let used: BTreeSet<&str> = turn.recorded.actions.iter().map(|action| action.module.as_str()).collect();
    let has_begun = turn.model_steps().next().is_some();
    if has_begun && (used.is_empty() || !used.is_subset(&rated)) {
        let text = format!("{} used {used:?} and rated {rated:?}", turn.name());
        findings.push(text);
    }
}

/// A row that is sent again is the same to the last byte.
fn repeats_are_identical(evidence: &Evidence, findings: &mut Findings) {
    for ((kind, turn), bodies) in &evidence.pages.deliveries {
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for body in bodies.keys() {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            for (index, row) in body[*kind].as_array().into_iter().flatten().enumerate() {
                let id = match *kind {
                    "actions" => format!("{index} {}", row["toolName"]),
                    _ => row["module"].to_string(),
                };
                let first = known.entry(id).or_insert_with(|| row.clone());
                if first != row {
                    findings.push(format!("{kind} of {turn}: {first} came again as {row}"));
                }
            }
        }
    }
}

/// What is paid for and not kept was under way when a process was killed.
fn little_is_paid_again(evidence: &Evidence, findings: &mut Findings) {
    let (paid, kept, under_way) = (evidence.paid, model_calls_kept(evidence), evidence.model_calls_under_way);
    if kept > paid {
        findings.push(format!("{kept} model calls have results, and {paid} were paid for"));
    }
    let again = paid.saturating_sub(kept);
    if again > under_way {
        let text =
            format!("{again} model calls were paid for again, and {under_way} were under way at kills");
        findings.push(text);
    }
}

/// Steps of all turns that have the result of a model call.
pub(super) fn model_calls_kept(evidence: &Evidence) -> usize {
    let kept = evidence.turns.iter().map(|turn| {
        let answered = turn.model_steps().filter(|step| step.result.is_some());
        answered.map(|step| step.key.as_str()).collect::<BTreeSet<_>>().len()
    });
    kept.sum()
}
