//! A call, as far as the gate has to know it.

use std::hash::{DefaultHasher, Hasher as _};

use crate::model::request::MessageRequest;

/// About so many bytes of JSON are a token.
const BYTES_OF_A_TOKEN: f64 = 4.0;

/// A call, as far as the gate has to know it.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) model: String,
    pub(super) family: String,
    /// Of the prompt that it shares with others, if it is to be cached.
    pub(super) prefix: Option<u64>,
    pub(super) prompt: f64,
    pub(super) most_output: f64,
}

impl Call {
    /// What the gate has to know of a request whose body has so many bytes.
    #[must_use]
    pub fn of(request: &MessageRequest, bytes: usize, is_cached: bool) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let prompt = bytes as f64 / BYTES_OF_A_TOKEN;
        Self {
            model: request.model.clone(),
            family: family(&request.model),
            prefix: (is_cached && !request.tools.is_empty()).then(|| prefix(request)),
            prompt,
            most_output: request.max_tokens.into(),
        }
    }

    /// The family of models.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }
}

/// The models that share their limits: `haiku` of `claude-haiku-5-5`, and a model of another name by itself.
pub(super) fn family(model: &str) -> String {
    let words = model.strip_prefix("claude-").map(|rest| rest.split('-'));
    let is_name = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase()) && !word.is_empty();
    words.and_then(|mut words| words.find(is_name)).unwrap_or(model).to_owned()
}

/// Of what every persona sends the same of: model and tools.
fn prefix(request: &MessageRequest) -> u64 {
    let tools = request.tools.digest(|all| {
        let mut hasher = DefaultHasher::new();
        for tool in all {
            hasher.write(tool.name.as_bytes());
            hasher.write(tool.description.as_bytes());
            hasher.write(tool.input_schema.to_string().as_bytes());
        }
        hasher.finish()
    });
    let mut hasher = DefaultHasher::new();
    hasher.write(request.model.as_bytes());
    hasher.write_u64(tools);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_a_family_share_their_limits() {
        for (model, expected) in [
            ("claude-haiku-5-5", "haiku"),
            ("claude-3-5-haiku-20241022", "haiku"),
            ("claude-opus-4-6", "opus"),
            ("claude-5", "claude-5"),
            ("qwen3:8b", "qwen3:8b"),
        ] {
            assert_eq!(family(model), expected, "{model}");
        }
    }
}
