//! The id of an answer: that of the question, which is counted.

use serde_json::Value;

use crate::outbound::tape::{Body, Exchange};
use domain::upstream::Upstream;

/// Ids of requests are counted, and calls that are made at once may be counted another way: the answer gets the id that
/// is waited for. Where it is the one that was recorded every byte stays as it came.
pub(super) fn answer_to(exchange: &mut Exchange, id: &Value) {
    let recorded = exchange.question.body["id"].clone();
    if exchange.upstream != Upstream::ManaMcp || recorded.is_null() || recorded == *id {
        return;
    }
    let Some(answer) = &mut exchange.answer else { return };
    let Body::Text(text) = &mut answer.body else { return };
    let renamed = |message: &str| -> Option<String> {
        let mut document: Value = serde_json::from_str(message).ok()?;
        let is_it = document["id"] == recorded && document.get("method").is_none();
        document["id"] = id.clone();
        is_it.then(|| document.to_string())
    };
    *text = match renamed(text) {
        Some(document) => document,
        None => {
            let lines = text.split_inclusive('\n').map(|line| {
                let said = line.strip_prefix("data:").map(str::trim).and_then(renamed);
                let end = &line[line.trim_end_matches(['\r', '\n']).len()..];
                said.map_or_else(|| line.to_owned(), |said| format!("data: {said}{end}"))
            });
            lines.collect()
        }
    };
    answer.chunks = vec![text.len()];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tape::{Answer, Question};

    fn renamed(body: &str) -> String {
        let question = Question {
            whose: String::new(),
            method: "POST".to_owned(),
            path: "/mcp".to_owned(),
            headers: std::collections::BTreeMap::new(),
            body: serde_json::json!({"id": 4, "method": "tools/call"}),
        };
        let (headers, body) = (Vec::new(), Body::Text(body.to_owned()));
        let answer = Answer { status: 200, headers, chunks: vec![1, 2], body, is_whole: true };
        let (came, broke) = (None, None);
        let mut exchange =
            Exchange { seq: 1, upstream: Upstream::ManaMcp, question, came, answer: Some(answer), broke };
        answer_to(&mut exchange, &Value::from(7));
        match exchange.answer.expect("it is there").body {
            Body::Text(text) => text,
            Body::Base64(text) => text,
        }
    }

    #[test]
    fn an_answer_has_the_id_that_is_waited_for_and_nothing_else_is_changed() {
        for (recorded, played) in [
            (r#"{"jsonrpc":"2.0","id":4,"result":{}}"#, r#"{"jsonrpc":"2.0","id":7,"result":{}}"#),
            (
                "event: message\ndata: {\"id\":4,\"result\":{}}\n\n",
                "event: message\ndata: {\"id\":7,\"result\":{}}\n\n",
            ),
            ("data: {\"id\":4,\"method\":\"ping\"}\r\n\r\n", "data: {\"id\":4,\"method\":\"ping\"}\r\n\r\n"),
            (": nothing\n\n", ": nothing\n\n"),
        ] {
            assert_eq!(renamed(recorded), played);
        }
    }
}
