//! All that is known of a colony at its end: the ledger, the rows at mana-auth, and what the neighbours saw.

use std::collections::BTreeMap;

use domain::clock::Clock;
use persona_host::store::{Ledger, Recorded, RecordedStep, TurnFilter};

use super::books::{Pages, name_of, sorted};
use super::colony::Colony;
use super::course::Course;

/// Everything that the audit looks at.
#[derive(Clone)]
pub(super) struct Evidence {
    pub(super) personas: Vec<String>,
    pub(super) days: usize,
    pub(super) turns: Vec<Turn>,
    /// Rows of actions at mana-auth, by turn: position, tool, result.
    pub(super) actions: BTreeMap<String, Vec<(usize, String, String)>>,
    /// Modules with feedback at mana-auth, by turn.
    pub(super) feedback: BTreeMap<String, Vec<String>>,
    /// What the neighbours saw.
    pub(super) pages: Pages,
    /// Model calls that Claude charged for.
    pub(super) paid: usize,
    /// Model calls that had an intent and no result when their process was killed.
    pub(super) model_calls_under_way: usize,
    /// How often turns were interrupted.
    pub(super) interrupted: BTreeMap<String, usize>,
    /// Deliveries that still wait.
    pub(super) waiting: u64,
}

/// A turn of the ledger.
#[derive(Clone)]
pub(super) struct Turn {
    pub(super) persona: String,
    /// Which of the persona's turns it is, from 0.
    pub(super) day: usize,
    pub(super) recorded: Recorded,
}

impl Evidence {
    /// To be gathered when no process runs.
    pub(super) async fn of(colony: &Colony, course: &Course) -> Self {
        let ledger = Ledger::open_to_read(&colony.ledger().url(), Clock::system()).await.unwrap();
        let turns = turns(&ledger).await;
        let waiting = ledger.deliveries_waiting().await.unwrap();
        ledger.close().await;
        Self {
            personas: colony.names.clone(),
            days: course.days,
            turns,
            actions: actions(colony).await,
            feedback: feedback(colony).await,
            pages: colony.books.pages(),
            paid: usize::try_from(colony.stack.claude().books().total.paid).unwrap(),
            model_calls_under_way: course.model_calls_under_way,
            interrupted: course.interrupted.clone(),
            waiting,
        }
    }
}

impl Turn {
    pub(super) fn id(&self) -> &str {
        &self.recorded.summary.id
    }

    /// Model calls of the day and of the rating.
    pub(super) fn model_steps(&self) -> impl Iterator<Item = &RecordedStep> {
        self.recorded.steps.iter().filter(|step| {
            let (_, rest) = step.key.split_once('/').unwrap_or_default();
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
        })
    }

    /// Tool calls.
    pub(super) fn tool_steps(&self) -> impl Iterator<Item = &RecordedStep> {
        self.recorded.steps.iter().filter(|step| step.key.matches('/').count() == 2)
    }

    /// How it is called in a finding.
    pub(super) fn name(&self) -> String {
        format!("{} on day {} ({})", self.persona, self.day, self.id())
    }
}

/// What a tool step asks for.
pub(super) fn asked(step: &RecordedStep) -> (String, String) {
    (step.intent["tool"].as_str().unwrap_or_default().to_owned(), sorted(&step.intent["input"]))
}

/// Each persona's turns in order.
async fn turns(ledger: &Ledger) -> Vec<Turn> {
    let everything = TurnFilter { limit: Some(u32::MAX), ..TurnFilter::default() };
    let mut summaries = ledger.list(&everything).await.unwrap();
    summaries.sort_by_key(|summary| summary.started_at);
    let mut days: BTreeMap<String, usize> = BTreeMap::new();
    let mut turns = Vec::new();
    for summary in summaries {
        let persona = name_of(&summary.persona);
        let next = days.entry(persona.clone()).or_default();
        let recorded = ledger.show(&summary.id).await.unwrap();
        turns.push(Turn { persona, day: *next, recorded });
        *next += 1;
    }
    turns
}

async fn actions(colony: &Colony) -> BTreeMap<String, Vec<(usize, String, String)>> {
    let sql = "SELECT id, tick_id, tool_name, result FROM auth.persona_actions";
    let mut actions: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in colony.stack.database().rows(sql, &[]).await.unwrap() {
        let (id, turn) = (row.text("id").unwrap(), row.text("tick_id").unwrap());
        let position = id[turn.len() + 1..].split('-').next().unwrap().parse().unwrap();
        let row = (position, row.text("tool_name").unwrap(), row.text("result").unwrap());
        actions.entry(turn).or_default().push(row);
    }
    actions.values_mut().for_each(|rows| rows.sort());
    actions
}

async fn feedback(colony: &Colony) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT tick_id, module FROM auth.persona_feedback ORDER BY tick_id, module";
    let mut feedback: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in colony.stack.database().rows(sql, &[]).await.unwrap() {
        feedback.entry(row.text("tick_id").unwrap()).or_default().push(row.text("module").unwrap());
    }
    feedback
}
