//! JSON that somebody gives in part: what it leaves out comes from elsewhere, and what it has too
//! much is named, with what may have been meant.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// How much alike two words have to be for one to be meant by the other.
const ALIKE: f64 = 0.8;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct MergeError {
    /// Where, such as `context.tools[2]`.
    pub place: String,
    /// What.
    pub problem: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl MergeError {
    pub(super) fn new(place: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self { place: place.to_string(), problem: problem.into(), hint: None }
    }
}

/// The fields of `given`, each of which has to be one of `known`.
pub(super) fn fields<'v>(
    place: &str,
    given: &'v Value,
    known: &[&str],
) -> Result<&'v Map<String, Value>, MergeError> {
    let Some(fields) = given.as_object() else {
        return Err(MergeError::new(place, "must be an object"));
    };
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(fields),
        Some(unknown) => Err(MergeError {
            place: place.to_owned(),
            problem: format!("unknown field {unknown:?}"),
            hint: Some(suggestion(unknown, known)),
        }),
    }
}

/// `whole` with the fields of `given` in the place of its own.
pub(super) fn merged(place: &str, whole: Value, given: &Value) -> Result<Value, MergeError> {
    let Value::Object(mut whole) = whole else { return Ok(given.clone()) };
    let known: Vec<&str> = whole.keys().map(String::as_str).collect();
    let given = fields(place, given, &known)?.clone();
    whole.extend(given);
    Ok(Value::Object(whole))
}

/// Reads what a document says as a value of ours.
pub(super) fn read<T: DeserializeOwned>(place: &str, document: Value) -> Result<T, MergeError> {
    serde_json::from_value(document).map_err(|error| MergeError::new(place, error.to_string()))
}

/// The word of `known` that `unknown` is most like, or all of them.
pub(super) fn suggestion(unknown: &str, known: &[&str]) -> String {
    let likeness = |word: &str| strsim::jaro_winkler(unknown, word);
    match known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(nearest) if likeness(nearest) > ALIKE => format!("did you mean {nearest:?}?"),
        _ => format!("known here are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_given_goes_before_what_was_there() {
        let whole = || json!({"nowMs": 1, "memory": {"a": 1}});
        assert_eq!(
            merged("context", whole(), &json!({"memory": {"b": 2}})),
            Ok(json!({"nowMs": 1, "memory": {"b": 2}}))
        );
        assert_eq!(merged("context", whole(), &json!({})), Ok(whole()));
    }

    #[test]
    fn what_is_not_known_is_named_with_what_may_be_meant() {
        for (given, problem, hint) in [
            (json!({"memry": 1}), "context: unknown field \"memry\"", Some("did you mean \"memory\"?")),
            (
                json!({"weather": 1}),
                "context: unknown field \"weather\"",
                Some("known here are: nowMs, memory"),
            ),
            (json!([]), "context: must be an object", None),
        ] {
            let error = merged("context", json!({"nowMs": 1, "memory": null}), &given).expect_err("unknown");
            assert_eq!((error.to_string().as_str(), error.hint.as_deref()), (problem, hint));
        }
    }
}
