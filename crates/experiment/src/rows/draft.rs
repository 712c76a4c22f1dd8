//! A turn while its rows come in.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::Unusable;
use super::columns::Columns;
use super::names::Spellings;
use domain::experiment::ArmName;
use domain::observation::{Observation, Reached};
use domain::rating::PARSE_MARKER;
use domain::tool::is_marker;

/// What makes rows rows of one turn, in the order of the result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TurnKey {
    phase: u32,
    persona: String,
    block: u32,
    arm: String,
}

impl TurnKey {
    pub(super) fn of(row: &Row<'_>) -> Result<Self, Unusable> {
        Ok(Self {
            phase: row.cell("phase").phase()?,
            persona: row.cell("persona").name()?,
            block: row.cell("block").count()?,
            arm: row.cell("arm").name()?,
        })
    }

    /// Notes whose turn it is and under which arm.
    pub(super) fn spell(&self, spellings: &mut Spellings, line: u64) -> Result<(), Unusable> {
        spellings.note("persona", &self.persona, line)?;
        spellings.note("arm", &self.arm, line)
    }
}

/// A row with its header and its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) columns: &'a Columns,
    pub(super) record: &'a csv::StringRecord,
    pub(super) line: u64,
}

impl<'a> Row<'a> {
    fn cell(&self, column: &'static str) -> super::cell::Cell<'a> {
        self.columns.cell(self.record, self.line, column)
    }
}

/// A turn while its rows come in.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Each module's rating and its line, markers included.
    modules: BTreeMap<String, (Option<f64>, u64)>,
    order: Option<u32>,
    reached: Option<Reached>,
    tokens: Option<f64>,
    cost: Option<f64>,
    latency: Option<f64>,
    actions: Option<u32>,
    failed_actions: Option<u32>,
    rounds: Option<u32>,
    unreadable: Option<bool>,
    refused: Option<bool>,
    faulted: Option<bool>,
    before: Option<f64>,
    turn: Option<String>,
    stand_in: Option<bool>,
}

impl Draft {
    /// Adds a row of this turn.
    pub(super) fn add(&mut self, key: &TurnKey, row: &Row<'_>) -> Result<(), Unusable> {
        self.rate(key, row)?;
        let clash = |column, before, found| contradiction(key, row.line, column, before, found);
        merge(&mut self.order, row.cell("order").maybe_count()?, "order", &clash)?;
        merge(&mut self.reached, row.cell("reached").reached()?, "reached", &clash)?;
        merge(&mut self.tokens, row.cell("tokens").amount()?, "tokens", &clash)?;
        merge(&mut self.cost, row.cell("cost").amount()?, "cost", &clash)?;
        merge(&mut self.latency, row.cell("latency").amount()?, "latency", &clash)?;
        merge(&mut self.actions, row.cell("actions").maybe_count()?, "actions", &clash)?;
        merge(&mut self.failed_actions, row.cell("failed_actions").maybe_count()?, "failed_actions", &clash)?;
        merge(&mut self.rounds, row.cell("rounds").maybe_count()?, "rounds", &clash)?;
        merge(&mut self.unreadable, row.cell("unreadable").yes()?, "unreadable", &clash)?;
        merge(&mut self.refused, row.cell("refused").yes()?, "refused", &clash)?;
        merge(&mut self.faulted, row.cell("faulted").yes()?, "faulted", &clash)?;
        merge(&mut self.before, row.cell("before").rating()?, "before", &clash)?;
        merge(&mut self.stand_in, row.cell("stand_in").yes()?, "stand_in", &clash)?;
        merge(&mut self.turn, row.cell("turn").maybe_name()?, "turn", &clash)?;
        match (self.failed_actions, self.actions) {
            (Some(failed), Some(actions)) if failed > actions => {
                Err(Unusable::MoreFailed { line: row.line, failed, actions })
            }
            _ => Ok(()),
        }
    }

    fn rate(&mut self, key: &TurnKey, row: &Row<'_>) -> Result<(), Unusable> {
        let (module, rating) = (row.cell("module").maybe_name()?, row.cell("rating").rating()?);
        let Some(module) = module else {
            // A turn that used nothing has a line too.
            return if rating.is_some() { Err(Unusable::NoModule { line: row.line }) } else { Ok(()) };
        };
        if let Some((_, first)) = self.modules.get(&module) {
            return Err(Unusable::Twice {
                line: row.line,
                first: *first,
                persona: key.persona.clone(),
                module,
                block: key.block,
                arm: key.arm.clone(),
            });
        }
        self.modules.insert(module, (rating, row.line));
        Ok(())
    }

    /// The turn, when all rows are in. What no column tells follows from the ratings as far as it does: a turn
    /// with one was read, and one with the marker was asked and could not be read.
    pub(super) fn finished(self, key: TurnKey) -> Observation {
        let marked = self.modules.contains_key(PARSE_MARKER);
        let modules: BTreeMap<String, Option<f64>> = (self.modules.into_iter())
            .filter(|(module, _)| !is_marker(module))
            .map(|(module, (rating, _))| (module, rating))
            .collect();
        let rated = modules.values().any(Option::is_some);
        let unreadable = self.unreadable.or(if marked { Some(true) } else { rated.then_some(false) });
        // As in the ledger: what a turn with a fault would have been rated is lost with it.
        let reached = match (self.faulted, rated, unreadable) {
            (Some(true), ..) => Reached::Started,
            (_, true, _) => Reached::Parsed,
            (_, _, Some(true)) => Reached::Rated,
            _ => Reached::Completed,
        };
        Observation {
            persona: key.persona,
            block: key.block,
            arm: ArmName::new(key.arm),
            order: self.order,
            phase: key.phase,
            reached: self.reached.unwrap_or(reached),
            modules,
            actions: self.actions,
            failed_actions: self.failed_actions,
            rounds: self.rounds,
            unreadable,
            refused: self.refused,
            faulted: self.faulted,
            tokens: self.tokens,
            cost: self.cost,
            latency: self.latency,
            before: self.before,
            turn: self.turn,
            stand_in: self.stand_in,
        }
    }
}

/// Keeps what a row tells of the turn; what is told twice has to be the same.
fn merge<T: Clone + PartialEq + Debug>(
    known: &mut Option<T>,
    told: Option<T>,
    column: &'static str,
    clash: &impl Fn(&'static str, String, String) -> Unusable,
) -> Result<(), Unusable> {
    match (known.as_ref(), told) {
        (Some(before), Some(now)) if *before != now => {
            return Err(clash(column, shown(before).to_lowercase(), shown(now).to_lowercase()));
        }
        (None, told) => *known = told,
        _ => {}
    }
    Ok(())
}

fn shown(value: impl Debug) -> String {
    format!("{value:?}")
}

fn contradiction(key: &TurnKey, line: u64, column: &'static str, before: String, found: String) -> Unusable {
    let TurnKey { persona, block, arm, .. } = key.clone();
    Unusable::Contradiction { line, column, found, before, persona, block, arm }
}
