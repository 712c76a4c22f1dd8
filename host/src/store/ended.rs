//! The one door through which an attempt ends. A turn that is to go on keeps its journal and waits; one that is over
//! or parked keeps, in the same transaction, what its journal holds of tool calls and nobody has kept yet.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::database::{About, Connection, sql};
use super::journaled::{Journaled, journaled};
use super::outbox::enqueue;
use super::recorded::actions_of;
use super::row::{said, turn_id, word_text};
use super::{Ledger, LedgerError};
use domain::action::{Action, modules_used};
use domain::attempt::{Sequel, Tried};
use domain::behavior::TurnOutcome;
use domain::delivery::{Delivery, Rows, action_rows};
use domain::fault::Fault;
use domain::ids::{PersonaId, TurnId};
use domain::state::State;
use domain::turn_end::TurnEnd;

const END: &str = "end a turn";

impl Ledger {
    /// Ends an attempt of a turn, and gives the number of actions that are kept by now. What becomes of the turn is
    /// the rule's ([`Tried::sequel`]).
    ///
    /// # Errors
    /// When the ledger cannot be written, or its journal cannot be read.
    pub async fn end(&self, turn: TurnId, how: &TurnEnd) -> Result<usize, LedgerError> {
        let (how, now) = (how.clone(), self.clock.now());
        self.writer.write(END, About::End(turn), move |connection| end(connection, turn, &how, now)).await
    }

    /// Ends the attempts that are still marked as running, of all turns but `running`: when the ledger is opened, and
    /// later, should the ledger have failed at an attempt's end.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn end_interrupted(
        &self,
        running: impl FnOnce() -> BTreeSet<TurnId>,
        why: Fault,
    ) -> Result<(), LedgerError> {
        let marked = self.rows(END, sql("SELECT id FROM turns WHERE state = 'running'")).await?;
        let marked: Vec<String> = marked.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        // Asked after that: who is begun in between is not among those who are marked.
        let running = running();
        let broken_off = TurnEnd::Faulted(why);
        let left = marked.into_iter().filter(|id| !running.iter().any(|turn| turn.to_string() == *id));
        for id in left {
            match self.end_named(id, &broken_off).await {
                // One that cannot be ended stays as it is, and in nobody's way.
                Err(error) if error.is_of_one_write() => {
                    tracing::error!(cause = %error, hint = error.hint(), "a turn that broke off stays marked as running");
                }
                ended => drop(ended?),
            }
        }
        Ok(())
    }

    async fn end_named(&self, id: String, how: &TurnEnd) -> Result<usize, LedgerError> {
        self.end(turn_id("id", id)?, how).await
    }
}

/// The end of an attempt, as part of a transaction.
pub(super) fn end(
    connection: &mut Connection<'_>,
    turn: TurnId,
    how: &TurnEnd,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let standing = standing(connection, turn)?;
    // An end that is told a second time changes nothing: the first one may be known to nobody but the ledger.
    if !standing.is_running {
        return Ok(standing.kept);
    }
    let tried = standing.tried.and(how);
    let sequel = match tried.sequel(how, now) {
        // An older version made these calls, and kept too little to go on.
        Sequel::Again { .. } if standing.lacks_its_opening => Sequel::Over,
        sequel => sequel,
    };
    let kept = match sequel {
        Sequel::Over | Sequel::Parked if !standing.day_over => keep_journaled(connection, turn, now)?,
        _ => standing.kept,
    };
    let (held_until, parked_at) = match sequel {
        Sequel::Over => (None, None),
        Sequel::Again { from } => (Some(from.timestamp_millis()), None),
        Sequel::Parked => (None, Some(now.timestamp_millis())),
    };
    tell_why(connection, turn, how, now)?;
    connection.run(
        sql("UPDATE turns SET state = ?2, ended_at = ?3, uncounted = attempt - ?4, interruptions = ?5, failures = ?6,
                 held_until = ?7, parked_at = ?8, stopped = ?9 WHERE id = ?1")
        .bind(turn)
        .bind(kept_as(how))
        .bind(now.timestamp_millis())
        .bind(tried.counted)
        .bind(tried.interruptions)
        .bind(tried.failures)
        .bind(held_until)
        .bind(parked_at)
        .bind(is_a_stop(how)),
    )?;
    Ok(kept)
}

/// The ledger's word, which it has always had: that nothing failed is said beside it.
fn kept_as(how: &TurnEnd) -> &'static str {
    match how {
        TurnEnd::Faulted(_) => State::Faulted.name(),
        other => other.name(),
    }
}

