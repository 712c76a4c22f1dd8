//! Lives of experiments that the tests make up. The model is that of the research: 10 personas, 4 modules, 30 blocks,
//! ratings rounded to 1..5; personas differ (0.6), modules (0.3), personas by module (0.3), effects between personas
//! (0.2); noise 0.8.

use std::collections::BTreeMap;

use domain::experiment::{ArmName, Design, Metric, Plan, Stopping};
use domain::observation::{Observation, Reached};
use experiment::analysis::{Sheet, analyze, course};
use experiment::report::{Identity, Report};
use experiment::statistics::Draws;

pub(super) const PERSONAS: u64 = 10;
pub(super) const BLOCKS: u32 = 30;
pub(super) const MODULES: [&str; 4] = ["calendar", "journal", "notes", "todo"];

pub(super) fn plan(design: Design) -> Plan {
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

/// All turns of one experiment.
pub(super) fn life(seed: u64, design: Design, effect: f64) -> Vec<Observation> {
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

pub(super) fn turn(
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
        stand_in: None,
    }
}

pub(super) fn report(plan: &Plan, turns: &[Observation]) -> Report {
    analyze(plan, Identity::default(), Vec::new(), 1, turns, Vec::new()).unwrap()
}

/// The means of the rounds, from which every look of a crossover is taken.
pub(super) fn rounds(plan: &Plan, turns: &[Observation]) -> Vec<f64> {
    let sheet = Sheet::of(turns, 1).unwrap();
    course(&sheet, plan, &plan.treatments()[0], plan.primary).means
}
