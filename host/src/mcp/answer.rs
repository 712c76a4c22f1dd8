//! A tool's result as the text that the model is given: everything that is no text becomes a note.

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ErrorData, ResourceContents};
use serde_json::Value;

use domain::transcript::ToolAnswer;

/// Bytes of a result that the model is given; it pays for each of them in every later round.
const LONGEST: usize = 32 << 10;

/// What a call came to.
pub(super) fn answer(response: CallToolResponse) -> ToolAnswer {
    match response {
        CallToolResponse::Complete(result) => read(result),
        CallToolResponse::InputRequired(_) => refused("The tool asks for input that a persona cannot give."),
        CallToolResponse::Task(_) => refused("The tool answers later, which a persona cannot wait for."),
        _ => refused("The tool answered in a form that is not supported."),
    }
}

/// A protocol error (an unknown tool, bad arguments) in the words that the official SDK uses, because
/// the model can do better next time.
pub(super) fn protocol_error(error: &ErrorData) -> ToolAnswer {
    refused(&format!("MCP error {}: {}", error.code.0, error.message))
}

fn refused(text: &str) -> ToolAnswer {
    ToolAnswer { text: cut(text.to_owned()), is_error: true }
}

fn read(result: CallToolResult) -> ToolAnswer {
    let is_error = result.is_error.unwrap_or(false);
    let mut has_text = false;
    let mut parts: Vec<String> = Vec::new();
    for block in &result.content {
        let (part, is_text) = part(block);
        has_text |= is_text;
        parts.push(part);
    }
    if !has_text && let Some(structured) = result.structured_content.filter(|value| *value != Value::Null) {
        parts.insert(0, structured.to_string());
    }
    let text = parts.join("\n");
    ToolAnswer { text: cut(if text.trim().is_empty() { "(no content)".to_owned() } else { text }), is_error }
}

/// A block's text, and whether it is the tool's own rather than a note of ours.
fn part(block: &ContentBlock) -> (String, bool) {
    match block {
        ContentBlock::Text(text) => (text.text.clone(), !text.text.trim().is_empty()),
        ContentBlock::Image(image) => (note("image", &image.mime_type, &image.data), false),
        ContentBlock::Audio(audio) => (note("audio", &audio.mime_type, &audio.data), false),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => (text.clone(), !text.trim().is_empty()),
            ResourceContents::BlobResourceContents { uri, .. } => {
                (format!("[resource {uri}, not shown: it is no text]"), false)
            }
            _ => ("[resource of an unknown kind, not shown]".to_owned(), false),
        },
        ContentBlock::ResourceLink(link) => (format!("[link to {}: {}]", link.name, link.uri), false),
        _ => ("[content of an unknown kind, not shown]".to_owned(), false),
    }
}

fn note(kind: &str, mime_type: &str, base64: &str) -> String {
    format!("[{kind} {mime_type}, not shown: about {} bytes]", base64.len() / 4 * 3)
}

/// The beginning of a text that is too long, and a line that says so.
fn cut(mut text: String) -> String {
    let whole = text.len();
    if whole > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str(&format!("\n[cut here: this is the beginning of {whole} bytes]"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(result: Value, text: &str, is_error: bool) {
        let parsed: CallToolResult =
            serde_json::from_value(result.clone()).expect("a result of the protocol");
        let answered = answer(CallToolResponse::Complete(parsed));
        assert_eq!(answered, ToolAnswer { text: text.to_owned(), is_error }, "{result}");
    }

    #[test]
    fn text_is_joined_and_everything_else_becomes_a_note() {
        let text = |text: &str| json!({"type": "text", "text": text});
        check(json!({"content": [text("a"), text("b")]}), "a\nb", false);
        check(
            json!({"content": [text("no"), {"type": "image", "mimeType": "image/png", "data": "AAAAAAAA"}],
                   "isError": true}),
            "no\n[image image/png, not shown: about 6 bytes]",
            true,
        );
        check(
            json!({"content": [{"type": "audio", "mimeType": "audio/wav", "data": "AAAA"}]}),
            "[audio audio/wav, not shown: about 3 bytes]",
            false,
        );
        check(
            json!({"content": [{"type": "resource_link", "name": "n", "uri": "mana://n"},
                               {"type": "resource", "resource": {"uri": "mana://t", "text": "inside"}},
                               {"type": "resource", "resource": {"uri": "mana://b", "blob": "AAAA"}}]}),
            "[link to n: mana://n]\ninside\n[resource mana://b, not shown: it is no text]",
            false,
        );
    }

    #[test]
    fn structured_content_speaks_where_no_text_does() {
        check(json!({"content": [], "structuredContent": {"ok": true}}), r#"{"ok":true}"#, false);
        check(
            json!({"content": [{"type": "text", "text": "said"}], "structuredContent": {"ok": true}}),
            "said",
            false,
        );
        check(json!({"content": []}), "(no content)", false);
    }

    #[test]
    fn a_long_result_is_cut_between_characters_and_says_so() {
        let long = format!("a{}", "ä".repeat(20_000));
        let kept = format!("a{}", "ä".repeat(16_383));
        let expected = format!("{kept}\n[cut here: this is the beginning of 40001 bytes]");
        check(json!({"content": [{"type": "text", "text": long}]}), &expected, false);
    }

    #[test]
    fn a_protocol_error_is_an_answer_that_the_model_sees() {
        let error = ErrorData::invalid_params("Tool fly not found", None);
        let expected = ToolAnswer { text: "MCP error -32602: Tool fly not found".to_owned(), is_error: true };
        assert_eq!(protocol_error(&error), expected);
    }
}
