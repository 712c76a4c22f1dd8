//! Reads ratings out of whatever a model wrote.
//!
//! Looked for is a JSON object with a list `ratings`, anywhere in the reply: in a code fence, with
//! prose around it, inside of another object. If there are several, the last one counts, because
//! models correct themselves. A list that breaks off is read as far as it goes.
//!
//! Nothing is repaired in silence. Of an entry are accepted:
//!   * `module`: the name of a module that was used, white space around it aside;
//!   * `rating`: a number that is 1, 2, 3, 4 or 5. `4.0` is the number 4; `3.5`, `7`, `"4"` and `null`
//!     are problems;
//!   * `notes`: a text, `null` or nothing. At most [`MAX_NOTES`] characters are kept.
//!
//! Other fields are ignored. An entry that is not accepted is left out with a problem that says where
//! it stands; the entries beside it are kept.

use serde_json::{Map, Value, json};

use crate::{Failure, Problem, Rating, RatingReport};

/// The longest note that is kept, in characters.
pub const MAX_NOTES: usize = 1000;
/// How many opening braces are tried, so that a reply of nothing but braces costs little.
const MAX_CANDIDATES: usize = 500;

/// Reads the ratings of `modules` out of `reply`.
///
/// ```
/// use persona_plugin::rating;
///
/// let used = ["todo".to_owned(), "notes".to_owned()];
/// let reply = r#"Sure! {"ratings":[
///     {"module":"todo","rating":4,"notes":"quick"},
///     {"module":"notes","rating":"good"}]}"#;
///
/// let report = rating::read(reply, &used).expect("there is a list of ratings");
/// assert_eq!((report.ratings[0].module.as_str(), report.ratings[0].score), ("todo", 4));
/// // What cannot be read is left out, and said.
/// assert_eq!(report.ratings.len(), 1);
/// assert_eq!(report.problems[0].path.as_deref(), Some("/ratings/1/rating"));
///
/// let failure = rating::read("It was fine.", &used).expect_err("there is none");
/// assert_eq!(failure.code.as_deref(), Some("no-ratings"));
/// ```
///
/// # Errors
/// A failure of kind `output` when there is no such object (`no-ratings`), or none that has a list
/// (`no-list`).
pub fn read(reply: &str, modules: &[String]) -> Result<RatingReport, Failure> {
    let mut problems = Vec::new();
    let entries = find_entries(reply, &mut problems)?;
    let ratings = read_entries(&entries, modules, &mut problems);
    Ok(RatingReport { ratings, problems, memory: None, extras: Vec::new() })
}

/// The JSON Schema of what [`read`] looks for, as strict as the models' own schema language allows.
#[must_use]
pub fn reply_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["ratings"],
        "properties": {
            "ratings": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["module", "rating", "notes"],
                    "properties": {
                        "module": { "type": "string" },
                        "rating": { "type": "integer", "enum": [1, 2, 3, 4, 5] },
                        "notes": { "type": "string" }
                    }
                }
            }
        }
    })
}

/// The entries of the list that counts.
fn find_entries(reply: &str, problems: &mut Vec<Problem>) -> Result<Vec<Value>, Failure> {
    let mut candidates: Vec<Value> =
        objects(reply).filter_map(|mut object| object.remove("ratings")).collect();
    let found = candidates.len();
    match candidates.pop() {
        Some(Value::Array(entries)) => {
            if found > 1 {
                problems.push(Problem::info(
                    None,
                    format!("the reply holds {found} objects with ratings; the last one was read"),
                ));
            }
            Ok(entries)
        }
        Some(other) => {
            Err(Failure::output(format!("\"ratings\" is {}, not a list", kind(&other))).with_code("no-list"))
        }
        None => salvage(reply, problems),
    }
}

/// Every JSON object in a text that holds `ratings`, from left to right. Objects inside of these are
/// not looked at; objects inside of others are.
fn objects(text: &str) -> impl Iterator<Item = Map<String, Value>> {
    let mut position = 0;
    let mut tried = 0;
    std::iter::from_fn(move || {
        while tried < MAX_CANDIDATES {
            let start = position + text[position..].find('{')?;
            tried += 1;
            position = start + 1;
            let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
            if let Some(Ok(Value::Object(object))) = values.next()
                && object.contains_key("ratings")
            {
                position = start + values.byte_offset();
                return Some(object);
            }
        }
        None
    })
}

