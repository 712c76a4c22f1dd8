//! A report for a terminal. It prints numbers and computes none.

use std::fmt::Write as _;

use comfy_table::Cell;

use crate::cli::output::Column::{Flowing, Number, Whole};
use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, styled, table, text_width};
use crate::cli::text::{printable, set};
use crate::domain::experiment::Design;
use crate::experiment::report::{
    ArmSummary, Check, Comparison, Estimate, MetricComparison, Outcome, Report, Status,
};

/// The whole report.
pub(super) fn page(report: &Report) -> String {
    let mut page = String::new();
    let plan = &report.plan;
    let _ = writeln!(page, "{}", styled(HEAD, printable(&plan.key)));
    page.push_str(&set("  ", 2, &plan.question, text_width()));
    for comparison in &report.comparisons {
        verdict(&mut page, comparison);
    }
    health(&mut page, &report.health);
    arms(&mut page, &report.arms);
    for comparison in &report.comparisons {
        evidence(&mut page, comparison, plan.design);
        metrics(&mut page, comparison);
        modules(&mut page, comparison);
        personas(&mut page, comparison);
        beside(&mut page, comparison);
    }
    origin(&mut page, report);
    page
}

fn heading(page: &mut String, text: &str) {
    let _ = writeln!(page, "\n{}", styled(HEAD, printable(text)));
}

fn verdict(page: &mut String, comparison: &Comparison) {
    let verdict = &comparison.verdict;
    let (style, word) = match verdict.outcome {
        Outcome::Better => (GOOD, "better"),
        Outcome::Worse => (BAD, "worse"),
        Outcome::Equivalent => (GOOD, "equivalent"),
        Outcome::Inconclusive => (ODD, "inconclusive"),
    };
    let label = format!("\n{} ", styled(style, word));
    page.push_str(&set(&label, 2, &format!("{}.", verdict.sentence), text_width()));
    page.push_str(&set("  because ", 4, &format!("{}.", verdict.because), text_width()));
    if let Some(caveat) = &verdict.caveat {
        page.push_str(&set(&format!("  {} ", styled(ODD, "but")), 4, &format!("{caveat}."), text_width()));
    }
}

fn health(page: &mut String, health: &[Check]) {
    heading(page, "Can the numbers be trusted?");
    let fine = health.iter().filter(|check| check.status == Status::Ok).count();
    for check in health.iter().filter(|check| check.status != Status::Ok) {
        let style = if check.status == Status::Unhealthy { BAD } else { ODD };
        let word = if check.status == Status::Unhealthy { "unhealthy" } else { "warning" };
        let label = format!("  {} {}: ", styled(style, word), check.name);
        page.push_str(&set(&label, 4, &check.message, text_width()));
    }
    let _ = writeln!(page, "  {}", styled(FAINT, format!("{fine} checks found nothing")));
}

fn arms(page: &mut String, arms: &[ArmSummary]) {
    heading(page, "Arms");
    let mut table = table([
        Whole("arm"),
        Number("assigned"),
        Number("started"),
        Number("completed"),
        Number("rated"),
        Number("parsed"),
        Flowing("ratings 1 2 3 4 5"),
        Number("missing"),
        Number("ICC"),
        Number("$ per point"),
    ]);
    for arm in arms {
        let stages = arm.stages;
        let distribution: Vec<String> = arm.distribution.iter().map(ToString::to_string).collect();
        let mut row = vec![printable(arm.arm.as_str())];
        let counts = [stages.assigned, stages.started, stages.completed, stages.rated, stages.parsed];
        row.extend(counts.map(|count| count.to_string()));
        row.extend([
            distribution.join(" "),
            arm.missing_ratings.to_string(),
            number(arm.rater.icc),
            arm.cost_per_point.map_or_else(absent, |cost| format!("{cost:.4}")),
        ]);
        table.add_row(row);
    }
    let _ = writeln!(page, "{table}");
}

