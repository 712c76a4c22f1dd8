//! What it takes to decide: rounds, money, personas.

use super::effect::{Course, known};
use super::health::spread_between;
use super::sheet::{Pairs, Sheet, mean};
use crate::numbers::counted;
use crate::report::{Outcome, Planning};
use crate::statistics::{FIRST_LOOK, Moments, Study, half_width};
use domain::experiment::{ArmName, Design, Plan};

/// The chance with which an effect is to be found.
const POWER: f64 = 0.8;
/// Nobody runs more rounds.
const MOST_ROUNDS: u32 = 100_000;

/// What it takes, from what has been seen so far.
pub(super) fn planning(
    sheet: &Sheet<'_>,
    plan: &Plan,
    treatment: &ArmName,
    course: &Course,
    outcome: Outcome,
    over: bool,
) -> Planning {
    let Some(study) = study(sheet, plan, treatment) else {
        return Planning {
            advice: "too little has been seen to plan with".to_owned(),
            ..Planning::default()
        };
    };
    let variance = Moments::of(&course.means).variance;
    // Wide enough to reach neither zero nor the margin from where the effect is now.
    let effect = mean(course.means.iter().copied()).abs();
    let wanted = effect.max(plan.margin - effect);
    let enough = |rounds: u32, planned: u32| {
        half_width(variance, f64::from(rounds), f64::from(planned), plan.alpha_of_each()) < wanted
    };
    let first = u32::try_from(FIRST_LOOK).unwrap_or(u32::MAX);
    let left = course.rounds.max(first)..=if over { 0 } else { plan.planned_blocks };
    let within = || left.clone().find(|rounds| enough(*rounds, plan.planned_blocks)).map(Decides::Within);
    // A plan does not grow while it runs, and another one begins anew, tuned to its own end.
    let anew = || (first..MOST_ROUNDS).find(|rounds| enough(*rounds, *rounds)).map(Decides::Anew);
    let open = outcome == Outcome::Inconclusive && plan.design == Design::Crossover && variance > 0.0;
    let decides = if open { within().or_else(anew) } else { None };
    let costs: Option<Vec<f64>> = course.costs.iter().copied().collect();
    let of_round = costs.and_then(|costs| known(mean(costs.into_iter())));
    let from_here = decides.map(|own| match own {
        Decides::Within(rounds) => rounds - course.rounds.min(rounds),
        Decides::Anew(rounds) => rounds,
    });
    Planning {
        detectable: study.detectable(POWER),
        rounds_to_decide: decides.map(Decides::rounds),
        begins_anew: matches!(decides, Some(Decides::Anew(_))),
        cost_to_decide: from_here.zip(of_round).map(|(rounds, cost)| f64::from(rounds) * cost),
        personas_needed: study.needed(plan.margin, POWER),
        advice: advice(&study, plan, decides, course, over),
    }
}

/// How many rounds, in all, would decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    /// Of this plan.
    Within(u32),
    /// Of a new one.
    Anew(u32),
}

impl Decides {
    fn rounds(self) -> u32 {
        match self {
            Self::Within(rounds) | Self::Anew(rounds) => rounds,
        }
    }
}

/// The study at its planned end, with the spreads of what has been seen.
fn study(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Study> {
    let alpha = plan.alpha_of_each();
    if plan.design == Design::Split {
        let personas = u32::try_from(sheet.personas.len()).ok()?;
        let own = spread_between(sheet, plan)?;
        // The personas' means hold their noise already.
        return (personas >= 3 && own > 0.0).then_some(Study {
            personas,
            pairs: 1.0,
            effect_sd: 0.0,
            noise_sd: 0.0,
            persona_sd: Some(own),
            alpha,
        });
    }
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let moments: Vec<Moments> = pairs.iter().map(|own| Moments::of(&own.differences())).collect();
    let repeated: Vec<&Moments> = moments.iter().filter(|own| own.n > 1.0).collect();
    let freedom: f64 = repeated.iter().map(|own| own.n - 1.0).sum();
    let noise = repeated.iter().map(|own| own.variance * (own.n - 1.0)).sum::<f64>() / freedom;
    let effects: Vec<f64> = pairs.iter().map(Pairs::effect).collect();
    let between = Moments::of(&effects).variance - mean(moments.iter().map(|own| noise / own.n));
    let per_block = mean(pairs.iter().map(|own| {
        #[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
        let (pairs, blocks) = (own.differences().len() as f64, own.blocks.len() as f64);
        pairs / blocks
    }));
    known(noise).zip(known(between)).filter(|(noise, _)| *noise > 0.0).map(|(noise, between)| Study {
        personas: u32::try_from(pairs.len()).unwrap_or(u32::MAX),
        pairs: per_block * f64::from(plan.planned_blocks),
        effect_sd: between.max(0.0).sqrt(),
        noise_sd: noise.sqrt(),
        persona_sd: None,
        alpha,
    })
}

fn advice(study: &Study, plan: &Plan, decides: Option<Decides>, course: &Course, over: bool) -> String {
    if plan.design == Design::Split {
        return "a crossover of the same personas finds far smaller effects, because each is compared with itself".to_owned();
    }
    let (personas, noise) = (study.effect_sd.powi(2), study.noise_sd.powi(2) / study.pairs);
    let which = if personas > noise {
        "to speak about new personas, more personas help and more rounds hardly do: what varies is the effect between them"
    } else {
        "more rounds help as well as more personas: what varies most is one turn against the next"
    };
    match decides {
        Some(Decides::Within(rounds)) if rounds > course.rounds => format!(
            "about {} would decide for these personas, if the effect stays as it is; {which}",
            counted((rounds - course.rounds).into(), "more round", "more rounds")
        ),
        Some(Decides::Anew(rounds)) => {
            let rest =
                format!("the {} planned rounds will hardly decide for these personas: ", plan.planned_blocks);
            let rest = if over { "" } else { rest.as_str() };
            format!(
                "{rest}a new experiment of about {rounds} blocks would, if the effect stays as it is; nothing that was \
                 played here counts there, since a new `version` begins anew; {which}"
            )
        }
        _ => which.to_owned(),
    }
}
