//! Plausible arguments out of a tool's JSON Schema.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

use super::request::list;
use super::words;

/// How deep a schema is followed.
const DEPTH: u32 = 5;

/// What arguments are made from.
pub(super) struct Fill<'a> {
    pub(super) rng: &'a mut StdRng,
    pub(super) module: &'a str,
    /// Ids of things that this module's tools have shown.
    pub(super) ids: &'a [String],
    pub(super) now: DateTime<Utc>,
    /// The whole schema, which references point into.
    pub(super) schema: &'a Value,
}

impl Fill<'_> {
    /// Arguments, or `None` when the tool wants something that is not to be had (an id of a thing
    /// that was never shown, a pattern that is not understood).
    pub(super) fn arguments(&mut self) -> Option<Value> {
        self.object(self.schema, DEPTH)
    }

    fn object(&mut self, schema: &Value, depth: u32) -> Option<Value> {
        let required = list(&schema["required"]);
        let mut fields = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.iter().any(|field| field == name);
            // What has a default is mostly left to it.
            let wanted = is_required || self.rng.random_bool(likelihood(name, property));
            match wanted.then(|| self.value(name, property, depth)).flatten() {
                Some(value) => {
                    fields.insert(name.clone(), value);
                }
                None if is_required => return None,
                None => {}
            }
        }
        Some(Value::Object(fields))
    }

    fn value(&mut self, name: &str, schema: &Value, depth: u32) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        if let Some(pointer) = schema["$ref"].as_str() {
            let target = self.schema.pointer(pointer.strip_prefix('#')?)?;
            return self.value(name, target, depth);
        }
        if let Some(constant) = schema.get("const") {
            return Some(constant.clone());
        }
        if let Some(choices) = schema["enum"].as_array() {
            return choices.choose(self.rng).cloned();
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[keyword].as_array() {
                let choice = choices.iter().find(|choice| choice["type"] != "null").or(choices.first())?;
                return self.value(name, choice, depth);
            }
        }
        match kind_of(schema)? {
            "string" => self.string(name, schema).map(Value::String),
            "integer" => self.number(schema).map(|number| json!(number)),
            "number" => self.number(schema).map(|number| json!(number)),
            "boolean" => Some(Value::Bool(self.rng.random_bool(0.3))),
            "array" => self.array(name, schema, depth),
            "object" => self.object(schema, depth),
            "null" => Some(Value::Null),
            _ => None,
        }
    }

    fn string(&mut self, name: &str, schema: &Value) -> Option<String> {
        let text = match schema["format"].as_str() {
            Some("uuid") => return self.ids.choose(self.rng).cloned(),
            Some("date") => return Some(self.now.date_naive().to_string()),
            Some("date-time") => {
                let at = self.now + TimeDelta::hours(self.rng.random_range(1..=7 * 24));
                return Some(at.to_rfc3339_opts(SecondsFormat::Millis, true));
            }
            Some("time") => return Some("09:30:00".to_owned()),
            Some("email") => return Some("lena@example.org".to_owned()),
            Some("uri" | "url") => return Some("https://example.org/".to_owned()),
            _ => match schema["pattern"].as_str() {
                Some(pattern) => return self.matching(pattern),
                None => self.words_for(name),
            },
        };
        let length = |keyword: &str| schema[keyword].as_u64().and_then(|length| usize::try_from(length).ok());
        let most = length("maxLength").unwrap_or(usize::MAX);
        let least = length("minLength").unwrap_or(0);
        let mut text: String = text.chars().take(most).collect();
        while text.chars().count() < least {
            text.push('.');
        }
        Some(text)
    }

    /// A text for one of the patterns that a tool of an app has.
    fn matching(&mut self, pattern: &str) -> Option<String> {
        if pattern.contains('#') {
            words::COLORS.choose(self.rng).map(ToString::to_string)
        } else if pattern.contains("\\d{4}-") {
            Some(self.now.date_naive().to_string())
        } else {
            None
        }
    }

    fn words_for(&mut self, name: &str) -> String {
        let lower = name.to_lowercase();
        let is_any = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        let choices = if is_any(&["content", "text", "body", "description", "note"]) {
            words::SENTENCES
        } else if is_any(&["query", "search"]) {
            words::SEARCHES
        } else if is_any(&["tag", "label", "category"]) {
            words::TAGS
        } else if is_any(&["icon"]) {
            words::ICONS
        } else if is_any(&["color", "colour"]) {
            words::COLORS
        } else {
            words::titles(self.module)
        };
        choices.choose(self.rng).map(ToString::to_string).unwrap_or_default()
    }

    /// A small whole number within the bounds.
    fn number(&mut self, schema: &Value) -> Option<i64> {
        let bound = |keyword: &str| schema[keyword].as_f64();
        let least =
            bound("minimum").or_else(|| bound("exclusiveMinimum").map(|least| least + 1.0)).unwrap_or(1.0);
        let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|most| most - 1.0));
        #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
        let (least, most) = (least.ceil() as i64, most.map_or(i64::MAX, |most| most.floor() as i64));
        let most = most.min(least.saturating_add(9));
        (least <= most).then(|| self.rng.random_range(least..=most))
    }

    fn array(&mut self, name: &str, schema: &Value, depth: u32) -> Option<Value> {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let most = schema["maxItems"].as_u64().unwrap_or(2).max(least).min(least + 2);
        let length = self.rng.random_range(least..=most);
        let items: Vec<Value> =
            (0..length).map(|_| self.value(name, &schema["items"], depth)).collect::<Option<_>>()?;
        Some(Value::Array(items))
    }
}

