//! `pause` and `resume`: in the ledger, or through the daemon that has it.

use std::path::Path;

use serde_json::{Value, json};

use super::plugin::running::running;
use crate::cli::output::{GOOD, ODD, Output, styled};
use crate::cli::text::printable;
use crate::cli::{Failure, load};
use crate::store::{Ledger, LedgerError, LedgerUrl};
use domain::clock::Clock;

/// Pauses everybody or one persona. A daemon that runs holds the ledger, and is asked.
///
/// # Errors
/// When the ledger can neither be written nor asked for.
pub async fn pause(
    persona: Option<&str>,
    now: bool,
    url: Option<&str>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let document = brake(Verb::Pause { now }, persona, url, file).await?;
    output.print(&document, || {
        let whom =
            persona.map_or_else(|| "all personas are".to_owned(), |email| format!("{} is", printable(email)));
        let stopped = match document["stopped"].as_u64() {
            Some(0) | None if now => "; no turn was running".to_owned(),
            Some(1) => "; 1 running turn makes no further call".to_owned(),
            Some(turns) if now => format!("; {turns} running turns make no further call"),
            _ => "; turns that run come to their end".to_owned(),
        };
        format!("{}{stopped}\n", styled(ODD, format!("{whom} paused")))
    })
}

/// Ends the pause of everybody or of one persona.
///
/// # Errors
/// When the ledger can neither be written nor asked for.
pub async fn resume(
    persona: Option<&str>,
    url: Option<&str>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let document = brake(Verb::Resume, persona, url, file).await?;
    output.print(&document, || match persona {
        Some(email) => format!("{} plays when it is due\n", styled(GOOD, printable(email))),
        None => format!(
            "{}: who is due plays, and turns that were stopped go on\n",
            styled(GOOD, "no general pause any more")
        ),
    })
}

#[derive(Clone, Copy)]
enum Verb {
    Pause { now: bool },
    Resume,
}

async fn brake(
    verb: Verb,
    persona: Option<&str>,
    url: Option<&str>,
    file: Option<&Path>,
) -> Result<Value, Failure> {
    let (name, now) = match verb {
        Verb::Pause { now } => ("pause", now),
        Verb::Resume => ("resume", false),
    };
    if url.is_some() {
        return Ok(running(url, file)?.brake(name, persona, now).await?);
    }
    let config = load::config(file)?;
    match in_ledger(verb, persona, &load::ledger(&config)?).await {
        Err(LedgerError::InUse { .. }) => Ok(running(None, file)?.brake(name, persona, now).await?),
        kept => {
            kept?;
            Ok(json!({ "paused": matches!(verb, Verb::Pause { .. }), "persona": persona, "stopped": 0 }))
        }
    }
}

async fn in_ledger(verb: Verb, persona: Option<&str>, url: &LedgerUrl) -> Result<(), LedgerError> {
    let ledger = Ledger::open_existing(url, Clock::system()).await?;
    let kept = match verb {
        Verb::Pause { .. } => ledger.pause(persona).await,
        Verb::Resume => ledger.resume(persona).await,
    };
    ledger.close().await;
    kept
}
