//! `personas list` and `personas password`.

use std::collections::BTreeMap;
use std::path::Path;

use comfy_table::{Cell, Color};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::turns::open;
use crate::cli::args::Personas;
use crate::cli::output::Column::{Flowing, Whole};
use crate::cli::output::{FAINT, Output, styled, table};
use crate::cli::text::printable;
use crate::cli::tick_view::scores;
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::mana::{Mana, password};
use crate::outbound;
use crate::store::{LedgerError, Summary, TurnFilter};
use domain::clock::Clock;

/// Looks at personas.
///
/// # Errors
/// When neither the ledger nor mana-auth can be asked, or there is no seed secret.
pub async fn look(verb: Personas, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    match verb {
        Personas::Password { email } => show_password(&email, file, output),
        Personas::List => list(file, output).await,
    }
}

fn show_password(email: &str, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let password = password(&config.mana.seed_secret, email).map_err(|error| {
        Failure::new(Exit::Refused, error.to_string())
            .hint("set PERSONA_SEED_SECRET, or unset it to use the one for development")
    })?;
    let document = json!({ "email": email, "password": password.expose_secret() });
    output.print(&document, || format!("{}\n", password.expose_secret()))
}

/// Who has run, newest first, and who is due now.
async fn list(file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    let turns = match open(None, file).await {
        Ok(ledger) => {
            let every = TurnFilter { limit: Some(10_000), ..TurnFilter::default() };
            ledger.list(&every).await.map_err(|error: LedgerError| Failure::from(error))?
        }
        Err(failure) => {
            output.say(&styled(FAINT, failure.to_string()));
            Vec::new()
        }
    };
    let due = due(&config, output).await?;
    let mut personas: BTreeMap<&str, (Option<&Summary>, bool)> = BTreeMap::new();
    for turn in turns.iter().rev() {
        personas.insert(&turn.persona, (Some(turn), false));
    }
    for email in due.iter().flatten() {
        personas.entry(email).or_insert((None, false)).1 = true;
    }
    let known_due = due.is_some();
    let document: Vec<Value> = (personas.iter())
        .map(|(email, (turn, due))| {
            json!({ "persona": email, "due": known_due.then_some(*due), "lastTurn": turn })
        })
        .collect();
    output.print(&document, || {
        if personas.is_empty() {
            return "no persona has run, and none is known to be due\n".to_owned();
        }
        let mut table = table([
            Whole("persona"),
            Whole("due"),
            Whole("last turn"),
            Whole("state"),
            Whole("strategy"),
            Flowing("rated"),
        ]);
        for (email, (turn, due)) in &personas {
            let cell = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "–".to_owned()));
            table.add_row([
                Cell::new(printable(email)),
                if *due {
                    Cell::new("due").fg(Color::Green)
                } else {
                    cell(known_due.then(|| "no".to_owned()))
                },
                cell(turn.map(|turn| turn.started_at.format("%Y-%m-%d %H:%M").to_string())),
                cell(turn.map(|turn| turn.state.clone())),
                cell(turn.and_then(|turn| turn.strategy.clone())),
                cell(turn.map(|turn| printable(&scores(&turn.ratings)))),
            ]);
        }
        format!("{}\n", table.trim_fmt())
    })
}

/// Who is due, if there is a key to ask with and mana-auth answers.
async fn due(config: &Config, output: Output) -> Result<Option<Vec<String>>, Failure> {
    if config.mana.service_key.expose_secret().is_empty() {
        output.say(&styled(FAINT, "MANA_SERVICE_KEY is not set, so mana-auth is not asked who is due"));
        return Ok(None);
    }
    let options = load::mana_options(config);
    let list = Mana::new(outbound::client()?, Clock::system(), options).due().await?;
    Ok(Some(list.personas.into_iter().map(|persona| persona.email).collect()))
}
