//! What the server says to a request, put into a form that the official SDK reads: a part that it would not know
//! costs itself, and not the answer that it stands in.

use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ContentBlock, JsonRpcMessage, ServerJsonRpcMessage};
use serde_json::{Map, Value, json};

use super::listing::{LeftOut, neutral, sorted_out};
use domain::lenient;

/// The longest word of the server's that a note repeats, in characters.
const LONGEST_WORD: usize = 40;
/// What JSON-RPC calls an error that says nothing of its kind.
const INTERNAL_ERROR: i64 = -32603;

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Question {
    id: Value,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Tools,
    Call,
    Other,
}

/// What a message of the server means to a request.
#[derive(Debug)]
pub(super) enum Heard {
    /// It is answered, and these tools are not offered.
    Answer(Box<ServerJsonRpcMessage>, Vec<LeftOut>),
    /// The server asks something in its turn: the id, and for what.
    Asks(Value, String),
    /// Nothing.
    Nothing,
}

impl Question {
    /// The question in a message, if it is one.
    pub(super) fn of(message: &ClientJsonRpcMessage) -> Option<Self> {
        let JsonRpcMessage::Request(asked) = message else { return None };
        let kind = match asked.request {
            ClientRequest::ListToolsRequest(_) => Kind::Tools,
            ClientRequest::CallToolRequest(_) => Kind::Call,
            _ => Kind::Other,
        };
        Some(Self { id: json!(asked.id), kind })
    }

    /// Reads a message that came for this question.
    pub(super) fn hear(&self, text: &str) -> Result<Heard, String> {
        let said: Value = lenient::read(text).map_err(|error| format!("what it sent is no JSON: {error}"))?;
        match said {
            // A batch, as one version of the protocol had it.
            Value::Array(said) => match said.into_iter().find(is_answer) {
                Some(answer) => self.read(answer),
                None => Ok(Heard::Nothing),
            },
            said => self.read(said),
        }
    }

    /// Reads what came with the refusal of this question: an error of the protocol, if it is one. Others say
    /// `{"error": "…"}`, too.
    pub(super) fn hear_refusal(&self, text: &str) -> Option<ServerJsonRpcMessage> {
        let said: Value = lenient::read(text).ok()?;
        said["error"]["code"].as_i64()?;
        match self.read(said) {
            Ok(Heard::Answer(answer, _)) => Some(*answer),
            _ => None,
        }
    }

    fn read(&self, said: Value) -> Result<Heard, String> {
        let Value::Object(mut said) = said else { return Err("what it sent is no message".to_owned()) };
        if let Some(method) = said.get("method").and_then(Value::as_str) {
            let (id, method) = (said.get("id").filter(|id| !id.is_null()), method.to_owned());
            return Ok(id.map_or(Heard::Nothing, |id| Heard::Asks(id.clone(), method)));
        }
        if said.get("id").is_some_and(|id| !self.is_mine(id)) {
            return Ok(Heard::Nothing);
        }
        let mut left_out = Vec::new();
        let answer = match (said.remove("result"), said.remove("error")) {
            (_, Some(error)) if !error.is_null() => json!({"error": tame_error(&error)}),
            (Some(result), _) => json!({"result": self.tame(result, &mut left_out)?}),
            _ => return Err("what it sent is no answer of JSON-RPC".to_owned()),
        };
        let mut message = json!({"jsonrpc": "2.0", "id": self.id});
        message
            .as_object_mut()
            .into_iter()
            .for_each(|message| message.extend(answer.as_object().cloned().into_iter().flatten()));
        let message =
            serde_json::from_value(message).map_err(|error| format!("its answer is no MCP: {error}"))?;
        Ok(Heard::Answer(Box::new(message), left_out))
    }

    /// An answer is ours also if its id was written as text, or left out for an error.
    fn is_mine(&self, id: &Value) -> bool {
        let own = self.id.to_string();
        *id == self.id || id.is_null() || id.as_str() == Some(own.as_str())
    }

