//! The host's own look at what a plugin returned. A plugin is not trusted to keep to the contract:
//! what can be put right is, with a problem that says so; what cannot makes the answer unacceptable.

use std::collections::HashSet;

use serde_json::Value;

use super::words::{line, lines};
use domain::behavior::{
    Descriptor, Failure, OfferedTool, Problem, RatingReport, RatingRequest, Severity, TurnRequest,
};
use domain::rating::{MAX_NOTES, Rating, Score};

/// The longest prompt, in characters.
const MAX_PROMPT: usize = 200_000;
/// The longest memory, in bytes.
const MAX_MEMORY: usize = 64 << 10;
/// The longest settings schema, in bytes.
const MAX_SCHEMA: usize = 256 << 10;
/// The most problems that are kept of one report.
const MAX_PROBLEMS: usize = 100;
/// The longest message of a problem or a failure, in characters.
const MAX_MESSAGE: usize = 2_000;
/// The longest name, version or summary, in characters.
const MAX_NAME: usize = 200;

/// A checked answer with what was put right, or why it cannot be used.
type Checked<T> = Result<(T, Vec<Problem>), String>;

/// A descriptor as it was returned.
#[derive(Clone, Debug)]
pub(super) struct RawDescriptor {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) summary: String,
    pub(super) settings_schema: Option<String>,
}

/// A rating request as it was returned.
#[derive(Clone, Debug)]
pub(super) struct RawRatingRequest {
    pub(super) system: String,
    pub(super) user: String,
    pub(super) reply_schema: Option<String>,
}

/// A rating as it was returned.
#[derive(Clone, Debug)]
pub(super) struct RawRating {
    pub(super) module: String,
    pub(super) score: u8,
    pub(super) notes: Option<String>,
}

/// A rating report as it was returned.
#[derive(Clone, Debug, Default)]
pub(super) struct RawRatingReport {
    pub(super) ratings: Vec<RawRating>,
    pub(super) problems: Vec<Problem>,
    pub(super) memory: Option<String>,
}

pub(super) fn descriptor(raw: RawDescriptor) -> Checked<Descriptor> {
    for (what, text) in [("name", &raw.name), ("version", &raw.version)] {
        if text.trim().is_empty() {
            return Err(format!("its {what} is empty"));
        }
    }
    let settings_schema = match raw.settings_schema {
        None => None,
        Some(text) if text.len() > MAX_SCHEMA => {
            return Err(format!(
                "its settings schema has {} bytes, and {MAX_SCHEMA} is the most",
                text.len()
            ));
        }
        Some(text) => Some(
            serde_json::from_str(&text)
                .map_err(|error| format!("its settings schema is not JSON: {error}"))?,
        ),
    };
    let descriptor = Descriptor {
        name: line(raw.name, MAX_NAME),
        version: line(raw.version, MAX_NAME),
        summary: line(raw.summary, MAX_NAME),
        settings_schema,
    };
    Ok((descriptor, Vec::new()))
}

pub(super) fn turn_request(mut request: TurnRequest, offered: &[OfferedTool]) -> Checked<TurnRequest> {
    check_prompts(&request.system, &request.user)?;
    let mut problems = Vec::new();
    if let Some(allowed) = &mut request.allowed_tools {
        keep_offered(allowed, offered, &mut problems);
    }
    if request.max_rounds == Some(0) {
        request.max_rounds = None;
        problems.push(Problem::warning(
            Some("/max-rounds".to_owned()),
            "0 rounds would be no turn; the host's ceiling applies",
        ));
    }
    Ok((request, problems))
}

pub(super) fn rating_request(raw: RawRatingRequest) -> Checked<RatingRequest> {
    check_prompts(&raw.system, &raw.user)?;
    let mut problems = Vec::new();
    let reply_schema = raw.reply_schema.and_then(|text| match serde_json::from_str(&text) {
        Ok(schema @ Value::Object(_)) => Some(schema),
        Ok(_) => {
            problems.push(schema_problem("it is not an object"));
            None
        }
        Err(error) => {
            problems.push(schema_problem(&error.to_string()));
            None
        }
    });
    Ok((RatingRequest { system: raw.system, user: raw.user, reply_schema }, problems))
}

pub(super) fn rating_report(raw: RawRatingReport, modules_used: &[String]) -> Checked<RatingReport> {
    let mut problems = Vec::new();
    let mut ratings: Vec<Rating> = Vec::new();
    for RawRating { module, score, notes } in raw.ratings {
        let path = || Some(line(module.clone(), MAX_NAME));
        if !modules_used.contains(&module) {
            problems.push(Problem::error(path(), "the plugin rated a module that was not used; dropped"));
            continue;
        }
        let Ok(score) = Score::try_from(score) else {
            problems.push(Problem::error(path(), format!("the plugin gave the score {score}; dropped")));
            continue;
        };
        if ratings.iter().any(|rating| rating.module == module) {
            problems.push(Problem::error(path(), "the plugin rated the module twice; the second is dropped"));
            continue;
        }
        let notes = notes.map(|notes| check_notes(notes, path(), &mut problems));
        ratings.push(Rating { module, score, notes });
    }
    let memory = raw.memory.and_then(|text| check_memory(&text, &mut problems));
    let report = RatingReport { ratings, problems: plugin_problems(raw.problems), memory };
    Ok((report, plugin_problems(problems)))
}

