//! The same question asked in other ways.

use std::collections::BTreeMap;

use super::effect::known;
use super::sheet::{Pairs, Sheet, mean, pairs_of, values_of};
use crate::report::{Estimate, Robustness};
use crate::statistics::{Difference, adjusted, median, student};
use domain::experiment::{ArmName, Design, Metric, Plan};

/// The same question asked in other ways; of each whether its sign is that of the effect.
pub(super) fn robustness(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    effect: Option<f64>,
) -> Vec<Robustness> {
    let rows = match plan.design {
        Design::Crossover => of_crossover(sheet, plan, treatment),
        Design::Split => of_split(sheet, plan, treatment).into_iter().collect(),
    };
    let sign = |own: f64| effect.map(|effect| (own >= 0.0) == (effect >= 0.0));
    rows.into_iter().map(|own| Robustness { same_sign: own.effect.and_then(sign), ..own }).collect()
}

fn row(name: &str, effect: Option<f64>, ends: Option<(f64, f64)>) -> Robustness {
    let (low, high) = ends.unzip();
    Robustness { name: name.to_owned(), effect, low, high, same_sign: None }
}

/// The mean over personas, with Student's interval.
fn over_personas(name: &str, effects: &[f64], plan: &Plan) -> Robustness {
    let ends = student(effects, plan.alpha).map(|own| (own.low, own.high));
    row(name, known(mean(effects.iter().copied())), ends)
}

fn of_crossover(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<Robustness> {
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let effects: Vec<f64> = pairs.iter().map(Pairs::effect).collect();
    let all = pairs.iter().flat_map(Pairs::differences);
    let same_modules = sheet.pairs_by(plan.control(), treatment, |control, treatment| {
        if control.modules.keys().eq(treatment.modules.keys()) {
            pairs_of(control, treatment, plan.primary)
        } else {
            Vec::new()
        }
    });
    let same: Vec<f64> = same_modules.iter().map(Pairs::effect).collect();
    vec![
        row("every pair of the same weight", known(mean(all)), None),
        row("the middle persona", median(&effects), None),
        over_personas("blocks in which both used the same modules", &same, plan),
        over_personas("first turns of blocks only", &of_first_turns(sheet, plan, treatment), plan),
    ]
}

/// No block has two first turns: each persona's means of its blocks are compared.
fn of_first_turns(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<f64> {
    let firsts = |arm| -> BTreeMap<&str, Vec<f64>> {
        let mut personas: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for turn in sheet.turns(arm).filter(|turn| turn.order == Some(0)) {
            personas.entry(turn.persona.as_str()).or_default().extend(values_of(turn, plan.primary));
        }
        personas
    };
    let (of_control, of_treatment) = (firsts(plan.control()), firsts(treatment));
    let of_persona = |(persona, own): (&&str, &Vec<f64>)| {
        known(mean(of_treatment.get(*persona)?.iter().copied()) - mean(own.iter().copied()))
    };
    of_control.iter().filter_map(of_persona).collect()
}

fn of_split(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Robustness> {
    let adjusted = adjusted_for_before(sheet, plan, treatment)?;
    let ends = Some((adjusted.low, adjusted.high));
    Some(row("adjusted for ratings from before", Some(adjusted.effect), ends))
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
