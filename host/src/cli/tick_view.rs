//! A tick as a table and as a document.

use std::collections::BTreeSet;

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, Table};
use serde_json::{Value, json};

use super::output::Column::{Flowing, Number, Whole};
use super::output::{HEAD, PLACE, styled, table};
use super::text::{in_a_line, printable};
use crate::mana::SignInsStopped;
use crate::runner::{HeldBy, TickReport};
use crate::store::{Recorded, Summary};
use domain::rating::Rating;
use domain::stop;

/// A terminal of fewer columns has no room for the ids of turns.
const NARROW: u16 = 90;

/// How much of a fault a row tells, in characters; `turns show` tells all of it.
pub(super) const CAUSE: usize = 200;

/// What the other columns take, and how little is told of a fault in a narrow terminal.
const FIXED: usize = 76;
const LEAST: usize = 60;

/// What to do for whoever is held after a fault.
const RELEASE: &str = "once the cause is mended, `persona-host personas release EMAIL` lifts a hold";

/// A tick with what the ledger holds of each turn.
#[derive(Debug)]
pub struct TickView<'a> {
    /// What the tick said.
    pub report: &'a TickReport,
    /// Each turn that ran.
    pub turns: Vec<Recorded>,
}

impl TickView<'_> {
    /// The fields of `/diag/tick`'s result and, per persona, strategy, actions and ratings.
    #[must_use]
    pub fn document(&self) -> Value {
        let personas = self.turns.iter().map(|turn| {
            let Summary { id, persona, state, strategy, cost_usd, ratings, .. } = &turn.summary;
            let actions: Vec<Value> = (turn.actions.iter())
                .map(|action| json!({ "tool": action.tool, "status": action.status, "error": action.error }))
                .collect();
            json!({
                "persona": persona, "turn": id, "state": state, "strategy": strategy,
                "actions": actions, "ratings": ratings, "costUsd": cost_usd,
                "error": turn.summary.fault_message,
            })
        });
        let mut document = json!(self.report);
        document["personas"] = personas.collect();
        document
    }

    /// A row per persona, and the sums.
    #[must_use]
    pub fn text(&self) -> String {
        if let Some(paused) = &self.report.paused {
            return format!("nobody plays: {}; {}\n", printable(&paused.why), paused.hint);
        }
        if self.report.due == 0 {
            return "nobody is due now\n".to_owned();
        }
        if self.turns.is_empty() {
            return format!("{}\n{}", self.sums(), self.hints());
        }
        format!("{}\n\n{}\n{}", self.table().trim_fmt(), self.sums(), self.hints())
    }

    /// A row per persona. What a fault says has a column of its own, which is there when there is one.
    fn table(&self) -> Table {
        let fixed = [
            Whole("persona"),
            Whole("strategy"),
            Flowing("did"),
            Flowing("rated"),
            Number("cost"),
            Whole("turn"),
        ];
        let mut table = table(fixed);
        let has_faults = self.turns.iter().any(|turn| turn.summary.fault_message.is_some());
        if has_faults {
            table =
                self::table([fixed[0], fixed[1], fixed[2], fixed[3], fixed[4], fixed[5], Flowing("failed")]);
        }
        if let (Some(..NARROW), Some(ids)) = (table.width(), table.column_mut(5)) {
            // `turns list` has them.
            ids.set_constraint(ColumnConstraint::Hidden);
        }
        let room = table.width().map_or(LEAST, |width| usize::from(width).saturating_sub(FIXED));
        for turn in &self.turns {
            let summary = &turn.summary;
            let mut row = vec![
                Cell::new(printable(&summary.persona)),
                Cell::new(summary.strategy.as_deref().unwrap_or("–")),
                Cell::new(printable(&did(turn))),
                Cell::new(printable(&scores(&summary.ratings))),
                Cell::new(cost(summary.cost_usd)),
                Cell::new(&summary.id[..8]).add_attribute(Attribute::Dim),
            ];
            if has_faults {
                let fault = summary.fault_message.as_deref().unwrap_or_default();
                row.push(Cell::new(in_a_line(fault, room.clamp(LEAST, CAUSE))).fg(Color::Red));
            }
            table.add_row(row);
        }
        table
    }

    /// What to do about the faults, each advice once.
    fn hints(&self) -> String {
        let mut hints: BTreeSet<&str> =
            self.turns.iter().filter_map(|turn| turn.summary.fault_hint.as_deref()).collect();
        if self.report.held.iter().any(|held| held.cause == HeldBy::Fault) {
            hints.insert(RELEASE);
        }
        if self.report.held.iter().any(|held| held.cause == HeldBy::SignIns) {
            hints.insert(SignInsStopped::HINT);
        }
        hints.iter().map(|hint| format!("{} {}\n", styled(PLACE, "hint:"), printable(hint))).collect()
    }

    fn sums(&self) -> String {
        let actions: u32 = self.turns.iter().map(|turn| turn.summary.actions).sum();
        let ratings: usize = self.turns.iter().map(|turn| turn.summary.ratings.len()).sum();
        let tokens = self.turns.iter().map(|turn| turn.summary.usage.total()).fold(0, u64::saturating_add);
        // From 0.0, because the sum of no floats is minus zero.
        let costs = self.turns.iter().try_fold(0.0, |sum, turn| Some(sum + turn.summary.cost_usd?));
        let TickReport { due, ran_successfully, failed, held, duration_ms, .. } = self.report;
        let held = if held.is_empty() { String::new() } else { format!(", {} held", held.len()) };
        let is_cut = |turn: &&Recorded| turn.summary.stop_reason.as_deref() == Some(stop::BUDGET_EXHAUSTED);
        let cut = match self.turns.iter().filter(is_cut).count() {
            0 => String::new(),
            cut => format!(", {cut} cut short by the budget"),
        };
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let seconds = *duration_ms as f64 / 1000.0;
        let head = styled(HEAD, format!("{ran_successfully} of {due} personas ran"));
        format!(
            "{head}, {} failed{cut}{held}: {actions} actions, {ratings} ratings, {tokens} tokens, {} in {seconds:.1} s",
            failed.len(),
            cost(costs),
        )
    }
}

