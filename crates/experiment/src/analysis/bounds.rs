//! What missing ratings could change: the effect if each of them were the worst, or the best, for the treatment.

use std::collections::BTreeMap;

use super::effect::known;
use super::sheet::{Pairs, Sheet, mean};
use crate::report::Bounds;
use domain::experiment::{ArmName, Design, Metric, Plan};
use domain::observation::Observation;

/// Of the effect: each module that was used counts.
pub(super) fn of_effect(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Bounds> {
    let used = |turn: &Observation, fill: f64| {
        turn.modules.iter().map(|(module, own)| (module.clone(), own.unwrap_or(fill))).collect()
    };
    (plan.primary == Metric::Rating).then(|| bounds(sheet, plan, treatment, used))?
}

/// Of the effect on one module: each turn counts, whether it used the module or not.
pub(super) fn of_module(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName, module: &str) -> Option<Bounds> {
    let every_turn = |turn: &Observation, fill: f64| {
        [(module.to_owned(), turn.modules.get(module).copied().flatten().unwrap_or(fill))].into()
    };
    bounds(sheet, plan, treatment, every_turn)
}

/// The ends of the effect when what is missing is filled in; `filled` are a turn's ratings by module.
fn bounds(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    filled: impl Fn(&Observation, f64) -> BTreeMap<String, f64>,
) -> Option<Bounds> {
    let (least, most) = Metric::Rating.range()?;
    let paired = |of_control: f64, of_treatment: f64| {
        let pairs = sheet.pairs_by(plan.control(), treatment, |control, treatment| {
            let (control, treatment) = (filled(control, of_control), filled(treatment, of_treatment));
            control.iter().filter_map(|(module, own)| Some((*own, *treatment.get(module)?))).collect()
        });
        mean(pairs.iter().map(Pairs::effect))
    };
    let of_arm = |arm: &ArmName, fill: f64| {
        let mut personas: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for turn in sheet.turns(arm) {
            personas.entry(turn.persona.as_str()).or_default().extend(filled(turn, fill).into_values());
        }
        mean(personas.into_values().filter(|own| !own.is_empty()).map(|own| mean(own.into_iter())))
    };
    let effect = |of_control: f64, of_treatment: f64| match plan.design {
        Design::Crossover => known(paired(of_control, of_treatment)),
        Design::Split => known(of_arm(treatment, of_treatment) - of_arm(plan.control(), of_control)),
    };
    Some(Bounds { low: effect(most, least)?, high: effect(least, most)? })
}
