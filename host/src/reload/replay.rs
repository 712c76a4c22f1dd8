//! Turns of the past, asked again: what would this build have asked, and what would it have read?
//!
//! The functions of a behavior are pure, so this costs no model call and touches no tool.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::behavior::{CallError, Generation};
use domain::behavior::{FailureKind, Problem};
use domain::kept_turn::{KeptTurn, Question};
use domain::rating::Rating;
use domain::strategy::Strategy;

/// What one build makes of one turn of the past.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answers {
    /// The question that opens the turn.
    pub asked: Result<Question, No>,
    /// The question for the ratings; none if there was nothing to rate.
    pub rating_asked: Option<Result<Question, No>>,
    /// What it reads in the reply; none if there was no reply.
    pub read: Option<Result<Read, No>>,
    /// Fuel of the three calls together.
    pub fuel: u64,
}

/// What was read in a reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Read {
    /// The ratings.
    pub ratings: Vec<Rating>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct No {
    /// In a word.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
    /// The turn should not take place, and nothing is wrong.
    pub skips: bool,
}

/// A turn of the past with what a new build makes of it, beside what was made of it before.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// The turn's id.
    pub turn: String,
    /// Whose it was.
    pub persona: String,
    /// Under which strategy.
    pub strategy: String,
    /// What the new build makes of it.
    pub now: Answers,
    /// What the live build makes of it; without one, what the ledger has of it.
    pub before: Answers,
    /// Why that is worse, if it is.
    pub worse: Option<String>,
}

/// All turns of a replay.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Replay(pub Vec<Replayed>);

impl Replay {
    /// Asks `candidate` what `live` (or, without one, the ledger) has answered. Turns of a strategy that
    /// is not among `strategies` are left out.
    pub async fn of(
        candidate: &Generation,
        live: Option<&Generation>,
        strategies: &[Arc<Strategy>],
        turns: &[KeptTurn],
    ) -> Self {
        let mut replayed = Vec::with_capacity(turns.len());
        for kept in turns {
            let Some(strategy) = strategies.iter().find(|strategy| strategy.name == kept.strategy) else {
                continue;
            };
            let now = ask(candidate, strategy, kept).await;
            let before = match live {
                Some(live) => ask(live, strategy, kept).await,
                None => recorded(kept),
            };
            replayed.push(Replayed {
                turn: kept.turn.clone(),
                persona: kept.persona.email.clone(),
                strategy: strategy.name.to_string(),
                worse: worse(&now, &before),
                now,
                before,
            });
        }
        Self(replayed)
    }

    /// How many turns it does worse in.
    #[must_use]
    pub fn worse(&self) -> usize {
        self.0.iter().filter(|replayed| replayed.worse.is_some()).count()
    }
}

impl fmt::Display for Replay {
    /// The first few turns in which it does worse.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        write!(f, "it does worse in {} of {} turns of the past:", self.worse(), self.0.len())?;
        let worse = self.0.iter().filter_map(|replayed| Some((replayed, replayed.worse.as_ref()?)));
        for (Replayed { turn, persona, .. }, why) in worse.take(SHOWN) {
            write!(f, "\nturn {} ({persona}): {why}", turn.get(..8).unwrap_or(turn))?;
        }
        match self.worse() {
            more @ SHOWN.. if more > SHOWN => write!(f, "\nand {} more", more - SHOWN),
            _ => Ok(()),
        }
    }
}

async fn ask(generation: &Generation, strategy: &Strategy, kept: &KeptTurn) -> Answers {
    let KeptTurn { persona, context, outcome, reply, .. } = kept;
    let composed = generation.compose_turn(strategy, persona, context).await;
    let mut fuel = composed.fuel;
    let asked = composed
        .result
        .map(|request| Question { system: request.system, user: request.user })
        .map_err(No::from);
    // Without modules nobody was asked to rate.
    let Some(outcome) = outcome.as_ref().filter(|outcome| !outcome.modules_used.is_empty()) else {
        return Answers { asked, rating_asked: None, read: None, fuel };
    };
    let composed = generation.compose_rating(strategy, persona, context, outcome).await;
    fuel += composed.fuel;
    let rating_asked = composed
        .result
        .map(|request| Question { system: request.system, user: request.user })
        .map_err(No::from);
    let read = match reply {
        None => None,
        Some(reply) => {
            let parsed = generation.parse_rating(strategy, persona, context, outcome, reply).await;
            fuel += parsed.fuel;
            let read =
                parsed.result.map(|report| Read { ratings: report.ratings, problems: report.problems });
            Some(read.map_err(No::from))
        }
    };
    Answers { asked, rating_asked: Some(rating_asked), read, fuel }
}

