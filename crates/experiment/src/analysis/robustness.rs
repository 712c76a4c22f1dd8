//! The same question asked in other ways.

use std::collections::BTreeMap;

use super::effect::known;
use super::sheet::{Pairs, Sheet, mean, pairs_of, values_of};
use crate::report::{Estimate, Robustness};
use crate::statistics::{Difference, adjusted, median, student};
use domain::experiment::{ArmName, Design, Metric, Plan};

/// The same question asked in other ways.
pub(super) fn robustness(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    effect: Option<f64>,
) -> Vec<Robustness> {
    let sign = |own: f64| effect.map(|effect| (own >= 0.0) == (effect >= 0.0));
    let row = |name: &str, own: Option<f64>, ends: Option<(f64, f64)>| Robustness {
        name: name.to_owned(),
        effect: own,
        low: ends.map(|ends| ends.0),
        high: ends.map(|ends| ends.1),
        same_sign: own.and_then(sign),
    };
    if plan.design == Design::Split {
        let adjusted = adjusted_for_before(sheet, plan, treatment);
        let ends = adjusted.as_ref().map(|own| (own.low, own.high));
        let effect = adjusted.map(|own| own.effect);
        return effect
            .map(|effect| row("adjusted for ratings from before", Some(effect), ends))
            .into_iter()
            .collect();
    }
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let effects: Vec<f64> = pairs.iter().map(Pairs::effect).collect();
    let all: Vec<f64> = pairs.iter().flat_map(Pairs::differences).collect();
    let same_modules = sheet.pairs_by(plan.control(), treatment, |control, treatment| {
        if control.modules.keys().eq(treatment.modules.keys()) {
            pairs_of(control, treatment, plan.primary)
        } else {
            Vec::new()
        }
    });
    let same: Vec<f64> = same_modules.iter().map(Pairs::effect).collect();
    let of_same = student(&same, plan.alpha);
    let firsts = |arm| -> BTreeMap<&str, Vec<f64>> {
        let mut personas: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for turn in sheet.turns(arm).filter(|turn| turn.order == Some(0)) {
            personas.entry(turn.persona.as_str()).or_default().extend(values_of(turn, plan.primary));
        }
        personas
    };
    // No block has two first turns: each persona's means of its blocks are compared.
    let (of_control, of_treatment) = (firsts(plan.control()), firsts(treatment));
    let of_persona = |(persona, own): (&&str, &Vec<f64>)| {
        known(mean(of_treatment.get(*persona)?.iter().copied()) - mean(own.iter().copied()))
    };
    let first: Vec<f64> = of_control.iter().filter_map(of_persona).collect();
    let of_first = student(&first, plan.alpha);
    vec![
        row("every pair of the same weight", known(mean(all.into_iter())), None),
        row("the middle persona", median(&effects), None),
        row(
            "blocks in which both used the same modules",
            known(mean(same.into_iter())),
            of_same.map(|own| (own.low, own.high)),
        ),
        row(
            "first turns of blocks only",
            known(mean(first.into_iter())),
            of_first.map(|own| (own.low, own.high)),
        ),
    ]
}

/// A split's effect with what is known of its personas from before taken out (CUPED).
fn adjusted_for_before(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Estimate> {
    if plan.primary != Metric::Rating {
        return None;
    }
    let units = |arm| -> Vec<(f64, f64)> {
        let mut before: BTreeMap<&str, f64> = BTreeMap::new();
        before.extend(sheet.turns(arm).filter_map(|turn| Some((turn.persona.as_str(), turn.before?))));
        let after = sheet.values(arm, plan.primary);
        before
            .into_iter()
            .filter_map(|(name, own)| Some((own, mean(after.get(name)?.iter().copied()))))
            .collect()
    };
    adjusted(&units(plan.control()), &units(treatment), plan.alpha, Difference::Absolute)
}
