//! Why a build was not let in, and how far it got.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::words;
use domain::code::Code;
use domain::ids::{PluginName, Sha256Hex};

/// The longest message, and the longest advice, in characters: they quote what a file says.
const MAX_MESSAGE: usize = 2_000;

/// How far a plugin got on its way to serving turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoadStage {
    /// Getting its bytes.
    Read,
    /// Comparing digest and signature with what the operator asks for.
    Trust,
    /// Comparing what it is with what is wanted, by name and version.
    Contract,
    /// Making machine code of it.
    Compile,
    /// Joining its imports and exports with the host's, by type.
    Link,
    /// The first call.
    Describe,
    /// Asking whether it takes the settings of each strategy that uses it.
    Settings,
    /// The cases that it ships.
    SelfTest,
    /// Turns of the past.
    Replay,
    /// The first turns, with a share of the personas.
    Canary,
}

impl LoadStage {
    /// The name in messages and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trust => "trust",
            Self::Contract => "contract",
            Self::Compile => "compile",
            Self::Link => "link",
            Self::Describe => "describe",
            Self::Settings => "settings",
            Self::SelfTest => "self-test",
            Self::Replay => "replay",
            Self::Canary => "canary",
        }
    }

    /// The code of a refusal at this stage.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Read => Code::RefusedRead,
            Self::Trust => Code::RefusedTrust,
            Self::Contract => Code::RefusedContract,
            Self::Compile => Code::RefusedCompile,
            Self::Link => Code::RefusedLink,
            Self::Describe => Code::RefusedDescribe,
            Self::Settings => Code::RefusedSettings,
            Self::SelfTest => Code::RefusedSelfTest,
            Self::Replay => Code::RefusedReplay,
            Self::Canary => Code::RefusedCanary,
        }
    }
}

/// A build was not let in. Whatever served before still serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Which plugin.
    pub plugin: PluginName,
    /// Where the build is from.
    #[serde(serialize_with = "as_text")]
    pub origin: Origin,
    /// Its digest, if its bytes could be had.
    pub sha256: Option<Sha256Hex>,
    /// How far it got.
    pub stage: LoadStage,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// What serves on, such as `1.3.0, generation 4`.
    pub still_serving: Option<String>,
    /// The same bytes may be let in another time: the machine was too busy, say. They are tried again.
    pub is_passing: bool,
}

/// Where a component is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the program.
    BuiltIn,
    /// A file.
    File(PathBuf),
    /// The builds that were kept, because they once went live.
    Kept,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::File(path) => path.display().fmt(f),
            Self::Kept => f.write_str("a kept build"),
        }
    }
}

fn as_text<S: Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(origin)
}

impl Refusal {
    /// A refusal of a build whose digest is not known, while nothing else serves.
    pub fn new(
        plugin: &PluginName,
        origin: Origin,
        stage: LoadStage,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            plugin: plugin.clone(),
            origin,
            sha256: None,
            stage,
            message: words::lines(message.into(), MAX_MESSAGE),
            hint: words::lines(hint.into(), MAX_MESSAGE),
            still_serving: None,
            is_passing: false,
        }
    }

    /// The same refusal, of a build that is to be tried again.
    #[must_use]
    pub fn passing(self) -> Self {
        Self { is_passing: true, ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin \"{}\" not loaded", self.plugin)?;
        if let Some(serving) = &self.still_serving {
            write!(f, " (still serving {serving})")?;
        }
        writeln!(f, "\n  from: {}", self.origin)?;
        writeln!(f, "  stage: {}", self.stage.name())?;
        writeln!(f, "  {}", self.message.replace('\n', "\n  "))?;
        write!(f, "  fix: {}", self.hint)
    }
}

impl std::error::Error for Refusal {}
