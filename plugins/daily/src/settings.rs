//! What can be set: the language of the prompts, and how many tools a day should take.

use persona_plugin::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

/// The settings document.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The language of the prompts.
    pub(crate) language: Language,
    /// The fewest tools that the persona is asked to use.
    pub(crate) min_tools: u8,
    /// The most.
    pub(crate) max_tools: u8,
}

/// A language in which the prompts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    De,
    En,
}

impl Default for Settings {
    fn default() -> Self {
        Self { language: Language::De, min_tools: 3, max_tools: 8 }
    }
}

impl Settings {
    /// What the schema cannot say.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        if self.min_tools <= self.max_tools {
            return Vec::new();
        }
        let message =
            format!("min_tools is {}, which is more than max_tools ({})", self.min_tools, self.max_tools);
        vec![Problem::error(Some("/min_tools".to_owned()), message)]
    }
}

/// JSON Schema of the settings document.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "language": {
                "description": "The language of the prompts",
                "enum": ["de", "en"],
                "default": "de"
            },
            "min_tools": {
                "description": "The fewest tools that the persona is asked to use",
                "type": "integer", "minimum": 1, "maximum": 50, "default": 3
            },
            "max_tools": {
                "description": "The most tools that the persona is asked to use",
                "type": "integer", "minimum": 1, "maximum": 50, "default": 8
            }
        }
    })
}
