//! What makes two requests the same: the essence of a question, and where two of them differ first. The clock, ids that
//! count requests, and secrets are no part of it.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::mask::{Mask, Secret};
use super::tape::Question;
use domain::upstream::Upstream;

/// Headers that change what an answer is.
const TELLING: [&str; 3] = ["anthropic-version", "anthropic-beta", "x-mana-space"];
/// How much is shown of a value, in characters.
const SHOWN: usize = 60;

/// The digest of an essence.
pub(super) type Key = [u8; 32];

impl Question {
    /// What is asked by a request, without its secrets.
    pub(super) fn of(
        (upstream, method, path): (Upstream, &str, &str),
        headers: &HeaderMap,
        body: &[u8],
        mask: &mut Mask,
    ) -> (Self, Vec<Secret>) {
        // Only mana-auth is told passwords; what else is called so is a persona's own word.
        let said = if upstream == Upstream::ManaAuth { body } else { &[] };
        let own = mask.secrets_of(headers, said);
        let mut bytes = body.to_vec();
        mask.cover(&mut bytes, &own);
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| match bytes.is_empty() {
            true => Value::Null,
            false => Value::from(String::from_utf8_lossy(&bytes)),
        });
        let telling = |name: &&str| {
            let value = headers.get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        };
        let headers: BTreeMap<_, _> = TELLING.iter().filter_map(telling).collect();
        let whose = String::new();
        let question =
            Self { whose, method: method.to_owned(), path: mask.covered(path, &own), headers, body };
        (question, own)
    }

    /// The same, of this persona.
    pub(super) fn by(self, whose: String) -> Self {
        Self { whose, ..self }
    }

    /// What it has in common with every other time that the same is asked.
    pub(super) fn essence(&self, upstream: Upstream) -> Value {
        let mut body = self.body.clone();
        leave_out(upstream, &mut body);
        serde_json::json!({
            "upstream": upstream, "whose": self.whose, "method": self.method, "path": self.path,
            "headers": self.headers, "body": body,
        })
    }

    /// What is asked, in few words.
    pub(super) fn name(&self) -> String {
        let method = self.body["method"].as_str().map(|method| format!(" {method}"));
        let tool = self.body["params"]["name"].as_str().map(|tool| format!(" {tool}"));
        format!("{} {}{}{}", self.method, self.path, method.unwrap_or_default(), tool.unwrap_or_default())
    }
}

/// The digest of an essence, whatever the order of its fields.
pub(super) fn key(essence: &Value) -> Key {
    let mut digest = Sha256::new();
    feed(essence, &mut digest);
    digest.finalize().into()
}

fn feed(value: &Value, digest: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            digest.update(b"{");
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            for (name, value) in sorted {
                digest.update(Value::from(name.as_str()).to_string());
                feed(value, digest);
            }
            digest.update(b"}");
        }
        Value::Array(items) => {
            digest.update(b"[");
            items.iter().for_each(|item| feed(item, digest));
            digest.update(b"]");
        }
        other => {
            digest.update(other.to_string());
            digest.update(b",");
        }
    }
}

/// Takes away what differs each time: secrets, ids that count requests, who we say we are, and how long a call took.
fn leave_out(upstream: Upstream, body: &mut Value) {
    let Value::Object(fields) = body else { return };
    match upstream {
        Upstream::Claude => {}
        Upstream::ManaAuth => {
            fields.shift_remove("password");
            if let Some(Value::Array(rows)) = fields.get_mut("actions") {
                for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                    row.shift_remove("latencyMs");
                }
            }
        }
        Upstream::ManaMcp => {
            fields.shift_remove("id");
            let is_cancelling =
                fields.get("method").is_some_and(|method| method == "notifications/cancelled");
            if let Some(Value::Object(params)) = fields.get_mut("params") {
                params.shift_remove("_meta");
                params.shift_remove("clientInfo");
                if is_cancelling {
                    params.shift_remove("requestId");
                    params.shift_remove("reason");
                }
            }
        }
    }
}

/// How alike two essences are: the bytes that they share, at the beginning and the end of each text.
pub(super) fn likeness(one: &Value, other: &Value) -> usize {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.iter().filter_map(|(name, value)| Some(likeness(value, other.get(name)?) + name.len())).sum()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.iter().zip(other).map(|(one, other)| likeness(one, other)).sum()
        }
        (Value::String(one), Value::String(other)) => shared(one, other),
        (one, other) => usize::from(one == other),
    }
}

fn shared(one: &str, other: &str) -> usize {
    let ahead = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest = one.len().min(other.len()) - ahead;
    let behind = one.bytes().rev().zip(other.bytes().rev()).take(rest).take_while(|(a, b)| a == b).count();
    ahead + behind
}

/// The first place at which two essences differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// A JSON pointer into the request: `/body/system/0/text`.
    pub(super) at: String,
    /// What is there on the tape, shortened.
    pub(super) recorded: String,
    /// What is asked now.
    pub(super) asked: String,
}

pub(super) fn difference(recorded: &Value, asked: &Value) -> Option<Difference> {
    first(recorded, asked, &mut String::new())
}