/// The primary measure with every uncertainty that it has.
fn evidence(page: &mut String, comparison: &Comparison, design: Design) {
    let own = &comparison.primary;
    heading(page, &format!("{} against {}: {}", comparison.treatment, comparison.control, own.metric.name()));
    let mut table =
        table([Flowing("what"), Number("effect"), Number("from"), Number("to"), Number("p"), Flowing("")]);
    let mut row = |what: &str, estimate: Option<&Estimate>, note: String| {
        if let Some(own) = estimate {
            table.add_row([what, &signed(own.effect), &signed(own.low), &signed(own.high), &p(own.p), &note]);
        }
    };
    row("for these personas", own.catalogue.as_ref(), "the error is that of their blocks".to_owned());
    row(
        "for new ones like them",
        own.population.as_ref(),
        format!("spread of {} personas, Student's t", own.personas),
    );
    row("every pair alike", own.clustered.as_ref(), format!("{} pairs, errors clustered by persona", own.n));
    if let Some(anytime) = &own.anytime {
        let ends = [anytime.effect, anytime.low, anytime.high].map(signed);
        let note = format!("{} rounds; holds however often one looks", anytime.rounds);
        table.add_row(["at every look", &ends[0], &ends[1], &ends[2], &p(anytime.p), &note]);
    }
    if let Some(flip) = &own.sign_flip {
        let kind = if flip.exact { "exact" } else { "100 000 draws" };
        let what = if design == Design::Split { "dealing personas anew" } else { "flipping personas" };
        let note = format!("{kind}; cannot be below {}", p(flip.floor));
        table.add_row([what, "", "", "", &p(flip.p), &note]);
    }
    if let Some(e) = &own.sign_e {
        let note = format!("{} rounds won, {} lost; evidence {:.2}", e.wins, e.losses, e.e);
        table.add_row(["won and lost rounds", "", "", "", &p(e.p), &note]);
    }
    if let Some(bounds) = &comparison.bounds {
        let ends = [signed(bounds.low), signed(bounds.high)];
        table.add_row([
            "if missing were worst, best",
            "",
            &ends[0],
            &ends[1],
            "",
            "not a confidence interval",
        ]);
    }
    let _ = writeln!(page, "{table}");
    let ordinal = &comparison.ordinal;
    if ordinal.wins + ordinal.ties + ordinal.losses > 0 {
        let _ = writeln!(
            page,
            "  pairs won {}, alike {}, lost {}; Cliff's delta {} ({})",
            ordinal.wins,
            ordinal.ties,
            ordinal.losses,
            ordinal.cliffs_delta.map_or_else(absent, signed),
            ordinal.magnitude.as_deref().unwrap_or("unknown")
        );
    }
}

fn metrics(page: &mut String, comparison: &Comparison) {
    if comparison.secondary.is_empty() && comparison.guardrails.is_empty() {
        return;
    }
    let mut table = table([
        Whole("beside it"),
        Number("control"),
        Number("treatment"),
        Number("effect"),
        Number("from"),
        Number("to"),
        Number("p corrected"),
        Flowing(""),
    ]);
    let mut row = |own: &MetricComparison, note: &str| {
        let ends = own.population.as_ref();
        table.add_row([
            own.metric.name().to_owned(),
            small(own.control_mean),
            small(own.treatment_mean),
            small(own.effect),
            small(ends.map(|ends| ends.low)),
            small(ends.map(|ends| ends.high)),
            own.adjusted.as_ref().map_or_else(absent, |own| p(own.p)),
            note.to_owned(),
        ]);
    };
    comparison.secondary.iter().for_each(|own| row(own, ""));
    for guardrail in &comparison.guardrails {
        let state = match (guardrail.holds, guardrail.broken) {
            (true, _) => "holds",
            (_, true) => "BROKEN",
            _ => "not shown to hold",
        };
        row(&guardrail.comparison, &format!("guardrail ±{}: {state}", guardrail.margin));
    }
    let _ = writeln!(page, "\n{table}");
}

