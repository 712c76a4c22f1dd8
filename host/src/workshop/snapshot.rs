//! Everything that a plugin answered in one case, as text: written down beside the case, so that the
//! next change of a prompt is seen.

use super::compare::{Answers, No};
use domain::behavior::{Problem, RatingReport, RatingRequest, Severity, TurnRequest};

/// The answers as text. The same answers give the same text.
#[must_use]
pub fn snapshot(answers: &Answers) -> String {
    let mut text = String::new();
    part(&mut text, "compose-turn", answers.turn.as_ref(), turn);
    part(&mut text, "compose-rating", answers.rating.as_ref(), rating);
    part(&mut text, "parse-rating", answers.report.as_ref(), report);
    let settings = answers.settings.as_ref().and_then(|settings| settings.as_ref().err());
    if let Some(No { kind, message }) = settings {
        text += &format!("# check-settings\n\n{kind}: {message}\n\n");
    }
    let problems = answers.problems();
    if !problems.is_empty() {
        text += "# problems\n\n";
        problems.into_iter().for_each(|told| problem(&mut text, told));
    }
    text.trim_end().to_owned() + "\n"
}

fn part<T>(
    text: &mut String,
    function: &str,
    answer: Option<&Result<T, No>>,
    write: impl Fn(&mut String, &T),
) {
    let Some(answer) = answer else { return };
    *text += &format!("# {function}\n\n");
    match answer {
        Ok(answer) => write(text, answer),
        Err(No { kind, message }) => *text += &format!("{kind}: {message}\n"),
    }
    text.push('\n');
}

fn turn(text: &mut String, request: &TurnRequest) {
    prompts(text, &request.system, &request.user);
    let tools = match request.allowed_tools.as_deref() {
        None => "every tool".to_owned(),
        Some([]) => "no tool".to_owned(),
        Some(tools) => tools.join(", "),
    };
    let rounds = request.max_rounds.map_or("the host's".to_owned(), |rounds| rounds.to_string());
    *text += &format!("## tools\n\n{tools}\n\n## most rounds\n\n{rounds}\n");
}

fn rating(text: &mut String, request: &RatingRequest) {
    prompts(text, &request.system, &request.user);
    let schema = request.reply_schema.as_ref().map_or("none".to_owned(), |schema| format!("{schema:#}"));
    *text += &format!("## schema of the reply\n\n{schema}\n");
}

fn report(text: &mut String, report: &RatingReport) {
    if report.ratings.is_empty() {
        text.push_str("no rating\n");
    }
    for rating in &report.ratings {
        let notes = rating.notes.as_deref().map_or(String::new(), |notes| format!(": {notes}"));
        *text += &format!("- {} {}{notes}\n", rating.module, rating.score.get());
    }
    if let Some(memory) = &report.memory {
        *text += &format!("\n## memory\n\n{memory:#}\n");
    }
}

fn prompts(text: &mut String, system: &str, user: &str) {
    *text += &format!("## system prompt\n\n{system}\n\n## user message\n\n{user}\n\n");
}

fn problem(text: &mut String, problem: &Problem) {
    let severity = match problem.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    // The pointer to a whole document is empty.
    let path = problem.path.as_deref().filter(|path| !path.is_empty());
    let place = path.map_or(String::new(), |path| format!(" {path}"));
    *text += &format!("- {severity}{place}: {}\n", problem.message);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use domain::rating::{Rating, Score};

    #[test]
    fn a_snapshot_reads_from_the_question_to_the_problems() {
        let answers = Answers {
            settings: Some(Ok(vec![])),
            turn: Some(Ok(TurnRequest {
                system: "You are Anna.".to_owned(),
                user: "What do you do?\nBe brief.".to_owned(),
                allowed_tools: None,
                max_rounds: Some(6),
            })),
            rating: Some(Err(No { kind: "internal".to_owned(), message: "lost".to_owned() })),
            report: Some(Ok(RatingReport {
                ratings: vec![Rating {
                    module: "todo".to_owned(),
                    score: Score::MIDDLE,
                    notes: Some("fine".to_owned()),
                }],
                problems: vec![Problem::warning(Some("notes".to_owned()), "it is not rated")],
                memory: Some(json!({"day": 3})),
            })),
            put_right: vec![],
        };
        insta::assert_snapshot!(snapshot(&answers));
    }
}
