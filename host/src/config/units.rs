//! What is written as words and meant as a number: a length of time, a size.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A length of time in words, such as `60s` or `10m`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let span = value.as_str().and_then(|text| humantime::parse_duration(text).ok());
        span.map(Self).ok_or_else(|| {
            de::Error::custom(format!("{value} is no length of time: write it like \"60s\" or \"10m\""))
        })
    }
}

/// A number of bytes in words, such as `64MiB`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let text = value.as_str().unwrap_or_default();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match text[digits.len()..].trim() {
            "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = digits.parse::<usize>().ok().zip(factor).and_then(|(n, factor)| n.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| {
            de::Error::custom(format!("{value} is no size: write it like \"64MiB\" or \"512KiB\""))
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^\\s*([0-9]+\\s*[a-zA-Z]+\\s*)+$";
        json_schema!({
            "description": "A length of time in words.", "type": "string", "pattern": pattern,
            "examples": ["500ms", "60s", "10m", "12h", "90d"],
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes in words.", "type": "string",
            "pattern": "^[0-9]+\\s*(B|KiB|MiB|GiB)$", "examples": ["64MiB", "512KiB"],
        })
    }
}