fn is_a_stop(how: &TurnEnd) -> bool {
    matches!(how, TurnEnd::Faulted(fault) if fault.is_a_stop())
}

/// Writes down why the attempt ended: with the turn, of which it is the latest word, and in its history.
fn tell_why(
    connection: &mut Connection<'_>,
    turn: TurnId,
    how: &TurnEnd,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let fault = match how {
        TurnEnd::Faulted(fault) => Some(fault),
        _ => None,
    };
    let skip_reason = match how {
        TurnEnd::Skipped { reason, .. } => Some(reason),
        _ => None,
    };
    let why = |text: &'static str| {
        sql(text)
            .bind(turn)
            .bind(skip_reason.map(String::as_str))
            .bind(fault.map(|fault| fault.stage.name()))
            .bind(fault.map(|fault| &fault.code))
            .bind(fault.map(|fault| &fault.message))
            .bind(fault.and_then(|fault| fault.hint.as_ref()))
    };
    connection.run(why(
        "UPDATE turns SET skip_reason = ?2, fault_stage = ?3, fault_code = ?4, fault_message = ?5, fault_hint = ?6
         WHERE id = ?1",
    ))?;
    let attempt = why(
        "UPDATE attempts SET skip_reason = ?2, fault_stage = ?3, fault_code = ?4, fault_message = ?5, fault_hint = ?6,
             state = ?7, ended_at = ?8, stopped = ?9
         WHERE turn = ?1 AND ended_at IS NULL",
    );
    let attempt = attempt.bind(kept_as(how)).bind(now.timestamp_millis()).bind(is_a_stop(how));
    connection.run(attempt).map(drop)
}

/// Keeps what came of a day together with its delivery, as part of a transaction. What attempts did that an older
/// version began anew follows behind.
pub(super) fn keep(
    connection: &mut Connection<'_>,
    turn: TurnId,
    outcome: &TurnOutcome,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let own = outcome.actions.iter().cloned();
    let actions = in_order(own.chain(journaled(connection, turn)?.before));
    let outcome = TurnOutcome { actions, ..outcome.clone() };
    write_down(connection, turn, &outcome, now)?;
    connection.run(sql("UPDATE turns SET day_over = 1 WHERE id = ?").bind(turn))?;
    Ok(outcome.actions.len())
}

/// Keeps what the journal has of a day that is not over; nothing, if no tool was called or all is kept by now.
fn keep_journaled(
    connection: &mut Connection<'_>,
    turn: TurnId,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let Journaled { before, since } = journaled(connection, turn)?;
    let actions = in_order(before.into_iter().chain(since));
    if actions.is_empty() || actions.len() == standing(connection, turn)?.kept {
        return Ok(actions.len());
    }
    let outcome = TurnOutcome {
        modules_used: modules_used(&actions),
        actions,
        final_text: last_words(connection, turn)?,
        stop_reason: "fault".to_owned(),
    };
    write_down(connection, turn, &outcome, now)?;
    Ok(outcome.actions.len())
}

