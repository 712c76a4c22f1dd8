//! What a report says of lives in which something is out of the ordinary.

use std::collections::BTreeMap;

use domain::experiment::{ArmName, Design, Guardrail, Metric, Plan, Stopping};
use domain::observation::Observation;
use experiment::analysis::analyze;
use experiment::report::{Identity, Outcome, Status};

use super::lives::{MODULES, PERSONAS, life, plan, report, turn};

/// How ten personas rate by nature.
const PERSONAL_MEANS: [f64; 10] = [2.0, 3.6, 2.4, 3.1, 4.0, 2.9, 3.3, 2.2, 3.8, 2.7];

#[test]
fn a_split_whose_personas_are_not_dealt_as_meant_is_unhealthy_where_it_begins() {
    let deal = |weights: [f64; 2]| {
        let mut plan = plan(Design::Split);
        plan.weights = weights.to_vec();
        // Forty personas in four lives, half of them in each arm.
        let lives = (0..4).flat_map(|seed| {
            let rename =
                move |turn: Observation| Observation { persona: format!("{seed}{}", turn.persona), ..turn };
            life(seed, Design::Split, 0.0).into_iter().map(rename)
        });
        let report = report(&plan, &lives.collect::<Vec<_>>());
        let check = report.health.into_iter().find(|check| check.name == "srm-assigned").unwrap();
        (check.status, check.message)
    };
    assert_eq!(
        deal([0.5, 0.5]),
        (Status::Ok, "personas that were assigned: control 20, treatment 20".to_owned())
    );
    assert_eq!(deal([0.2, 0.8]).0, Status::Unhealthy);
}

#[test]
fn a_treatment_that_is_only_liked_when_it_comes_first_is_noticed() {
    let mut turns = life(2, Design::Crossover, 0.0);
    for turn in turns.iter_mut().filter(|turn| turn.arm.as_str() == "treatment" && turn.order == Some(0)) {
        turn.modules.values_mut().flatten().for_each(|rating| *rating = (*rating + 1.0).min(5.0));
    }
    let carried = |turns: &[Observation]| {
        let health = report(&plan(Design::Crossover), turns).health;
        health.into_iter().find(|check| check.name == "carry-over").unwrap().status
    };
    assert_eq!(carried(&turns), Status::Warning);
    assert_eq!(carried(&life(2, Design::Crossover, 0.0)), Status::Ok);
}

#[test]
fn a_turn_that_is_there_twice_is_no_second_observation() {
    let mut turns = life(3, Design::Crossover, 0.0);
    turns.push(turns[0].clone());
    let refused = analyze(&plan(Design::Crossover), Identity::default(), Vec::new(), 1, &turns, Vec::new());
    assert_eq!(
        refused.unwrap_err().to_string(),
        format!("p0, block 0, arm {} is there twice: one turn is one observation", turns[0].arm)
    );
}

#[test]
fn one_persona_who_carries_the_result_is_named_in_the_verdict() {
    let mut turns = life(5, Design::Crossover, 0.0);
    let lift = |turn: &mut Observation, by: f64| {
        turn.modules.values_mut().flatten().for_each(|rating| *rating = (*rating + by).clamp(1.0, 5.0));
    };
    for turn in &mut turns {
        let is_fan = turn.persona == "p4";
        turn.modules.values_mut().flatten().for_each(|rating| *rating = if is_fan { 1.0 } else { *rating });
        if is_fan && turn.arm.as_str() == "treatment" {
            lift(turn, 4.0);
        }
    }
    let report = report(&plan(Design::Crossover), &turns);
    let comparison = &report.comparisons[0];
    assert_eq!(comparison.verdict.outcome, Outcome::Better, "for these personas");
    assert_eq!(comparison.verdict.population, Outcome::Inconclusive, "and not for others");
    let left = comparison.leave_one_out.as_ref().unwrap();
    assert_eq!(left.low_without, "p4");
    let decisive: Vec<&str> = left.decisive.iter().map(|own| own.persona.as_str()).collect();
    assert_eq!((left.one_persona_decides, decisive), (true, vec!["p4"]));
    let caveat = comparison.verdict.caveat.as_ref().unwrap();
    assert!(caveat.starts_with("one persona carries the result: without p4 it is equivalent"), "{caveat}");
}