/// What the ledger has of a turn.
fn recorded(kept: &KeptTurn) -> Answers {
    let unknown = || No { code: "not-recorded", message: "it was not recorded".to_owned(), skips: false };
    let rated = kept.outcome.as_ref().is_some_and(|outcome| !outcome.modules_used.is_empty());
    let read = || Read { ratings: kept.ratings.clone(), problems: Vec::new() };
    Answers {
        asked: kept.asked.clone().ok_or_else(unknown),
        rating_asked: rated.then(|| kept.rating_asked.clone().ok_or_else(unknown)),
        read: kept.reply.as_ref().filter(|_| rated).map(|_| Ok(read())),
        fuel: 0,
    }
}

/// Why `now` is worse than `before`, if it is. Other words in a prompt are no worse.
fn worse(now: &Answers, before: &Answers) -> Option<String> {
    let calls = [
        ("compose-turn", now.asked.as_ref().err(), before.asked.as_ref().err()),
        ("compose-rating", no(now.rating_asked.as_ref()), no(before.rating_asked.as_ref())),
        ("parse-rating", no(now.read.as_ref()), no(before.read.as_ref())),
    ];
    for (function, now, before) in calls {
        // Where the other one did no better there is nothing to compare with.
        if let Some(now) = now.filter(|now| !now.skips && before.is_none()) {
            return Some(format!("{function}: {}", now.message));
        }
    }
    let count = |answers: &Answers| match &answers.read {
        Some(Ok(read)) => Some(read.ratings.len()),
        _ => None,
    };
    let (now, before) = (count(now)?, count(before)?);
    (now < before).then(|| format!("it reads {now} of the {before} ratings that were read before"))
}

fn no<T>(answer: Option<&Result<T, No>>) -> Option<&No> {
    answer.and_then(|answer| answer.as_ref().err())
}

impl From<CallError> for No {
    fn from(error: CallError) -> Self {
        let skips = matches!(&error, CallError::Failed(failure) if failure.kind == FailureKind::Skip);
        Self { code: error.code(), message: error.to_string(), skips }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rating::Score;

    fn question() -> Question {
        Question { system: String::new(), user: "What now?".to_owned() }
    }

    fn says_no(skips: bool) -> No {
        No { code: "any", message: "no".to_owned(), skips }
    }

    fn reads(count: usize) -> Option<Result<Read, No>> {
        let rating = Rating { module: "todo".to_owned(), score: Score::MIDDLE, notes: None };
        Some(Ok(Read { ratings: vec![rating; count], problems: Vec::new() }))
    }

    fn good() -> Answers {
        Answers { asked: Ok(question()), rating_asked: Some(Ok(question())), read: reads(2), fuel: 0 }
    }

    #[test]
    fn worse_is_what_fails_or_reads_less_than_before() {
        let other_words = Question { user: "And now?".to_owned(), ..question() };
        let fails = |function: &str, now: No| match function {
            "compose-turn" => Answers { asked: Err(now), ..good() },
            "compose-rating" => Answers { rating_asked: Some(Err(now)), ..good() },
            _ => Answers { read: Some(Err(now)), ..good() },
        };
        for (now, before, expected) in [
            (good(), good(), None),
            (Answers { asked: Ok(other_words), ..good() }, good(), None),
            (fails("compose-turn", says_no(false)), good(), Some("compose-turn: no")),
            (fails("compose-turn", says_no(true)), good(), None),
            (fails("compose-turn", says_no(false)), fails("compose-turn", says_no(false)), None),
            (fails("compose-rating", says_no(false)), good(), Some("compose-rating: no")),
            (fails("parse-rating", says_no(false)), good(), Some("parse-rating: no")),
            (
                Answers { read: reads(1), ..good() },
                good(),
                Some("it reads 1 of the 2 ratings that were read before"),
            ),
            (Answers { read: reads(3), ..good() }, good(), None),
            (good(), fails("parse-rating", says_no(false)), None),
        ] {
            assert_eq!(worse(&now, &before).as_deref(), expected, "{now:?} after {before:?}");
        }
    }
}
