//! Whether the arms lose turns unevenly on the way from the assignment to the rating.

use std::collections::BTreeSet;

use super::sheet::Sheet;
use crate::report::{ArmSummary, Check, Status};
use crate::statistics::{ALARM, chi_square, is_testable};
use domain::experiment::{Design, Plan};

/// How many turns of an arm came as far as some stage.
type Count = fn(&ArmSummary) -> u64;

/// At each stage the arms should have about as many as were meant to: those that a strategy loses on the way are
/// not like the others. In a split a persona comes with all of its turns, so personas are what was dealt, and
/// the turns of later stages are compared with those that were assigned.
pub(super) fn stages(sheet: &Sheet<'_>, plan: &Plan, arms: &[ArmSummary]) -> Vec<Check> {
    let later: [(&str, Count); 4] = [
        ("started", |arm| arm.stages.started),
        ("completed", |arm| arm.stages.completed),
        ("rated", |arm| arm.stages.rated),
        ("parsed", |arm| arm.stages.parsed),
    ];
    let assigned: Vec<u64> = arms.iter().map(|arm| arm.stages.assigned).collect();
    #[expect(clippy::cast_precision_loss, reason = "counts of turns")]
    let (dealt, what, meant) = match plan.design {
        Design::Crossover => (assigned.clone(), "turns", plan.weights.clone()),
        Design::Split => {
            let personas = |arm| sheet.turns(arm).map(|turn| turn.persona.as_str()).collect::<BTreeSet<_>>();
            let dealt = plan.arms.iter().map(|arm| personas(arm).len() as u64).collect();
            (dealt, "personas", assigned.iter().map(|count| *count as f64).collect())
        }
    };
    let enough = is_testable(&dealt, &plan.weights);
    let mut checks = vec![spread(plan, "assigned", what, &dealt, &plan.weights, enough)];
    let enough = is_testable(&assigned, &meant);
    checks.extend(later.into_iter().map(|(stage, count)| {
        let counts: Vec<u64> = arms.iter().map(count).collect();
        spread(plan, stage, "turns", &counts, &meant, enough)
    }));
    checks
}

/// Whether the arms have about as many as was meant; with too few nothing can be said.
fn spread(plan: &Plan, stage: &str, what: &str, counts: &[u64], meant: &[f64], enough: bool) -> Check {
    let p = chi_square(counts, meant);
    let shown: Vec<String> =
        plan.arms.iter().zip(counts).map(|(arm, count)| format!("{arm} {count}")).collect();
    let shown = shown.join(", ");
    let (status, message) = if enough && p.is_some_and(|p| p < ALARM) {
        let message = format!(
            "{what} that were {stage} are unevenly spread over the arms ({shown}): find out what loses them before you compare what is left"
        );
        (Status::Unhealthy, message)
    } else {
        (Status::Ok, format!("{what} that were {stage}: {shown}"))
    };
    Check::new(&format!("srm-{stage}"), status, &format!("arms/stages/{stage}"), message).with_p(p)
}
