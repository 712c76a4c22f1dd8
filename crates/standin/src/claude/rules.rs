//! What the real API refuses, with its statuses, kinds and (closely) its words.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value;

use super::request::list;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Complaint {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) message: String,
    pub(super) error_code: Option<&'static str>,
    pub(super) retry_after: Option<Duration>,
}

impl Complaint {
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), error_code: None, retry_after: None }
    }
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Complaint> {
    Err(Complaint::new(400, "invalid_request_error", message))
}

/// The versions of the API that there are.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];
const MOST_BREAKPOINTS: usize = 4;

const FIELDS: [&str; 22] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "stream",
    "output_config",
    "thinking",
    "cache_control",
    "metadata",
    "stop_sequences",
    "service_tier",
    "diagnostics",
    "inference_geo",
    "speed",
    "container",
    "context_management",
    "mcp_servers",
    "temperature",
    "top_p",
    "top_k",
];

/// Status, kind and words with which the real API would refuse this request; nothing, if it would take it.
#[must_use]
pub fn refusal(headers: &HeaderMap, body: &Value) -> Option<(u16, &'static str, String)> {
    let complaint = check_headers(headers).and_then(|()| check_body(headers, body)).err()?;
    Some((complaint.status, complaint.kind, complaint.message))
}

/// Checks who asks.
pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Complaint> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unauthorized = |message| Err(Complaint::new(401, "authentication_error", message));
    match (text("x-api-key"), text("authorization")) {
        ("", "") => return unauthorized("x-api-key header is required"),
        ("", bearer) if !bearer.starts_with("Bearer ") => return unauthorized("invalid bearer token"),
        (key, bearer) if !key.is_empty() && !bearer.is_empty() => {
            return unauthorized("send x-api-key or Authorization, not both");
        }
        _ => {}
    }
    match text("anthropic-version") {
        "" => invalid("anthropic-version: header is required"),
        version if VERSIONS.contains(&version) => Ok(()),
        version => invalid(format!("anthropic-version: \"{version}\" is not a valid version")),
    }
}

/// Checks whether there is such a model.
pub(super) fn check_model(model: &str) -> Result<(), Complaint> {
    if model.starts_with("claude-") {
        return Ok(());
    }
    Err(Complaint::new(404, "not_found_error", format!("model: {model}")))
}

/// Checks what is asked.
pub(super) fn check_body(headers: &HeaderMap, body: &Value) -> Result<(), Complaint> {
    let Value::Object(fields) = body else { return invalid("the request body is not a JSON object") };
    if let Some(field) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return invalid(format!("{field}: Extra inputs are not permitted"));
    }
    if headers.get("anthropic-version").is_some_and(|version| version != VERSIONS[0])
        && let Some(field) = ["temperature", "top_p", "top_k"].into_iter().find(|f| fields.contains_key(*f))
    {
        return invalid(format!("{field}: not supported in this API version"));
    }
    let Some(model) = body["model"].as_str() else { return invalid("model: Field required") };
    check_model(model)?;
    match body["max_tokens"].as_i64() {
        None => return invalid("max_tokens: Field required"),
        Some(..=0) => return invalid("max_tokens: must be greater than or equal to 1"),
        Some(_) => {}
    }
    check_tools(list(&body["tools"]))?;
    check_breakpoints(body)?;
    check_messages(list(&body["messages"]))?;
    let schema = &body["output_config"]["format"]["schema"];
    if schema.is_null() { Ok(()) } else { check_schema(schema, "output_config.format.schema") }
}

fn check_tools(tools: &[Value]) -> Result<(), Complaint> {
    let mut names = BTreeSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > 128 || !name.chars().all(fits) {
            return invalid(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            ));
        }
        if let Some(complaint) = complaint_of(&tool["input_schema"]) {
            return invalid(format!("tools.{index}.custom.input_schema{complaint}"));
        }
        if !names.insert(name) {
            return invalid("tools: Tool names must be unique.");
        }
    }
    Ok(())
}

