//! What makes the experiment repeatable: what was fixed, who played what, and what changed on the way.

use super::pieces::{fact, row, section, table};
use crate::numbers::{NONE, count, level, value};
use crate::page::model::{Block, Fact, Section};
use crate::page::place::Path;
use crate::page::words;
use crate::report::Report;

/// How much of a digest is shown; enough to tell builds apart.
const DIGEST: usize = 10;

/// What makes it repeatable.
pub(super) fn identity(report: &Report) -> Section {
    let lead = "What was fixed before the first turn, and what draws the arms.";
    let mut facts = plan(report);
    facts.extend(source(report));
    section(Path::of("identity"), "Identity", lead, vec![Block::Facts(facts)])
}

/// What changed on the way.
pub(super) fn phases(report: &Report) -> Section {
    let lead = "A phase is a stretch in which nothing but the arm differed. A plugin that is swapped, or another \
                model, opens a new one; phases are never merged.";
    section(Path::of("phases"), "Phases", lead, vec![stretches(report), makings(report)])
}

fn plan(report: &Report) -> Vec<Fact> {
    let plan = &report.plan;
    let here = |path: &str| Path::of(&format!("plan/{path}"));
    let (design, about_design) = parted(words::design(plan.design));
    let (stopping, about_stopping) = parted(words::stopping(plan.stopping));
    let arms: Vec<&str> = plan.arms.iter().map(|arm| arm.as_str()).collect();
    vec![
        fact(here("arms"), "Arms", arms.join(", "), "the control first"),
        fact(here("design"), "Design", design, about_design),
        fact(here("stopping"), "Verdict", stopping, about_stopping),
        fact(
            here("margin"),
            "Margin",
            format!("±{}", value(plan.primary, plan.margin)),
            "differences below it do not matter",
        ),
        fact(here("alpha"), "Certainty", level(plan.alpha), "at most the rest are false alarms"),
        fact(here("plannedBlocks"), "Planned blocks", count(plan.planned_blocks.into()), "of each persona"),
    ]
}

fn source(report: &Report) -> Vec<Fact> {
    let own = &report.identity;
    let here = |path: &str| Path::of(&format!("identity/{path}"));
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
    vec![
        fact(here("source"), "Rows from", own.source.clone(), "where the turns are kept"),
        fact(
            here("seed"),
            "Seed",
            own.seed.clone(),
            "the salt by which arms and orders are drawn; the same one draws the same",
        ),
        fact(
            here("hashVersion"),
            "Hash version",
            own.hash_version.to_string(),
            "which of GrowthBook's hashes draws them",
        ),
        fact(
            here("planSha256"),
            "Plan",
            or_none(&own.plan_sha256.as_deref().map(short)),
            "SHA-256 of the experiment as it was registered, its beginning",
        ),
        fact(here("started"), "First turn", or_none(&own.started), ""),
        fact(here("ended"), "Last turn", or_none(&own.ended), ""),
    ]
}

fn stretches(report: &Report) -> Block {
    let rows = report.phases.iter().map(|phase| {
        let shown = if phase.number == report.phase { " (this page)" } else { "" };
        let cells = [
            format!("{}{shown}", phase.number),
            phase.opened.clone().unwrap_or_else(|| NONE.to_owned()),
            phase.why.clone(),
            count(phase.turns),
        ];
        row(Path::of("phases").then(&phase.number.to_string()), cells)
    });
    table("Phases", &["Phase", "Opened", "Because", "#Turns"], rows.collect())
}

fn makings(report: &Report) -> Block {
    let rows = report.phases.iter().flat_map(|phase| {
        phase.arms.iter().map(move |arm| {
            let cells = [
                phase.number.to_string(),
                arm.arm.to_string(),
                arm.strategy.clone(),
                format!("{} {}", arm.plugin, short(&arm.plugin_sha256)),
                short(&arm.settings_hash),
                arm.model.clone(),
                arm.tools_sha256.as_deref().map_or_else(|| NONE.to_owned(), short),
            ];
            row(Path::of("phases").then(&phase.number.to_string()).then(arm.arm.as_str()), cells)
        })
    });
    let headings = ["Phase", "Arm", "Strategy", "Plugin", "Settings", "Model", "Tools"];
    table("What each arm was made of (beginnings of SHA-256 digests)", &headings, rows.collect())
}

/// A word, and what it means.
fn parted(text: &str) -> (&str, &str) {
    text.split_once(": ").or_else(|| text.split_once(", ")).unwrap_or((text, ""))
}

fn short(digest: &str) -> String {
    digest.chars().take(DIGEST).collect()
}
