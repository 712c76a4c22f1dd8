//! What the host checks of a new build before it serves a turn: the reading of replies and settings.

use persona_plugin::{FailureKind, Problem, SelfTest, Severity, rating};

use crate::Daily;
use crate::settings::Settings;

/// What has to hold, and whether it does.
type Case = (&'static str, fn() -> bool);

const CASES: [Case; 4] = [
    ("a rating with words around it is read, and a bad one beside it does no harm", || {
        let reply =
            r#"Gerne! {"ratings":[{"module":"todo","rating":4},{"module":"notes","rating":9}]} Bis bald."#;
        let used = ["todo", "notes"].map(str::to_owned);
        rating::read(reply, &used).is_ok_and(|report| {
            report.ratings.len() == 1 && report.ratings[0].score == 4 && report.problems.len() == 1
        })
    }),
    ("a reply without ratings is a failure of kind `output`", || {
        rating::read("Das war ein schöner Tag.", &[])
            .is_err_and(|failure| failure.kind == FailureKind::Output)
    }),
    ("more tools at least than at most are refused", || {
        problems(r#"{"min_tools":9}"#)
            .is_some_and(|problems| problems.iter().any(|problem| problem.severity == Severity::Error))
    }),
    ("no settings at all will do", || problems("{}").is_some_and(|problems| problems.is_empty())),
];

impl SelfTest for Daily {
    fn run() -> Vec<Problem> {
        let failed = CASES.into_iter().filter(|(_, holds)| !holds());
        failed.map(|(case, _)| Problem::error(None, format!("this does not hold: {case}"))).collect()
    }
}

/// What is wrong with a settings document; `None` if it cannot be read.
fn problems(settings: &str) -> Option<Vec<Problem>> {
    serde_json::from_str::<Settings>(settings).ok().map(|settings| settings.problems())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_holds() {
        assert_eq!(Daily::run(), []);
    }
}
