//! What a plugin is given and what it returns, as plain values of no particular WIT version.
//!
//! Everything here can be written as JSON (camelCase, as JavaScript sees the contract), so that a call
//! can be recorded, replayed and compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::Action;
use super::rating::Rating;

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The plugin's own name for itself.
    pub name: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One line.
    pub summary: String,
    /// JSON Schema (2020-12) of the settings document.
    pub settings_schema: Option<Value>,
}

/// Everything that varies from turn to turn, chosen by the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnContext {
    /// The turn's id.
    pub turn_id: String,
    /// Milliseconds since the Unix epoch: the plugin's only clock.
    pub now_ms: u64,
    /// The calendar day in the personas' time zone, `YYYY-MM-DD`.
    pub local_date: String,
    /// When the persona was last active.
    pub last_active_ms: Option<u64>,
    /// The plugin's only randomness.
    pub seed: u64,
    /// What the MCP server offers.
    pub tools: Vec<OfferedTool>,
    /// What this persona's previous turn under this strategy returned as memory.
    pub memory: Option<Value>,
}

/// A tool as a plugin sees it: without its schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedTool {
    /// Dotted name.
    pub name: String,
    /// Its module.
    pub module: String,
    /// What it does.
    pub description: String,
}

/// The question that opens the main phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnRequest {
    /// The system prompt.
    pub system: String,
    /// The first user message.
    pub user: String,
    /// `None`: every tool. Empty: no tool.
    pub allowed_tools: Option<Vec<String>>,
    /// The most rounds; the host's ceiling still applies.
    pub max_rounds: Option<u32>,
}

/// What came of the main phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnOutcome {
    /// Every tool call, in order.
    pub actions: Vec<Action>,
    /// The modules to rate, each once, in order of first use.
    pub modules_used: Vec<String>,
    /// The text of the last reply.
    pub final_text: Option<String>,
    /// Why the main phase ended.
    pub stop_reason: String,
}

/// The question of the rating phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatingRequest {
    /// The system prompt.
    pub system: String,
    /// The user message.
    pub user: String,
    /// JSON Schema that the model is held to, where it can be (`extras["reply-schema"]` in WIT).
    pub reply_schema: Option<Value>,
}

/// What a plugin read out of the rating reply, after the host has checked it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatingReport {
    /// One for each module that could be read.
    pub ratings: Vec<Rating>,
    /// One for each thing that could not.
    pub problems: Vec<Problem>,
    /// Handed to the next turn of this persona under this strategy.
    pub memory: Option<Value>,
}

/// Something that a plugin, or a check of the host, has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where, as a JSON pointer or a module's name.
    pub path: Option<String>,
    /// What.
    pub message: String,
}

impl Problem {
    /// A problem of severity error.
    pub fn error(path: Option<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path, message: message.into() }
    }

    /// A problem of severity warning.
    pub fn warning(path: Option<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, path, message: message.into() }
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something was lost or changed.
    Warning,
    /// It cannot go on like this.
    Error,
}

/// A plugin says no, in words of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of no.
    pub kind: FailureKind,
    /// Anything finer.
    pub code: Option<String>,
    /// For people.
    pub message: String,
    /// For programs.
    pub detail: Option<Value>,
}

/// What kind of no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The settings do not do.
    Settings,
    /// The persona or the context does not do.
    Input,
    /// The model's reply cannot be read at all.
    Output,
    /// Nothing is wrong; this turn should not take place.
    Skip,
    /// A bug in the plugin that it noticed itself.
    Internal,
}
