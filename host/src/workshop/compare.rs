//! What came out of a plugin beside what a case expects: a list of differences, as sentences.

use super::case::{Expected, ExpectedFailure, ExpectedRating, ExpectedTurn};
use domain::behavior::{Problem, RatingReport, RatingRequest, Severity, TurnRequest};
use domain::rating::Rating;

/// What a plugin answered in one case. A function that was not called, because one before it said no,
/// has no answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Of `check-settings`.
    pub settings: Option<Result<Vec<Problem>, No>>,
    /// Of `compose-turn`.
    pub turn: Option<Result<TurnRequest, No>>,
    /// Of `compose-rating`.
    pub rating: Option<Result<RatingRequest, No>>,
    /// Of `parse-rating`.
    pub report: Option<Result<RatingReport, No>>,
    /// What the host found in these answers and put right.
    pub put_right: Vec<Problem>,
}

/// A function gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct No {
    /// What kind of no: one of the contract's, or what ended the call, such as `trap`.
    pub kind: String,
    /// Why.
    pub message: String,
}

impl Answers {
    /// Each function with what it said instead of an answer; `None`: it gave one.
    pub(super) fn nos(&self) -> [(&'static str, Option<Option<&No>>); 4] {
        fn no<T>(answer: &Option<Result<T, No>>) -> Option<Option<&No>> {
            answer.as_ref().map(|answer| answer.as_ref().err())
        }
        [
            ("check-settings", no(&self.settings)),
            ("compose-turn", no(&self.turn)),
            ("compose-rating", no(&self.rating)),
            ("parse-rating", no(&self.report)),
        ]
    }

    /// Everything that was told: of the settings, of the ratings, and by the host.
    pub(super) fn problems(&self) -> Vec<&Problem> {
        let settings = self.settings.iter().flatten().flatten();
        let report = self.report.iter().flatten().flat_map(|report| &report.problems);
        settings.chain(report).chain(&self.put_right).collect()
    }
}

/// What is different from what was expected; empty: the case passes.
#[must_use]
pub fn differences(expected: &Expected, answers: &Answers) -> Vec<String> {
    let mut found = Vec::new();
    failures(expected.failure.as_ref(), answers, &mut found);
    if let (Some(expected), Some(Ok(request))) = (&expected.turn, &answers.turn) {
        turn(expected, request, &mut found);
    }
    if let (Some(expected), Some(Ok(request))) = (&expected.rating, &answers.rating) {
        let prompts = [request.system.as_str(), &request.user];
        prompts_of("compose-rating", prompts, &expected.contains, &expected.lacks, &mut found);
    }
    if let (Some(expected), Some(Ok(report))) = (&expected.ratings, &answers.report) {
        ratings(expected, &report.ratings, &mut found);
    }
    problems(expected.problems.as_deref(), answers, &mut found);
    not_reached(expected, answers, &mut found);
    found
}

fn failures(expected: Option<&ExpectedFailure>, answers: &Answers, found: &mut Vec<String>) {
    for (function, said) in answers.nos() {
        let expected = expected.filter(|failure| failure.function == function);
        match (expected, said) {
            (Some(_), Some(None)) => {
                found.push(format!("{function} gives an answer, and is expected to say no"));
            }
            (Some(_), None) => {
                found.push(format!("{function} is expected to say no, and does not come to be called"));
            }
            (Some(expected), Some(Some(no))) => {
                if let Some(kind) = expected.kind.as_ref().filter(|kind| **kind != no.kind) {
                    let No { kind: given, message } = no;
                    found.push(format!("{function} says {given}, expected {kind}: {message}"));
                }
                if let Some(words) = expected.contains.as_ref().filter(|words| !no.message.contains(*words)) {
                    found.push(format!("{function} does not say {words:?}, but: {}", no.message));
                }
            }
            (None, Some(Some(no))) => found.push(format!("{function} says {}: {}", no.kind, no.message)),
            (None, _) => {}
        }
    }
}

fn turn(expected: &ExpectedTurn, request: &TurnRequest, found: &mut Vec<String>) {
    let prompts = [request.system.as_str(), &request.user];
    prompts_of("compose-turn", prompts, &expected.contains, &expected.lacks, found);
    if let Some(expected) = &expected.allowed_tools {
        let [wanted, given] = [expected, &request.allowed_tools].map(|tools| sorted(tools.as_deref()));
        if wanted != given {
            found.push(format!("compose-turn allows {given}, expected {wanted}"));
        }
    }
    if let Some(expected) = expected.max_rounds.filter(|expected| *expected != request.max_rounds) {
        let [wanted, given] = [expected, request.max_rounds].map(rounds);
        found.push(format!("compose-turn wants {given}, expected {wanted}"));
    }
}

fn prompts_of(
    function: &str,
    prompts: [&str; 2],
    contains: &[String],
    lacks: &[String],
    found: &mut Vec<String>,
) {
    let is_there = |words: &&String| prompts.iter().any(|prompt| prompt.contains(words.as_str()));
    for words in contains.iter().filter(|words| !is_there(words)) {
        found.push(format!("{function} does not say {words:?}"));
    }
    for words in lacks.iter().filter(is_there) {
        found.push(format!("{function} says {words:?}, and must not"));
    }
}

fn ratings(expected: &[ExpectedRating], given: &[Rating], found: &mut Vec<String>) {
    for wanted in expected {
        let Some(rating) = given.iter().find(|rating| rating.module == wanted.module) else {
            found.push(format!("there is no rating of {}", wanted.module));
            continue;
        };
        if rating.score != wanted.score {
            let [given, wanted] = [rating.score.get(), wanted.score.get()];
            found.push(format!("{} is rated {given}, expected {wanted}", rating.module));
        }
        if let Some(wanted) = wanted.notes.as_ref().filter(|wanted| **wanted != rating.notes) {
            let [given, wanted] = [&rating.notes, wanted].map(|notes| notes.as_deref().unwrap_or("(none)"));
            found.push(format!("the notes on {} are {given:?}, expected {wanted:?}", rating.module));
        }
    }
    for rating in given.iter().filter(|rating| !expected.iter().any(|wanted| wanted.module == rating.module))
    {
        found.push(format!("{} is rated {}, and no rating is expected", rating.module, rating.score.get()));
    }
}

/// Without a list, problems are no difference, but for settings that the host would refuse.
fn problems(expected: Option<&[String]>, answers: &Answers, found: &mut Vec<String>) {
    let Some(expected) = expected else {
        let settings = answers.settings.iter().flatten().flatten();
        for problem in settings.filter(|problem| problem.severity == Severity::Error) {
            found.push(format!("the settings are refused: {}", problem.message));
        }
        return;
    };
    let told = answers.problems();
    for words in expected.iter().filter(|words| !told.iter().any(|told| told.message.contains(*words))) {
        found.push(format!("no problem says {words:?}"));
    }
    for told in told.iter().filter(|told| !expected.iter().any(|words| told.message.contains(words))) {
        found.push(format!("a problem is told that is not expected: {}", told.message));
    }
}

/// What was expected of a function that was never called, without any other difference to say so.
fn not_reached(expected: &Expected, answers: &Answers, found: &mut Vec<String>) {
    for (function, wanted, reached) in [
        ("compose-turn", expected.turn.is_some(), answers.turn.is_some()),
        ("compose-rating", expected.rating.is_some(), answers.rating.is_some()),
        ("parse-rating", expected.ratings.is_some(), answers.report.is_some()),
    ] {
        if wanted && !reached {
            found.push(format!("{function} does not come to be called"));
        }
    }
}

fn sorted(tools: Option<&[String]>) -> String {
    let Some(tools) = tools else { return "every tool".to_owned() };
    let mut tools = tools.to_vec();
    tools.sort();
    if tools.is_empty() { "no tool".to_owned() } else { tools.join(", ") }
}

fn rounds(rounds: Option<u32>) -> String {
    match rounds {
        Some(1) => "1 round".to_owned(),
        Some(number) => format!("{number} rounds"),
        None => "as many rounds as the host allows".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workshop::Case;
    use domain::rating::Score;

    fn answers() -> Answers {
        let rating = |module: &str, score: u8, notes: Option<&str>| Rating {
            module: module.to_owned(),
            score: Score::try_from(score).expect("a score"),
            notes: notes.map(str::to_owned),
        };
        Answers {
            settings: Some(Ok(vec![])),
            turn: Some(Ok(TurnRequest {
                system: "You are Anna.".to_owned(),
                user: "What do you do today?".to_owned(),
                allowed_tools: Some(vec!["todo.list".to_owned(), "notes.create".to_owned()]),
                max_rounds: Some(6),
            })),
            rating: Some(Ok(RatingRequest {
                system: "You are Anna.".to_owned(),
                user: "How was todo?".to_owned(),
                reply_schema: None,
            })),
            report: Some(Ok(RatingReport {
                ratings: vec![rating("todo", 4, Some("fast")), rating("notes", 2, None)],
                problems: vec![Problem::warning(None, "the list breaks off")],
                memory: None,
            })),
            put_right: vec![],
        }
    }

    fn check(answers: &Answers, expect: Value, differences: &[&str]) {
        let text = json!({"expect": expect}).to_string();
        let case = Case::parse("a", &text).unwrap_or_else(|error| panic!("{error} in {text}"));
        assert_eq!(super::differences(&case.expected, answers), differences, "{text}");
    }

    #[test]
    fn what_is_as_expected_is_no_difference() {
        for expect in [
            json!({}),
            json!({"turn": {"contains": ["Anna", "today"], "lacks": ["tomorrow"]}}),
            json!({"turn": {"allowedTools": ["notes.create", "todo.list"], "maxRounds": 6}}),
            json!({"rating": {"contains": ["todo"]}}),
            json!({"ratings": [
                {"module": "notes", "score": 2, "notes": null}, {"module": "todo", "score": 4, "notes": "fast"},
            ]}),
            json!({"problems": ["breaks off"]}),
        ] {
            check(&answers(), expect, &[]);
        }
    }

    #[test]
    fn each_difference_is_a_sentence() {
        for (expect, differences) in [
            (json!({"turn": {"contains": ["Ben"]}}), &["compose-turn does not say \"Ben\""][..]),
            (json!({"rating": {"lacks": ["todo"]}}), &["compose-rating says \"todo\", and must not"]),
            (
                json!({"turn": {"allowedTools": null, "maxRounds": null}}),
                &[
                    "compose-turn allows notes.create, todo.list, expected every tool",
                    "compose-turn wants 6 rounds, expected as many rounds as the host allows",
                ],
            ),
            (
                json!({"ratings": [{"module": "todo", "score": 5, "notes": "slow"}, {"module": "mood", "score": 1}]}),
                &[
                    "todo is rated 4, expected 5",
                    "the notes on todo are \"fast\", expected \"slow\"",
                    "there is no rating of mood",
                    "notes is rated 2, and no rating is expected",
                ],
            ),
            (
                json!({"problems": ["is not rated"]}),
                &[
                    "no problem says \"is not rated\"",
                    "a problem is told that is not expected: the list breaks off",
                ],
            ),
            (
                json!({"failure": {"function": "parse-rating"}}),
                &["parse-rating gives an answer, and is expected to say no"],
            ),
        ] {
            check(&answers(), expect, differences);
        }
    }

    #[test]
    fn a_no_is_a_difference_unless_it_is_expected() {
        let no = No { kind: "skip".to_owned(), message: "she is ill".to_owned() };
        let answers = Answers { turn: Some(Err(no)), rating: None, report: None, ..answers() };
        for (expect, differences) in [
            (json!({}), &["compose-turn says skip: she is ill"][..]),
            (json!({"failure": {"function": "compose-turn", "kind": "skip", "contains": "ill"}}), &[]),
            (
                json!({"failure": {"function": "compose-turn", "kind": "input", "contains": "well"}}),
                &[
                    "compose-turn says skip, expected input: she is ill",
                    "compose-turn does not say \"well\", but: she is ill",
                ],
            ),
            (
                json!({"ratings": [], "failure": {"function": "parse-rating"}}),
                &[
                    "compose-turn says skip: she is ill",
                    "parse-rating is expected to say no, and does not come to be called",
                    "parse-rating does not come to be called",
                ],
            ),
        ] {
            check(&answers, expect, differences);
        }
    }

    #[test]
    fn settings_that_the_host_would_refuse_are_a_difference() {
        let refused = Problem::error(Some("/minutes".to_owned()), "0 is too few");
        let answers = Answers { settings: Some(Ok(vec![refused])), ..Answers::default() };
        check(&answers, json!({}), &["the settings are refused: 0 is too few"]);
        check(&answers, json!({"problems": ["too few"]}), &[]);
    }
}
