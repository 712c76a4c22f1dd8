//! `plugin replay`: what a build would have asked and read in turns of the past.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::component::{self, plugin, strategy};
use super::difference;
use crate::cli::args::Replay as Args;
use crate::cli::output::{BAD, FAINT, GOOD, HEAD, ODD, Output, styled, text_width};
use crate::cli::text::{printable, set};
use crate::cli::verbs::turns;
use crate::cli::{Exit, Failure, load};
use crate::reload::{Answers, No, Read, Replay, Replayed};
use domain::code::Code;
use domain::ids::{PluginName, StrategyName};
use domain::kept_turn::Question;
use domain::rating::Rating;
use domain::strategy::Strategy;

/// Replays. Ends with [`Exit::No`] when the build does worse in a turn.
///
/// # Errors
/// When the component is refused, or there is no ledger or no such turn in it.
pub async fn replay(args: &Args, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let source = component::read(&args.file)?;
    let strategies = strategies(args, &plugin(&args.file), file)?;
    let names: Vec<StrategyName> = strategies.iter().map(|strategy| strategy.name.clone()).collect();
    let ledger = turns::open(args.ledger.as_deref(), file).await?;
    let turns = ledger.kept_turns(&names, args.turns).await?;
    if turns.is_empty() {
        let names = names.iter().map(StrategyName::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("{} holds no turn under {names} that could be replayed", ledger.url());
        let hint = "name the strategy whose turns are meant with --strategy; turns of older versions cannot be replayed";
        return Err(Failure::new(Exit::No, Code::NothingToReplay, message).hint(hint));
    }
    let generation = component::loaded(&args.file, &source, file).await?;
    let replay = Replay::of(&generation, None, &strategies, &turns).await;
    let document = json!({ "sha256": generation.digest(), "worse": replay.worse(), "turns": replay });
    output.print(&document, || text(&replay))?;
    match replay.worse() {
        0 => Ok(()),
        worse => {
            let message = format!("it does worse in {worse} of {} turns", replay.0.len());
            Err(Failure::new(Exit::No, Code::ReplayDiffers, message).told())
        }
    }
}

/// Whose turns, and with which settings the build is asked.
fn strategies(args: &Args, plugin: &PluginName, file: Option<&Path>) -> Result<Vec<Arc<Strategy>>, Failure> {
    let mut configured = load::config(file)?.strategies;
    if let Some(name) = &args.strategy {
        let known = configured.iter().map(|own| own.name.to_string()).collect::<Vec<_>>().join(", ");
        configured.retain(|own| own.name.as_str() == name);
        if configured.is_empty() {
            let message = format!("there is no strategy {name:?} (there are: {known})");
            return Err(Failure::new(Exit::Usage, Code::NoSuchStrategy, message)
                .hint("name one of these with --strategy"));
        }
    } else {
        configured.retain(|own| own.plugin == *plugin);
    }
    if configured.is_empty() {
        configured.push(strategy(plugin, json!({})));
    }
    Ok(configured.into_iter().map(Arc::new).collect())
}

fn text(replay: &Replay) -> String {
    let turns: String = replay.0.iter().map(turn).collect();
    let same = replay.0.iter().filter(|replayed| is_same(replayed)).count();
    let (all, worse) = (replay.0.len(), replay.worse());
    let end = match worse {
        0 => styled(GOOD, "worse in none"),
        _ => styled(BAD, format!("worse in {worse}")),
    };
    format!("{turns}\n{}: the same in {same}, {end}\n", styled(HEAD, format!("{all} turns")))
}

/// A turn in a line, and what is different under it.
fn turn(replayed: &Replayed) -> String {
    let Replayed { turn, persona, strategy, now, before, worse } = replayed;
    let mark = match worse {
        Some(_) => styled(BAD, "✗"),
        None if is_same(replayed) => styled(GOOD, "✓"),
        None => styled(ODD, "≠"),
    };
    let id = turn.get(..8).unwrap_or(turn);
    let beside = styled(FAINT, format!("under {strategy}"));
    let mut text = format!("{mark} {id} {} {beside}\n", printable(persona));
    if let Some(worse) = worse {
        text += &set(&format!("    {} ", styled(BAD, "worse:")), 4, worse, text_width());
    }
    for (name, now, before) in [
        ("asks", asked(Some(&now.asked)), asked(Some(&before.asked))),
        ("asks for ratings", asked(now.rating_asked.as_ref()), asked(before.rating_asked.as_ref())),
        ("reads", read(now), read(before)),
    ] {
        if now != before {
            text += &format!(
                "    {}\n{}",
                styled(HEAD, name),
                difference::text(&difference::lines(&before, &now))
            );
        }
    }
    text
}

fn is_same(replayed: &Replayed) -> bool {
    let Replayed { now, before, .. } = replayed;
    (&now.asked, &now.rating_asked) == (&before.asked, &before.rating_asked) && read(now) == read(before)
}

fn asked(answer: Option<&Result<Question, No>>) -> String {
    match answer {
        None => String::new(),
        Some(Ok(Question { system, user })) => format!("{system}\n\n{user}\n"),
        Some(Err(no)) => format!("{}\n", no.message),
    }
}

/// The ratings, a line each. Problems were not kept with the turn, so they are not compared.
fn read(answers: &Answers) -> String {
    match &answers.read {
        None => String::new(),
        Some(Err(no)) if no.code == "failure-output" => String::new(),
        Some(Err(no)) => format!("{}\n", no.message),
        Some(Ok(Read { ratings, .. })) => ratings.iter().map(rating).collect(),
    }
}

fn rating(Rating { module, score, notes }: &Rating) -> String {
    format!("{module} {} {}\n", score.get(), notes.as_deref().unwrap_or("–"))
}
