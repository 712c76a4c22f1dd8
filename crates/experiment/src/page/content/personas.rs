//! Persona by persona, and whether one of them decides.

use super::pieces::{compared, fact, row, section, table};
use crate::numbers::{NONE, count, difference, interval, level, value};
use crate::page::model::{Block, Row, Section};
use crate::report::{Comparison, Outcome, Report};
use domain::experiment::Design;

/// So much of a turn's id is not that of another turn, too.
const SHOWN_OF_ID: usize = 13;

/// Persona by persona.
pub(super) fn personas(report: &Report, comparison: &Comparison) -> Section {
    let metric = comparison.primary.metric;
    let write = |number| difference(metric, number);
    let is_split = report.plan.design == Design::Split;
    let rows = comparison.personas.iter().map(|own| {
        let path = compared(comparison, "personas").then(&own.persona);
        let (blocks, n, effect) = (count(own.blocks), count(own.n), write(own.effect));
        match &own.arm {
            Some(arm) => row(path, [own.persona.clone(), arm.to_string(), blocks, n, effect]),
            None => row(path, [own.persona.clone(), blocks, n, effect, interval(own.low, own.high, write)]),
        }
    });
    let sure = format!("#{} interval", level(report.plan.alpha));
    let headings = if is_split {
        ["Persona", "Arm", "#Blocks", "#Values", "#Effect"]
    } else {
        ["Persona", "#Blocks", "#Pairs", "#Effect", &sure]
    };
    let mut blocks = vec![table("The effect on each persona", &headings, rows.collect())];
    if let Some(own) = &comparison.leave_one_out {
        let decides = match (comparison.verdict.outcome, own.decisive.as_slice()) {
            (Outcome::Inconclusive, _) => "there is no result that one of them could carry".to_owned(),
            (_, []) => "no single persona decides: without any of them the verdict stays".to_owned(),
            (_, decisive) => {
                let names: Vec<&str> = decisive.iter().map(|own| own.persona.as_str()).collect();
                format!("the verdict would be another without {}", names.join(", or without "))
            }
        };
        let range = format!("{} to {}", write(own.low), write(own.high));
        let meaning = format!(
            "the effect over personas without {}, and without {}; {decides}",
            own.low_without, own.high_without
        );
        let path = compared(comparison, "leaveOneOut");
        blocks.push(Block::Facts(vec![fact(path, "Without one persona", range, meaning)]));
    }
    blocks.extend(disagreements(comparison));
    let own = match report.plan.design {
        Design::Crossover => "Each persona's own difference, from its own blocks.",
        Design::Split => "Each persona's own mean less the mean of the other arm.",
    };
    let lead = format!("{own} An outlier here is a reason to read its turns.");
    section(compared(comparison, "personas"), "Personas", lead, blocks)
}

/// The turns to read side by side.
fn disagreements(comparison: &Comparison) -> Vec<Block> {
    let metric = comparison.primary.metric;
    let rows = comparison.disagreements.iter().map(|own| {
        // `turns show` takes the beginning of an id.
        let turn = |turn: &Option<String>| {
            turn.as_ref().map_or_else(|| NONE.to_owned(), |id| id.chars().take(SHOWN_OF_ID).collect())
        };
        let cells = [
            own.persona.clone(),
            own.block.to_string(),
            value(metric, own.control),
            value(metric, own.treatment),
            difference(metric, own.treatment - own.control),
            turn(&own.control_turn),
            turn(&own.treatment_turn),
        ];
        row(compared(comparison, "disagreements").then(&own.persona), cells)
    });
    let rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let (control, treatment) = (&comparison.control, &comparison.treatment);
    let [of_control, of_treatment] = [control, treatment].map(|arm| format!("#{arm}"));
    let [turn, other] = [control, treatment].map(|arm| format!("Turn of {arm}"));
    let headings = ["Persona", "#Block", &of_control, &of_treatment, "#Difference", &turn, &other];
    let how =
        "Read both turns of a block side by side: `persona-host turns show TURN`, with the same --ledger.";
    let mut blocks = vec![table("Where the arms differ most", &headings, rows)];
    if comparison.disagreements.iter().any(|own| own.control_turn.is_some()) {
        blocks.push(Block::Text(how.to_owned()));
    }
    blocks
}
