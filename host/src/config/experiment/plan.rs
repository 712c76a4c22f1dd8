//! What an experiment file means, and one sentence for each way in which it cannot be meant.

use std::collections::BTreeSet;

use super::arms::arms;
use super::unmeant::{Unmeant, named, positive, unmeant};
use super::written::{Written, WrittenWho};
use domain::experiment::{Exclusive, Experiment, Metric, Plan, Who};
use domain::ids::StrategyName;

/// Differences below this hardly matter on a scale from 1 to 5.
const USUAL_MARGIN: f64 = 0.2;
const USUAL_ALPHA: f64 = 0.05;
const USUAL_BLOCKS: u32 = 30;

/// The experiment that a file stands for. `strategies` are the ones that there are.
pub(super) fn checked(written: Written, strategies: &BTreeSet<StrategyName>) -> Result<Experiment, Unmeant> {
    named("key", &written.key)?;
    let (arms, weights) = arms(written.arms, written.design, strategies)?;
    let who = who(written.personas)?;
    if written.margin.is_none() && written.primary != Metric::Rating {
        let problem = format!("it is decided by {} and has no margin", written.primary.name());
        return unmeant(
            problem,
            "write `margin`: the smallest difference that matters, in the metric's unit",
        );
    }
    let margin = written.margin.unwrap_or(USUAL_MARGIN);
    let alpha = written.alpha.unwrap_or(USUAL_ALPHA);
    let traffic = written.traffic.unwrap_or(1.0);
    positive("margin", margin)?;
    if !(alpha > 0.0 && alpha < 0.5) {
        return unmeant(format!("alpha is {alpha}"), "write the accepted rate of false alarms, such as 0.05");
    }
    if !(traffic > 0.0 && traffic <= 1.0) {
        return unmeant(
            format!("traffic is {traffic}"),
            "write the part that takes part: above 0, at most 1",
        );
    }
    if written.blocks == Some(0) {
        return unmeant("blocks is 0", "write how many blocks each persona is to finish, such as 30");
    }
    if let Some(budget) = written.budget {
        positive("budget", budget)?;
    }
    for guardrail in &written.guardrails {
        positive(&format!("the margin of the guardrail {}", guardrail.metric.name()), guardrail.margin)?;
    }
    metrics(written.primary, &written.secondary)?;
    if let Some(Exclusive { group, from, to }) = &written.exclusive
        && !(0.0 <= *from && from < to && *to <= 1.0)
    {
        let problem = format!("its range of the exclusive group {group:?} is {from} to {to}");
        return unmeant(problem, "write from and to with 0 ≤ from < to ≤ 1");
    }
    let starts = written.starts.map(|at| instant("starts", at)).transpose()?;
    let ends = written.ends.map(|at| instant("ends", at)).transpose()?;
    if let (Some(starts), Some(ends)) = (starts, ends)
        && ends <= starts
    {
        return unmeant(format!("it ends {ends} and starts {starts}"), "let it end after it starts");
    }
    let version = written.version.unwrap_or(1);
    let minimum_version = written.minimum_version.unwrap_or(0);
    if minimum_version > version {
        let problem = format!("minimum_version {minimum_version} is above version {version}");
        return unmeant(problem, "nobody could take part: lower it, or raise the version");
    }
    Ok(Experiment {
        seed: written.seed.unwrap_or_else(|| written.key.clone()),
        plan: Plan {
            key: written.key,
            question: written.question,
            design: written.design,
            arms: arms.iter().map(|arm| arm.name.clone()).collect(),
            weights,
            primary: written.primary,
            secondary: written.secondary,
            guardrails: written.guardrails,
            margin,
            alpha,
            planned_blocks: written.blocks.unwrap_or(USUAL_BLOCKS),
            stopping: written.stopping,
        },
        arms,
        who,
        version,
        minimum_version,
        traffic,
        exclusive: written.exclusive,
        budget: written.budget,
        starts,
        ends,
    })
}

fn who(written: WrittenWho) -> Result<Who, Unmeant> {
    let nobody = || unmeant("personas lists nobody", "name some, or leave it out for everybody");
    match (written.archetypes, written.emails) {
        (None, None) => Ok(Who::All),
        (Some(list), None) | (None, Some(list)) if list.is_empty() => nobody(),
        (Some(archetypes), None) => Ok(Who::Archetypes(archetypes)),
        (None, Some(emails)) if emails.len() == 1 => unmeant(
            "one persona takes part",
            "one persona cannot tell a strategy from chance: list six or more",
        ),
        (None, Some(emails)) => Ok(Who::Personas(emails)),
        (Some(_), Some(_)) => unmeant(
            "personas has archetypes and emails",
            "choose by one of them; leave both out for everybody",
        ),
    }
}

fn metrics(primary: Metric, secondary: &[Metric]) -> Result<(), Unmeant> {
    let mut seen = BTreeSet::from([primary]);
    for metric in secondary {
        if !seen.insert(*metric) {
            let problem = format!("the metric {:?} is listed twice", metric.name());
            return unmeant(problem, "list each metric once, as primary or as secondary");
        }
    }
    Ok(())
}

fn instant(what: &str, at: toml::value::Datetime) -> Result<chrono::DateTime<chrono::Utc>, Unmeant> {
    let text = at.to_string();
    // A date alone is its midnight in UTC.
    let whole = if at.time.is_none() { format!("{text}T00:00:00Z") } else { text.clone() };
    match chrono::DateTime::parse_from_rfc3339(&whole) {
        Ok(at) => Ok(at.to_utc()),
        Err(_) => unmeant(
            format!("{what} is {text}"),
            "write a date, or an instant with its offset: 2026-12-01 or 2026-12-01T08:00:00Z",
        ),
    }
}
