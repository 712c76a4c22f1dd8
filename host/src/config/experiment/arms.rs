//! The arms of an experiment file: named, told apart, the control first.

use std::collections::BTreeSet;

use super::unmeant::{Unmeant, named, unmeant};
use super::written::WrittenArm;
use crate::config::resolve::json_of;
use domain::experiment::{Arm, ArmName, Design};
use domain::ids::StrategyName;

/// The arms, the control first, and their weights, which sum to 1.
pub(super) fn arms(
    written: Vec<WrittenArm>,
    design: Design,
    strategies: &BTreeSet<StrategyName>,
) -> Result<(Vec<Arm>, Vec<f64>), Unmeant> {
    if written.len() < 2 {
        let problem = format!("it has {} arm{}", written.len(), if written.len() == 1 { "" } else { "s" });
        return unmeant(
            problem,
            "a comparison needs two or more: add an [[arms]] section with name and strategy",
        );
    }
    let mut seen = BTreeSet::new();
    for arm in &written {
        named("the name of an arm", &arm.name)?;
        if !seen.insert(arm.name.to_ascii_lowercase()) {
            let hint = "give each arm a name of its own; small letters and capitals are no difference";
            return unmeant(format!("two arms are called {:?}", arm.name), hint);
        }
        if !strategies.contains(&StrategyName::new(&arm.strategy)) {
            let known: Vec<&str> = strategies.iter().map(StrategyName::as_str).collect();
            let problem =
                format!("its arm {:?} names the strategy {:?}, which does not exist", arm.name, arm.strategy);
            let hint = format!(
                "name one of {}, or add [strategies.{}] to the configuration",
                known.join(", "),
                arm.strategy
            );
            return unmeant(problem, hint);
        }
        let weight = arm.weight.unwrap_or(1.0);
        if !(weight > 0.0 && weight.is_finite()) {
            let problem = format!("the weight of its arm {:?} is {weight}", arm.name);
            return unmeant(problem, "weights are above 0; leave an arm out that nobody is to play");
        }
        if design == Design::Crossover && arm.weight.is_some_and(|weight| (weight - 1.0).abs() > f64::EPSILON)
        {
            let problem = format!("its arm {:?} has a weight in a crossover", arm.name);
            return unmeant(
                problem,
                "everybody plays every arm there: leave it out, or use design = \"split\"",
            );
        }
    }
    let control = control(&written)?;
    let total: f64 = written.iter().map(|arm| arm.weight.unwrap_or(1.0)).sum();
    let (mut arms, mut weights) = (Vec::with_capacity(written.len()), Vec::with_capacity(written.len()));
    for (position, arm) in written.into_iter().enumerate() {
        let at = if position == control { 0 } else { arms.len() };
        weights.insert(at, arm.weight.unwrap_or(1.0) / total);
        let settings = json_of(toml::Value::Table(arm.settings));
        let arm = Arm {
            settings: settings.as_object().cloned().unwrap_or_default(),
            name: ArmName::new(arm.name),
            strategy: StrategyName::new(arm.strategy),
        };
        arms.insert(at, arm);
    }
    alike(&arms)?;
    Ok((arms, weights))
}

/// Which of them is the control.
fn control(arms: &[WrittenArm]) -> Result<usize, Unmeant> {
    let marked: Vec<usize> = (0..arms.len()).filter(|arm| arms[*arm].control).collect();
    match marked.as_slice() {
        [one] => Ok(*one),
        [] => match arms.iter().position(|arm| arm.name == ArmName::CONTROL) {
            Some(one) => Ok(one),
            None => unmeant(
                "none of its arms is the control",
                "mark the arm that is in use today: control = true",
            ),
        },
        _ => unmeant("it has more than one control", "mark exactly one arm with control = true"),
    }
}

/// Two arms that are the same are an A/A test, which is allowed and said in the question; a third is a slip.
fn alike(arms: &[Arm]) -> Result<(), Unmeant> {
    let same = |a: &Arm, b: &Arm| a.strategy == b.strategy && a.settings == b.settings;
    let slip = arms.len() > 2
        && arms.iter().enumerate().any(|(at, arm)| arms[..at].iter().any(|earlier| same(arm, earlier)));
    if slip {
        return unmeant("two of its arms are the same", "let them differ in strategy or settings");
    }
    Ok(())
}
