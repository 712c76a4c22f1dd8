//! Whether the verdicts are right: experiments without any effect, and with a known one, by the hundred.

use domain::experiment::{Design, Plan};
use domain::observation::Observation;
use experiment::report::Outcome;
use experiment::statistics::{Draws, anytime, sign_e_course};

use super::lives::{BLOCKS, PERSONAS, life, plan, report, rounds, turn};

const SIMULATIONS: u64 = 500;

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

/// Ten personas of whom three dislike what the others like, so that it is all the same to them together; the three
/// have a rating in every sixth block only.
fn with_gaps(seed: u64) -> Vec<Observation> {
    let mut draws = Draws::seeded(seed);
    let mut turns = Vec::new();
    for (persona, block) in (0..PERSONAS).flat_map(|persona| (0..BLOCKS).map(move |block| (persona, block))) {
        let (liking, rated) = if persona < 3 { (-0.7, block % 6 == 0) } else { (0.3, true) };
        for (arm, lift) in [("control", 0.0), ("treatment", liking)] {
            let exact = 3.5 + lift + 0.8 * draws.normal();
            let rating = rated.then(|| exact.clamp(1.0, 5.0));
            let modules = rating.map(|rating| ("todo".to_owned(), Some(rating))).into_iter().collect();
            turns.push(turn(persona, block, arm, block % 2, modules));
        }
    }
    turns
}

#[test]
fn personas_with_few_ratings_are_not_outvoted() {
    let plan = plan(Design::Crossover);
    let finds = |seed: &u64| {
        let outcome = report(&plan, &with_gaps(*seed)).comparisons[0].verdict.outcome;
        matches!(outcome, Outcome::Better | Outcome::Worse)
    };
    let alarms = share((0..SIMULATIONS).filter(finds).count());
    println!("false alarms with gaps: {alarms}");
    assert!(alarms <= 0.065, "{alarms}");
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
