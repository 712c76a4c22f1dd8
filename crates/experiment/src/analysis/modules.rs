//! Module by module: exploratory, because who uses a module is part of what a strategy does.

use std::collections::BTreeMap;

use super::bounds::of_module;
use super::effect::{SEED, known};
use super::sheet::{Pairs, Sheet, mean};
use crate::report::ModuleComparison;
use crate::statistics::{
    Difference, Moments, benjamini_hochberg, holm, permutation, sign_flip, student, welch,
};
use domain::experiment::{ArmName, Design, Plan};
use domain::observation::Observation;

/// Module by module, corrected among themselves.
pub(super) fn modules(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<ModuleComparison> {
    let of = |module: &str| module_of(sheet, plan, treatment, module);
    let mut modules: Vec<ModuleComparison> = sheet.modules().into_iter().map(of).collect();
    let tested: Vec<usize> = (0..modules.len()).filter(|at| modules[*at].sign_flip.is_some()).collect();
    let p: Vec<f64> =
        tested.iter().filter_map(|at| modules[*at].sign_flip.as_ref()).map(|flip| flip.p).collect();
    for ((at, holm), bh) in tested.into_iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
        modules[at].holm = Some(holm);
        modules[at].benjamini_hochberg = Some(bh);
    }
    modules
}

fn module_of(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName, module: &str) -> ModuleComparison {
    let rating = |turn: &Observation| turn.modules.get(module).copied().flatten();
    let usage = |arm| {
        known(mean(sheet.turns(arm).map(|turn| f64::from(u8::from(turn.modules.contains_key(module))))))
    };
    let by_persona = |arm| {
        let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for turn in sheet.turns(arm) {
            if let Some(own) = rating(turn) {
                values.entry(turn.persona.as_str()).or_default().push(own);
            }
        }
        values
    };
    let (control, treated) = (by_persona(plan.control()), by_persona(treatment));
    let all = |values: &BTreeMap<&str, Vec<f64>>| known(mean(values.values().flatten().copied()));
    let pairs = sheet.pairs_by(plan.control(), treatment, |control, treatment| {
        rating(control).zip(rating(treatment)).into_iter().collect()
    });
    let effects: Vec<f64> = pairs.iter().map(Pairs::effect).collect();
    let means = |values: &BTreeMap<&str, Vec<f64>>| -> Vec<f64> {
        values.values().map(|own| mean(own.iter().copied())).collect()
    };
    let (estimate, flip, n) = match plan.design {
        Design::Crossover => {
            let n = pairs.iter().map(|own| own.differences().len() as u64).sum();
            (student(&effects, plan.alpha), sign_flip(&effects, SEED), n)
        }
        Design::Split => {
            let (a, b) = (means(&control), means(&treated));
            let estimate = welch(Moments::of(&a), Moments::of(&b), plan.alpha, Difference::Absolute);
            (estimate, permutation(&a, &b, SEED), (a.len() + b.len()) as u64)
        }
    };
    ModuleComparison {
        module: module.to_owned(),
        control_usage: usage(plan.control()),
        treatment_usage: usage(treatment),
        n,
        control_mean: all(&control),
        treatment_mean: all(&treated),
        estimate,
        sign_flip: flip,
        holm: None,
        benjamini_hochberg: None,
        bounds: of_module(sheet, plan, treatment, module),
    }
}
