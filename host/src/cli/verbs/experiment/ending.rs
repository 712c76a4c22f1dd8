//! Whether rows that come without a plan look like all that was planned. A verdict at the planned end is good for one
//! look; who looks at every state of a growing file, each time as if it were the end, finds differences that are none.

use std::collections::{BTreeMap, BTreeSet};

use domain::experiment::{ArmName, Design, Plan};
use domain::observation::Observation;
use experiment::report::{Check, Status};

/// Says what is taken for the end, and whether the rows speak against that. `told` is how many blocks were planned, as
/// far as somebody said so; the plan has it, or as many as there are.
pub(super) fn check(told: Option<u32>, plan: &Plan, observations: &[Observation], phase: u32) -> Check {
    let own = observations.iter().filter(|turn| turn.phase == phase);
    let played = played(plan, own);
    let (fewest, most) = (extreme(&played, false), extreme(&played, true));
    let planned = plan.planned_blocks;
    let check = |status, message| Check::new("planned-blocks", status, "progress/plannedRounds", message);
    match (told, fewest, most) {
        (Some(_), _, Some((persona, most))) if most > planned => check(
            Status::Warning,
            format!(
                "{persona} has {most} blocks, more than the {planned} that were planned: nobody has planned to look \
                 here, so correct --planned-blocks, or leave the later rows out"
            ),
        ),
        (Some(_), ..) => check(Status::Ok, format!("{planned} blocks of each persona were planned")),
        (None, Some((behind, fewest)), Some((ahead, most))) if fewest < most => check(
            Status::Warning,
            format!(
                "nobody has told how many blocks were planned, so the {planned} rounds that are finished are taken for \
                 the end, but {ahead} has begun {most} blocks and {behind} finished {fewest}: if rows are still to come, name \
                 --planned-blocks; if not, find out where they were lost"
            ),
        ),
        (None, ..) => check(
            Status::Ok,
            format!(
                "nobody has told how many blocks were planned: the {planned} that are here are taken for the end, which \
                 is good for one look; whoever looks again as rows come in names --planned-blocks"
            ),
        ),
    }
}

/// How many blocks each persona has begun and how many of them are whole: in a crossover those with every arm.
/// A block that is begun and not whole counts as one more.
fn played<'a>(
    plan: &Plan,
    turns: impl Iterator<Item = &'a Observation>,
) -> BTreeMap<&'a str, (usize, usize)> {
    let mut blocks: BTreeMap<&str, BTreeMap<u32, BTreeSet<&ArmName>>> = BTreeMap::new();
    for turn in turns {
        blocks.entry(&turn.persona).or_default().entry(turn.block).or_default().insert(&turn.arm);
    }
    let arms = match plan.design {
        Design::Crossover => plan.arms.len(),
        Design::Split => 1,
    };
    let counted = |blocks: BTreeMap<u32, BTreeSet<&ArmName>>| {
        let whole = blocks.values().filter(|own| own.len() >= arms).count();
        (whole, blocks.len())
    };
    blocks.into_iter().map(|(persona, blocks)| (persona, counted(blocks))).collect()
}

/// Who has the fewest whole blocks, or has begun the most.
fn extreme<'a>(played: &BTreeMap<&'a str, (usize, usize)>, most: bool) -> Option<(&'a str, u32)> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let whole = played.iter().map(|(persona, (whole, _))| (*persona, number(*whole)));
    let begun = played.iter().map(|(persona, (_, begun))| (*persona, number(*begun)));
    if most { begun.rev().max_by_key(|own| own.1) } else { whole.min_by_key(|own| own.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::experiment::{Metric, Stopping};
    use experiment::rows::read_csv;

    fn plan(design: Design, planned_blocks: u32) -> Plan {
        Plan {
            key: "rows".to_owned(),
            question: "?".to_owned(),
            design,
            arms: vec![ArmName::new("control"), ArmName::new("brief")],
            weights: vec![0.5, 0.5],
            primary: Metric::Rating,
            secondary: Vec::new(),
            guardrails: Vec::new(),
            margin: 0.2,
            alpha: 0.05,
            planned_blocks,
            stopping: Stopping::Sequential,
        }
    }

    #[test]
    fn rows_that_break_off_are_told_apart_from_rows_that_end() {
        let (whole, half) = (&["control", "brief"][..], &["control"][..]);
        for (design, told, anna, ben, status, says) in [
            (Design::Crossover, None, [whole, whole], [whole, whole], Status::Ok, "good for one look"),
            (
                Design::Crossover,
                None,
                [whole, whole],
                [whole, half],
                Status::Warning,
                "anna has begun 2 blocks and ben finished 1",
            ),
            (
                Design::Crossover,
                None,
                [whole, whole],
                [whole, &[]],
                Status::Warning,
                "anna has begun 2 blocks and ben finished 1",
            ),
            (Design::Crossover, Some(2), [whole, whole], [whole, half], Status::Ok, "2 blocks of each"),
            (Design::Crossover, Some(1), [whole, whole], [whole, half], Status::Warning, "more than the 1 "),
            (Design::Split, None, [half, half], [half, half], Status::Ok, "good for one look"),
            (
                Design::Split,
                None,
                [half, half],
                [half, &[]],
                Status::Warning,
                "anna has begun 2 blocks and ben finished 1",
            ),
            (Design::Split, Some(30), [half, half], [half, &[]], Status::Ok, "30 blocks of each"),
        ] {
            let mut rows = "persona,block,module,arm,rating\n".to_owned();
            for (persona, blocks) in [("anna", anna), ("ben", ben)] {
                for (block, arms) in blocks.iter().enumerate() {
                    rows.extend(arms.iter().map(|arm| format!("{persona},{block},todo,{arm},3\n")));
                }
            }
            let observations = read_csv(rows.as_bytes()).unwrap().observations;
            let check = check(told, &plan(design, told.unwrap_or(1)), &observations, observations[0].phase);
            assert_eq!(check.status, status, "{rows}: {}", check.message);
            assert!(check.message.contains(says), "{says} in: {}", check.message);
        }
    }
}