/// The tools that were called, with how often, in order of first use.
fn did(turn: &Recorded) -> String {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    for action in &turn.actions {
        match counts.iter_mut().find(|(tool, _)| *tool == action.tool) {
            Some((_, count)) => *count += 1,
            None => counts.push((&action.tool, 1)),
        }
    }
    let words: Vec<String> = (counts.into_iter())
        .map(|(tool, count)| if count == 1 { tool.to_owned() } else { format!("{tool}×{count}") })
        .collect();
    let errors = turn.summary.action_errors;
    let errors = if errors == 0 { String::new() } else { format!(" ({errors} failed)") };
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") + &errors }
}

/// Modules with their scores, in a line.
#[must_use]
pub fn scores(ratings: &[Rating]) -> String {
    let words: Vec<String> =
        ratings.iter().map(|rating| format!("{} {}", rating.module, rating.score.get())).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// An amount in dollars; a question mark when it is not known.
#[must_use]
pub fn cost(usd: Option<f64>) -> String {
    usd.map_or_else(|| "$?".to_owned(), |usd| format!("${usd:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(persona: &str, fault: Option<String>, stop_reason: Option<&str>) -> Recorded {
        let summary = Summary {
            id: "8c2f1a2b3c4d".to_owned(),
            persona: persona.to_owned(),
            fault_message: fault,
            stop_reason: stop_reason.map(str::to_owned),
            ..Summary::default()
        };
        Recorded { summary, ..Recorded::default() }
    }

    fn shown(turns: Vec<Recorded>) -> String {
        let report = TickReport { due: turns.len(), ran_successfully: turns.len(), ..TickReport::default() };
        anstream::adapter::strip_str(&TickView { report: &report, turns }.text()).to_string()
    }

    #[test]
    fn what_a_fault_says_has_a_column_of_its_own_and_makes_no_line_wide() {
        let text = shown(vec![
            turn("anna@mana.test", None, None),
            turn("ben@mana.test", Some("it broke ".repeat(80)), None),
        ]);
        assert!(
            text.lines()
                .next()
                .is_some_and(|line| line.contains("rated") && line.trim_end().ends_with("failed")),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() < 180), "{text}");
        let without = shown(vec![turn("anna@mana.test", None, None)]);
        assert!(without.lines().next().is_some_and(|line| !line.contains("failed")), "{without}");
    }

    #[test]
    fn days_that_the_budget_cut_short_are_counted() {
        let text = shown(vec![
            turn("anna@mana.test", None, Some(stop::BUDGET_EXHAUSTED)),
            turn("ben@mana.test", None, None),
        ]);
        assert!(text.contains("2 of 2 personas ran, 0 failed, 1 cut short by the budget: "), "{text}");
    }
}
