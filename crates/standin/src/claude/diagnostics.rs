//! Why a request could not read what the one before it wrote into the cache, for who asks by
//! `diagnostics.previous_message_id`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::{Request, hash, list};

/// Beyond this it begins anew, so that it cannot grow for ever.
const MOST: usize = 100_000;

/// The requests of replies, by the replies' ids.
#[derive(Debug, Default)]
pub(super) struct Diagnostics(BTreeMap<String, Print>);

/// What decides whether a prefix is the same.
#[derive(Clone, Copy, Debug)]
struct Print {
    model: u64,
    tools: u64,
    system: u64,
    /// Of so many messages.
    messages: (usize, u64),
}

impl Diagnostics {
    /// Remembers the request of a reply, and says what is asked of it.
    pub(super) fn of(&mut self, reply: &str, request: &Request) -> Option<Value> {
        let before = request.body["diagnostics"]["previous_message_id"].as_str();
        let reason = before.map(|before| match self.0.get(before) {
            None => Some("previous_message_not_found"),
            Some(before) => before.miss(request),
        });
        if self.0.len() > MOST {
            self.0.clear();
        }
        let messages = list(&request.body["messages"]).len();
        self.0.insert(reply.to_owned(), Print::of(request, messages));
        reason.map(|reason| json!({ "cache_miss_reason": reason }))
    }
}

impl Print {
    fn of(request: &Request, messages: usize) -> Self {
        let text = |value: &Value| hash(&value.to_string());
        let said: Vec<String> =
            list(&request.body["messages"]).iter().take(messages).map(Value::to_string).collect();
        let format = request.body["output_config"]["format"].to_string();
        Self {
            model: hash(&request.model()),
            tools: text(&request.body["tools"]),
            system: text(&request.body["system"]),
            messages: (messages, hash(&(format, said))),
        }
    }

    fn miss(self, request: &Request) -> Option<&'static str> {
        let now = Self::of(request, self.messages.0);
        if now.model != self.model {
            Some("model_changed")
        } else if now.tools != self.tools {
            Some("tools_changed")
        } else if now.system != self.system {
            Some("system_changed")
        } else {
            (now.messages != self.messages).then_some("messages_changed")
        }
    }
}
