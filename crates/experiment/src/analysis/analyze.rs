//! The whole analysis, or the one sentence why there is none.

use super::arms::summary;
use super::comparison::comparisons;
use super::effect::course;
use super::health::{checks, has_values};
use super::sheet::Sheet;
use crate::report::{ArmSummary, Check, Identity, Progress, Report, SCHEMA, Status};
use domain::experiment::{ArmName, Design, Metric, Phase, Plan};
use domain::observation::Observation;

/// Why nothing is computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanalyzable {
    /// There are no turns.
    #[error("there are no turns in phase {phase}: run some blocks first, or name another phase")]
    Nothing {
        /// The phase that was asked for.
        phase: u32,
    },
    /// An arm has no turns.
    #[error("the arm {arm} has no turns in phase {phase}: check its name, or run some blocks first")]
    AbsentArm {
        /// Which.
        arm: ArmName,
        /// The phase that was asked for.
        phase: u32,
    },
    /// An arm has turns and no values.
    #[error("the arm {arm} has no {metric} at all: check its name, and whether its turns are rated")]
    EmptyArm {
        /// Which.
        arm: ArmName,
        /// The primary measure.
        metric: &'static str,
    },
    /// There is an arm that the plan does not know.
    #[error("there is an arm {arm} that the plan does not know: add it, or leave its rows out")]
    UnknownArm {
        /// Which.
        arm: ArmName,
    },
    /// One persona is no sample.
    #[error(
        "all ratings are of one persona, {persona}: it takes two to see a difference between personas, and six to test one"
    )]
    OnePersona {
        /// Who.
        persona: String,
    },
    /// No persona has both arms in one block.
    #[error(
        "no persona has {control} and {treatment} in one block yet, and a crossover compares what one persona rated under both: let it run on, or, if each persona has one arm only, it is a split (`design = \"split\"` in the plan, `--design split` for rows)"
    )]
    NoPairs {
        /// The control.
        control: ArmName,
        /// The treatment.
        treatment: ArmName,
    },
    /// The arms have blocks in common, and nothing in them that both were measured by.
    #[error(
        "{control} and {treatment} share blocks, and in none of them is there {what} under both: compare arms that are measured by the same, or run more blocks"
    )]
    NothingInCommon {
        /// The control.
        control: ArmName,
        /// The treatment.
        treatment: ArmName,
        /// What is missing.
        what: String,
    },
    /// Only one persona has a pair.
    #[error(
        "only {persona} has {control} and {treatment} in one block: it takes two personas to see a difference between them, and six to test one; is it a split (--design split)?"
    )]
    OnePair {
        /// Who.
        persona: String,
        /// The control.
        control: ArmName,
        /// The treatment.
        treatment: ArmName,
    },
    /// A turn is there twice.
    #[error("{persona}, block {block}, arm {arm} is there twice: one turn is one observation")]
    Twice {
        /// Whose.
        persona: String,
        /// Which block.
        block: u32,
        /// Which arm.
        arm: ArmName,
    },
}

impl Unanalyzable {
    /// Whether more turns may change it.
    #[must_use]
    pub fn is_early(&self) -> bool {
        !matches!(self, Self::UnknownArm { .. } | Self::Twice { .. })
    }
}

/// Analyses one phase of an experiment. The same observations give the same report, in whatever order. `beside`
/// are checks that need more than observations.
///
/// # Errors
/// When there is nothing to compare.
pub fn analyze(
    plan: &Plan,
    identity: Identity,
    phases: Vec<Phase>,
    phase: u32,
    observations: &[Observation],
    beside: Vec<Check>,
) -> Result<Report, Unanalyzable> {
    let sheet = Sheet::of(observations, phase).map_err(|twice| Unanalyzable::Twice {
        persona: twice.persona.clone(),
        block: twice.block,
        arm: twice.arm.clone(),
    })?;
    complete(&sheet, plan, phase)?;
    let arms: Vec<ArmSummary> = plan.arms.iter().map(|arm| summary(&sheet, plan, arm)).collect();
    let progress = progress(&sheet, plan, phase, observations);
    let mut health = beside;
    health.extend(checks(&sheet, plan, &arms, &progress, &phases));
    health.sort_by_key(|check| std::cmp::Reverse(check.status));
    comparable(&sheet, plan, &health)?;
    let comparisons = comparisons(&sheet, plan, &progress, &health);
    Ok(Report {
        schema: SCHEMA.to_owned(),
        plan: plan.clone(),
        identity,
        phase,
        phases,
        progress,
        health,
        arms,
        comparisons,
    })
}