/// Everybody gives the same rating in every turn of an arm, and no turn has a fault.
fn steady(control: f64, treatment: f64, blocks: u32) -> Vec<Observation> {
    let turns = (0..PERSONAS).flat_map(|persona| {
        (0..blocks).flat_map(move |block| {
            [("control", control), ("treatment", treatment)].map(|(arm, rating)| Observation {
                faulted: Some(false),
                rounds: Some(4),
                ..turn(persona, block, arm, block % 2, [("todo".to_owned(), Some(rating))].into())
            })
        })
    });
    turns.collect()
}

#[test]
fn rounds_that_are_all_alike_decide_when_there_are_enough_of_them() {
    for stopping in [Stopping::Sequential, Stopping::Fixed] {
        for (control, treatment, blocks, expected) in [
            (3.0, 4.0, 5, Outcome::Inconclusive),
            (3.0, 4.0, 12, Outcome::Inconclusive),
            (3.0, 4.0, 20, Outcome::Better),
            (4.0, 3.0, 20, Outcome::Worse),
            (4.0, 4.0, 30, Outcome::Inconclusive),
            (4.0, 4.0, 61, Outcome::Equivalent),
        ] {
            let plan = Plan { stopping, planned_blocks: blocks, ..plan(Design::Crossover) };
            let verdict = &report(&plan, &steady(control, treatment, blocks)).comparisons[0].verdict;
            let shown = format!("{stopping:?} {control} {treatment} {blocks}: {verdict:?}");
            assert_eq!(verdict.outcome, expected, "{shown}");
        }
    }
}

#[test]
fn one_rating_that_differs_does_not_make_the_interval_narrow() {
    let mut turns = steady(4.0, 4.0, 12);
    let outcome = |turns: &[Observation]| {
        let report = report(&plan(Design::Crossover), turns);
        let anytime = report.comparisons[0].primary.anytime.clone().unwrap();
        (report.comparisons[0].verdict.outcome, anytime.high - anytime.low)
    };
    let same = outcome(&turns);
    turns[7].modules.values_mut().for_each(|rating| *rating = Some(5.0));
    let one = outcome(&turns);
    assert_eq!((same.0, one.0), (Outcome::Inconclusive, Outcome::Inconclusive));
    assert!(one.1 > same.1, "it is known less of the rounds: {one:?} {same:?}");
}

#[test]
fn a_caveat_speaks_of_its_own_treatment() {
    let mut turns = life(2, Design::Crossover, 0.5);
    let third = life(3, Design::Crossover, 0.0).into_iter().filter(|turn| turn.arm.as_str() == "treatment");
    turns.extend(third.map(|turn| Observation { arm: ArmName::new("carried"), ..turn }));
    for turn in &mut turns {
        let place = |arm: u32| (arm + turn.block) % 3;
        let arm =
            ["control", "treatment", "carried"].iter().position(|arm| *arm == turn.arm.as_str()).unwrap();
        turn.order = Some(place(u32::try_from(arm).unwrap()));
        if turn.arm.as_str() == "carried" && place(2) < place(0) {
            turn.modules.values_mut().flatten().for_each(|rating| *rating = (*rating + 2.0).min(5.0));
        }
    }
    let arms = ["control", "treatment", "carried"].map(ArmName::new).to_vec();
    let plan = Plan { arms, weights: vec![1.0; 3], ..plan(Design::Crossover) };
    let report = report(&plan, &turns);
    let caveats: Vec<&str> =
        report.comparisons.iter().map(|own| own.verdict.caveat.as_deref().unwrap_or_default()).collect();
    assert!(!caveats[0].contains("carried over"), "{}", caveats[0]);
    assert!(caveats[1].contains("something is carried over"), "{}", caveats[1]);
}

