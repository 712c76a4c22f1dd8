//! What a verdict tells of itself: since when, for whom, by which number, and what it would take.

use std::collections::BTreeMap;

use domain::experiment::{Design, Metric, Plan, Stopping};
use domain::observation::Observation;
use experiment::page::{Block, markdown, page};
use experiment::report::Outcome;

use super::lives::{life, plan, report, turn};

/// Ratings that differ by `lift` of a block and a little noise, which sums to nothing over six blocks.
fn drifting(personas: u64, blocks: u32, lift: impl Fn(u32) -> f64) -> Vec<Observation> {
    let mut turns = Vec::new();
    for (persona, block) in (0..personas).flat_map(|persona| (0..blocks).map(move |block| (persona, block))) {
        let noise = [0.3, -0.3, 0.2, -0.2, 0.1, -0.1][block as usize % 6];
        for (arm, rating) in [("control", 3.0), ("treatment", 3.0 + lift(block) + noise)] {
            turns.push(turn(persona, block, arm, block % 2, [("todo".to_owned(), Some(rating))].into()));
        }
    }
    turns
}

#[test]
fn a_verdict_remembers_when_it_first_crossed_and_says_when_it_was_taken_back() {
    let plan = plan(Design::Crossover);
    let steady = report(&plan, &drifting(10, 30, |_| 1.0)).comparisons.remove(0).verdict;
    assert_eq!(steady.outcome, Outcome::Better);
    let [first] = steady.crossings.as_slice() else { panic!("{steady:?}") };
    assert_eq!((first.round, first.outcome), (10, Outcome::Better));
    assert!(!steady.caveat.unwrap_or_default().contains("took that back"));

    let faded = drifting(10, 30, |block| if block < 15 { 0.5 } else { -0.6 });
    let faded = report(&plan, &faded);
    let verdict = &faded.comparisons[0].verdict;
    let said: Vec<Outcome> = verdict.crossings.iter().map(|own| own.outcome).collect();
    assert_eq!(said, [Outcome::Better, Outcome::Inconclusive], "{verdict:?}");
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let caveat = verdict.caveat.as_deref().unwrap_or_default();
    assert!(caveat.contains("it said better after round 10 and took that back after round"), "{caveat}");
    let shown = markdown(&page(&faded));
    let back = verdict.crossings[1].round;
    assert!(shown.contains(&format!("better after round 10, inconclusive after round {back}")), "{shown}");

    // Who looks once has nothing to remember.
    let once = Plan { stopping: Stopping::Fixed, ..plan.clone() };
    assert!(report(&once, &drifting(10, 30, |_| 1.0)).comparisons[0].verdict.crossings.is_empty());
}

#[test]
fn one_name_on_a_page_has_one_value() {
    // Two of ten personas have few ratings and another opinion, so that rounds and personas have other means.
    let mut turns = drifting(10, 30, |_| 0.5);
    for turn in turns.iter_mut().filter(|turn| ["p0", "p1"].contains(&turn.persona.as_str())) {
        let lift = if turn.arm.as_str() == "treatment" { -0.3 } else { 0.0 };
        let rated = turn.block % 3 == 0;
        turn.modules.values_mut().for_each(|rating| *rating = rating.filter(|_| rated).map(|own| own + lift));
    }
    for stopping in [Stopping::Sequential, Stopping::Fixed] {
        let report = report(&Plan { stopping, ..plan(Design::Crossover) }, &turns);
        let primary = &report.comparisons[0].primary;
        let apart = (primary.effect.unwrap() - primary.anytime.as_ref().unwrap().effect).abs();
        assert!(apart > 0.02, "rounds and personas have other means here: {apart}");
        let page = page(&report);
        let of_sections = page.sections.iter().flat_map(|section| &section.blocks);
        let facts =
            of_sections.filter_map(|block| if let Block::Facts(facts) = block { Some(facts) } else { None });
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for fact in page.rulings.iter().map(|ruling| &ruling.facts).chain(facts).flatten() {
            let before = values.insert(&fact.name, &fact.value).unwrap_or(&fact.value);
            assert_eq!(before, fact.value, "{stopping:?}: {}", fact.name);
        }
        let over_rounds = report.comparisons[0].verdict.sentence.contains("points over rounds (");
        assert_eq!(over_rounds, stopping == Stopping::Sequential);
    }
}