fn first(recorded: &Value, asked: &Value, at: &mut String) -> Option<Difference> {
    let inside = |step: &str, recorded: &Value, asked: &Value, at: &mut String| {
        let here = at.len();
        at.push('/');
        at.push_str(&step.replace('~', "~0").replace('/', "~1"));
        let found = first(recorded, asked, at);
        at.truncate(here);
        found
    };
    match (recorded, asked) {
        (Value::Object(one), Value::Object(other)) => {
            let missing = Value::Null;
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let of =
                    |fields: &serde_json::Map<String, Value>| fields.get(name).unwrap_or(&missing).clone();
                inside(name, &of(one), &of(other), at)
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let places = 0..one.len().max(other.len());
            places.into_iter().find_map(|place| {
                let of = |items: &[Value]| items.get(place).cloned().unwrap_or(Value::Null);
                inside(&place.to_string(), &of(one), &of(other), at)
            })
        }
        (one, other) if one == other => None,
        (one, other) => {
            let from = match (one, other) {
                (Value::String(one), Value::String(other)) => {
                    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
                }
                _ => 0,
            };
            Some(Difference { at: at.clone(), recorded: shown(one, from), asked: shown(other, from) })
        }
    }
}

/// A value from shortly before a character on, shortened.
fn shown(value: &Value, from: usize) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let skipped = from.saturating_sub(SHOWN / 3);
    let part: String = text.chars().skip(skipped).take(SHOWN).collect();
    let (before, is_all) = (if skipped > 0 { "…" } else { "" }, text.chars().count() <= skipped + SHOWN);
    format!("\"{before}{part}{}\"", if is_all { "" } else { "…" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question(path: &str, body: &Value) -> Question {
        let bytes = body.to_string();
        let asked = (Upstream::Claude, "POST", path);
        Question::of(asked, &HeaderMap::new(), bytes.as_bytes(), &mut Mask::default()).0
    }

    #[test]
    fn what_differs_each_time_is_no_part_of_a_question() {
        for (upstream, one, other, is_same) in [
            (Upstream::Claude, json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), true),
            (Upstream::Claude, json!({"a": 1}), json!({"a": 2}), false),
            (Upstream::Claude, json!({"id": 1}), json!({"id": 2}), false),
            (Upstream::Claude, json!(["ab", "c"]), json!(["a", "bc"]), false),
            (Upstream::ManaMcp, json!({"id": 1, "method": "m"}), json!({"id": 2, "method": "m"}), true),
            (
                Upstream::ManaMcp,
                json!({"params": {"_meta": {"progressToken": 1}, "clientInfo": {"version": "1"}, "name": "a"}}),
                json!({"params": {"name": "a"}}),
                true,
            ),
            (Upstream::ManaMcp, json!({"params": {"name": "a"}}), json!({"params": {"name": "b"}}), false),
            (
                Upstream::ManaMcp,
                json!({"method": "notifications/cancelled", "params": {"requestId": 3, "reason": "x"}}),
                json!({"method": "notifications/cancelled", "params": {"requestId": 4}}),
                true,
            ),
            (
                Upstream::ManaAuth,
                json!({"email": "a", "password": "1"}),
                json!({"email": "a", "password": "2"}),
                true,
            ),
            (
                Upstream::ManaAuth,
                json!({"actions": [{"toolName": "a", "latencyMs": 3}]}),
                json!({"actions": [{"toolName": "a", "latencyMs": 4}]}),
                true,
            ),
        ] {
            let of = |body| key(&question("/p", body).essence(upstream));
            assert_eq!(of(&one) == of(&other), is_same, "{one} {other}");
        }
    }

    #[test]
    fn the_first_difference_has_a_pointer_and_both_sides() {
        let long = "a".repeat(100);
        for (recorded, asked, at, one, other) in [
            (json!({"a": [1, 2]}), json!({"a": [1, 3]}), "/a/1", "\"2\"", "\"3\""),
            (json!({"a": {"b/c": "x"}}), json!({"a": {}}), "/a/b~1c", "\"x\"", "nothing"),
            (json!({}), json!({"z": "new"}), "/z", "nothing", "\"new\""),
            (json!([1]), json!([1, 2]), "/1", "nothing", "\"2\""),
            (
                json!(format!("{long}Monday{long}")),
                json!(format!("{long}Tuesday{long}")),
                "",
                &format!("\"…{}Monday{}…\"", "a".repeat(20), "a".repeat(34)),
                &format!("\"…{}Tuesday{}…\"", "a".repeat(20), "a".repeat(33)),
            ),
        ] {
            let found = difference(&recorded, &asked).expect("they differ");
            assert_eq!((found.at.as_str(), found.recorded.as_str(), found.asked.as_str()), (at, one, other));
        }
        assert_eq!(difference(&json!({"a": [1, {"b": 2}]}), &json!({"a": [1, {"b": 2}]})), None);
    }

    #[test]
    fn the_nearest_shares_the_most() {
        let asked = json!({"system": "You are Anna, and it is Tuesday.", "n": 1});
        let anna = json!({"system": "You are Anna, and it is Monday.", "n": 1});
        let ben = json!({"system": "You are Ben, and it is Tuesday.", "n": 1});
        let other = json!({"system": "Nobody.", "n": 2});
        assert!(likeness(&asked, &anna) > likeness(&asked, &other));
        assert!(likeness(&asked, &ben) > likeness(&asked, &other));
        assert!(likeness(&asked, &asked) > likeness(&asked, &anna));
    }
}
