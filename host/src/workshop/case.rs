//! A case: what goes into a plugin and what has to come out, as an author writes it down in
//! `cases/NAME.json`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::merge::{MergeError, fields, read, suggestion};
use super::sample::Sample;
use domain::rating::Score;

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The file's name, without its ending.
    pub name: String,
    /// What it shows.
    pub about: Option<String>,
    /// The settings document.
    pub settings: Value,
    /// Everything else that the plugin is asked with.
    pub sample: Sample,
    /// What has to come out.
    pub expected: Expected,
}

/// Why a file is no case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// It is no JSON.
    #[error("it is not JSON: {0}")]
    NoJson(String),
    /// It has something that no case has, or lacks what each has.
    #[error(transparent)]
    Format(#[from] MergeError),
}

impl CaseError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NoJson(_) => None,
            Self::Format(error) => error.hint.as_deref(),
        }
    }
}

/// What has to come out. What is left out is not compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Expected {
    /// Of the question that opens the turn.
    pub turn: Option<ExpectedTurn>,
    /// Of the question for the ratings.
    pub rating: Option<Prompts>,
    /// All ratings that are read, in any order.
    pub ratings: Option<Vec<ExpectedRating>>,
    /// A fragment of each problem that is told, by the plugin or by the host.
    pub problems: Option<Vec<String>>,
    /// A function that has to say no.
    pub failure: Option<ExpectedFailure>,
}

/// What has to be, and not to be, in a system prompt and user message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Prompts {
    /// Each has to be there.
    pub contains: Vec<String>,
    /// None may be there.
    pub lacks: Vec<String>,
}

/// What the question that opens a turn has to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExpectedTurn {
    /// Each has to be in the prompts.
    pub contains: Vec<String>,
    /// None may be in the prompts.
    pub lacks: Vec<String>,
    /// The tools that are allowed, in any order; `Some(None)` (in JSON `null`): every tool.
    #[serde(deserialize_with = "given")]
    pub allowed_tools: Option<Option<Vec<String>>>,
    /// The most rounds; `Some(None)` (in JSON `null`): as many as the host allows.
    #[serde(deserialize_with = "given")]
    pub max_rounds: Option<Option<u32>>,
}

/// One rating.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExpectedRating {
    /// The module.
    pub module: String,
    /// The score.
    pub score: Score,
    /// The notes; left out, they are not compared. `Some(None)` (in JSON `null`): there are none.
    #[serde(default, deserialize_with = "given")]
    pub notes: Option<Option<String>>,
}

/// A function that has to say no.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExpectedFailure {
    /// Its name in the contract, such as `parse-rating`.
    pub function: String,
    /// What kind of no, such as `output`, or `trap`.
    pub kind: Option<String>,
    /// A fragment of the message.
    pub contains: Option<String>,
}

/// The functions that can say no.
const FUNCTIONS: [&str; 4] = ["check-settings", "compose-turn", "compose-rating", "parse-rating"];
/// The kinds of no: the contract's, and those of the host's limits.
const KINDS: [&str; 12] = [
    "settings",
    "input",
    "output",
    "skip",
    "internal",
    "trap",
    "out-of-fuel",
    "out-of-time",
    "out-of-memory",
    "too-much-data",
    "unacceptable",
    "does-not-fit",
];

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// When it is no JSON, or has something that no case has.
    pub fn parse(name: &str, text: &str) -> Result<Self, CaseError> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| CaseError::NoJson(error.to_string()))?;
        const KNOWN: [&str; 7] = ["about", "persona", "settings", "context", "outcome", "reply", "expect"];
        let given = fields("the case", &document, &KNOWN)?;
        let Some(expect) = given.get("expect") else {
            return Err(MergeError::new("the case", "has no `expect`, so there is nothing to compare").into());
        };
        Ok(Self {
            name: name.to_owned(),
            about: optional("about", given.get("about"))?,
            settings: given.get("settings").cloned().unwrap_or_else(|| Value::Object(Map::new())),
            sample: sample(given)?,
            expected: expected(expect)?,
        })
    }
}

fn sample(given: &Map<String, Value>) -> Result<Sample, MergeError> {
    let mut sample = Sample::usual();
    if let Some(persona) = given.get("persona") {
        sample = sample.with_persona(persona)?;
    }
    if let Some(context) = given.get("context") {
        sample = sample.with_context(context)?;
    }
    if let Some(outcome) = given.get("outcome") {
        sample = sample.with_outcome(outcome)?;
    }
    if let Some(reply) = optional("reply", given.get("reply"))? {
        sample.reply = reply;
    }
    Ok(sample)
}

