//! What it takes to decide.

use super::pieces::{compared, fact, section, sentence};
use crate::numbers::{NONE, count, money, or_none, value};
use crate::page::model::{Block, Section};
use crate::report::{Comparison, Report};

/// What it takes to decide.
pub(super) fn planning(report: &Report, comparison: &Comparison) -> Section {
    let own = &comparison.planning;
    let metric = comparison.primary.metric;
    let here = |path: &str| compared(comparison, &format!("planning/{path}"));
    let number = |number: Option<u32>| number.map_or_else(|| NONE.to_owned(), |number| count(number.into()));
    let played = count(report.progress.rounds.into());
    let facts = vec![
        fact(
            here("detectable"),
            "Can be found",
            or_none(own.detectable, |effect| value(metric, effect)),
            "the smallest effect on new personas that 80 of 100 experiments like this one find by their planned end",
        ),
        fact(
            here("roundsToDecide"),
            "Rounds to decide",
            number(own.rounds_to_decide),
            format!(
                "{}, until the interval leaves out zero or lies within the margin of ±{}, if the effect stays as it is{}",
                if own.begins_anew { "of a new experiment, from its beginning" } else { "in all" },
                value(metric, report.plan.margin),
                if own.begins_anew { String::new() } else { format!("; {played} are played") }
            ),
        ),
        fact(
            here("costToDecide"),
            "Cost to decide",
            or_none(own.cost_to_decide, money),
            if own.begins_anew {
                "US dollars for all of these rounds, at the price so far"
            } else {
                "US dollars from here to there, at the price so far"
            },
        ),
        fact(
            here("personasNeeded"),
            "Personas needed",
            number(own.personas_needed),
            "to find an effect of the margin among new personas, in 80 of 100 experiments",
        ),
    ];
    let lead = format!("What more turns, or more personas, would buy. {}", sentence(&own.advice));
    section(
        compared(comparison, "planning"),
        "What it takes to decide",
        lead.trim(),
        vec![Block::Facts(facts)],
    )
}