/// Writes down the actions of a turn and puts their delivery in the outbox. A turn that was parked and let go on
/// delivers all of them once more: the ids of mana-auth's rows are those of their places (contract 4.2). Those that it
/// has are as they were, because it keeps what it got first.
fn write_down(
    connection: &mut Connection<'_>,
    turn: TurnId,
    outcome: &TurnOutcome,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    // What cannot be read of those that were kept when the turn was parked is named where the turn is shown.
    let (mut actions, _) = actions_of(connection, &turn.to_string())?;
    let new = outcome.actions.get(actions.len()..).unwrap_or_default();
    for action in new {
        connection.run(
            sql("INSERT INTO actions (turn, position, tool, module, input, status, error, latency_ms)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(turn)
            .bind(action.index)
            .bind(&action.tool)
            .bind(&action.module)
            .bind(action.input.to_string())
            .bind(word_text(&action.status))
            .bind(action.error.as_deref())
            .bind(action.latency_ms),
        )?;
    }
    connection.run(
        sql("UPDATE turns SET stop_reason = ?, final_text = ? WHERE id = ?")
            .bind(&outcome.stop_reason)
            .bind(outcome.final_text.as_deref())
            .bind(turn),
    )?;
    let row = connection.one(
        sql("SELECT persona, (SELECT count(*) FROM outbox WHERE turn = turns.id AND part LIKE 'actions%') AS delivered
             FROM turns WHERE id = ?")
        .bind(turn),
    )?;
    let delivered: i64 = row.get("delivered")?;
    let part = if delivered == 0 { "actions".to_owned() } else { format!("actions-{}", delivered + 1) };
    actions.extend_from_slice(new);
    let rows = Rows::Actions(action_rows(turn, &actions));
    let delivery = Delivery { persona: PersonaId::new(row.get::<String>("persona")?), rows };
    connection.run(enqueue(turn, &part, &delivery, now.timestamp_millis())).map(drop)
}

/// How a turn stands while an attempt of it ends.
struct Standing {
    is_running: bool,
    tried: Tried,
    day_over: bool,
    /// How many actions are kept.
    kept: usize,
    /// It has called tools, and the question that it did so for is not kept.
    lacks_its_opening: bool,
}

fn standing(connection: &mut Connection<'_>, turn: TurnId) -> Result<Standing, LedgerError> {
    let asked = sql("SELECT state, attempt - uncounted AS counted, interruptions, failures, day_over,
             (SELECT count(*) FROM actions WHERE turn = turns.id) AS kept,
             EXISTS (SELECT 1 FROM steps WHERE turn = turns.id AND key LIKE 'main/%/%')
                 AND NOT EXISTS (SELECT 1 FROM steps WHERE turn = turns.id AND key = 'main/opening'
                     AND result != 'null') AS lacks_its_opening
         FROM turns WHERE id = ?");
    let row = connection.one(asked.bind(turn))?;
    // What cannot be meant keeps nobody from an end.
    let number = |column| Ok::<_, LedgerError>(u32::try_from(row.get::<i64>(column)?).unwrap_or(u32::MAX));
    // The attempt that is ending is not counted yet.
    let counted = number("counted")?.saturating_sub(1);
    Ok(Standing {
        is_running: row.get::<String>("state")? == "running",
        tried: Tried { interruptions: number("interruptions")?, failures: number("failures")?, counted },
        day_over: row.get("day_over")?,
        kept: usize::try_from(row.get::<i64>("kept")?).unwrap_or_default(),
        lacks_its_opening: row.get("lacks_its_opening")?,
    })
}

/// What the model said last in the app.
fn last_words(connection: &mut Connection<'_>, turn: TurnId) -> Result<Option<String>, LedgerError> {
    let asked =
        sql("SELECT result FROM steps WHERE turn = ? AND key LIKE 'main/%' AND key NOT LIKE 'main/%/%'
             AND result IS NOT NULL ORDER BY seq DESC");
    let answers = connection.rows(asked.bind(turn))?;
    let mut words = answers.iter().filter_map(|row| said(&row.get::<String>("result").ok()?));
    Ok(words.find(|words| !words.trim().is_empty()))
}

/// The same, each at its place.
fn in_order(actions: impl Iterator<Item = Action>) -> Vec<Action> {
    (0..).zip(actions).map(|(index, action)| Action { index, ..action }).collect()
}