/// The readable beginning of a list that breaks off, as when the model ran out of tokens.
fn salvage(reply: &str, problems: &mut Vec<Problem>) -> Result<Vec<Value>, Failure> {
    let Some(list) = reply
        .rsplit_once("\"ratings\"")
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('['))
    else {
        return Err(Failure::output(format!(
            "the reply holds no JSON object with \"ratings\"; it begins: {}",
            beginning(reply)
        ))
        .with_code("no-ratings"));
    };
    let mut entries = Vec::new();
    let mut rest = list;
    loop {
        let mut deserializer = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(entry)) = deserializer.next() else { break };
        entries.push(entry);
        rest = &rest[deserializer.byte_offset()..];
        match rest.trim_start().strip_prefix(',') {
            Some(after) => rest = after,
            None => break,
        }
    }
    problems.push(Problem::warning(
        Some(format!("/ratings/{}", entries.len())),
        "the list of ratings is broken from here on; what stands before was read",
    ));
    Ok(entries)
}

fn read_entries(entries: &[Value], modules: &[String], problems: &mut Vec<Problem>) -> Vec<Rating> {
    let mut ratings: Vec<Rating> = Vec::new();
    let mut mentioned: Vec<&str> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = |field: &str| Some(format!("/ratings/{index}{field}"));
        let Some(module) = read_module(entry, modules, &at, problems) else { continue };
        if mentioned.contains(&module) {
            problems.push(Problem::warning(
                at(""),
                format!("\"{module}\" is rated more than once; only its first entry counts"),
            ));
            continue;
        }
        mentioned.push(module);
        let Some(score) = read_score(entry, &at, problems) else { continue };
        let notes = read_notes(entry, &at, problems);
        ratings.push(Rating { module: module.to_owned(), score, notes });
    }
    for module in modules.iter().filter(|module| !mentioned.contains(&module.as_str())) {
        problems.push(Problem::warning(
            Some(module.clone()),
            format!("\"{module}\" was used, but the reply does not rate it"),
        ));
    }
    ratings
}

fn read_module<'m>(
    entry: &Value,
    modules: &'m [String],
    at: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<&'m str> {
    let Value::Object(fields) = entry else {
        problems.push(Problem::error(at(""), format!("an entry has to be an object; it is {}", kind(entry))));
        return None;
    };
    let Some(Value::String(module)) = fields.get("module") else {
        let what = fields.get("module").map_or("missing", kind);
        problems.push(Problem::error(at("/module"), format!("the module has to be a text; it is {what}")));
        return None;
    };
    let known = modules.iter().find(|known| known.as_str() == module.trim());
    if known.is_none() {
        problems.push(Problem::warning(
            at("/module"),
            format!("\"{}\" is not among the modules that were used", beginning(module)),
        ));
    }
    known.map(String::as_str)
}

