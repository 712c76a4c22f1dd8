//! Persona by persona: each one's effect, the effect without one of them, and the turns to read.

use super::effect::{at_every_look, course, known};
use super::sheet::{Pairs, Sheet, mean, mean_difference};
use super::verdict::standing;
use crate::report::{Decisive, Disagreement, LeaveOneOut, Outcome, PersonaEffect};
use crate::statistics::{clustered, within};
use domain::experiment::{ArmName, Design, Plan};

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
            arm: None,
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
    let names = [plan.control(), treatment];
    let arms = names.map(|arm| sheet.values(arm, plan.primary));
    let overall = |at: usize| mean(arms[at].values().map(|own| mean(own.iter().copied())));
    let of = |at: usize, sign: f64| {
        let other = overall(1 - at);
        let turns =
            |persona: &str| sheet.turns(names[at]).filter(|turn| turn.persona == persona).count() as u64;
        let effect = move |(persona, own): (&&str, &Vec<f64>)| PersonaEffect {
            persona: (*persona).to_owned(),
            arm: Some(names[at].clone()),
            n: own.len() as u64,
            blocks: turns(persona),
            effect: sign * (mean(own.iter().copied()) - other),
            low: None,
            high: None,
        };
        arms[at].iter().map(effect).collect::<Vec<_>>()
    };
    let mut personas = [of(0, -1.0), of(1, 1.0)].concat();
    personas.retain(|own| own.effect.is_finite());
    personas.sort_by(|a, b| a.persona.cmp(&b.persona));
    personas
}

/// The effect without one persona, of a crossover with three or more, and what the verdict would be.
pub(super) fn leave_one_out(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    personas: &[PersonaEffect],
    may_speak: bool,
) -> Option<LeaveOneOut> {
    if personas.len() < 3 || plan.design == Design::Split {
        return None;
    }
    let without = |at: usize| {
        let others = personas.iter().enumerate().filter(|(other, _)| *other != at);
        mean_difference(others.map(|(_, own)| own.effect))
    };
    let whole = mean_difference(personas.iter().map(|own| own.effect));
    let left: Vec<(f64, &str)> =
        personas.iter().enumerate().map(|(at, own)| (without(at), own.persona.as_str())).collect();
    let low = left.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let high = left.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    // Before a verdict may be spoken there is none that anybody could carry.
    let outcome = if may_speak { outcome(sheet, plan, treatment) } else { Outcome::Inconclusive };
    let decides = |(effect, persona): &(f64, &str)| {
        let without = self::outcome(&sheet.without(persona), plan, treatment);
        (without != outcome).then(|| Decisive {
            persona: (*persona).to_owned(),
            effect: *effect,
            outcome: without,
        })
    };
    let mut decisive: Vec<Decisive> = match outcome {
        Outcome::Inconclusive => Vec::new(),
        _ => left.iter().filter_map(decides).collect(),
    };
    decisive.sort_by(|a, b| (b.effect - whole).abs().total_cmp(&(a.effect - whole).abs()));
    Some(LeaveOneOut {
        low: low.0,
        low_without: low.1.to_owned(),
        high: high.0,
        high_without: high.1.to_owned(),
        one_persona_decides: !decisive.is_empty(),
        decisive,
    })
}

/// What the interval that decides says.
fn outcome(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Outcome {
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let blocks: Vec<Vec<Vec<f64>>> = pairs.iter().map(Pairs::by_block).collect();
    let effect = mean_difference(pairs.iter().map(Pairs::effect));
    let rounds = course(sheet, plan, treatment, plan.primary);
    let anytime = at_every_look(&rounds.means, plan, plan.primary);
    let varies = clustered(&pairs.iter().map(Pairs::differences).collect::<Vec<_>>(), plan.alpha).is_some();
    standing(plan, known(effect), anytime.as_ref(), within(&blocks, plan.alpha).as_ref(), varies)
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