fn modules(page: &mut String, comparison: &Comparison) {
    if comparison.modules.is_empty() {
        return;
    }
    let mut table = table([
        Whole("module"),
        Number("used A"),
        Number("used B"),
        Number("pairs"),
        Number("A"),
        Number("B"),
        Number("effect"),
        Number("from"),
        Number("to"),
        Number("p (Holm)"),
    ]);
    for own in &comparison.modules {
        let percent = |part: Option<f64>| part.map_or_else(absent, |part| format!("{:.0} %", part * 100.0));
        let estimate = own.estimate.as_ref();
        table.add_row([
            printable(&own.module),
            percent(own.control_usage),
            percent(own.treatment_usage),
            own.n.to_string(),
            number(own.control_mean),
            number(own.treatment_mean),
            estimate.map_or_else(absent, |own| signed(own.effect)),
            estimate.map_or_else(absent, |own| signed(own.low)),
            estimate.map_or_else(absent, |own| signed(own.high)),
            own.holm.map_or_else(absent, p),
        ]);
    }
    let _ = writeln!(page, "\n{table}\n  A is {}, B is {}", comparison.control, comparison.treatment);
}

fn personas(page: &mut String, comparison: &Comparison) {
    let mut table =
        table([Whole("persona"), Number("pairs"), Number("effect"), Number("from"), Number("to")]);
    for own in &comparison.personas {
        table.add_row([
            Cell::new(printable(&own.persona)),
            Cell::new(own.n),
            Cell::new(signed(own.effect)),
            Cell::new(own.low.map_or_else(absent, signed)),
            Cell::new(own.high.map_or_else(absent, signed)),
        ]);
    }
    let _ = writeln!(page, "\n{table}");
    if let Some(left) = &comparison.leave_one_out {
        let _ = writeln!(
            page,
            "  without one of them: {} (without {}) to {} (without {})",
            signed(left.low),
            printable(&left.low_without),
            signed(left.high),
            printable(&left.high_without)
        );
    }
}

/// The same question asked in other ways, and what it takes to decide.
fn beside(page: &mut String, comparison: &Comparison) {
    if !comparison.robustness.is_empty() {
        let mut table = table([Flowing("asked in other ways"), Number("effect"), Flowing("")]);
        for own in &comparison.robustness {
            let note = match own.same_sign {
                Some(true) => "same sign",
                Some(false) => "OTHER SIGN",
                None => "",
            };
            table.add_row([own.name.clone(), own.effect.map_or_else(absent, signed), note.to_owned()]);
        }
        let _ = writeln!(page, "\n{table}");
    }
    let planning = &comparison.planning;
    if let Some(detectable) = planning.detectable {
        let _ = writeln!(
            page,
            "\n  the planned experiment finds effects of {detectable:.2} between personas, 80 times of 100"
        );
    }
    if let Some(rounds) = planning.rounds_to_decide {
        let cost =
            planning.cost_to_decide.map_or_else(String::new, |cost| format!(", about ${cost:.2} more"));
        let _ = writeln!(page, "  a decision takes about {rounds} rounds in all{cost}");
    }
    page.push_str(&set("  ", 2, &planning.advice, text_width()));
}

fn origin(page: &mut String, report: &Report) {
    let identity = &report.identity;
    let progress = &report.progress;
    let cost = progress.cost.map_or_else(|| "cost unknown".to_owned(), |cost| format!("${cost:.4}"));
    let line = format!(
        "\n{} personas, {} of {} rounds, {} complete blocks, {cost}; phase {} of {}; from {}, seed {:?}, hash version {}",
        progress.personas,
        progress.rounds,
        progress.planned_rounds,
        progress.complete_blocks,
        report.phase,
        report.phases.len(),
        printable(&identity.source),
        identity.seed,
        identity.hash_version
    );
    let _ = writeln!(page, "{}", styled(FAINT, line));
    for phase in report.phases.iter().filter(|_| report.phases.len() > 1) {
        let _ = writeln!(
            page,
            "{}",
            styled(
                FAINT,
                format!("phase {}: {} turns; {}", phase.number, phase.turns, printable(&phase.why))
            )
        );
    }
}

fn absent() -> String {
    "–".to_owned()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(absent, |value| format!("{value:.2}"))
}

fn small(value: Option<f64>) -> String {
    value.map_or_else(
        absent,
        |value| if value.abs() < 1.0 { format!("{value:.4}") } else { format!("{value:.2}") },
    )
}

fn signed(value: f64) -> String {
    format!("{value:+.2}")
}

fn p(value: f64) -> String {
    if value < 0.001 { "< 0.001".to_owned() } else { format!("{value:.3}") }
}