/// Every arm of the plan, and no other, was played by two personas.
fn complete(sheet: &Sheet<'_>, plan: &Plan, phase: u32) -> Result<(), Unanalyzable> {
    let mut personas = sheet.personas.keys();
    let Some(first) = personas.next() else { return Err(Unanalyzable::Nothing { phase }) };
    let arms = sheet.personas.values().flat_map(|blocks| blocks.values()).flat_map(|block| block.keys());
    if let Some(unknown) = arms.copied().find(|arm| !plan.arms.contains(arm)) {
        return Err(Unanalyzable::UnknownArm { arm: unknown.clone() });
    }
    if let Some(absent) = plan.arms.iter().find(|arm| sheet.turns(arm).next().is_none()) {
        return Err(Unanalyzable::AbsentArm { arm: absent.clone(), phase });
    }
    if personas.next().is_none() {
        return Err(Unanalyzable::OnePersona { persona: (*first).to_owned() });
    }
    let apart = |treatment: &&ArmName| {
        plan.design == Design::Crossover
            && sheet.complete_blocks(plan.control(), treatment).values().all(Vec::is_empty)
    };
    match plan.treatments().iter().find(apart) {
        Some(treatment) => {
            Err(Unanalyzable::NoPairs { control: plan.control().clone(), treatment: treatment.clone() })
        }
        None => Ok(()),
    }
}

/// There are values to compare. Where the checks know already that turns are lost there need not be any: a
/// strategy that never comes to its ratings has a report that says so.
fn comparable(sheet: &Sheet<'_>, plan: &Plan, health: &[Check]) -> Result<(), Unanalyzable> {
    if health.iter().any(|check| check.status == Status::Unhealthy) {
        return Ok(());
    }
    if let Some(empty) = plan.arms.iter().find(|arm| !has_values(sheet, plan, arm)) {
        return Err(Unanalyzable::EmptyArm { arm: empty.clone(), metric: plan.primary.name() });
    }
    match plan.design {
        Design::Crossover => {
            plan.treatments().iter().try_for_each(|treatment| paired(sheet, plan, treatment))
        }
        Design::Split => Ok(()),
    }
}

/// A crossover compares within blocks, and the blocks of one persona are no sample.
fn paired(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Result<(), Unanalyzable> {
    let (control, treatment) = (plan.control().clone(), treatment.clone());
    match sheet.pairs(&control, &treatment, plan.primary).as_slice() {
        [] => {
            let what = match plan.primary {
                Metric::Rating => "a rating of the same module".to_owned(),
                other => format!("a value of {}", other.name()),
            };
            Err(Unanalyzable::NothingInCommon { control, treatment, what })
        }
        [only] => Err(Unanalyzable::OnePair { persona: only.persona.to_owned(), control, treatment }),
        _ => Ok(()),
    }
}

/// Whether this is the last phase, and all planned blocks are played in it and the ones before: nothing more comes.
/// An earlier phase is not over by what came after it.
fn ended(plan: &Plan, phase: u32, observations: &[Observation]) -> bool {
    let last = observations.iter().map(|turn| turn.phase).max();
    last == Some(phase)
        && Sheet::of_all_phases(observations).is_ok_and(|all| rounds(&all, plan) >= plan.planned_blocks)
}

fn progress(sheet: &Sheet<'_>, plan: &Plan, phase: u32, observations: &[Observation]) -> Progress {
    let rated = |blocks: &&super::sheet::Block<'_>| {
        let arm_is_rated =
            |arm| blocks.get(arm).is_some_and(|turn| turn.modules.values().any(Option::is_some));
        plan.arms.iter().all(arm_is_rated)
    };
    Progress {
        personas: sheet.personas.len() as u64,
        rounds: rounds(sheet, plan),
        planned_rounds: plan.planned_blocks,
        over: rounds(sheet, plan) >= plan.planned_blocks || ended(plan, phase, observations),
        complete_blocks: sheet.personas.values().flat_map(|blocks| blocks.values()).filter(rated).count()
            as u64,
        cost: observations.iter().map(|turn| turn.cost).sum(),
    }
}

/// How many rounds every persona finished.
#[must_use]
pub fn rounds(sheet: &Sheet<'_>, plan: &Plan) -> u32 {
    match plan.design {
        Design::Crossover => {
            let of = |arm: &ArmName| course(sheet, plan, arm, plan.primary).rounds;
            plan.treatments().iter().map(of).min().unwrap_or(0)
        }
        // Everybody plays one arm, a turn in each block.
        Design::Split => {
            let blocks =
                sheet.personas.values().map(|blocks| u32::try_from(blocks.len()).unwrap_or(u32::MAX));
            blocks.min().unwrap_or(0)
        }
    }
}