    fn tame(&self, result: Value, left_out: &mut Vec<LeftOut>) -> Result<Value, String> {
        match (self.kind, result) {
            (Kind::Tools, Value::Object(result)) => match result.get("tools") {
                Some(Value::Array(page)) => {
                    let (tools, without) = sorted_out(page);
                    left_out.extend(without);
                    let cursor = result.get("nextCursor").filter(|cursor| cursor.is_string());
                    let page = [("tools".to_owned(), Value::Array(tools))].into_iter();
                    let cursor = cursor.map(|cursor| ("nextCursor".to_owned(), cursor.clone()));
                    Ok(Value::Object(page.chain(cursor).collect()))
                }
                _ => Err("its answer to `tools/list` holds no list of tools".to_owned()),
            },
            (Kind::Tools, _) => Err("its answer to `tools/list` holds no list of tools".to_owned()),
            (Kind::Call, result) => Ok(tame_result(result)),
            (Kind::Other, result) => Ok(result),
        }
    }
}

fn is_answer(said: &Value) -> bool {
    said.get("method").is_none() && (said.get("result").is_some() || said.get("error").is_some())
}

fn tame_error(error: &Value) -> Value {
    let message = match &error["message"] {
        Value::String(message) => message.clone(),
        _ => error.to_string(),
    };
    let code = error["code"].as_i64().and_then(|code| i32::try_from(code).ok());
    json!({"code": code.map_or(INTERNAL_ERROR, i64::from), "message": message})
}

/// A tool's result. What a server makes of it on its own is shown as it came.
fn tame_result(result: Value) -> Value {
    const KNOWN: [&str; 5] = ["content", "structuredContent", "task", "inputRequests", "resultType"];
    let mut fields = match result {
        Value::Object(fields) if KNOWN.iter().any(|field| fields.contains_key(*field)) => fields,
        other => return json!({"content": [{"type": "text", "text": other.to_string()}]}),
    };
    if ["task", "inputRequests", "resultType"].iter().any(|field| fields.contains_key(*field)) {
        return Value::Object(fields);
    }
    let content = match fields.remove("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(blocks)) => blocks,
        Some(block) => vec![block],
    };
    let mut tamed = Map::from_iter([("content".to_owned(), content.into_iter().map(tame_block).collect())]);
    if let Some(structured) = fields.remove("structuredContent") {
        tamed.insert("structuredContent".to_owned(), structured);
    }
    let failed =
        fields.remove("isError").is_some_and(|failed| failed == true || failed == "true" || failed == 1);
    if failed {
        tamed.insert("isError".to_owned(), Value::Bool(true));
    }
    Value::Object(tamed)
}

