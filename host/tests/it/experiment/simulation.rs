//! Whether the verdicts are right: experiments without any effect, and with a known one, by the hundred. The
//! model is that of the research: 10 personas, 4 modules, 30 blocks, ratings rounded to 1..5; personas differ
//! (0.6), modules (0.3), personas by module (0.3), effects between personas (0.2); noise 0.8.

use std::collections::BTreeMap;

use persona_host::domain::experiment::{ArmName, Design, Guardrail, Metric, Plan, Stopping};
use persona_host::domain::observation::{Observation, Reached};
use persona_host::experiment::analysis::{Sheet, analyze, course};
use persona_host::experiment::report::{Identity, Outcome, Report, Status};
use persona_host::experiment::statistics::{Draws, anytime, sign_e_course};

const PERSONAS: u64 = 10;
const BLOCKS: u32 = 30;
const MODULES: [&str; 4] = ["calendar", "journal", "notes", "todo"];
const SIMULATIONS: u64 = 500;

fn plan(design: Design) -> Plan {
    Plan {
        key: "simulation".to_owned(),
        question: "Is there an effect?".to_owned(),
        design,
        arms: vec![ArmName::new("control"), ArmName::new("treatment")],
        weights: vec![0.5, 0.5],
        primary: Metric::Rating,
        secondary: Vec::new(),
        guardrails: Vec::new(),
        margin: 0.2,
        alpha: 0.05,
        planned_blocks: BLOCKS,
        stopping: Stopping::Sequential,
    }
}

/// How ten personas rate by nature.
const PERSONAL_MEANS: [f64; 10] = [2.0, 3.6, 2.4, 3.1, 4.0, 2.9, 3.3, 2.2, 3.8, 2.7];

/// All turns of one experiment.
fn life(seed: u64, design: Design, effect: f64) -> Vec<Observation> {
    let mut draws = Draws::seeded(seed);
    let modules: Vec<f64> = MODULES.iter().map(|_| 0.3 * draws.normal()).collect();
    // Half of the personas are in each arm of a split, in an order of its own in each simulation.
    let mut order: Vec<u64> = (0..PERSONAS).collect();
    (1..order.len()).rev().for_each(|at| order.swap(at, draws.below(at + 1)));
    let mut turns = Vec::new();
    for persona in 0..PERSONAS {
        let own = 0.6 * draws.normal();
        let tastes: Vec<f64> = MODULES.iter().map(|_| 0.3 * draws.normal()).collect();
        // Without an effect both arms are the same strategy: nobody can like one of them better.
        let slope = if effect == 0.0 { 0.0 } else { effect + 0.2 * draws.normal() };
        for block in 0..BLOCKS {
            let first = draws.below(2);
            for arm in 0..2 {
                if design == Design::Split
                    && order[usize::try_from(persona).unwrap()].is_multiple_of(2) != (arm == 0)
                {
                    continue;
                }
                let mut rate = |module: usize| {
                    let exact = 3.5 + own + modules[module] + tastes[module] + 0.8 * draws.normal();
                    let exact = exact + if arm == 1 { slope } else { 0.0 };
                    (MODULES[module].to_owned(), Some(exact.round().clamp(1.0, 5.0)))
                };
                let modules: BTreeMap<String, Option<f64>> = (0..MODULES.len()).map(&mut rate).collect();
                let arm_name = ["control", "treatment"][arm];
                turns.push(turn(persona, block, arm_name, u32::from(arm != first), modules));
            }
        }
    }
    turns
}

fn turn(
    persona: u64,
    block: u32,
    arm: &str,
    order: u32,
    modules: BTreeMap<String, Option<f64>>,
) -> Observation {
    Observation {
        persona: format!("p{persona}"),
        block,
        arm: ArmName::new(arm),
        order: Some(order),
        phase: 1,
        reached: Reached::Parsed,
        modules,
        actions: None,
        failed_actions: None,
        rounds: None,
        unreadable: None,
        refused: None,
        faulted: None,
        tokens: None,
        cost: None,
        latency: None,
        before: None,
        turn: None,
    }
}

fn report(plan: &Plan, turns: &[Observation]) -> Report {
    analyze(plan, Identity::default(), Vec::new(), 1, turns, Vec::new()).unwrap()
}

/// The means of the rounds, from which every look of a crossover is taken.
fn rounds(plan: &Plan, turns: &[Observation]) -> Vec<f64> {
    let sheet = Sheet::of(turns, 1).unwrap();
    course(&sheet, plan, &plan.treatments()[0], plan.primary).means
}

