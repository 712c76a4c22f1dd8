//! Lists of who is due, which concern everybody at once.

use serde_json::{Value, json};

use crate::wild::porter::At;
use crate::wild::sent::{never, sent, well};

/// Entries of [`odd`] that make no persona.
pub(crate) const UNREADABLE: usize = 4;

/// Lists with which nothing can be begun, and what is told.
pub(crate) fn bad() -> Vec<(&'static str, At, &'static str)> {
    let said = |sent| At::Sent(sent);
    let json = "application/json";
    vec![
        (
            "nobody is due",
            said(well(json, r#"{"personas":[],"serverTime":"2026-11-23T12:00:00Z"}"#)),
            "0 due",
        ),
        ("a list of nothing", said(well(json, "")), "cannot read the answer"),
        ("a list without a time", said(well(json, r#"{"personas":[]}"#)), "serverTime"),
        (
            "a list that is none",
            said(well(json, r#"{"personas":7,"serverTime":"2026-11-23T12:00:00Z"}"#)),
            "invalid type",
        ),
        ("a list that is cut", said(well(json, r#"{"personas":["#).cut()), "no answer from"),
        ("a list that ends too early", said(well(json, r#"{"personas":["#)), "cannot read the answer"),
        ("a web page", said(well("text/html", "<html>")), "MANA_AUTH_URL"),
        ("a list in gzip", said(well(json, "").encoded("gzip")), "switch compression off"),
        ("a list that never comes", said(never()), "it did not come whole within 3 s"),
        ("a failure", said(sent(500, "oops")), "HTTP 500 — oops"),
        ("a failure in gzip", said(sent(503, "").encoded("gzip")), "HTTP 503 — it is encoded"),
        ("a refusal of the key", said(sent(401, "who?")), "MANA_SERVICE_KEY"),
        ("too many questions", said(sent(429, "slowly").with("retry-after", "60")), "HTTP 429 — slowly"),
        ("another path", said(sent(404, "404 Not Found")), "personas_path"),
    ]
}

/// The right list, with entries that make no persona, and with some persona more than once.
pub(crate) fn odd() -> At {
    At::Amended(|list: &mut Value| {
        let entries = list["personas"].as_array_mut().expect("a list");
        let again: Vec<Value> = entries.iter().take(3).cloned().collect();
        entries.extend(again);
        let mut weekly = entries[0].clone();
        weekly["userId"] = json!("somebody else");
        weekly["tickCadence"] = json!("weekly");
        entries.insert(0, weekly);
        entries.extend([json!(7), json!({"email": "nobody@mana.test"}), json!(null)]);
    })
}