fn read_score(
    entry: &Value,
    at: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<u8> {
    let rating = entry.get("rating");
    let score =
        rating.and_then(Value::as_f64).and_then(|number| (1..=5).find(|score| f64::from(*score) == number));
    if score.is_none() {
        let what = match rating {
            None => "missing".to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => format!("the text \"{}\"", beginning(text)),
            Some(other) => kind(other).to_owned(),
        };
        problems
            .push(Problem::error(at("/rating"), format!("a rating has to be 1, 2, 3, 4 or 5; it is {what}")));
    }
    score
}

fn read_notes(
    entry: &Value,
    at: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let notes = match entry.get("notes") {
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) => text.trim(),
        Some(other) => {
            problems.push(Problem::warning(
                at("/notes"),
                format!("the notes have to be a text; they are {}", kind(other)),
            ));
            return None;
        }
    };
    if let Some((end, _)) = notes.char_indices().nth(MAX_NOTES) {
        problems.push(Problem::warning(at("/notes"), format!("cut after {MAX_NOTES} characters")));
        return Some(notes[..end].to_owned());
    }
    (!notes.is_empty()).then(|| notes.to_owned())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The first 60 characters on one line, for a message.
fn beginning(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "(nothing)".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity::{self, Error, Info, Warning};

    fn used() -> Vec<String> {
        vec!["todo".to_owned(), "notes".to_owned()]
    }

    /// What is read, as `module=score` and `severity path`.
    fn check(reply: &str, ratings: &[&str], problems: &[(Severity, &str)]) {
        let report = read(reply, &used()).unwrap_or_else(|failure| panic!("{reply}: {}", failure.message));
        let read: Vec<String> =
            report.ratings.iter().map(|rating| format!("{}={}", rating.module, rating.score)).collect();
        assert_eq!(read, ratings, "{reply}");
        let found: Vec<(Severity, &str)> = report
            .problems
            .iter()
            .map(|problem| (problem.severity, problem.path.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(found, problems, "{reply}");
    }

    const BOTH: &str =
        r#"{"ratings":[{"module":"todo","rating":4,"notes":"flott"},{"module":"notes","rating":2}]}"#;

    #[test]
    fn the_object_is_found_wherever_it_stands() {
        for reply in [
            BOTH.to_owned(),
            format!("\n\n  {BOTH}\t\n"),
            format!("```json\n{BOTH}\n```"),
            format!("Gerne! Hier {{wie gewünscht}} meine Bewertung:\n{BOTH}\nBis {{morgen}}."),
            format!(r#"{{"answer":{BOTH},"done":true}}"#),
            format!(r#"[{BOTH}]"#),
        ] {
            check(&reply, &["todo=4", "notes=2"], &[]);
        }
    }

    #[test]
    fn the_last_of_several_objects_counts() {
        let first = r#"{"ratings":[{"module":"todo","rating":1},{"module":"notes","rating":1}]}"#;
        check(&format!("{first} Moment, besser: {BOTH}"), &["todo=4", "notes=2"], &[(Info, "")]);
    }

    #[test]
    fn only_whole_numbers_from_one_to_five_are_ratings() {
        for (rating, score) in [("1", 1), ("5", 5), ("4.0", 4), ("4e0", 4)] {
            let reply = format!(
                r#"{{"ratings":[{{"module":"todo","rating":{rating}}},{{"module":"notes","rating":3}}]}}"#
            );
            check(&reply, &[&format!("todo={score}"), "notes=3"], &[]);
        }
        for rating in ["0", "6", "7", "-1", "3.5", "\"4\"", "null", "true", "[4]", "{}"] {
            let reply = format!(
                r#"{{"ratings":[{{"module":"todo","rating":{rating}}},{{"module":"notes","rating":3}}]}}"#
            );
            check(&reply, &["notes=3"], &[(Error, "/ratings/0/rating")]);
        }
        check(
            r#"{"ratings":[{"module":"todo"},{"module":"notes","rating":3}]}"#,
            &["notes=3"],
            &[(Error, "/ratings/0/rating")],
        );
    }

    #[test]
    fn a_module_counts_if_it_was_used_and_counts_once() {
        for (entries, ratings, problems) in [
            (
                r#"{"module":" todo ","rating":4},{"module":"notes","rating":2}"#,
                &["todo=4", "notes=2"][..],
                &[][..],
            ),
            (
                r#"{"module":"habits","rating":4},{"module":"todo","rating":4}"#,
                &["todo=4"],
                &[(Warning, "/ratings/0/module"), (Warning, "notes")],
            ),
            (
                r#"{"module":"todo","rating":4},{"module":"todo","rating":5},{"module":"notes","rating":2}"#,
                &["todo=4", "notes=2"],
                &[(Warning, "/ratings/1")],
            ),
            (
                r#"{"module":"Todo","rating":4}"#,
                &[],
                &[(Warning, "/ratings/0/module"), (Warning, "todo"), (Warning, "notes")],
            ),
            (
                r#"{"rating":4},{"module":7,"rating":4},"todo",{"module":"todo","rating":1},{"module":"notes","rating":1}"#,
                &["todo=1", "notes=1"],
                &[(Error, "/ratings/0/module"), (Error, "/ratings/1/module"), (Error, "/ratings/2")],
            ),
            ("", &[], &[(Warning, "todo"), (Warning, "notes")]),
        ] {
            check(&format!(r#"{{"ratings":[{entries}]}}"#), ratings, problems);
        }
    }

    #[test]
    fn an_unreadable_entry_is_not_reported_as_missing_too() {
        check(
            r#"{"ratings":[{"module":"todo","rating":9},{"module":"notes","rating":9}]}"#,
            &[],
            &[(Error, "/ratings/0/rating"), (Error, "/ratings/1/rating")],
        );
    }

    #[test]
    fn a_list_that_breaks_off_is_read_as_far_as_it_goes() {
        for (reply, ratings, broken_at) in [
            (
                r#"{"ratings":[{"module":"todo","rating":4},{"module":"notes","rat"#,
                &["todo=4"][..],
                "/ratings/1",
            ),
            (r#"{"ratings":[{"module":"todo","rating":4}"#, &["todo=4"], "/ratings/1"),
            (r#"{"ratings":[{"module":"todo","rating":4},]}"#, &["todo=4"], "/ratings/1"),
            (r#"{"ratings" : [ "#, &[], "/ratings/0"),
            // A number that no reader of JSON can hold.
            (r#"{"ratings":[{"module":"todo","rating":1e400}]}"#, &[], "/ratings/0"),
        ] {
            let mut problems = vec![(Warning, broken_at)];
            problems.extend(["todo", "notes"][ratings.len()..].iter().map(|module| (Warning, *module)));
            check(reply, ratings, &problems);
        }
    }

    #[test]
    fn notes_are_optional_and_end_after_a_thousand_characters() {
        let report = |notes: &str| {
            let reply = format!(r#"{{"ratings":[{{"module":"todo","rating":4,"notes":{notes}}}]}}"#);
            read(&reply, &["todo".to_owned()]).expect("readable")
        };
        for (notes, expected) in [("null", None), ("\"  \"", None), ("\" gut \"", Some("gut"))] {
            assert_eq!(report(notes).ratings[0].notes.as_deref(), expected);
            assert_eq!(report(notes).problems, []);
        }
        let long = report(&format!("\"{}\"", "ü".repeat(MAX_NOTES + 1)));
        assert_eq!(long.ratings[0].notes.as_deref(), Some("ü".repeat(MAX_NOTES).as_str()));
        assert_eq!(long.problems[0].path.as_deref(), Some("/ratings/0/notes"));
        let number = report("7");
        assert_eq!((number.ratings.len(), number.ratings[0].notes.as_deref()), (1, None));
        assert_eq!(number.problems[0].path.as_deref(), Some("/ratings/0/notes"));
    }

    #[test]
    fn a_reply_without_ratings_is_a_failure_that_quotes_it() {
        for (reply, code, says) in [
            ("", "no-ratings", "(nothing)"),
            ("Das war ein schöner Tag.", "no-ratings", "schöner Tag"),
            (r#"{"scores":[]}"#, "no-ratings", "scores"),
            (r#"{"ratings":{"todo":4}}"#, "no-list", "an object"),
            (r#"{"ratings":null}"#, "no-list", "null"),
            (&"{".repeat(100_000), "no-ratings", "{{{"),
        ] {
            let failure = read(reply, &used()).expect_err("nothing to read");
            assert_eq!(failure.code.as_deref(), Some(code), "{reply}");
            assert!(failure.message.contains(says), "{}", failure.message);
        }
    }

    #[test]
    fn what_the_schema_allows_is_readable() {
        let schema = reply_schema();
        let score = &schema["properties"]["ratings"]["items"]["properties"]["rating"]["enum"];
        for rating in score.as_array().expect("a list") {
            let reply = format!(
                r#"{{"ratings":[{{"module":"todo","rating":{rating},"notes":""}},{{"module":"notes","rating":1,"notes":""}}]}}"#
            );
            check(&reply, &[&format!("todo={rating}"), "notes=1"], &[]);
        }
    }
}
