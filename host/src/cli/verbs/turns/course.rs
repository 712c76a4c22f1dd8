//! The course of a turn of the past for people: what fits, where it parts, and what follows for its ratings.

use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, styled, text_width};
use crate::cli::text::{in_a_line, printable, set};
use crate::cli::verbs::plugin::difference;
use crate::turn::again::{Asked, Cast, Course, Fate, Field, No, Parting, Past, Place, Rated, Why};
use domain::ids::StrategyName;
use domain::rating::Rating;

/// So much of a call's arguments, and of what a model is told, is shown.
const SHOWN: usize = 160;
/// Where the words of a line begin.
const INDENT: usize = 15;

/// All of it.
pub(super) fn text(past: &Past, cast: &Cast, course: &Course, notes: &[String]) -> String {
    let name = &cast.strategy.name;
    let notes: String =
        notes.iter().map(|note| set(&format!("{} ", styled(ODD, "!")), 2, note, text_width())).collect();
    let rating = course.rating.as_ref().map_or_else(String::new, |rated| rating(rated, name));
    format!("{}{notes}\n{}{rating}\n{}\n", head(past, cast), day(course, name), end(course))
}

fn head(past: &Past, cast: &Cast) -> String {
    let (turn, pin) = (&past.recorded.summary, &past.begun.pin);
    let build = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
    let began = turn.started_at.format("%Y-%m-%d %H:%M UTC");
    let arm = past.recorded.assignment.as_ref();
    let arm = arm.map_or_else(String::new, |place| format!(", {} of {}", place.arm, place.experiment));
    let generation = &cast.generation;
    format!(
        "{} {} of {}, {began}\n  then  {} (plugin {} {}, sha256 {}), {}{arm}\n  now   {} (plugin {} {}, sha256 {}), {}\n",
        styled(HEAD, "turn"),
        turn.id,
        printable(&turn.persona),
        pin.strategy,
        pin.plugin,
        printable(&pin.plugin_version),
        build(pin.plugin_sha256.as_str()),
        printable(&pin.model),
        cast.strategy.name,
        generation.plugin(),
        printable(&generation.descriptor().version),
        build(generation.digest().as_str()),
        printable(&cast.model),
    )
}

/// Up to where it parts, or to the end of the day.
fn day(course: &Course, name: &StrategyName) -> String {
    let good = styled(GOOD, "✓");
    let parting = course.parting.as_ref().filter(|parting| parting.at != Place::RatingQuestion);
    let mut text = String::new();
    if parting.is_none_or(|parting| parting.at != Place::Opening) {
        text += &line(&good, "opening", "the same question, with the same tools");
    }
    let calls = match course.calls {
        0 => "no calls".to_owned(),
        1 => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    match course.rounds {
        0 => {}
        1 => text += &line(&good, "round 1", &format!("the kept reply fits; {calls}, answered as then")),
        rounds => {
            text += &line(
                &good,
                &format!("rounds 1–{rounds}"),
                &format!("the kept replies fit; {calls}, answered as then"),
            );
        }
    }
    if let Some(why) = &course.breaks_off {
        let why = format!("then the turn ended here, in a fault; what comes next nobody can say ({why})");
        text += &line(&styled(FAINT, "–"), "", &why);
    }
    text + &parting.map_or_else(String::new, |own| parts(own, name))
}

fn parts(parting: &Parting, name: &StrategyName) -> String {
    let place = match (parting.at, parting.round) {
        (Place::Opening, _) => "opening".to_owned(),
        (Place::RatingQuestion, _) => "rating".to_owned(),
        (Place::Round, round) => format!("round {}", round.unwrap_or_default()),
    };
    let odd = styled(ODD, "≠");
    match &parting.why {
        Why::Request { fields } => line(&odd, &place, &other(fields)) + &differences(fields),
        Why::NoQuestion { no } => line(&styled(BAD, "✗"), &place, &no_question(no, name)),
        Why::Call { tool, input, then, now } => {
            let input = in_a_line(&input.to_string(), SHOWN);
            line(&odd, &place, &format!("{tool} {input} {}", fates(then, now)))
        }
        Why::Over { because } => {
            line(&odd, &place, &format!("the day would be over here ({because}); then it went on"))
        }
        Why::GoesOn { because } => {
            line(&odd, &place, &format!("Claude would be asked once more; then the day was over ({because})"))
        }
    }
}

fn fates(then: &Fate, now: &Fate) -> String {
    let told = |words: &str| in_a_line(words, SHOWN);
    match (then, now) {
        (Fate::Made, Fate::Refused { told: now }) => {
            format!("was called; now it would not be, and Claude would be told: {}", told(now))
        }
        (Fate::Refused { told: then }, Fate::Made) => {
            format!("would be called; then it was not, and Claude was told: {}", told(then))
        }
        (Fate::Refused { told: then }, Fate::Refused { told: now }) => {
            format!("would be refused in other words: {}\nthen: {}", told(now), told(then))
        }
        (Fate::Made, Fate::Made) => String::new(),
    }
}

/// The rating phase of the kept day.
fn rating(rated: &Rated, name: &StrategyName) -> String {
    let (good, odd, bad) = (styled(GOOD, "✓"), styled(ODD, "≠"), styled(BAD, "✗"));
    let mut text = String::new();
    if rated.takes_the_day_for_granted {
        text += &format!("\n{}\n", styled(FAINT, "had the day gone as it was kept all the same:"));
    }
    text += &match &rated.asked {
        Asked::Same => line(&good, "rating", "the same question"),
        Asked::New => line(&odd, "rating", "it would be asked; then the turn ended before"),
        Asked::Other { fields } => line(&odd, "rating", &other(fields)) + &differences(fields),
        Asked::NoQuestion { no } => line(&bad, "rating", &no_question(no, name)),
    };
    text += &read(rated);
    for problem in &rated.problems {
        let place = problem.path.as_deref().filter(|path| !path.is_empty());
        let place = place.map_or_else(String::new, |path| format!("{path}: "));
        text += &line(&styled(FAINT, "·"), "", &format!("{place}{}", problem.message));
    }
    text
}

/// What is read in the kept reply, beside what was.
fn read(rated: &Rated) -> String {
    let failed = rated.then_failed.as_ref();
    let other = |mark: &str, words: &str, now: &[Rating]| {
        let then = match failed {
            Some(failed) => format!("nothing: {}\n", in_a_line(failed, SHOWN)),
            None => ratings(&rated.then),
        };
        line(mark, "read", words) + &difference::text(&difference::lines(&then, &ratings(now)))
    };
    match &rated.now {
        None => line(&styled(FAINT, "–"), "read", "no reply is kept"),
        Some(Ok(now)) if rated.reads_the_same() => line(&styled(GOOD, "✓"), "read", &scores(now)),
        Some(Ok(now)) => other(&styled(ODD, "≠"), "other ratings in the kept reply", now),
        Some(Err(no)) if rated.reads_the_same() => {
            line(&styled(GOOD, "✓"), "read", &format!("no rating, as then: {}", no.message))
        }
        Some(Err(no)) => other(&styled(BAD, "✗"), &no.message, &[]),
    }
}

fn end(course: &Course) -> String {
    match &course.parting {
        Some(Parting { at: Place::Opening, .. }) => styled(ODD, "it parts at the opening"),
        Some(Parting { at: Place::RatingQuestion, .. }) => {
            styled(ODD, "it parts at the question for the ratings")
        }
        Some(Parting { round, .. }) => {
            styled(ODD, format!("it parts in round {}", round.unwrap_or_default()))
        }
        None if course.differs() => styled(ODD, "the day goes as it went, and ends otherwise"),
        None if course.breaks_off.is_some() => styled(GOOD, "nothing is different, as far as the turn came"),
        None => styled(GOOD, "nothing is different"),
    }
}

fn other(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.field).collect();
    format!("Claude would be asked otherwise: {}", names.join(", "))
}

