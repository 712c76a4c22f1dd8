//! How a persona rates a module.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The module of the row that marks a reply from which no rating could be read.
pub const PARSE_MARKER: &str = "__parse";
/// The longest note that is kept, in characters (contract 7.5).
pub const MAX_NOTES: usize = 1000;

/// One rating of one module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rating {
    /// A module that the turn used, or [`PARSE_MARKER`].
    pub module: String,
    /// 1 (frustrating) to 5 (really helps).
    pub score: Score,
    /// What the persona adds.
    pub notes: Option<String>,
}

/// A whole number from 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Score(u8);

/// A number that is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a score from 1 to 5")]
pub struct NotAScore(u8);

impl Score {
    /// What the marker rows carry, because mana-auth wants a number there.
    pub const MIDDLE: Self = Self(3);

    /// The score as a number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl JsonSchema for Score {
    fn schema_name() -> Cow<'static, str> {
        "Score".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A whole number from 1 to 5.", "type": "integer", "minimum": 1, "maximum": 5 })
    }
}

impl TryFrom<u8> for Score {
    type Error = NotAScore;

    fn try_from(number: u8) -> Result<Self, NotAScore> {
        if (1..=5).contains(&number) { Ok(Self(number)) } else { Err(NotAScore(number)) }
    }
}

impl From<Score> for u8 {
    fn from(score: Score) -> Self {
        score.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_to_five_is_a_score() {
        for number in 0..=7 {
            assert_eq!(Score::try_from(number).is_ok(), (1..=5).contains(&number), "{number}");
        }
    }
}
