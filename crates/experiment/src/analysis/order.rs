//! Whether it matters which arm comes first in a block.

use super::effect::known;
use super::sheet::{Pairs, Sheet, mean};
use crate::numbers::difference;
use crate::report::{Check, Status};
use crate::statistics::{ALARM, MIN_PER_ARM, chi_square, student};
use domain::experiment::{ArmName, Plan};

/// Below this the order of the arms matters.
const CARRIED_OVER: f64 = 0.01;

/// Whether each arm comes first about as often.
pub(super) fn order_balance(sheet: &Sheet<'_>, plan: &Plan) -> Option<Check> {
    let first = |arm| sheet.turns(arm).filter(|turn| turn.order == Some(0)).count() as u64;
    let counts: Vec<u64> = plan.arms.iter().map(first).collect();
    if counts.iter().sum::<u64>() == 0 {
        return None;
    }
    let p = chi_square(&counts, &vec![1.0; counts.len()])?;
    let enough = counts.iter().sum::<u64>() >= MIN_PER_ARM * counts.len() as u64;
    let shown: Vec<String> =
        plan.arms.iter().zip(&counts).map(|(arm, count)| format!("{arm} {count}")).collect();
    let (status, message) = if enough && p < ALARM {
        (
            Status::Warning,
            format!(
                "one arm comes first more often ({}): being first may look like being better",
                shown.join(", ")
            ),
        )
    } else {
        (Status::Ok, format!("first in their block: {}", shown.join(", ")))
    };
    Some(Check::new("order-balance", status, "comparisons/primary", message).with_p(Some(p)))
}

/// Whether the effect of each persona is another one when the treatment comes first: then something is carried
/// over from the turn before.
pub(super) fn carry_over(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Check> {
    let shift = |own: &Pairs<'_>| {
        let (mut led, mut followed) = (Vec::new(), Vec::new());
        for (block, values) in &own.blocks {
            let turns = &sheet.personas[own.persona][block];
            let place = |arm: &ArmName| turns.get(arm).and_then(|turn| turn.order);
            let (Some(control), Some(treated)) = (place(plan.control()), place(treatment)) else { continue };
            let differences = values.iter().map(|(control, treatment)| treatment - control);
            if treated < control { led.extend(differences) } else { followed.extend(differences) }
        }
        known(mean(led.into_iter()) - mean(followed.into_iter()))
    };
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let shifts: Vec<f64> = pairs.iter().filter_map(shift).collect();
    let estimate = student(&shifts, plan.alpha)?;
    let (status, message) = if estimate.p < CARRIED_OVER {
        let message = format!(
            "the effect of {treatment} differs by {} where it comes first in a block: something is carried over from turn to turn; look at first turns only, or give each arm a world of its own (--stand-ins)",
            difference(plan.primary, estimate.effect)
        );
        (Status::Warning, message)
    } else {
        let message = format!(
            "nothing shows that the effect of {treatment} depends on which arm comes first (difference {})",
            difference(plan.primary, estimate.effect)
        );
        (Status::Ok, message)
    };
    let concerns = format!("comparisons/{treatment}/primary");
    Some(Check::new("carry-over", status, &concerns, message).with_p(Some(estimate.p)))
}