#[test]
fn a_plan_that_is_over_is_no_start_for_more_rounds() {
    // The effect is too small for thirty rounds, and prices are known.
    let lives = |blocks: u32| -> Vec<Observation> {
        let mut turns = drifting(10, blocks, |block| 0.1 + if block % 2 == 0 { 0.6 } else { -0.6 });
        turns.iter_mut().for_each(|turn| turn.cost = Some(0.05));
        turns
    };
    let over = report(&plan(Design::Crossover), &lives(30));
    let comparison = &over.comparisons[0];
    assert_eq!(comparison.verdict.outcome, Outcome::Inconclusive, "{:?}", comparison.verdict);
    let planning = &comparison.planning;
    let rounds = planning.rounds_to_decide.expect("some number of rounds decides");
    assert!(planning.begins_anew);
    assert!(
        planning.advice.starts_with(&format!("a new experiment of about {rounds} blocks")),
        "{planning:?}"
    );
    assert!(!planning.advice.contains("more rounds would"), "{planning:?}");
    // Each round is two turns of each of ten personas, and all of them are played and paid again.
    let cost = planning.cost_to_decide.unwrap();
    assert!((cost - f64::from(rounds)).abs() < 1e-9, "{planning:?}");

    // Before the end the same plan is still no larger than it was planned.
    let early = report(&plan(Design::Crossover), &lives(12));
    let planning = &early.comparisons[0].planning;
    assert!(
        planning.begins_anew && planning.advice.starts_with("the 30 planned rounds will hardly decide"),
        "{planning:?}"
    );
    let larger = Plan { planned_blocks: 2_000, ..plan(Design::Crossover) };
    let planning = report(&larger, &lives(12)).comparisons[0].planning.clone();
    let rounds = planning.rounds_to_decide.unwrap();
    assert!(!planning.begins_anew && rounds <= 2_000, "{planning:?}");
    assert!(
        planning.advice.starts_with(&format!("about {} more rounds would decide", rounds - 12)),
        "{planning:?}"
    );
    assert!((planning.cost_to_decide.unwrap() - f64::from(rounds - 12)).abs() < 1e-9, "{planning:?}");
}

#[test]
fn after_the_last_round_nothing_is_said_to_come_yet() {
    let turns = drifting(10, 30, |block| if block % 2 == 0 { 0.6 } else { -0.6 });
    for (blocks, says) in
        [(30, "nothing can be said of treatment"), (20, "nothing can be said yet of treatment")]
    {
        let turns: Vec<Observation> = turns.iter().filter(|turn| turn.block < blocks).cloned().collect();
        let sentence = &report(&plan(Design::Crossover), &turns).comparisons[0].verdict.sentence;
        assert!(
            sentence.starts_with(says) && sentence.ends_with(&format!("after {blocks} of 30 rounds")),
            "{sentence}"
        );
    }
}

#[test]
fn an_effect_that_is_the_same_on_everybody_is_bounded_for_new_personas_too() {
    for (personas, expected, says) in [
        (6, Outcome::Inconclusive, "it takes 10 personas"),
        // One in four others could still turn it around.
        (10, Outcome::Inconclusive, "the bound from personas that are all alike holds zero"),
        (30, Outcome::Better, ""),
    ] {
        let mut turns = Vec::new();
        for (persona, block) in (0..personas).flat_map(|persona| (0..30).map(move |block| (persona, block))) {
            for (arm, rating) in [("control", 3.0), ("treatment", 4.0)] {
                turns.push(turn(persona, block, arm, block % 2, [("todo".to_owned(), Some(rating))].into()));
            }
        }
        let verdict = &report(&plan(Design::Crossover), &turns).comparisons[0].verdict;
        assert_eq!((verdict.outcome, verdict.population), (Outcome::Better, expected), "{personas}");
        let because = verdict.population_because.clone().unwrap_or_default();
        assert!(because.contains(says) && because.is_empty() == says.is_empty(), "{personas}: {because}");
    }
}

#[test]
fn no_corrected_p_is_smaller_than_the_one_that_it_corrects() {
    // Ten personas, each with one more fault under the treatment: alike between personas, and few turns.
    let mut turns = life(5, Design::Crossover, 0.0);
    for turn in &mut turns {
        let own: u32 = turn.persona[1..].parse().unwrap();
        let fails = turn.arm.as_str() == "treatment" && own != 3 && turn.block == own;
        turn.faulted = Some(fails);
        turn.actions = Some(4);
        turn.failed_actions = Some(u32::from(turn.block % 7 == 0));
    }
    let plan = Plan { secondary: vec![Metric::Faults, Metric::ToolSuccess], ..plan(Design::Crossover) };
    let report = report(&plan, &turns);
    let faults = &report.comparisons[0].secondary[0];
    let (exact, of_personas) = (faults.mcnemar.as_ref().unwrap().p, faults.population.as_ref().unwrap().p);
    assert!(of_personas < exact, "by personas it is surer than turns allow: {of_personas} {exact}");
    let corrected = faults.adjusted.as_ref().unwrap().p;
    assert!(corrected >= exact, "{corrected} {exact}");
}