/// What the API says to a schema of arguments.
fn complaint_of(schema: &Value) -> Option<String> {
    if schema["type"] != "object" {
        return Some(".type: Input should be 'object'".to_owned());
    }
    if ["oneOf", "allOf", "anyOf"].iter().any(|choice| !schema[choice].is_null()) {
        return Some(": input_schema does not support oneOf, allOf, or anyOf at the top level".to_owned());
    }
    let is_plain = |name: &&String| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        (1..=64).contains(&name.len()) && name.chars().all(fits)
    };
    if !schema["properties"].as_object().into_iter().flatten().all(|(name, _)| is_plain(&name)) {
        return Some(".properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'".to_owned());
    }
    if !jsonschema::draft202012::meta::is_valid(schema) || points_nowhere(schema, schema) {
        return Some(
            ": JSON schema is invalid. It must match JSON Schema draft 2020-12 \
             (https://json-schema.org/draft/2020-12). Learn more about tool use at \
             https://docs.claude.com/en/docs/tool-use."
                .to_owned(),
        );
    }
    None
}

/// Whether there is a reference to nothing that is in the schema.
fn points_nowhere(part: &Value, whole: &Value) -> bool {
    match part {
        Value::Object(fields) => fields.iter().any(|(keyword, value)| match (keyword.as_str(), value) {
            ("$ref", Value::String(to)) => to.strip_prefix('#').and_then(|to| whole.pointer(to)).is_none(),
            ("enum" | "const" | "default" | "examples", _) => false,
            (_, value) => points_nowhere(value, whole),
        }),
        Value::Array(items) => items.iter().any(|item| points_nowhere(item, whole)),
        _ => false,
    }
}

fn check_breakpoints(body: &Value) -> Result<(), Complaint> {
    let marked = |value: &&Value| !value["cache_control"].is_null();
    let in_messages = list(&body["messages"]).iter().flat_map(|message| list(&message["content"]));
    let found = [body].into_iter().filter(marked).count()
        + list(&body["tools"]).iter().filter(marked).count()
        + list(&body["system"]).iter().filter(marked).count()
        + in_messages.filter(marked).count();
    if found > MOST_BREAKPOINTS {
        return invalid(format!(
            "A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {found}."
        ));
    }
    match list(&body["system"]).iter().find_map(blank) {
        Some(complaint) => invalid(format!("system: {complaint}")),
        None => Ok(()),
    }
}

fn check_messages(messages: &[Value]) -> Result<(), Complaint> {
    match messages.first() {
        None => return invalid("messages: at least one message is required"),
        Some(first) if first["role"] != "user" => {
            return invalid("messages: first message must use the \"user\" role");
        }
        Some(_) => {}
    }
    if messages.last().is_some_and(|last| last["role"] != "user" && !is_paused(last)) {
        return invalid(
            "This model does not support assistant message prefill. \
             The conversation must end with a user message.",
        );
    }
    let mut ids = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        if message["role"] != "user" && message["role"] != "assistant" {
            return invalid(format!("messages.{index}.role: Input should be 'user' or 'assistant'"));
        }
        let content = &message["content"];
        if content.as_str().map_or_else(|| list(content).is_empty(), str::is_empty) {
            return invalid(format!("messages.{index}: all messages must have non-empty content"));
        }
        if let Some(complaint) = list(content).iter().filter(|block| block["type"] == "text").find_map(blank)
        {
            return invalid(format!("messages: {complaint}"));
        }
        check_calls(index, list(content))?;
        check_results(index, message, index.checked_sub(1).map(|before| &messages[before]))?;
        if let Some(twice) = ids_of(message, "tool_use", "id").into_iter().find(|id| !ids.insert(*id)) {
            return invalid(format!("messages.{index}: `tool_use` ids must be unique: {twice}"));
        }
    }
    Ok(())
}

