//! Turns that were begun and go on: who, from when, and with what.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::database::{Row, sql};
use super::hold::CLOCKS;
use super::open_turns::IS_ASKED;
use super::recorded::actions_of;
use super::row::{instant, json, readable, turn_id, whole, word};
use super::{Ledger, LedgerError, Pin};
use domain::action::modules_used;
use domain::behavior::{OfferedTool, TurnContext, TurnOutcome};
use domain::ids::{GenerationNumber, PluginName, Sha256Hex, Slot, StrategyName, TurnId};
use domain::persona::Persona;
use domain::tool::Tool;

const LIST: &str = "look which turns go on";
const READ: &str = "read where a turn was left";

/// A turn that is to go on now.
#[derive(Clone, Debug)]
pub struct GoesOn {
    /// Which.
    pub turn: TurnId,
    /// Whose, as they were when it was begun.
    pub persona: Persona,
    /// Its occasion.
    pub slot: Slot,
}

/// The model of a turn that goes on.
#[derive(Clone, Debug)]
pub struct PinnedModel {
    /// Its name.
    pub model: String,
    /// Under which strategy.
    pub strategy: StrategyName,
    /// It has never replied in this turn, and an attempt ended because it is left alone.
    pub was_refused: bool,
}

/// What a turn that goes on was begun with.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// What served it, and serves it to its end.
    pub pin: Pin,
    /// Whose it is, as its plugin saw them.
    pub persona: Persona,
    /// What its plugin was given.
    pub context: TurnContext,
    /// The tools that the model was told of.
    pub tools: Vec<Tool>,
    /// What came of its day, if that is over.
    pub day: Option<TurnOutcome>,
}