/// A block that is known, or a note in its place.
fn tame_block(block: Value) -> Value {
    let note = |text: String| json!({"type": "text", "text": text});
    match (block["type"].as_str(), &block) {
        (_, Value::String(text)) => note(text.clone()),
        (Some("text"), _) => match &block["text"] {
            Value::String(text) => note(text.clone()),
            other => note(other.to_string()),
        },
        (Some(kind), _) => {
            let word: String = neutral(kind).chars().take(LONGEST_WORD).collect();
            match serde_json::from_value::<ContentBlock>(block) {
                Ok(known) => json!(known),
                Err(_) => note(format!("[content of the kind {word:?}, which cannot be shown]")),
            }
        }
        (None, _) => note("[content of no kind, which cannot be shown]".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolRequestParams, Request, RequestId};

    use super::*;

    fn question(kind: Kind) -> Question {
        Question { id: json!(7), kind }
    }

    fn heard(kind: Kind, text: &str) -> Value {
        match question(kind).hear(text) {
            Ok(Heard::Answer(message, left_out)) => {
                let message = serde_json::to_value(message).expect("JSON");
                json!({"answer": message.get("result").or(message.get("error")), "without": left_out.len()})
            }
            Ok(Heard::Asks(id, method)) => json!({"asks": [id, method]}),
            Ok(Heard::Nothing) => json!(null),
            Err(error) => json!(error),
        }
    }

    #[test]
    fn an_answer_is_found_among_what_else_is_said() {
        let error =
            |code: i32, message: &str| json!({"answer": {"code": code, "message": message}, "without": 0});
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#, json!(null)),
            (r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#, json!({"asks": ["p", "ping"]})),
            (r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, json!(null)),
            ("[]", json!(null)),
            ("[{\"id\":7,\"error\":{\"code\":1,\"message\":\"no\"}}]", error(1, "no")),
            (r#"{"id":"7","error":{"code":1,"message":"no"}}"#, error(1, "no")),
            (r#"{"id":null,"error":{"code":1,"message":"no"}}"#, error(1, "no")),
            (r#"{"error":"broken"}"#, error(-32603, "\"broken\"")),
            (
                r#"{"id":7,"error":{"code":1e30,"message":7}}"#,
                error(-32603, "{\"code\":1e+30,\"message\":7}"),
            ),
            (r#"{"id":7}"#, json!("what it sent is no answer of JSON-RPC")),
            ("7", json!("what it sent is no message")),
        ] {
            assert_eq!(heard(Kind::Call, text), expected, "{text}");
        }
        assert!(heard(Kind::Call, "{").as_str().is_some_and(|why| why.contains("no JSON")));
    }

    #[test]
    fn a_refusal_is_an_error_of_the_protocol_only_if_it_has_its_form() {
        for (text, is_one) in [
            (r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}"#, true),
            (r#"{"error":"restarting"}"#, false),
            (r#"{"error":{"message":"restarting"}}"#, false),
            (r#"{"result":{}}"#, false),
            ("restarting", false),
        ] {
            assert_eq!(question(Kind::Call).hear_refusal(text).is_some(), is_one, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_result_that_is_not_known_becomes_a_note() {
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        for (result, content) in [
            (json!({"content": [{"type": "text", "text": "a"}]}), text("a")),
            (json!({"content": "a"}), text("a")),
            (json!({"content": {"type": "text", "text": "a"}}), text("a")),
            (json!({"content": null, "structuredContent": {"a": 1}}), json!([])),
            (
                json!({"content": [{"type": "hologram", "mesh": 1}]}),
                text("[content of the kind \"hologram\", which cannot be shown]"),
            ),
            (
                json!({"content": [{"type": "image", "data": 7}]}),
                text("[content of the kind \"image\", which cannot be shown]"),
            ),
            (
                json!({"content": [{"type": "resource"}]}),
                text("[content of the kind \"resource\", which cannot be shown]"),
            ),
            (json!({"content": [{"type": "text", "text": {"a": 1}}]}), text("{\"a\":1}")),
            (json!({"content": [{"type": "text", "text": "a", "annotations": 7}]}), text("a")),
            (json!({"content": [7]}), text("[content of no kind, which cannot be shown]")),
            (json!({"toolResult": 7}), text("{\"toolResult\":7}")),
            (json!("done"), text("\"done\"")),
        ] {
            let answer = heard(Kind::Call, &json!({"id": 7, "result": result}).to_string());
            assert_eq!(answer["answer"]["content"], content, "{result}");
        }
        let half = "{\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"a\\ud83d\"}],\"isError\":\"true\"}}";
        let answer = heard(Kind::Call, half);
        assert_eq!(
            (&answer["answer"]["content"], &answer["answer"]["isError"]),
            (&text("a\u{FFFD}"), &json!(true))
        );
    }

    #[test]
    fn a_tool_list_is_read_whatever_stands_in_it() {
        let list = json!({"id": 7, "result": {"tools": [{"name": "a"}, 7], "nextCursor": 7, "ttlMs": "x"}});
        let answer = heard(Kind::Tools, &list.to_string());
        assert_eq!(
            (answer["answer"]["tools"].as_array().map(Vec::len), &answer["without"]),
            (Some(1), &json!(1))
        );
        assert_eq!(answer["answer"].get("nextCursor"), None);
        for result in [json!({}), json!([]), json!({"tools": {}})] {
            let text = json!({"id": 7, "result": result}).to_string();
            assert_eq!(heard(Kind::Tools, &text), json!("its answer to `tools/list` holds no list of tools"));
        }
    }

    #[test]
    fn a_question_knows_its_id() {
        let call = ClientRequest::CallToolRequest(Request::new(CallToolRequestParams::new("a")));
        let message = ClientJsonRpcMessage::request(call, RequestId::Number(7));
        let question = Question::of(&message).expect("it is one");
        assert_eq!((question.id, question.kind), (json!(7), Kind::Call));
    }
}
