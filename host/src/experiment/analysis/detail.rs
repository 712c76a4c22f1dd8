//! What stands beside the primary effect: the order of values, modules, personas, missing ratings, and the
//! same question asked in other ways.

use std::collections::BTreeMap;

use super::effect::{SEED, known, ratings};
use super::sheet::{Pairs, Sheet, mean};
use crate::domain::experiment::{ArmName, Design, Metric, Plan};
use crate::domain::observation::Observation;
use crate::experiment::report::{
    Bounds, Disagreement, Estimate, LeaveOneOut, ModuleComparison, Ordinal, PersonaEffect, Robustness,
};
use crate::experiment::statistics::{
    Difference, Moments, adjusted, benjamini_hochberg, brunner_munzel, cliffs_delta, clustered, holm,
    magnitude, median, permutation, sign_flip, sign_test, student, welch, wilcoxon_pratt,
};

/// Nobody reads more of them.
const MOST_DISAGREEMENTS: usize = 5;
/// The worst and the best rating.
const ENDS: (f64, f64) = (1.0, 5.0);

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
        bounds: filled(sheet, plan, treatment, |turn, fill| vec![rating(turn).unwrap_or(fill)]),
    }
}

/// The effect if every missing rating of a module that was used were the worst, or the best, for the treatment.
pub(super) fn bounds(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Bounds> {
    if plan.primary != Metric::Rating || plan.design == Design::Split {
        return None;
    }
    let both = |control: &Observation, treatment: &Observation, fill: (f64, f64)| -> Vec<(f64, f64)> {
        let used =
            control.modules.iter().filter_map(|(module, own)| Some((own, treatment.modules.get(module)?)));
        used.map(|(control, treatment)| (control.unwrap_or(fill.0), treatment.unwrap_or(fill.1))).collect()
    };
    let effect = |fill| {
        let pairs = sheet.pairs_by(plan.control(), treatment, |a, b| both(a, b, fill));
        known(mean(pairs.iter().map(Pairs::effect)))
    };
    Some(Bounds { low: effect((ENDS.1, ENDS.0))?, high: effect(ENDS)? })
}

/// The same with every turn of a block filled by one rule.
fn filled(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    value: impl Fn(&Observation, f64) -> Vec<f64>,
) -> Option<Bounds> {
    let effect = |fill: (f64, f64)| match plan.design {
        Design::Crossover => {
            let pairs = sheet.pairs_by(plan.control(), treatment, |control, treatment| {
                value(control, fill.0).into_iter().zip(value(treatment, fill.1)).collect()
            });
            known(mean(pairs.iter().map(Pairs::effect)))
        }
        Design::Split => {
            let all = |arm, fill| mean(sheet.turns(arm).flat_map(|turn| value(turn, fill)));
            known(all(treatment, fill.1) - all(plan.control(), fill.0))
        }
    };
    Some(Bounds { low: effect((ENDS.1, ENDS.0))?, high: effect(ENDS)? })
}

/// Persona by persona.
pub(super) fn personas(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<PersonaEffect> {
    if plan.design == Design::Split {
        return split_personas(sheet, plan, treatment);
    }
    let of = |own: &Pairs<'_>| {
        let estimate = clustered(&own.by_block(), plan.alpha);
        PersonaEffect {
            persona: own.persona.to_owned(),
            n: own.differences().len() as u64,
            blocks: own.blocks.len() as u64,
            effect: own.effect(),
            low: estimate.as_ref().map(|own| own.low),
            high: estimate.map(|own| own.high),
        }
    };
    sheet.pairs(plan.control(), treatment, plan.primary).iter().map(of).collect()
}

/// Each persona's own mean less the mean of the other arm.
fn split_personas(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<PersonaEffect> {
    let arms = [plan.control(), treatment].map(|arm| sheet.values(arm, plan.primary));
    let overall = |at: usize| mean(arms[at].values().map(|own| mean(own.iter().copied())));
    let of = |at: usize, sign: f64| {
        let other = overall(1 - at);
        arms[at].iter().map(move |(persona, own)| PersonaEffect {
            persona: (*persona).to_owned(),
            n: own.len() as u64,
            blocks: own.len() as u64,
            effect: sign * (mean(own.iter().copied()) - other),
            low: None,
            high: None,
        })
    };
    let mut personas: Vec<PersonaEffect> =
        of(0, -1.0).chain(of(1, 1.0)).filter(|own| own.effect.is_finite()).collect();
    personas.sort_by(|a, b| a.persona.cmp(&b.persona));
    personas
}

/// The effect without one persona, of a crossover with three or more.
pub(super) fn leave_one_out(personas: &[PersonaEffect], plan: &Plan) -> Option<LeaveOneOut> {
    if personas.len() < 3 || plan.design == Design::Split {
        return None;
    }
    let effects: Vec<f64> = personas.iter().map(|own| own.effect).collect();
    let without = |at: usize| -> Vec<f64> {
        effects.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, effect)| *effect).collect()
    };
    let left: Vec<(f64, &str)> =
        (0..effects.len()).map(|at| (mean(without(at).into_iter()), personas[at].persona.as_str())).collect();
    let low = left.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let high = left.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let significant = |effects: &[f64]| student(effects, plan.alpha).is_some_and(|own| own.p <= plan.alpha);
    let whole = significant(&effects);
    let sign_turns = low.0.signum() != high.0.signum();
    // With everybody there is a difference between personas' chances, without somebody there is none (or the
    // other way round).
    let significance_turns = (0..effects.len()).any(|at| significant(&without(at)) != whole);
    Some(LeaveOneOut {
        low: low.0,
        low_without: low.1.to_owned(),
        high: high.0,
        high_without: high.1.to_owned(),
        one_persona_decides: whole && (significance_turns || sign_turns),
    })
}

