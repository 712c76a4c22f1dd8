//! Whether the numbers can be trusted: one sentence for each question, with what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::{course, known, ratings};
use super::floor::out_of_reach;
use super::order::{carry_over, order_balance};
use super::sheet::{Block, Pairs, Sheet, mean};
use super::stages::stages;
use crate::numbers::{difference, plain};
use crate::report::{ArmSummary, Check, Progress, Status};
use crate::statistics::{FIRST_LOOK, MIN_PER_ARM, Moments, SPLIT_PERSONAS};
use domain::experiment::{ArmName, Design, Metric, Phase, Plan};

/// The part of personas that may be seen in two arms of a split.
const TWO_ARMS: f64 = 0.01;

/// Every check, the worst first; of two that are as bad, the one that says more about the effect.
pub(super) fn checks(
    sheet: &Sheet<'_>,
    plan: &Plan,
    arms: &[ArmSummary],
    progress: &Progress,
    phases: &[Phase],
) -> Vec<Check> {
    let mut checks = stages(sheet, plan, arms);
    match plan.design {
        Design::Crossover => {
            let of_each: [OfTreatment; 3] = [carry_over, uneven_gaps, without_pairs];
            checks.extend(order_balance(sheet, plan));
            let each = |of: OfTreatment| plan.treatments().iter().filter_map(move |arm| of(sheet, plan, arm));
            checks.extend(of_each.into_iter().flat_map(each));
        }
        Design::Split => checks.extend(two_arms(sheet)),
    }
    checks.extend(unreadable(arms));
    checks.extend(missing(arms));
    checks.extend(plan.treatments().iter().flat_map(|arm| usage(sheet, plan, arm)));
    checks.extend(several_phases(phases));
    checks.extend(few_personas(sheet, plan, progress));
    checks.extend(rounds(plan, progress));
    if plan.primary == Metric::Rating {
        checks.extend(raters(arms));
    }
    checks.extend(cost(sheet, plan, progress));
    checks.sort_by_key(|check| std::cmp::Reverse(check.status));
    checks
}

