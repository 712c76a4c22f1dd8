//! Whether the numbers can be trusted.

use super::pieces::{row, section, sentence, table};
use crate::numbers::{count, counted, p_cell};
use crate::page::model::Section;
use crate::page::place::Path;
use crate::page::words;
use crate::report::{Report, Status};

/// Each check, the gravest first, and how far the turns of each arm came.
pub(super) fn health(report: &Report) -> Section {
    let mut checks: Vec<_> = report.health.iter().collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.status));
    // The finding stands at the number, too; here every check is listed once, so no place takes warnings.
    let rows = checks.into_iter().map(|check| {
        let cells = [
            check.name.clone(),
            words::status(check.status).to_owned(),
            sentence(&check.message),
            p_cell(check.p),
        ];
        row(Path::of("health").then(&check.name), cells)
    });
    let checks = table("Health checks", &["Check", "Status", "Finding", "#p"], rows.collect());
    section(Path::of("health"), "Health", lead(report), vec![checks, stages(report)])
}

fn lead(report: &Report) -> String {
    let number = |status| report.health.iter().filter(|check| check.status == status).count() as u64;
    let (warnings, broken) = (number(Status::Warning), number(Status::Unhealthy));
    let found = match (warnings, broken) {
        (0, 0) => "Nothing speaks against the numbers".to_owned(),
        (warnings, 0) => {
            format!("{}: read these numbers with care", counted(warnings, "warning", "warnings"))
        }
        (0, broken) => format!(
            "{}: do not decide on this",
            counted(broken, "check is unhealthy", "checks are unhealthy")
        ),
        (warnings, broken) => format!(
            "{} and {}: do not decide on this",
            counted(broken, "check is unhealthy", "checks are unhealthy"),
            counted(warnings, "warning", "warnings")
        ),
    };
    format!(
        "{found}. Each finding also stands at the number that it concerns. p is the chance of such a finding if all \
         were well."
    )
}

fn stages(report: &Report) -> crate::page::Block {
    let rows = report.arms.iter().map(|arm| {
        let stages = arm.stages;
        let cells = [
            arm.arm.to_string(),
            count(stages.assigned),
            count(stages.started),
            count(stages.completed),
            count(stages.rated),
            count(stages.parsed),
            count(arm.missing_ratings),
        ];
        row(Path::of("arms/stages").for_arm(arm.arm.as_str()), cells)
    });
    let headings =
        ["Arm", "#Assigned", "#Started", "#Completed", "#Rated", "#Read", "#Modules used, not rated"];
    table("How far the turns of each arm came", &headings, rows.collect())
}