/// The blocks in which the arms differ most: where to read what happened.
pub(super) fn disagreements(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<Disagreement> {
    if plan.design == Design::Split {
        return Vec::new();
    }
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let of = |persona: &str, block: u32, values: &[(f64, f64)]| {
        let turn = |arm| sheet.personas[persona][&block].get(arm).and_then(|turn| turn.turn.clone());
        Disagreement {
            persona: persona.to_owned(),
            block,
            control: mean(values.iter().map(|pair| pair.0)),
            treatment: mean(values.iter().map(|pair| pair.1)),
            control_turn: turn(plan.control()),
            treatment_turn: turn(treatment),
        }
    };
    let of_persona = |own: &Pairs<'_>| -> Vec<Disagreement> {
        own.blocks.iter().map(|(block, values)| of(own.persona, *block, values)).collect()
    };
    let mut all: Vec<Disagreement> = pairs.iter().flat_map(of_persona).collect();
    let size = |own: &Disagreement| (own.treatment - own.control).abs();
    all.retain(|own| size(own) > 0.0);
    all.sort_by(|a, b| size(b).total_cmp(&size(a)));
    all.truncate(MOST_DISAGREEMENTS);
    all
}

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
            super::sheet::pairs_of(control, treatment, plan.primary)
        } else {
            Vec::new()
        }
    });
    let same: Vec<f64> = same_modules.iter().map(Pairs::effect).collect();
    let of_same = student(&same, plan.alpha);
    let first = |arm| -> Vec<f64> {
        let turns = sheet.turns(arm).filter(|turn| turn.order == Some(0));
        turns.flat_map(|turn| super::sheet::values_of(turn, plan.primary)).collect()
    };
    let first = known(mean(first(treatment).into_iter()) - mean(first(plan.control()).into_iter()));
    vec![
        row("every pair of the same weight", known(mean(all.into_iter())), None),
        row("the middle persona", median(&effects), None),
        row(
            "blocks in which both used the same modules",
            known(mean(same.into_iter())),
            of_same.map(|own| (own.low, own.high)),
        ),
        row("first turns of blocks only", first, None),
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