/// Whether a reply paused over a tool of the API's side, and is said back so that it goes on.
fn is_paused(message: &Value) -> bool {
    let last = list(&message["content"]).last().and_then(|block| block["type"].as_str()).unwrap_or_default();
    last == "server_tool_use" || last.ends_with("_tool_result")
}

/// What the API says to a text block without anything in it.
fn blank(block: &Value) -> Option<&'static str> {
    match block["text"].as_str() {
        None | Some("") => Some("text content blocks must be non-empty"),
        Some(text) if text.trim().is_empty() => Some("text content blocks must contain non-whitespace text"),
        Some(_) => None,
    }
}

/// A call has an id and a name of a pattern, and an object as its arguments; a thought has its signature.
fn check_calls(index: usize, blocks: &[Value]) -> Result<(), Complaint> {
    let at = |position: usize, kind: &str| format!("messages.{index}.content.{position}.{kind}");
    for (position, block) in blocks.iter().enumerate() {
        if block["type"] == "thinking" && !block["signature"].is_string() {
            return invalid(format!("{}.signature: Field required", at(position, "thinking")));
        }
        if block["type"] != "tool_use" {
            continue;
        }
        let place = at(position, "tool_use");
        let fits = |field: &str, most: usize| {
            let text = block[field].as_str().unwrap_or_default();
            (1..=most).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        };
        if !fits("id", usize::MAX) {
            return invalid(format!("{place}.id: String should match pattern '^[a-zA-Z0-9_-]+$'"));
        }
        if !fits("name", 200) {
            return invalid(format!("{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'"));
        }
        if !block["input"].is_object() {
            return invalid(format!("{place}.input: Input should be a valid dictionary"));
        }
    }
    Ok(())
}

/// Each call of the message before must have its result at the beginning of this one.
fn check_results(index: usize, message: &Value, before: Option<&Value>) -> Result<(), Complaint> {
    let calls = before.map(|before| ids_of(before, "tool_use", "id")).unwrap_or_default();
    let blocks = list(&message["content"]);
    for (position, block) in blocks.iter().enumerate().filter(|(_, block)| block["type"] == "tool_result") {
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        if !calls.contains(&id) {
            return invalid(format!(
                "messages.{index}.content.{position}: unexpected `tool_use_id` found in `tool_result` blocks: \
                 {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous \
                 message."
            ));
        }
    }
    let at_the_beginning: Vec<&str> = blocks
        .iter()
        .take_while(|block| block["type"] == "tool_result")
        .filter_map(|block| block["tool_use_id"].as_str())
        .collect();
    let unanswered: Vec<&str> = calls.into_iter().filter(|id| !at_the_beginning.contains(id)).collect();
    if unanswered.is_empty() {
        return Ok(());
    }
    invalid(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        index - 1,
        unanswered.join(", ")
    ))
}

fn ids_of<'a>(message: &'a Value, kind: &str, field: &str) -> Vec<&'a str> {
    let blocks = list(&message["content"]).iter().filter(|block| block["type"] == kind);
    blocks.filter_map(|block| block[field].as_str()).collect()
}

/// Structured outputs know a part of JSON Schema.
fn check_schema(schema: &Value, path: &str) -> Result<(), Complaint> {
    const UNSUPPORTED: [&str; 7] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
    ];
    if let Some(keyword) = UNSUPPORTED.into_iter().find(|keyword| schema.get(keyword).is_some()) {
        let kind = schema["type"].as_str().unwrap_or("any");
        return invalid(format!("{path}: For '{kind}' type, property '{keyword}' is not supported"));
    }
    if schema["type"] == "object" && schema["additionalProperties"] != false {
        return invalid(format!(
            "{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        ));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        check_schema(property, &format!("{path}.properties.{name}"))?;
    }
    if schema["items"].is_object() {
        check_schema(&schema["items"], &format!("{path}.items"))?;
    }
    Ok(())
}