/// Problems of bounded number and length: what a plugin says, and what the host has to say about its answer.
pub(super) fn plugin_problems(mut problems: Vec<Problem>) -> Vec<Problem> {
    let surplus = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    for problem in &mut problems {
        problem.message = line(std::mem::take(&mut problem.message), MAX_MESSAGE);
        problem.path = problem.path.take().map(|path| line(path, MAX_NAME));
    }
    if surplus > 0 {
        problems.push(Problem::warning(None, format!("{surplus} more problems were left out")));
    }
    problems
}

/// A plugin's failure, of bounded length.
pub(super) fn failure(mut failure: Failure) -> Failure {
    failure.message = line(failure.message, MAX_MESSAGE);
    failure.code = failure.code.map(|code| line(code, MAX_NAME));
    if failure.message.trim().is_empty() {
        failure.message = "(it gives no reason)".to_owned();
    }
    failure
}

fn check_prompts(system: &str, user: &str) -> Result<(), String> {
    if user.trim().is_empty() {
        return Err("the user message is empty".to_owned());
    }
    for (what, text) in [("system prompt", system), ("user message", user)] {
        if text.len() > MAX_PROMPT && text.chars().count() > MAX_PROMPT {
            return Err(format!("the {what} is longer than {MAX_PROMPT} characters"));
        }
    }
    Ok(())
}

fn keep_offered(allowed: &mut Vec<String>, offered: &[OfferedTool], problems: &mut Vec<Problem>) {
    let offered: HashSet<&str> = offered.iter().map(|tool| tool.name.as_str()).collect();
    let mut seen = HashSet::new();
    let mut unknown = Vec::new();
    let asked = allowed.len();
    allowed.retain(|tool| {
        let known = offered.contains(tool.as_str());
        if !known {
            unknown.push(tool.clone());
        }
        known && seen.insert(tool.clone())
    });
    if !unknown.is_empty() {
        problems.push(Problem::warning(
            Some("/allowed-tools".to_owned()),
            line(format!("left out, because they are not offered: {}", unknown.join(", ")), MAX_MESSAGE),
        ));
    }
    if allowed.is_empty() {
        // Who asks for none may want it so.
        let severity = if asked == 0 { Severity::Info } else { Severity::Warning };
        let message = "no tool is left, so nothing can be done or rated in this turn".to_owned();
        problems.push(Problem { severity, path: Some("/allowed-tools".to_owned()), message });
    }
}

fn schema_problem(what: &str) -> Problem {
    Problem::warning(
        Some("/extras/reply-schema".to_owned()),
        format!("the schema of the reply is left out: {what}"),
    )
}

/// Notes go to mana-auth and into a database, where one that does not fit would take its whole
/// request with it.
fn check_notes(mut notes: String, path: Option<String>, problems: &mut Vec<Problem>) -> String {
    let inert = lines(notes.clone(), usize::MAX);
    if inert != notes {
        notes = inert;
        problems.push(Problem::warning(path.clone(), "the notes held control characters; replaced"));
    }
    if let Some((end, _)) = notes.char_indices().nth(MAX_NOTES) {
        notes.truncate(end);
        problems.push(Problem::warning(path, format!("the notes were cut after {MAX_NOTES} characters")));
    }
    notes
}