fn expected(expect: &Value) -> Result<Expected, MergeError> {
    let parts = fields("expect", expect, &["turn", "rating", "ratings", "problems", "failure"])?;
    let check = |name: &str, known: &[&str]| match parts.get(name) {
        Some(part) => fields(&format!("expect.{name}"), part, known).map(drop),
        None => Ok(()),
    };
    check("turn", &["contains", "lacks", "allowedTools", "maxRounds"])?;
    check("rating", &["contains", "lacks"])?;
    check("failure", &["function", "kind", "contains"])?;
    let ratings = parts.get("ratings").and_then(Value::as_array);
    for (index, rating) in ratings.into_iter().flatten().enumerate() {
        fields(&format!("expect.ratings[{index}]"), rating, &["module", "score", "notes"])?;
    }
    let expected = Expected {
        turn: optional("expect.turn", parts.get("turn"))?,
        rating: optional("expect.rating", parts.get("rating"))?,
        ratings: optional("expect.ratings", parts.get("ratings"))?,
        problems: optional("expect.problems", parts.get("problems"))?,
        failure: optional("expect.failure", parts.get("failure"))?,
    };
    if let Some(failure) = &expected.failure {
        one_of("expect.failure.function", &failure.function, &FUNCTIONS)?;
        failure.kind.as_deref().map_or(Ok(()), |kind| one_of("expect.failure.kind", kind, &KINDS))?;
    }
    Ok(expected)
}

fn one_of(place: &str, word: &str, known: &[&str]) -> Result<(), MergeError> {
    if known.contains(&word) {
        return Ok(());
    }
    let error = MergeError::new(place, format!("there is no {word:?}"));
    Err(MergeError { hint: Some(suggestion(word, known)), ..error })
}

fn optional<T: serde::de::DeserializeOwned>(
    place: &str,
    given: Option<&Value>,
) -> Result<Option<T>, MergeError> {
    given.map(|value| read(place, value.clone())).transpose()
}

/// Tells `null` from nothing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_case_gets_from_the_sample_what_it_leaves_out() {
        let case = Case::parse("a", r#"{"expect": {}}"#).expect("a case");
        assert_eq!((&case.sample, &case.settings), (&Sample::usual(), &json!({})));
        assert_eq!(case.expected, Expected::default());

        let text = json!({
            "about": "short", "settings": {"minutes": 3}, "context": {"localDate": "2026-12-24"}, "reply": "no",
            "expect": {
                "turn": {"contains": ["a"], "allowedTools": null, "maxRounds": 4},
                "ratings": [{"module": "todo", "score": 4}],
                "failure": {"function": "parse-rating", "kind": "output"},
            },
        });
        let case = Case::parse("a", &text.to_string()).expect("a case");
        assert_eq!((case.about.as_deref(), case.sample.reply.as_str()), (Some("short"), "no"));
        assert_eq!(case.sample.context.local_date, "2026-12-24");
        assert_eq!(case.sample.context.seed, Sample::usual().context.seed);
        let turn = case.expected.turn.expect("it is given");
        assert_eq!((turn.allowed_tools, turn.max_rounds), (Some(None), Some(Some(4))));
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_what_may_be_meant() {
        for (text, says, hint) in [
            (r#"{"expect": "#, "it is not JSON: EOF", None),
            (r#"{}"#, "the case: has no `expect`", None),
            (r#"[]"#, "the case: must be an object", None),
            (r#"{"expects": {}}"#, "the case: unknown field \"expects\"", Some("did you mean \"expect\"?")),
            (r#"{"expect": {"trun": {}}}"#, "expect: unknown field \"trun\"", Some("did you mean \"turn\"?")),
            (
                r#"{"expect": {"turn": {"contain": []}}}"#,
                "expect.turn: unknown field \"contain\"",
                Some("did you mean \"contains\"?"),
            ),
            (r#"{"expect": {"turn": {"contains": "a"}}}"#, "expect.turn: invalid type: string", None),
            (
                r#"{"expect": {"ratings": [{"module": "a", "score": 9}]}}"#,
                "expect.ratings: 9 is not a score",
                None,
            ),
            (
                r#"{"expect": {"ratings": [{"module": "a", "rating": 4}]}}"#,
                "expect.ratings[0]: unknown field \"rating\"",
                Some("known here are: module, score, notes"),
            ),
            (
                r#"{"expect": {"failure": {"function": "parseRating"}}}"#,
                "expect.failure.function: there is no \"parseRating\"",
                Some("did you mean \"parse-rating\"?"),
            ),
            (
                r#"{"context": {"localdate": ""}, "expect": {}}"#,
                "context: unknown field \"localdate\"",
                Some("did you mean \"localDate\"?"),
            ),
        ] {
            let error = Case::parse("a", text).expect_err("a mistake");
            assert!(error.to_string().starts_with(says), "{says:?} in {error}");
            assert_eq!(error.hint(), hint, "{text}");
        }
    }
}
