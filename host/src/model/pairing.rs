//! Ids that pair each call of a conversation with its result. It answers no call.

use std::collections::BTreeSet;

use serde_json::Value;

use super::reply::{Said, ToolUse};
use super::request::Message;
use super::sayable::is_plain;

/// The ids of the calls of one conversation. The API refuses a conversation for one that repeats or that it would not
/// have given itself, and gateways give such; they get one of ours, which is the same whenever the conversation is
/// gone through again.
#[derive(Debug, Default)]
pub struct CallIds {
    taken: BTreeSet<String>,
}

impl CallIds {
    /// The `round`-th reply of the conversation as it is said back, and the calls in it, with ids that pair the two.
    pub fn settle(&mut self, round: u32, said: &Said) -> (Message, Vec<ToolUse>) {
        let (mut message, mut calls) = (Message::assistant(said), said.tool_uses());
        let blocks = message.content.iter_mut().filter(|block| block["type"] == "tool_use");
        for (place, (block, call)) in blocks.zip(&mut calls).enumerate() {
            if !is_id(&call.id) || self.taken.contains(&call.id) {
                call.id = self.free(round, place);
                block["id"] = Value::from(call.id.as_str());
            }
            self.taken.insert(call.id.clone());
        }
        (message, calls)
    }

    /// An id that is not taken.
    fn free(&self, round: u32, place: usize) -> String {
        let mut id = format!("toolu_ours_{round:02}_{place:03}");
        while self.taken.contains(&id) {
            id.push('_');
        }
        id
    }
}

/// Whether the API takes it as the id of a call.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::reply::{Block, StopReason};

    fn said(blocks: Vec<Value>) -> Said {
        let block = |raw| Block { raw, cut: false, unreadable: None };
        Said { blocks: blocks.into_iter().map(block).collect(), stop_reason: StopReason::ToolUse }
    }

    fn call(id: &Value) -> Value {
        json!({"type": "tool_use", "id": id, "name": "todo_list", "input": {}})
    }

    #[test]
    fn an_id_that_repeats_or_is_none_gets_one_of_ours_which_is_the_same_each_time() {
        let rounds = [
            vec![json!("a"), json!("a"), json!("b")],
            vec![json!("b"), json!(""), json!("c.1"), json!(7), json!("toolu_ours_02_000")],
            vec![json!("ü"), json!("d")],
        ];
        let settled = || {
            let mut ids = CallIds::default();
            let settle = |(round, given): (u32, &Vec<Value>)| {
                let (message, calls) = ids.settle(round, &said(given.iter().map(call).collect()));
                let told: Vec<_> = message.content.iter().map(|block| block["id"].clone()).collect();
                let paired: Vec<_> = calls.iter().map(|call| json!(call.id)).collect();
                assert_eq!(told, paired);
                paired
            };
            (1..).zip(&rounds).map(settle).collect::<Vec<_>>()
        };
        let expected = [
            json!(["a", "toolu_ours_01_001", "b"]),
            json!([
                "toolu_ours_02_000",
                "toolu_ours_02_001",
                "toolu_ours_02_002",
                "toolu_ours_02_003",
                "toolu_ours_02_004"
            ]),
            json!(["toolu_ours_03_000", "d"]),
        ];
        assert_eq!(json!(settled()), json!(expected));
        assert_eq!(settled(), settled());
    }

    #[test]
    fn a_blank_text_and_a_block_without_text_are_not_said_back() {
        let texts =
            ["", " ", "\n\t", "\u{a0}\u{2003}", " a "].map(|text| json!({"type": "text", "text": text}));
        let all = [&texts[..], &[json!({"type": "text"}), json!({"type": "dream"})]].concat();
        let (message, _) = CallIds::default().settle(1, &said(all));
        assert_eq!(message.content, [json!({"type": "text", "text": " a "}), json!({"type": "dream"})]);
    }
}
