//! What is told of a plugin: its builds of the recent past, each with what became of it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::builds::KeptBuild;
use super::generation::Generation;
use super::health::Quarantine;
use super::refusal::{LoadStage, Refusal};
use super::state::LogLevel;
use super::tally::Figures;
use domain::ids::{GenerationNumber, PluginName, Sha256Hex, StrategyName};

/// Why a build was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The host started.
    Start,
    /// Its file changed.
    File,
    /// Somebody asked for it.
    Reload,
    /// Somebody went back to it.
    Rollback,
    /// It stands in for one that is quarantined.
    Fallback,
}

/// What became of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuildState {
    /// New turns get it.
    Serving,
    /// A share of new turns gets it.
    Canary,
    /// It stands in for one that is quarantined.
    Previous,
    /// Another one took its place.
    Retired,
    /// It was not let in.
    Refused,
}

/// One build, loaded or refused.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildRecord {
    /// Which generation it became; none for one that was refused.
    pub number: Option<GenerationNumber>,
    /// What became of it.
    pub state: BuildState,
    /// Its digest, if its bytes could be had.
    pub sha256: Option<Sha256Hex>,
    /// The plugin's own version.
    pub version: Option<String>,
    /// The version of the contract that it was built for.
    pub contract: Option<String>,
    /// Where it is from.
    pub origin: String,
    /// Why it was loaded.
    pub occasion: Occasion,
    /// When it was loaded or refused.
    pub at: DateTime<Utc>,
    /// How long compiling took, or finding its code in the cache, in milliseconds.
    pub compile_ms: Option<u64>,
    /// The size of its machine code in memory, in bytes.
    pub code_bytes: Option<usize>,
    /// How far it got, for one that was refused.
    pub stage: Option<LoadStage>,
    /// What is wrong with it.
    pub why: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
    /// What its calls came to.
    #[serde(flatten)]
    pub figures: Figures,
}

impl BuildRecord {
    pub(super) fn of(
        generation: &Generation,
        state: BuildState,
        occasion: Occasion,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            number: Some(generation.number()),
            state,
            sha256: Some(generation.digest().clone()),
            version: Some(generation.descriptor().version.clone()),
            contract: Some(generation.contract().to_owned()),
            origin: generation.origin().to_string(),
            occasion,
            at,
            compile_ms: u64::try_from(generation.compiled().as_millis()).ok(),
            code_bytes: Some(generation.code()),
            stage: None,
            why: generation.warning().map(str::to_owned),
            hint: None,
            figures: Figures::default(),
        }
    }

    pub(super) fn refused(refusal: &Refusal, occasion: Occasion, at: DateTime<Utc>) -> Self {
        Self {
            number: None,
            state: BuildState::Refused,
            sha256: refusal.sha256.clone(),
            version: None,
            contract: None,
            origin: refusal.origin.to_string(),
            occasion,
            at,
            compile_ms: None,
            code_bytes: None,
            stage: Some(refusal.stage),
            why: Some(refusal.message.clone()),
            hint: Some(refusal.hint.clone()),
            figures: Figures::default(),
        }
    }
}

/// Everything that is known about a plugin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginRecord {
    /// Its name.
    pub name: PluginName,
    /// The strategies that use it.
    pub strategies: Vec<StrategyName>,
    /// The generation that new turns get.
    pub serving: Option<GenerationNumber>,
    /// Its file is gone; it is served from memory.
    pub orphaned: bool,
    /// What lies in the folder was refused: the newest of the builds that were.
    pub refused: bool,
    /// It broke down too often.
    pub quarantine: Option<Quarantine>,
    /// Its builds, newest first.
    pub generations: Vec<BuildRecord>,
    /// The good builds that a rollback can go back to, newest first.
    pub kept: Vec<KeptBuild>,
}

/// One line that a plugin logged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedLine {
    /// When.
    pub at: DateTime<Utc>,
    /// Under which strategy.
    pub strategy: StrategyName,
    /// Which generation.
    pub generation: GenerationNumber,
    /// In which call.
    pub function: &'static str,
    /// How important it is.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}