fn check_memory(text: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    let path = Some("/memory".to_owned());
    if text.len() > MAX_MEMORY {
        let message =
            format!("the memory has {} bytes, more than the {MAX_MEMORY} that are kept; dropped", text.len());
        problems.push(Problem::error(path, message));
        return None;
    }
    match serde_json::from_str(text) {
        Ok(memory) => Some(memory),
        Err(error) => {
            problems.push(Problem::error(path, format!("the memory is not JSON ({error}); dropped")));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::behavior::Severity;

    fn paths(problems: &[Problem]) -> Vec<(Severity, &str)> {
        problems
            .iter()
            .map(|problem| (problem.severity, problem.path.as_deref().unwrap_or_default()))
            .collect()
    }

    fn request(user: &str, allowed_tools: Option<Vec<&str>>, max_rounds: Option<u32>) -> TurnRequest {
        TurnRequest {
            system: "You are Anna.".to_owned(),
            user: user.to_owned(),
            allowed_tools: allowed_tools.map(|tools| tools.into_iter().map(str::to_owned).collect()),
            max_rounds,
        }
    }

    #[test]
    fn a_request_keeps_the_tools_that_exist() {
        let offered = ["todo.create", "todo.list"].map(|name| OfferedTool {
            name: name.to_owned(),
            module: "todo".to_owned(),
            description: String::new(),
        });
        let (kept, problems) =
            turn_request(request("Hi", Some(vec!["todo.list", "moon.land", "todo.list"]), Some(0)), &offered)
                .expect("acceptable");
        assert_eq!(kept, request("Hi", Some(vec!["todo.list"]), None));
        assert_eq!(
            paths(&problems),
            [(Severity::Warning, "/allowed-tools"), (Severity::Warning, "/max-rounds")]
        );

        let (all, problems) = turn_request(request("Hi", None, Some(4)), &offered).expect("acceptable");
        assert_eq!((all.allowed_tools, all.max_rounds, problems), (None, Some(4), vec![]));
    }

    #[test]
    fn a_request_that_leaves_no_tool_says_so() {
        for (allowed, told) in [
            (
                vec!["moon.land"],
                &[(Severity::Warning, "/allowed-tools"), (Severity::Warning, "/allowed-tools")][..],
            ),
            (vec![], &[(Severity::Info, "/allowed-tools")]),
        ] {
            let (kept, problems) = turn_request(request("Hi", Some(allowed), None), &[]).expect("acceptable");
            assert_eq!((kept.allowed_tools, paths(&problems)), (Some(vec![]), told.to_vec()));
            let last = &problems.last().expect("a problem").message;
            assert!(last.starts_with("no tool is left"), "{last}");
        }
    }

    #[test]
    fn a_request_needs_words_and_not_too_many() {
        for (user, refused) in [
            ("Hi".to_owned(), false),
            (" \n".to_owned(), true),
            ("ä".repeat(MAX_PROMPT), false),
            ("ä".repeat(MAX_PROMPT + 1), true),
        ] {
            assert_eq!(turn_request(request(&user, None, None), &[]).is_err(), refused);
        }
    }

    #[test]
    fn a_rating_counts_if_its_module_was_used_and_its_score_is_one() {
        let used = ["todo".to_owned(), "notes".to_owned()];
        let rating = |module: &str, score, notes: Option<String>| RawRating {
            module: module.to_owned(),
            score,
            notes,
        };
        let raw = RawRatingReport {
            ratings: vec![
                rating("todo", 0, None),
                rating("moon", 3, None),
                rating("notes", 4, Some("n\0".repeat(MAX_NOTES))),
                rating("notes", 5, None),
                rating("todo", 5, None),
            ],
            ..RawRatingReport::default()
        };
        let (report, problems) = rating_report(raw, &used).expect("acceptable");
        let kept: Vec<(&str, u8)> =
            report.ratings.iter().map(|rating| (rating.module.as_str(), rating.score.get())).collect();
        assert_eq!(kept, [("notes", 4), ("todo", 5)]);
        assert_eq!(report.ratings[0].notes, Some("n\u{fffd}".repeat(MAX_NOTES / 2)));
        assert_eq!(
            paths(&problems),
            [
                (Severity::Error, "todo"),
                (Severity::Error, "moon"),
                (Severity::Warning, "notes"),
                (Severity::Warning, "notes"),
                (Severity::Error, "notes"),
            ]
        );
    }

    #[test]
    fn a_memory_is_json_of_bounded_size() {
        for (memory, kept) in [
            (None, None),
            (Some("{\"a\":1}".to_owned()), Some(serde_json::json!({"a": 1}))),
            (Some("{a:1}".to_owned()), None),
            (Some(format!("\"{}\"", "m".repeat(MAX_MEMORY))), None),
        ] {
            let lost = memory.is_some() && kept.is_none();
            let raw = RawRatingReport { memory, ..RawRatingReport::default() };
            let (report, problems) = rating_report(raw, &[]).expect("acceptable");
            assert_eq!(report.memory, kept);
            assert_eq!(paths(&problems), if lost { vec![(Severity::Error, "/memory")] } else { vec![] });
        }
    }

    #[test]
    fn problems_are_bounded() {
        let many = vec![Problem::error(None, "x".repeat(MAX_MESSAGE * 2)); MAX_PROBLEMS + 7];
        let kept = plugin_problems(many);
        assert_eq!(kept.len(), MAX_PROBLEMS + 1);
        assert_eq!(kept[0].message.chars().count(), MAX_MESSAGE + 1);
        assert_eq!(kept[MAX_PROBLEMS].message, "7 more problems were left out");

        let rating = RawRating { module: "moon".to_owned(), score: 3, notes: None };
        let raw = RawRatingReport { ratings: vec![rating; 20_000], ..RawRatingReport::default() };
        let (_, own) = rating_report(raw, &[]).expect("acceptable");
        assert_eq!(own.len(), MAX_PROBLEMS + 1);
        assert_eq!(own[MAX_PROBLEMS].message, "19900 more problems were left out");
    }

    #[test]
    fn a_descriptor_needs_a_name_and_a_schema_that_is_json() {
        let raw = |name: &str, schema: Option<&str>| RawDescriptor {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            settings_schema: schema.map(str::to_owned),
        };
        for (raw, acceptable) in [
            (raw("daily", None), true),
            (raw("daily", Some("{}")), true),
            (raw("", None), false),
            (raw("daily", Some("{")), false),
        ] {
            assert_eq!(descriptor(raw.clone()).is_ok(), acceptable, "{raw:?}");
        }
    }
}
