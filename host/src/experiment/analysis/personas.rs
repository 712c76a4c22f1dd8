//! Persona by persona: each one's effect, the effect without one of them, and the turns to read.

use super::sheet::{Pairs, Sheet, mean};
use crate::domain::experiment::{ArmName, Design, Plan};
use crate::experiment::report::{Disagreement, LeaveOneOut, PersonaEffect};
use crate::experiment::statistics::{clustered, student};

/// Nobody reads more of them.
const MOST_DISAGREEMENTS: usize = 5;

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