/// Whether somebody who looks after every round ever finds a difference.
fn ever_finds(rounds: &[f64], plan: &Plan) -> bool {
    let looks = (1..=rounds.len()).filter_map(|end| anytime(&rounds[..end], u64::from(BLOCKS), plan.alpha));
    looks.into_iter().any(|look| look.low > 0.0 || look.high < 0.0)
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn share(found: usize) -> f64 {
    found as f64 / SIMULATIONS as f64
}

#[test]
fn a_crossover_without_an_effect_seldom_raises_an_alarm_however_often_one_looks() {
    let plan = plan(Design::Crossover);
    let lives: Vec<Vec<f64>> =
        (0..SIMULATIONS).map(|seed| rounds(&plan, &life(seed, Design::Crossover, 0.0))).collect();
    let alarms = share(lives.iter().filter(|rounds| ever_finds(rounds, &plan)).count());
    let evidence = |rounds: &&Vec<f64>| sign_e_course(rounds).iter().any(|look| look.e >= 1.0 / plan.alpha);
    let by_evidence = share(lives.iter().filter(evidence).count());
    println!("false alarms: {alarms} by the interval, {by_evidence} by the evidence");
    assert!(alarms <= 0.065, "{alarms}");
    assert!(by_evidence <= 0.05, "{by_evidence}");
}

#[test]
fn a_split_without_an_effect_seldom_raises_an_alarm_however_often_one_looks() {
    let plan = plan(Design::Split);
    let finds = |turns: &[Observation]| {
        let outcome = report(&plan, turns).comparisons[0].verdict.outcome;
        matches!(outcome, Outcome::Better | Outcome::Worse)
    };
    let mut alarms = 0;
    for seed in 0..SIMULATIONS {
        let turns = life(seed, Design::Split, 0.0);
        // Looks before the end say nothing by rule; a few of them are checked, the last one each time.
        let early = turns.iter().filter(|turn| turn.block < 20).cloned().collect::<Vec<_>>();
        assert!(seed >= 5 || !finds(&early), "a look before the planned end");
        alarms += usize::from(finds(&turns));
    }
    println!("false alarms: {}", share(alarms));
    assert!(share(alarms) <= 0.065, "{alarms}");
}

#[test]
fn a_crossover_finds_a_quarter_of_a_point() {
    let plan = plan(Design::Crossover);
    let finds = |seed: &u64| ever_finds(&rounds(&plan, &life(*seed, Design::Crossover, 0.25)), &plan);
    let found = share((0..SIMULATIONS).filter(finds).count());
    println!("found: {found}");
    assert!(found >= 0.7, "{found}");
}

#[test]
fn the_verdict_is_that_of_the_last_look() {
    let plan = plan(Design::Crossover);
    for (seed, effect) in (0..20).zip([0.0, 0.5].into_iter().cycle()) {
        let turns = life(seed, Design::Crossover, effect);
        let report = report(&plan, &turns);
        let comparison = &report.comparisons[0];
        let last = anytime(&rounds(&plan, &turns), u64::from(BLOCKS), plan.alpha).unwrap();
        let expected = if last.low > 0.0 {
            Outcome::Better
        } else if last.high < 0.0 {
            Outcome::Worse
        } else if last.low > -plan.margin && last.high < plan.margin {
            Outcome::Equivalent
        } else {
            Outcome::Inconclusive
        };
        assert_eq!(comparison.verdict.outcome, expected);
        assert_eq!(comparison.primary.anytime.as_ref(), Some(&last));
        assert_eq!(comparison.course.len(), BLOCKS as usize);
    }
}

#[test]
fn neither_the_order_of_rows_nor_a_second_run_changes_a_byte() {
    for design in [Design::Crossover, Design::Split] {
        let plan = plan(design);
        let mut turns = life(7, design, 0.25);
        let first = serde_json::to_string(&report(&plan, &turns)).unwrap();
        turns.reverse();
        let middle = turns.len() / 3;
        turns.rotate_left(middle);
        assert_eq!(serde_json::to_string(&report(&plan, &turns)).unwrap(), first, "{design:?}");
    }
}

#[test]
fn swapping_the_arms_turns_every_sign_and_nothing_else() {
    let forward = plan(Design::Crossover);
    let mut backward = forward.clone();
    backward.arms.reverse();
    let turns = life(11, Design::Crossover, 0.3);
    let (there, back) = (report(&forward, &turns), report(&backward, &turns));
    let (there, back) = (&there.comparisons[0], &back.comparisons[0]);
    assert_eq!((there.verdict.outcome, back.verdict.outcome), (Outcome::Better, Outcome::Worse));
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    near(there.primary.effect.unwrap(), -back.primary.effect.unwrap());
    let (a, b) = (there.primary.population.as_ref().unwrap(), back.primary.population.as_ref().unwrap());
    near(a.low, -b.high);
    near(a.p, b.p);
    let (a, b) = (there.primary.anytime.as_ref().unwrap(), back.primary.anytime.as_ref().unwrap());
    near(a.low, -b.high);
    near(a.p, b.p);
    assert_eq!(there.primary.sign_flip, back.primary.sign_flip);
    assert_eq!((there.ordinal.wins, there.ordinal.losses), (back.ordinal.losses, back.ordinal.wins));
}

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
    for (persona, block) in (0..6).flat_map(|persona| (0..20).map(move |block| (persona, block))) {
        let (few, lift) =
            if persona < 2 { (block >= 5, -2.0) } else { (false, 0.3 + f64::from(block % 3) / 10.0) };
        if few {
            continue;
        }
        for (arm, rating) in [("control", 3.0), ("treatment", 3.0 + lift)] {
            turns.push(turn(persona, block, arm, block % 2, [("todo".to_owned(), Some(rating))].into()));
        }
    }
    let plan = Plan { planned_blocks: 20, ..plan(Design::Crossover) };
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
    }
}
