//! Stage `parse`: the plugin reads the reply. What it cannot read leaves a marker, never nothing.

use super::deps::Deps;
use super::values::{Answered, Rated};
use super::{faults, plugin};
use crate::behavior::{CallError, Verdict};
use domain::behavior::{FailureKind, Problem, RatingReport};
use domain::fault::Stage;
use domain::rating::{MAX_NOTES, PARSE_MARKER, Rating, Score};
use domain::turn_end::TurnEnd;

pub(super) async fn read(answered: Answered, deps: &Deps) -> Result<Rated, TurnEnd> {
    let Answered { turn, context, outcome, reply } = answered;
    let called =
        turn.generation.parse_rating(&turn.strategy, &turn.persona, &context, &outcome, &reply).await;
    let report = match plugin::record(&turn, Stage::Parse, called, deps).await? {
        Ok(report) => report,
        Err(CallError::Failed(failure)) if failure.kind == FailureKind::Output => {
            RatingReport { problems: vec![Problem::error(None, failure.message)], ..RatingReport::default() }
        }
        Err(error) => return Err(faults::plugin(Stage::Parse, &error).into()),
    };
    let verdict = if report.ratings.is_empty() { Verdict::Unreadable } else { Verdict::Clean };
    plugin::judge(&turn, verdict, deps);
    Ok(Rated { turn, report: marked(report) })
}

/// A reply without a single readable rating leaves a marker row, as with the original: mana-auth
/// sees that the persona was asked, and averages leave out what begins with `__`.
fn marked(mut report: RatingReport) -> RatingReport {
    if report.ratings.is_empty() {
        let said: Vec<&str> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
        let notes = if said.is_empty() { "the reply holds no rating".to_owned() } else { said.join("; ") };
        report.ratings.push(Rating {
            module: PARSE_MARKER.to_owned(),
            score: Score::MIDDLE,
            notes: Some(notes.chars().take(MAX_NOTES).collect()),
        });
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_without_a_rating_is_marked_and_one_with_a_rating_is_not() {
        let problem = |message: &str| Problem::error(None, message);
        let nothing = marked(RatingReport {
            problems: vec![problem("no JSON"), problem("sorry")],
            ..Default::default()
        });
        assert_eq!(nothing.ratings[0].module, "__parse");
        assert_eq!(nothing.ratings[0].notes.as_deref(), Some("no JSON; sorry"));
        let rating = Rating { module: "todo".to_owned(), score: Score::MIDDLE, notes: None };
        let one = marked(RatingReport { ratings: vec![rating.clone()], ..Default::default() });
        assert_eq!(one.ratings, [rating]);
    }
}
