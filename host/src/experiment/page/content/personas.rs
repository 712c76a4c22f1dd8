//! Persona by persona, and whether one of them decides.

use super::pieces::{compared, fact, row, section, table};
use crate::domain::experiment::Design;
use crate::experiment::page::model::{Block, Section};
use crate::experiment::page::numbers::{count, difference, interval, level};
use crate::experiment::report::{Comparison, Report};

/// Persona by persona.
pub(super) fn personas(report: &Report, comparison: &Comparison) -> Section {
    let metric = comparison.primary.metric;
    let write = |number| difference(metric, number);
    let rows = comparison.personas.iter().map(|own| {
        let cells = [
            own.persona.clone(),
            count(own.blocks),
            count(own.n),
            write(own.effect),
            interval(own.low, own.high, write),
        ];
        row(compared(comparison, "personas").then(&own.persona), cells)
    });
    let sure = format!("#{} interval", level(report.plan.alpha));
    let headings = ["Persona", "#Blocks", "#Pairs", "#Effect", &sure];
    let mut blocks = vec![table("The effect on each persona", &headings, rows.collect())];
    if let Some(own) = &comparison.leave_one_out {
        let decides = if own.one_persona_decides {
            "one persona decides: without it the sign, or whether it is significant, is another"
        } else {
            "no single persona decides: without any of them the sign and the significance stay"
        };
        let range = format!("{} to {}", write(own.low), write(own.high));
        let meaning =
            format!("the effect without {}, and without {}; {decides}", own.low_without, own.high_without);
        let path = compared(comparison, "leaveOneOut");
        blocks.push(Block::Facts(vec![fact(path, "Without one persona", range, meaning)]));
    }
    let own = match report.plan.design {
        Design::Crossover => "Each persona's own difference, from its own blocks.",
        Design::Split => "Each persona's own mean less the mean of the other arm.",
    };
    let lead = format!("{own} An outlier here is a reason to read its turns.");
    section(compared(comparison, "personas"), "Personas", lead, blocks)
}
