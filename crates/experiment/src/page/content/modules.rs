//! Module by module.

use super::pieces::{compared, row, section, table};
use crate::numbers::{count, difference, interval, level, or_none, p_cell, percent, value};
use crate::page::model::{Block, Section};
use crate::report::{Comparison, Report};
use domain::experiment::{Design, Metric};

/// Module by module.
pub(super) fn modules(report: &Report, comparison: &Comparison) -> Section {
    let lead = "Where to look further; no verdict. A persona rates a module only when it used it, so a strategy \
                that leads away from a bad module looks better without improving anything: compare how often it was \
                used, and the bounds.";
    let pairs = match report.plan.design {
        Design::Crossover => "Pairs: blocks in which both arms rated it.",
        Design::Split => "Personas: those who rated it.",
    };
    let legend = "Effect and interval are \
                  for new personas. Holm: p after allowing for all modules, one false alarm being too many. B–H: \
                  (Benjamini and Hochberg) the same, a few being acceptable. Bounds: the effect if every rating that \
                  is missing were the worst, or the best, for the treatment.";
    let legend = Block::Text(format!("Used: part of the arm's turns. {pairs} {legend}"));
    let blocks = vec![ratings(report, comparison), doubts(comparison), legend];
    section(compared(comparison, "modules"), "Modules", lead, blocks)
}

fn ratings(report: &Report, comparison: &Comparison) -> Block {
    let write = |number| difference(Metric::Rating, number);
    let (control, treatment) = (&comparison.control, &comparison.treatment);
    let rows = comparison.modules.iter().map(|own| {
        let mean = |mean| or_none(mean, |mean| value(Metric::Rating, mean));
        let estimate = own.estimate.as_ref();
        let cells = [
            own.module.clone(),
            or_none(own.control_usage, percent),
            or_none(own.treatment_usage, percent),
            count(own.n),
            mean(own.control_mean),
            mean(own.treatment_mean),
            or_none(estimate.map(|own| own.effect), write),
            interval(estimate.map(|own| own.low), estimate.map(|own| own.high), write),
        ];
        row(compared(comparison, "modules").then(&own.module), cells)
    });
    let counted = match report.plan.design {
        Design::Crossover => "#Pairs",
        Design::Split => "#Personas",
    };
    let headings = [
        "Module",
        &format!("#Used, {control}"),
        &format!("#Used, {treatment}"),
        counted,
        &format!("#Mean, {control}"),
        &format!("#Mean, {treatment}"),
        "#Effect",
        &format!("#{} interval", level(report.plan.alpha)),
    ];
    table("The rating of each module", &headings, rows.collect())
}

fn doubts(comparison: &Comparison) -> Block {
    let write = |number| difference(Metric::Rating, number);
    let rows = comparison.modules.iter().map(|own| {
        let cells = [
            own.module.clone(),
            p_cell(own.sign_flip.as_ref().map(|own| own.p)),
            p_cell(own.holm),
            p_cell(own.benjamini_hochberg),
            interval(own.bounds.map(|own| own.low), own.bounds.map(|own| own.high), write),
        ];
        row(compared(comparison, "modules").then(&own.module).then("doubts"), cells)
    });
    let headings = ["Module", "#p, exact", "#p, Holm", "#p, B–H", "#Bounds"];
    table("How sure that is", &headings, rows.collect())
}
