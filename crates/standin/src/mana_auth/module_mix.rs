//! A document with its keys in the order of PostgreSQL's `jsonb`: by length, then by bytes. The
//! prompt lists a persona's modules in this order (contract 4.1), so SQLite has to give the same.

use serde_json::Value;

/// The same document, keys reordered at every depth.
pub(super) fn in_jsonb_order(document: Value) -> Value {
    match document {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
            fields.into_iter().map(|(key, value)| (key, in_jsonb_order(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(in_jsonb_order).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_come_by_length_and_then_by_bytes() {
        let mix = json!({"todo": 0.3, "journal": 0.3, "notes": 0.2, "mood": 0.2, "B": {"b": 1, "a": 2}});
        assert_eq!(
            in_jsonb_order(mix).to_string(),
            r#"{"B":{"a":2,"b":1},"mood":0.2,"todo":0.3,"notes":0.2,"journal":0.3}"#
        );
    }
}
