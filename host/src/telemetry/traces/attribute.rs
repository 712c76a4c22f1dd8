//! Attributes, of whatever kind of value.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

pub(super) fn text(key: &str, value: impl AsRef<str>) -> KeyValue {
    attribute(key, Value::StringValue(value.as_ref().to_owned()))
}

pub(super) fn whole(key: &str, value: u64) -> KeyValue {
    attribute(key, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

pub(super) fn number(key: &str, value: f64) -> KeyValue {
    attribute(key, Value::DoubleValue(value))
}

/// A list with one text in it.
pub(super) fn list(key: &str, value: &str) -> KeyValue {
    let only = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    attribute(key, Value::ArrayValue(ArrayValue { values: vec![only] }))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