fn differences(fields: &[Field]) -> String {
    let shown = |Field { field, then, now }: &Field| {
        let parted = |text: &str| match *field {
            "system" | "prompt" => in_sentences(text),
            _ => format!("{text}\n"),
        };
        let lines = match difference::lines(&parted(then), &parted(now)) {
            // They differ in the room between sentences.
            none if none.is_empty() => difference::lines(&format!("{then}\n"), &format!("{now}\n")),
            lines => lines,
        };
        let lines: String = lines.iter().map(|line| changed(line)).collect();
        format!("    {}\n{lines}", styled(HEAD, field))
    };
    fields.iter().map(shown).collect()
}

/// A sentence in a line: prompts have long lines, and what differs is to be found in them.
fn in_sentences(text: &str) -> String {
    let mut lines = text.to_owned();
    for (end, alone) in [(". ", ".\n"), ("! ", "!\n"), ("? ", "?\n")] {
        lines = lines.replace(end, alone);
    }
    lines + "\n"
}

/// A line of a difference, in lines that fit.
fn changed(line: &str) -> String {
    let (sign, words) = line.split_at(line.len().min(2));
    let style = match sign.trim() {
        "-" => BAD,
        "+" => GOOD,
        _ => FAINT,
    };
    match words.is_empty() {
        true => format!("    {}\n", styled(style, sign.trim())),
        false => set(&format!("    {} ", styled(style, &sign[..1])), 6, words, text_width()),
    }
}

fn no_question(no: &No, name: &StrategyName) -> String {
    match no.skips {
        true => format!("{name} would leave the turn out: {}", no.message),
        false => format!("{name} has no question: {}", no.message),
    }
}

/// The ratings, a line each.
fn ratings(ratings: &[Rating]) -> String {
    let rating = |Rating { module, score, notes }: &Rating| {
        format!("{module} {} {}\n", score.get(), notes.as_deref().unwrap_or("–"))
    };
    ratings.iter().map(rating).collect()
}

fn scores(ratings: &[Rating]) -> String {
    match ratings {
        [] => "no rating, as then".to_owned(),
        ratings => crate::cli::tick_view::scores(ratings),
    }
}

/// A finding: its mark, its place, its words.
fn line(mark: &str, place: &str, words: &str) -> String {
    set(&format!("{mark} {place:<width$}", width = INDENT - 2), INDENT, words, text_width())
}
