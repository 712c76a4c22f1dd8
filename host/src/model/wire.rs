//! The JSON of the Messages API: the request's body, and the parts of a reply that are read by name.
//!
//! Every field that is read is optional: gateways and local servers leave out what they do not know.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::offer::ToolDefinition;
use super::request::{Message, MessageRequest};
use domain::usage::Usage;

/// The body of a request. With the same request it is the same bytes, because the cache compares
/// bytes.
pub(super) fn body(request: &MessageRequest, asked: &Asked<'_>) -> Vec<u8> {
    let mark = asked.caching.then_some(CacheControl::EPHEMERAL);
    let body = Body {
        model: &request.model,
        max_tokens: request.max_tokens,
        stream: true,
        // Marks the end of the conversation, and moves on with it.
        cache_control: mark,
        output_config: request
            .reply_schema
            .as_ref()
            .filter(|_| asked.formats)
            .map(|schema| OutputConfig { format: Format { kind: "json_schema", schema } }),
        tools: (!request.tools.is_empty()).then(|| request.tools.json(asked.caching, |all| tools(all, mark))),
        system: Some(&request.system)
            .filter(|system| !system.trim().is_empty())
            .map(|text| [TextBlock { kind: "text", text, cache_control: mark }]),
        messages: &request.messages,
        diagnostics: asked.previous.map(|previous_message_id| Diagnostics { previous_message_id }),
    };
    serde_json::to_vec(&body).expect("a value of strings, numbers and JSON can be written as JSON")
}

/// Tools, the last of them with a mark for the cache.
fn tools(all: &[ToolDefinition], mark: Option<CacheControl>) -> Box<RawValue> {
    let last = all.len().saturating_sub(1);
    let tools: Vec<Tool<'_>> = (all.iter().enumerate())
        .map(|(index, tool)| Tool { tool, cache_control: mark.filter(|_| index == last) })
        .collect();
    to_raw_value(&tools).expect("a value of strings and JSON can be written as JSON")
}

/// What is asked beside the request itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Mark what may be cached.
    pub(super) caching: bool,
    /// Hold the reply to its schema.
    pub(super) formats: bool,
    /// Tell why nothing is read that the request of this reply wrote into the cache.
    pub(super) previous: Option<&'a str>,
}

#[derive(Serialize)]
struct Diagnostics<'a> {
    previous_message_id: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[TextBlock<'a>; 1]>,
    messages: &'a [Message],
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<Diagnostics<'a>>,
}

#[derive(Clone, Copy, Serialize)]
struct CacheControl {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl CacheControl {
    /// Kept for five minutes.
    const EPHEMERAL: Self = Self { kind: "ephemeral" };
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(flatten)]
    tool: &'a ToolDefinition,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct TextBlock<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: &'a Value,
}

/// Token counts. Those of a later event replace those of an earlier one, count by count.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

impl WireUsage {
    pub(super) fn replace_by(&mut self, later: Self) {
        fn replace<T>(count: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *count = later;
            }
        }
        replace(&mut self.input_tokens, later.input_tokens);
        replace(&mut self.output_tokens, later.output_tokens);
        replace(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        replace(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        replace(&mut self.cache_creation, later.cache_creation);
    }

    pub(super) fn tokens(&self) -> Usage {
        /// Far beyond any prompt, and far from what sums of counts could overflow at.
        const MOST: u64 = 1 << 40;
        let count = |count: Option<u64>| count.unwrap_or(0).min(MOST);
        let by_lifetime = self.cache_creation.clone().unwrap_or_default();
        let for_an_hour = count(by_lifetime.ephemeral_1h_input_tokens);
        let for_five_minutes = match self.cache_creation_input_tokens {
            // The breakdown is newer than the sum and can be missing; five minutes is the default.
            Some(sum) => sum.min(MOST).saturating_sub(for_an_hour),
            None => count(by_lifetime.ephemeral_5m_input_tokens),
        };
        Usage {
            input: count(self.input_tokens),
            output: count(self.output_tokens),
            cache_write_5m: for_five_minutes,
            cache_write_1h: for_an_hour,
            cache_read: count(self.cache_read_input_tokens),
        }
    }
}

/// The body of an error answer, and the data of an `error` event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub(super) error: ErrorDetail,
    pub(super) request_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorDetail {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) details: Option<ErrorCode>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorCode {
    pub(super) error_code: Option<String>,
}

impl ErrorBody {
    pub(super) fn error_code(&self) -> Option<&str> {
        self.error.details.as_ref()?.error_code.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_of_any_completeness_is_read() {
        let rows = [
            (json!({}), Usage::default()),
            (json!({"input_tokens": 7, "output_tokens": null}), Usage { input: 7, ..Usage::default() }),
            (
                json!({"cache_creation_input_tokens": 10, "cache_read_input_tokens": 3}),
                Usage { cache_write_5m: 10, cache_read: 3, ..Usage::default() },
            ),
            (
                json!({"cache_creation_input_tokens": 10,
                    "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4}}),
                Usage { cache_write_5m: 6, cache_write_1h: 4, ..Usage::default() },
            ),
            (
                json!({"cache_creation": {"ephemeral_5m_input_tokens": 6}}),
                Usage { cache_write_5m: 6, ..Usage::default() },
            ),
        ];
        for (wire, expected) in rows {
            let usage: WireUsage = serde_json::from_value(wire.clone()).expect("lenient");
            assert_eq!(usage.tokens(), expected, "{wire}");
        }
    }
}