impl Ledger {
    /// The turns whose hold is over and whose question was asked, oldest first. Those that had not come so far are
    /// begun anew when they are due, and those of an experiment that is run at once when it is run.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn going_on(&self) -> Result<Vec<GoesOn>, LedgerError> {
        let asked = sql(format!(
            "SELECT turns.id, turns.slot, contexts.persona FROM turns JOIN contexts ON contexts.turn = turns.id
             WHERE turns.state = 'faulted' AND (turns.held_until <= ?1 OR turns.held_until IS NOT NULL AND turns.ended_at > ?2)
                 AND {IS_ASKED}
             ORDER BY turns.held_until, turns.id"
        ));
        let now = self.now_ms();
        let rows = self.rows(LIST, asked.bind(now).bind(now.saturating_add(CLOCKS))).await?;
        let mut turns = readable(LIST, rows.iter().map(goes_on))?;
        turns.retain(|own| !own.slot.is_of_an_arm());
        Ok(turns)
    }

    /// The builds that turns go on with, or may: by plugin and digest.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn builds_in_use(&self) -> Result<BTreeSet<(PluginName, Sha256Hex)>, LedgerError> {
        const WHAT: &str = "look which builds turns go on with";
        let asked = sql("SELECT DISTINCT plugin, plugin_sha256 FROM turns WHERE plugin_sha256 IS NOT NULL
                 AND (state = 'running' OR held_until IS NOT NULL OR parked_at IS NOT NULL)");
        let rows = self.rows(WHAT, asked).await?;
        let build = |row: &Row| {
            let digest: String = row.get("plugin_sha256")?;
            let sha256 = Sha256Hex::parse(&digest)
                .ok_or(LedgerError::Row { column: "plugin_sha256", value: digest })?;
            Ok((PluginName::new(row.get::<String>("plugin")?), sha256))
        };
        Ok(readable(WHAT, rows.iter().map(build))?.into_iter().collect())
    }

    /// When the next hold ends that has not ended yet.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn next_hold_end(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let asked = sql(
            "SELECT min(held_until) AS ends FROM turns WHERE held_until > ? AND state IN ('faulted', 'skipped')",
        );
        let ends: Option<i64> = self.one(LIST, asked.bind(self.now_ms())).await?.get("ends")?;
        ends.map(|millis| instant("held_until", millis)).transpose()
    }

    /// The model that a turn goes on with. Nothing: it has not come as far as its question, and begins anew.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn goes_on_with(&self, turn: TurnId) -> Result<Option<PinnedModel>, LedgerError> {
        let asked = sql(format!(
            "SELECT model, strategy, EXISTS (SELECT 1 FROM attempts WHERE turn = turns.id
                 AND fault_code IN ('claude-not-found', 'claude-permission', 'claude-away'))
                 AND NOT EXISTS (SELECT 1 FROM usage WHERE usage.turn = turns.id) AS was_refused
             FROM turns WHERE id = ? AND model IS NOT NULL AND strategy IS NOT NULL AND {IS_ASKED}"
        ));
        let Some(row) = self.row(READ, asked.bind(turn)).await? else { return Ok(None) };
        let strategy = StrategyName::new(row.get::<String>("strategy")?);
        Ok(Some(PinnedModel { model: row.get("model")?, strategy, was_refused: row.get("was_refused")? }))
    }

    /// What a turn that goes on was begun with. Nothing: it has not come as far as its question, and begins anew.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn unfinished(&self, turn: TurnId) -> Result<Option<Unfinished>, LedgerError> {
        let asked = sql(
            "SELECT turns.*, contexts.context, contexts.persona AS played_by, tool_lists.tools, tool_definitions.tools AS definitions
             FROM turns JOIN contexts ON contexts.turn = turns.id
                 JOIN tool_lists ON tool_lists.sha256 = contexts.tools
                 JOIN tool_definitions ON tool_definitions.sha256 = contexts.definitions
             WHERE turns.id = ?
                 AND EXISTS (SELECT 1 FROM steps WHERE turn = turns.id AND key = 'main/opening' AND result != 'null')",
        );
        let row = self.row(READ, asked.bind(turn)).await?;
        let Some(row) = row else { return Ok(None) };
        let text = |column: &'static str| row.get::<String>(column);
        let digest = |column: &'static str| {
            let text = text(column)?;
            Sha256Hex::parse(&text).ok_or(LedgerError::Row { column, value: text })
        };
        let pin = Pin {
            strategy: StrategyName::new(text("strategy")?),
            settings: json::<Value>("settings", &text("settings")?)?,
            settings_hash: digest("settings_hash")?,
            plugin: PluginName::new(text("plugin")?),
            plugin_version: text("plugin_version")?,
            generation: GenerationNumber(whole("generation", row.get("generation")?)?),
            plugin_sha256: digest("plugin_sha256")?,
            served_as: word("served_as", text("served_as")?)?,
            model: text("model")?,
        };
        let mut context: TurnContext = json("context", &text("context")?)?;
        context.tools = json::<Vec<OfferedTool>>("tools", &text("tools")?)?;
        let day = if row.get("day_over")? { Some(self.day(turn, &row).await?) } else { None };
        let persona = json("persona", &text("played_by")?)?;
        Ok(Some(Unfinished {
            pin,
            persona,
            context,
            tools: json("definitions", &text("definitions")?)?,
            day,
        }))
    }

    async fn day(&self, turn: TurnId, row: &Row) -> Result<TurnOutcome, LedgerError> {
        // One that cannot be read is named where the turn is shown.
        let (actions, _) =
            self.read(READ, move |connection| actions_of(connection, &turn.to_string())).await?;
        Ok(TurnOutcome {
            modules_used: modules_used(&actions),
            actions,
            final_text: row.get("final_text")?,
            stop_reason: row.get("stop_reason")?,
        })
    }
}

fn goes_on(row: &Row) -> Result<GoesOn, LedgerError> {
    let persona: String = row.get("persona")?;
    Ok(GoesOn {
        turn: turn_id("id", row.get("id")?)?,
        persona: json("persona", &persona)?,
        slot: Slot::written(row.get::<String>("slot")?),
    })
}