#[test]
fn a_guardrail_that_never_moves_holds_only_after_enough_turns() {
    let guardrails = [(Metric::Faults, 0.05), (Metric::Rounds, 1.0)];
    let guardrails = guardrails.map(|(metric, margin)| Guardrail { metric, margin }).to_vec();
    for (blocks, expected) in [(4, [false, true]), (30, [true, true])] {
        let plan = Plan { guardrails: guardrails.clone(), ..plan(Design::Crossover) };
        let report = report(&plan, &steady(3.0, 4.0, blocks));
        let found = report.comparisons[0].guardrails.iter().map(|own| (own.holds, own.broken));
        let expected = expected.map(|holds| (holds, false));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{blocks} blocks of ten personas");
    }
}

#[test]
fn a_real_difference_below_the_margin_is_called_small() {
    let plan = Plan { margin: 0.8, ..plan(Design::Crossover) };
    let verdict = &report(&plan, &life(11, Design::Crossover, 0.3)).comparisons[0].verdict;
    assert_eq!(verdict.outcome, Outcome::Better);
    assert!(verdict.because.ends_with("smaller than what was said to matter"), "{}", verdict.because);
}

#[test]
fn several_treatments_share_alpha_and_the_sentence_says_so() {
    let mut turns = life(11, Design::Crossover, 0.3);
    let third = |turn: &Observation| Observation { arm: ArmName::new("third"), ..turn.clone() };
    turns.extend(
        life(12, Design::Crossover, 0.0).iter().filter(|turn| turn.arm.as_str() == "control").map(third),
    );
    let arms = ["control", "treatment", "third"].map(ArmName::new).to_vec();
    let plan = Plan { arms, weights: vec![1.0; 3], stopping: Stopping::Fixed, ..plan(Design::Crossover) };
    let comparison = &report(&plan, &turns).comparisons[0];
    let (sentence, shown) = (&comparison.verdict.sentence, comparison.primary.catalogue.as_ref().unwrap());
    assert!(sentence.contains("(97.5 % interval: "), "{sentence}");
    let ends = format!("{:+.2} to {:+.2}", shown.low, shown.high);
    assert!(!sentence.contains(&ends), "the one for all treatments is wider than {ends}: {sentence}");
}

#[test]
fn what_is_known_from_before_takes_noise_out_of_a_split() {
    let mut turns = life(4, Design::Split, 0.5);
    // Before, everybody rated about as now, without the effect.
    for turn in &mut turns {
        let lift = if turn.arm.as_str() == "treatment" { 0.5 } else { 0.0 };
        let own: usize = turn.persona[1..].parse().unwrap();
        let mood = [0.0, 0.04, -0.04][own % 3];
        turn.before = Some(PERSONAL_MEANS[own]);
        turn.modules.values_mut().flatten().for_each(|rating| *rating = PERSONAL_MEANS[own] + mood + lift);
    }
    let report = report(&plan(Design::Split), &turns);
    let (raw, adjusted) = (&report.comparisons[0].primary, &report.comparisons[0].robustness[0]);
    let raw = raw.population.as_ref().unwrap();
    assert_eq!(adjusted.name, "adjusted for ratings from before");
    assert!((adjusted.effect.unwrap() - 0.5).abs() < 0.1, "{adjusted:?}");
    assert!(
        adjusted.high.unwrap() - adjusted.low.unwrap() < (raw.high - raw.low) / 5.0,
        "{adjusted:?} {raw:?}"
    );
}

#[test]
fn a_persona_with_few_pairs_counts_less_in_the_rounds_and_that_is_said() {
    let gaps = |turns: &[Observation]| {
        let report = report(&plan(Design::Crossover), turns);
        report.health.into_iter().find(|check| check.name == "uneven-gaps").map(|check| check.message)
    };
    let mut turns = life(6, Design::Crossover, 0.0);
    assert_eq!(gaps(&turns), None);
    for turn in turns.iter_mut().filter(|turn| turn.persona == "p3") {
        let liked = if turn.arm.as_str() == "treatment" { 5.0 } else { 1.0 };
        let rated = turn.block < 2 || turn.arm.as_str() == "control";
        turn.modules.values_mut().for_each(|rating| *rating = rated.then_some(liked));
    }
    let message = gaps(&turns).expect("one persona likes it by four points, and has two pairs");
    assert!(message.contains("over rounds and +0.4"), "{message}");
}

