//! The primary measure in the order of its values, which 1 to 5 are sure of while their distances are not.

use super::effect::ratings;
use super::sheet::{Pairs, Sheet, mean};
use crate::report::Ordinal;
use crate::statistics::{brunner_munzel, cliffs_delta, magnitude, sign_test, wilcoxon_pratt};
use domain::experiment::{ArmName, Design, Metric, Plan};

/// The primary measure in the order of its values; a win is what is better.
#[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
pub(super) fn ordinal(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Ordinal {
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let sign = if plan.primary.more_is_better() { 1.0 } else { -1.0 };
    let differences: Vec<f64> = pairs.iter().flat_map(Pairs::differences).map(|own| own * sign).collect();
    let effects: Vec<f64> = pairs.iter().map(Pairs::effect).collect();
    let count = |wanted: fn(f64) -> bool| differences.iter().filter(|own| wanted(**own)).count() as u64;
    let (wins, ties, losses) = (count(|own| own > 0.0), count(|own| own == 0.0), count(|own| own < 0.0));
    let n = differences.len() as f64;
    let (control, treated) = match plan.primary {
        Metric::Rating => (ratings(sheet, plan.control()), ratings(sheet, treatment)),
        other => {
            let all = |arm| sheet.values(arm, other).into_values().flatten().collect();
            (all(plan.control()), all(treatment))
        }
    };
    let means = |arm| -> Vec<f64> {
        sheet.values(arm, plan.primary).into_values().map(|own| mean(own.into_iter())).collect()
    };
    let delta = cliffs_delta(&control, &treated);
    let paired = plan.design == Design::Crossover && n > 0.0;
    Ordinal {
        wins,
        ties,
        losses,
        dominance: paired.then(|| (wins as f64 - losses as f64) / n),
        superiority: paired.then(|| (wins as f64 + ties as f64 / 2.0) / n),
        sign_p: paired.then(|| sign_test(wins, losses)),
        wilcoxon_p: if paired { wilcoxon_pratt(&effects) } else { None },
        cliffs_delta: delta,
        magnitude: delta.map(|delta| magnitude(delta).to_owned()),
        brunner_munzel_p: brunner_munzel(&means(plan.control()), &means(treatment)),
    }
}
