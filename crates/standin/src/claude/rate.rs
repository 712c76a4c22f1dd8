//! The rating phase: scores for the modules that the prompt lists.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::draft::Draft;
use super::language::{is_german, listed};
use super::request::{Request, hash};
use super::script::{Script, Taste};
use super::words;

/// Modules that a prompt may name even though no request has offered a tool of theirs.
pub(super) const WELL_KNOWN: [&str; 5] = ["habits", "journal", "notes", "spaces", "todo"];

/// Scores from 1 to 5, the good ones likelier.
const SCORES: [u8; 10] = [1, 2, 3, 3, 4, 4, 4, 4, 5, 5];

/// The same for a Claude with a taste: room for a point more or less.
const EVEN_SCORES: [u8; 4] = [2, 3, 3, 4];

/// Answers a request without tools: with ratings if it asks for them, else with a sentence. The same question for
/// ratings has another answer on another day: were it always the same, a few answers would be all that an
/// experiment sees, however many blocks it plays.
pub(super) fn reply(request: &Request, script: &Script, modules: &BTreeSet<String>, day: NaiveDate) -> Draft {
    let german = is_german(&request.question);
    if !asks_for_ratings(request) {
        return Draft::text(if german { "Gern. Sonst noch etwas?" } else { "Gladly. Anything else?" });
    }
    let mut rng = StdRng::seed_from_u64(hash(&(request.conversation(script.seed), request.rounds, day)));
    let liking: f64 = met(request, script).map(|taste| taste.points).sum();
    let ratings: Vec<Value> = listed(&request.question, modules)
        .into_iter()
        .map(|module| {
            let rating = match script.tastes.as_slice() {
                [] => SCORES.choose(&mut rng).copied().unwrap_or(3),
                _ => moved(EVEN_SCORES.choose(&mut rng).copied().unwrap_or(3), liking, &mut rng),
            };
            let notes = words::opinions(german, rating).choose(&mut rng).copied().unwrap_or_default();
            json!({"module": module, "rating": rating, "notes": notes})
        })
        .collect();
    let json = json!({"ratings": ratings}).to_string();
    if request.has_format() || !rng.random_bool(script.fence.clamp(0.0, 1.0)) {
        return Draft::text(json);
    }
    Draft::text(match (rng.random_bool(0.5), german) {
        (true, _) => format!("```json\n{json}\n```"),
        (false, true) => format!("Hier ist meine Bewertung:\n\n{json}"),
        (false, false) => format!("Here are my ratings:\n\n{json}"),
    })
}

/// Whether a request without tools is a question for ratings.
pub(super) fn asks_for_ratings(request: &Request) -> bool {
    let lower = request.question.to_lowercase();
    request.has_format() || ["rating", "rate ", "bewert"].iter().any(|word| lower.contains(word))
}

/// The tastes that a question meets.
pub(super) fn met<'s>(request: &'s Request, script: &'s Script) -> impl Iterator<Item = &'s Taste> {
    script
        .tastes
        .iter()
        .filter(|taste| request.question.contains(&taste.text) || request.system.contains(&taste.text))
}

/// A point more or less, as often as makes the liking on average.
fn moved(score: u8, liking: f64, rng: &mut StdRng) -> u8 {
    if !rng.random_bool(liking.abs().min(1.0)) {
        score
    } else if liking > 0.0 {
        score + 1
    } else {
        score - 1
    }
}