#[test]
fn a_persona_that_both_arms_never_rated_alike_is_named() {
    let mut turns = life(6, Design::Crossover, 0.0);
    for turn in turns.iter_mut().filter(|turn| turn.persona == "p3") {
        let kept = if turn.arm.as_str() == "control" { "todo" } else { "notes" };
        turn.modules.retain(|module, _| module == kept);
    }
    let report = report(&plan(Design::Crossover), &turns);
    let check = report.health.iter().find(|check| check.name == "without-pairs").unwrap();
    assert_eq!(check.status, Status::Warning);
    assert!(check.message.starts_with("1 of 10 personas are in no effect of treatment"), "{}", check.message);
    assert!(check.message.contains(": p3;"), "{}", check.message);
}

#[test]
fn what_rounding_leaves_of_zero_is_no_evidence() {
    // 0.1 + 0.2 - 0.3 is not quite zero: each block is alike, up to rounding.
    let mut turns = Vec::new();
    for (persona, block) in (0..6).flat_map(|persona| (0..20).map(move |block| (persona, block))) {
        let rated = |ratings: [f64; 3]| {
            let rated = MODULES.iter().zip(ratings).map(|(module, own)| ((*module).to_owned(), Some(own)));
            rated.collect::<BTreeMap<_, _>>()
        };
        turns.push(turn(persona, block, "control", 0, rated([1.1, 1.2, 1.3])));
        turns.push(turn(persona, block, "treatment", 1, rated([1.3, 1.1, 1.2])));
    }
    let comparison = &report(&plan(Design::Crossover), &turns).comparisons[0];
    let sign = comparison.primary.sign_e.as_ref().unwrap();
    assert_eq!((sign.wins, sign.losses), (0, 0));
    assert!((comparison.primary.sign_flip.as_ref().unwrap().p - 1.0).abs() < 1e-12);
    assert_eq!(comparison.ordinal.wilcoxon_p, None);
}

#[test]
fn rounds_that_leave_out_who_they_speak_about_decide_nothing() {
    // Two of six personas have few blocks, and dislike what the others like.
    let mut turns = Vec::new();
    for (persona, block) in (0..6).flat_map(|persona| (0..40).map(move |block| (persona, block))) {
        let lift = if persona < 2 { -3.0 } else { 0.9 + f64::from(block % 3) / 10.0 };
        if persona < 2 && block >= 2 {
            continue;
        }
        for (arm, rating) in [("control", 4.0), ("treatment", (4.0 + lift).min(5.0))] {
            turns.push(turn(persona, block, arm, block % 2, [("todo".to_owned(), Some(rating))].into()));
        }
    }
    let plan = Plan { planned_blocks: 40, ..plan(Design::Crossover) };
    let comparison = &report(&plan, &turns).comparisons[0];
    assert!(comparison.primary.effect.unwrap() < 0.0);
    assert_eq!(comparison.verdict.outcome, Outcome::Inconclusive);
    assert!(
        comparison.verdict.because.contains("counts little in the rounds"),
        "{}",
        comparison.verdict.because
    );
}

#[test]
fn a_phase_that_begins_in_the_middle_is_over_with_the_last_planned_block() {
    let mut turns = life(8, Design::Crossover, 0.5);
    turns.iter_mut().for_each(|turn| turn.phase = 1 + u32::from(turn.block >= 10));
    for stopping in [Stopping::Sequential, Stopping::Fixed] {
        let plan = Plan { stopping, ..plan(Design::Crossover) };
        let analyzed = |turns: &[Observation]| {
            let report = analyze(&plan, Identity::default(), Vec::new(), 2, turns, Vec::new()).unwrap();
            (report.progress.rounds, report.progress.over, report.comparisons[0].verdict.population)
        };
        assert_eq!(analyzed(&turns), (20, true, Outcome::Better), "{stopping:?}");
        let early: Vec<Observation> = turns.iter().filter(|turn| turn.block < 25).cloned().collect();
        assert_eq!(analyzed(&early), (15, false, Outcome::Inconclusive), "{stopping:?}");
        let first = analyze(&plan, Identity::default(), Vec::new(), 1, &turns, Vec::new()).unwrap();
        assert!(!first.progress.over, "what came after it does not end the first phase");
        assert_eq!(first.comparisons[0].verdict.population, Outcome::Inconclusive);
    }
}