/// How likely an optional argument is given.
fn likelihood(name: &str, property: &Value) -> f64 {
    match name {
        "content" | "description" | "mood" => 0.8,
        _ if property.get("default").is_some() => 0.25,
        _ => 0.5,
    }
}

/// The type that a value is made of; of several, the first that is not null.
fn kind_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ if schema["properties"].is_object() => Some("object"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const ID: &str = "7b0a4c4e-5a53-4d0f-9d5e-0d9f2a1b3c4d";

    fn fill(schema: &Value, ids: &[String], seed: u64) -> Option<Value> {
        let mut rng = StdRng::seed_from_u64(seed);
        Fill { rng: &mut rng, module: "todo", ids, now: DateTime::UNIX_EPOCH, schema }.arguments()
    }

    #[test]
    fn arguments_satisfy_the_schema_that_they_are_made_from() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "title", "count", "kind", "nested", "tags"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "title": {"type": "string", "minLength": 1, "maxLength": 12},
                "code": {"type": "string", "minLength": 90},
                "count": {"type": ["integer", "null"], "exclusiveMinimum": 0, "maximum": 3},
                "ratio": {"type": "number", "minimum": 0.5, "maximum": 2.5},
                "kind": {"enum": ["a", "b", null]},
                "fixed": {"const": 7},
                "color": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}]},
                "day": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"},
                "odd": {"type": "string", "pattern": "^x+y$"},
                "due": {"type": "string", "format": "date-time"},
                "date": {"type": "string", "format": "date"},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
                "nested": {"$ref": "#/$defs/nested"},
                "flag": {"type": "boolean", "default": false},
            },
            "$defs": {"nested": {"type": "object", "properties": {"text": {"type": "string"}}}},
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        for seed in 0..200 {
            let arguments = fill(&schema, &[ID.to_owned()], seed).expect("fillable");
            let errors: Vec<String> =
                validator.iter_errors(&arguments).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{arguments}: {errors:?}");
        }
    }

    #[test]
    fn a_tool_that_wants_what_is_not_to_be_had_is_left_alone() {
        let rows = [
            json!({"properties": {"id": {"type": "string", "format": "uuid"}}, "required": ["id"]}),
            json!({"properties": {"x": {"type": "string", "pattern": "^x+y$"}}, "required": ["x"]}),
            json!({"properties": {"n": {"type": "integer", "minimum": 3, "maximum": 2}}, "required": ["n"]}),
            json!({"properties": {"x": {"$ref": "#/properties/x"}}, "required": ["x"]}),
        ];
        for schema in rows {
            assert_eq!(fill(&schema, &[], 1), None, "{schema}");
        }
    }
}
