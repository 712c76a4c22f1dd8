//! Behavior, cost and speed: each arm by itself, and compared.

use std::collections::BTreeSet;

use super::pieces::{compared as in_comparison, row, section, table};
use crate::numbers::{NONE, count, difference, interval, level, money, or_none, p_cell, percent, value};
use crate::page::model::{Block, Row, Section};
use crate::page::place::{Path, Place};
use crate::page::words;
use crate::report::{Comparison, GuardrailComparison, MetricComparison, Report};
use domain::experiment::Metric;

/// Every metric of every arm.
pub(super) fn arms(report: &Report) -> Section {
    let mut rows = Vec::new();
    for metric in Metric::ALL {
        for arm in &report.arms {
            let Some(own) = arm.metrics.iter().find(|own| own.metric == metric) else { continue };
            let write = |number| value(metric, number);
            let cells = [
                words::metric(metric).to_owned(),
                arm.arm.to_string(),
                count(own.n),
                or_none(own.mean, write),
                interval(own.low, own.high, write),
                or_none(own.median, write),
                or_none(own.p95, write),
            ];
            let path = Path::of("arms/metrics").then(metric.name()).for_arm(arm.arm.as_str());
            rows.push(row(path, cells));
        }
    }
    let sure = format!("#{} interval", level(report.plan.alpha));
    let headings = ["Metric", "Arm", "#Values", "#Mean", &sure, "#Middle", "#95 of 100 below"];
    let mut blocks = vec![table("Each arm by itself", &headings, rows)];
    blocks.extend(reliability(report));
    blocks.push(per_point(report));
    let lead = "What the arms did, what it cost and how long it took. Ratings alone flatter; these do not. Middle is \
                the value that half of the turns stay below.";
    section(Path::of("arms/metrics"), "Behavior, cost and speed", lead, blocks)
}

/// How often several turns in a row go well.
fn reliability(report: &Report) -> Option<Block> {
    let counts: BTreeSet<u64> =
        report.arms.iter().flat_map(|arm| &arm.reliability).map(|own| own.turns).collect();
    let rows = report.arms.iter().map(|arm| {
        let chance =
            |turns: &u64| arm.reliability.iter().find(|own| own.turns == *turns).map(|own| own.chance);
        let chances = counts.iter().map(|turns| or_none(chance(turns), percent));
        let cells = std::iter::once(arm.arm.to_string()).chain(chances).collect();
        Row { place: Place::at(Path::of("arms/reliability").for_arm(arm.arm.as_str())), cells }
    });
    let headings: Vec<String> = std::iter::once("Arm".to_owned())
        .chain(
            counts
                .iter()
                .map(|turns| if *turns == 1 { "#One turn".to_owned() } else { format!("#{turns} turns") }),
        )
        .collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let caption = "How often one turn, or each of several turns of a persona, ends without a fault";
    (!counts.is_empty()).then(|| table(caption, &headings, rows.collect()))
}

/// What a rating point costs.
fn per_point(report: &Report) -> Block {
    let rows = report.arms.iter().map(|arm| {
        let cells = [arm.arm.to_string(), or_none(arm.cost_per_point, money)];
        row(Path::of("arms/costPerPoint").for_arm(arm.arm.as_str()), cells)
    });
    let headings = ["Arm", "#US dollars per rating point above 1"];
    table("What satisfaction costs", &headings, rows.collect())
}

/// The metrics that do not decide, and those that must not get worse.
pub(super) fn compared(report: &Report, comparison: &Comparison) -> Section {
    let mut blocks = Vec::new();
    if !comparison.guardrails.is_empty() {
        let rows = comparison.guardrails.iter().map(|own| guardrail(comparison, own));
        let headings = ["Metric", "Result", "#May be worse by", "#Difference", "#At worst"];
        blocks.push(table("Guardrails: what must not get worse", &headings, rows.collect()));
    }
    let rows: Vec<Row> = comparison.secondary.iter().flat_map(|own| secondary(comparison, own)).collect();
    if !rows.is_empty() {
        let (control, treatment) = (format!("#{}", comparison.control), format!("#{}", comparison.treatment));
        let sure = format!("#{} interval", level(report.plan.alpha));
        let headings = ["Metric", &control, &treatment, "#Difference", &sure, "#p", "#p, corrected"];
        blocks.push(table("Metrics that do not decide", &headings, rows));
    }
    let lead = match blocks.is_empty() {
        true => "The plan names no guardrail and no other metric to compare.",
        false => {
            "Guardrails hold when the worst plausible difference is smaller than what was allowed; \"not shown\" is \
             neither held nor broken. The other metrics are for new personas; corrected p allows for looking at \
             several of them, and takes the larger one where there are two."
        }
    };
    section(in_comparison(comparison, "secondary"), "Guardrails and other metrics", lead, blocks)
}

fn guardrail(comparison: &Comparison, own: &GuardrailComparison) -> Row {
    let metric = own.comparison.metric;
    let write = |number| difference(metric, number);
    let result = match (own.broken, own.holds) {
        (true, _) => "✗ broken",
        (false, true) => "✓ holds",
        (false, false) => "? not shown",
    };
    let cells = [
        words::metric(metric).to_owned(),
        result.to_owned(),
        value(metric, own.margin),
        or_none(own.comparison.effect, write),
        or_none(own.worst, write),
    ];
    row(in_comparison(comparison, "guardrails").then(metric.name()), cells)
}

/// A row for a metric, and one for all tool calls together.
fn secondary(comparison: &Comparison, own: &MetricComparison) -> Vec<Row> {
    let metric = own.metric;
    let write = |number| difference(metric, number);
    let (of_personas, corrected) = (own.population.as_ref(), own.adjusted.as_ref());
    let cells = [
        words::metric(metric).to_owned(),
        or_none(own.control_mean, |mean| value(metric, mean)),
        or_none(own.treatment_mean, |mean| value(metric, mean)),
        or_none(own.effect, write),
        interval(of_personas.map(|own| own.low), of_personas.map(|own| own.high), write),
        p_cell(of_personas.map(|own| own.p)),
        corrected.map_or_else(|| NONE.to_owned(), |own| p_cell(Some(own.p))),
    ];
    let path = in_comparison(comparison, "secondary").then(metric.name());
    // Another centre and another unit: an interval stands beside the difference that it is of.
    let together = |name: &str, step: &str, [effect, low, high, p]: [f64; 4]| {
        let none = || NONE.to_owned();
        let sure = interval(Some(low), Some(high), write);
        let cells = [name.to_owned(), none(), none(), write(effect), sure, p_cell(Some(p)), none()];
        row(path.clone().then(step), cells)
    };
    let calls = own.ratio.as_ref().map(|own| [own.effect, own.low, own.high, own.p]);
    let calls = calls.map(|own| together("the same, all calls together", "ratio", own));
    let turns = own.mcnemar.as_ref().map(|own| [own.difference, own.low, own.high, own.p]);
    let turns = turns.map(|own| together("the same, all turns together", "mcnemar", own));
    std::iter::once(row(path.clone(), cells)).chain(calls).chain(turns).collect()
}