/// A question about one treatment.
type OfTreatment = fn(&Sheet<'_>, &Plan, &ArmName) -> Option<Check>;

fn few_personas(sheet: &Sheet<'_>, plan: &Plan, progress: &Progress) -> Option<Check> {
    let paired = |treatment: &ArmName| sheet.pairs(plan.control(), treatment, plan.primary).len();
    let personas = match plan.design {
        Design::Crossover => plan.treatments().iter().map(paired).min().unwrap_or(0),
        Design::Split => sheet.personas.len(),
    };
    if plan.design == Design::Split {
        let few = progress.personas < u64::from(SPLIT_PERSONAS);
        let message = format!(
            "{personas} personas are few for a split: it is underpowered by design below {SPLIT_PERSONAS}; use a crossover, or many more personas"
        );
        return few
            .then(|| Check::new("underpowered", Status::Warning, "comparisons/primary/population", message));
    }
    let message = out_of_reach(personas, plan.alpha_of_each())?;
    Some(Check::new("floor", Status::Warning, "comparisons/primary/signFlip", message))
}

fn rounds(plan: &Plan, progress: &Progress) -> Option<Check> {
    let few = plan.design == Design::Crossover && u64::from(progress.rounds) < FIRST_LOOK;
    let message = format!(
        "{} rounds are finished; the first interval for whoever looks after every round needs {FIRST_LOOK}: run more blocks",
        progress.rounds
    );
    few.then(|| Check::new("few-rounds", Status::Warning, "comparisons/primary/anytime", message))
}

fn several_phases(phases: &[Phase]) -> Option<Check> {
    let message = format!(
        "something changed while it ran: there are {} phases, and only one of them is analysed here; the others are shown with --phase",
        phases.len()
    );
    (phases.len() > 1).then(|| Check::new("phases", Status::Warning, "phases", message))
}

fn raters(arms: &[ArmSummary]) -> Vec<Check> {
    let mut checks = Vec::new();
    for arm in arms {
        let concerns = format!("arms/{}/rater", arm.arm);
        if let Some(icc) = arm.rater.icc.filter(|icc| *icc < 0.1) {
            let message = format!(
                "under {} the personas rate alike (ICC {}, below 0.1): they may be one rater with many names",
                arm.arm,
                plain(icc, 2)
            );
            checks.push(Check::new("icc", Status::Warning, &concerns, message));
        }
        if let Some(share) = arm.rater.mode_share.filter(|share| *share > 0.8) {
            let message = format!(
                "under {} {:.0} % of the ratings are the same number: differences are hidden by it",
                arm.arm,
                share * 100.0
            );
            checks.push(Check::new("mode-share", Status::Warning, &concerns, message));
        }
    }
    checks
}

fn missing(arms: &[ArmSummary]) -> Option<Check> {
    let counts: Vec<String> = arms.iter().map(|arm| format!("{} {}", arm.arm, arm.missing_ratings)).collect();
    let any = arms.iter().any(|arm| arm.missing_ratings > 0);
    let message = format!(
        "modules were used and not rated ({}): the effect is computed without them; its bounds tell how much they could change",
        counts.join(", ")
    );
    any.then(|| Check::new("missing-ratings", Status::Warning, "comparisons/bounds", message))
}

/// A reply that cannot be read is an outcome of the arm, and no accident of the sample.
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
fn unreadable(arms: &[ArmSummary]) -> Vec<Check> {
    let lost = |arm: &ArmSummary| (arm.stages.rated - arm.stages.parsed, arm.stages.rated);
    let control = lost(&arms[0]);
    let of = |arm: &ArmSummary| {
        let own = lost(arm);
        let rate = |(lost, all): (u64, u64)| lost as f64 / all.max(1) as f64;
        let differs = (rate(own) - rate(control)).abs() > 0.05 && own.0 + control.0 >= MIN_PER_ARM;
        let message = format!(
            "replies without a readable rating: {} of {} under {}, {} of {} under {}; what is missing differs between the arms",
            own.0, own.1, arm.arm, control.0, control.1, arms[0].arm
        );
        differs.then(|| {
            Check::new("parse-failures", Status::Warning, &format!("arms/{}/stages/parsed", arm.arm), message)
        })
    };
    arms[1..].iter().filter_map(of).collect()
}

/// Whether the price of every turn is known.
fn cost(sheet: &Sheet<'_>, plan: &Plan, progress: &Progress) -> Option<Check> {
    let known = plan.arms.iter().flat_map(|arm| sheet.turns(arm)).filter(|turn| turn.cost.is_some()).count();
    let (status, message) = if known == 0 {
        (Status::Ok, "no turn has a known cost".to_owned())
    } else {
        let message = "the cost of some turns is not known, so no total is given: rows need a cost, the host the model's price";
        (Status::Warning, message.to_owned())
    };
    progress.cost.is_none().then(|| Check::new("unknown-cost", status, "progress/cost", message))
}

/// A round is the mean of whoever has a pair in it, so that who often has none counts less in the rounds than
/// among the personas. Where that makes a difference it is said.
fn uneven_gaps(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Check> {
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let of_personas = known(mean(pairs.iter().map(Pairs::effect)))?;
    let of_rounds = known(mean(course(sheet, plan, treatment, plan.primary).means.into_iter()))?;
    let message = format!(
        "the mean effect of {treatment} is {} over rounds and {} over personas: who has few pairs counts little in the rounds, so read the effect on each persona",
        difference(plan.primary, of_rounds),
        difference(plan.primary, of_personas)
    );
    let concerns = format!("comparisons/{treatment}/primary");
    let apart = (of_rounds - of_personas).abs() > plan.margin / 2.0;
    apart.then(|| Check::new("uneven-gaps", Status::Warning, &concerns, message))
}

/// Who played both arms and has nothing that both were measured by is in no effect.
fn without_pairs(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Option<Check> {
    let pairs = sheet.pairs(plan.control(), treatment, plan.primary);
    let paired: BTreeSet<&str> = pairs.iter().map(|own| own.persona).collect();
    let played = sheet.complete_blocks(plan.control(), treatment);
    let lost = |(persona, blocks): (&&str, &Vec<u32>)| {
        (!blocks.is_empty() && !paired.contains(persona)).then(|| (*persona).to_owned())
    };
    let lost: Vec<String> = played.iter().filter_map(lost).collect();
    let what = if plan.primary == Metric::Rating {
        "both arms never rated the same module in one block".to_owned()
    } else {
        format!("both arms never have {} in one block", plan.primary.name())
    };
    let message = format!(
        "{} of {} personas are in no effect of {treatment}, because {what}: {}; the verdict does not speak about them",
        lost.len(),
        sheet.personas.len(),
        lost.join(", ")
    );
    let concerns = format!("comparisons/{treatment}/personas");
    (!lost.is_empty()).then(|| Check::new("without-pairs", Status::Warning, &concerns, message))
}

/// In a split nobody should be in two arms.
#[expect(clippy::cast_precision_loss, reason = "counts of personas")]
fn two_arms(sheet: &Sheet<'_>) -> Option<Check> {
    let arms = |blocks: &BTreeMap<u32, Block<'_>>| -> BTreeSet<ArmName> {
        blocks.values().flat_map(|block| block.keys().map(|arm| (*arm).clone())).collect()
    };
    let both = sheet.personas.values().filter(|blocks| arms(blocks).len() > 1).count();
    let part = both as f64 / sheet.personas.len().max(1) as f64;
    let message = format!(
        "{both} of {} personas were seen in more than one arm of a split: assign them again under a new version",
        sheet.personas.len()
    );
    (part > TWO_ARMS).then(|| Check::new("two-arms", Status::Unhealthy, "comparisons/primary", message))
}

/// A strategy that leads away from bad modules raises the mean and improves nothing.
fn usage(sheet: &Sheet<'_>, plan: &Plan, treatment: &ArmName) -> Vec<Check> {
    let part = |arm: &ArmName, module: &str| {
        mean(sheet.turns(arm).map(|turn| f64::from(u8::from(turn.modules.contains_key(module)))))
    };
    let turns = sheet.turns(treatment).count().min(sheet.turns(plan.control()).count()) as u64;
    let of = |module: &str| {
        let (control, treated) = (part(plan.control(), module), part(treatment, module));
        let differs = (treated - control).abs() > 0.2 && turns >= MIN_PER_ARM;
        let message = format!(
            "the module {module} is used in {:.0} % of the turns of {treatment} and {:.0} % of those of {}: ratings exist only where it was used, so read its bounds",
            treated * 100.0,
            control * 100.0,
            plan.control()
        );
        differs.then(|| {
            Check::new(
                "usage",
                Status::Warning,
                &format!("comparisons/{treatment}/modules/{module}"),
                message,
            )
        })
    };
    sheet.modules().into_iter().filter_map(of).collect()
}

/// How much the personas' own means differ under the control.
pub(super) fn spread_between(sheet: &Sheet<'_>, plan: &Plan) -> Option<f64> {
    let means = sheet.values(plan.control(), plan.primary);
    let means: Vec<f64> = means.into_values().map(|own| mean(own.into_iter())).collect();
    known(Moments::of(&means).variance.sqrt())
}

/// Whether there is anything to rate at all.
pub(super) fn has_values(sheet: &Sheet<'_>, plan: &Plan, arm: &ArmName) -> bool {
    match plan.primary {
        Metric::Rating => !ratings(sheet, arm).is_empty(),
        other => !sheet.values(arm, other).is_empty(),
    }
}
