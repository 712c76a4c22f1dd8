//! `pause` and `resume`: in the ledger, or through the daemon that has it.

use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::plugin::running::{at, running};
use crate::cli::output::{FAINT, GOOD, ODD, Output, styled};
use crate::cli::text::printable;
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use crate::mana::Mana;
use crate::outbound;
use crate::runner::{AskedBy, Nobody, WhomError, meant, meant_anywhere};
use crate::running::RunningError;
use crate::store::{Ledger, LedgerError, LedgerUrl, Paused};
use domain::clock::Clock;
use domain::code::Code;

/// Who holds a ledger and listens nowhere.
const NO_PORT: &str = "a `tick` or an `experiment run` that has the ledger is paused with `kill -USR1 PID`, and resumed with \
                       -USR2; a daemon that listens elsewhere is named with --url http://HOST:PORT, or in [http] of the file \
                       that --config names";

/// What a pause is asked for with.
#[derive(Debug)]
pub struct Asked {
    /// Only this persona.
    pub persona: Option<String>,
    /// Running turns stop, too.
    pub now: bool,
    /// Why.
    pub reason: Option<String>,
    /// Also somebody who is not known.
    pub anyway: bool,
}

/// Pauses everybody or one persona. A daemon that runs holds the ledger, and is asked.
///
/// # Errors
/// When the ledger can neither be written nor asked for, or the address means nobody.
pub async fn pause(
    asked: &Asked,
    url: Option<&str>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let document = match in_ledger(url, file).await? {
        Some((ledger, config)) => {
            let kept = paused_in(&ledger, &config, asked).await;
            let place = ledger.url().to_string();
            ledger.close().await;
            written_in(kept?, place)
        }
        None => asked_of_the_daemon("pause", &asked.parameters(), url, file).await?,
    };
    output.print(&document, || {
        let whom = document["persona"].as_str();
        let whom =
            whom.map_or_else(|| "all personas are".to_owned(), |email| format!("{} is", printable(email)));
        let stopped = match document["stopped"].as_u64() {
            Some(0) | None if asked.now => "; no turn was running".to_owned(),
            Some(1) => "; 1 running turn makes no further call".to_owned(),
            Some(turns) if asked.now => format!("; {turns} running turns make no further call"),
            _ => "; turns that run come to their end".to_owned(),
        };
        let already = if document["wasPaused"] == true { kept(&document, asked) } else { String::new() };
        format!("{}{stopped}\n{already}", styled(ODD, format!("{whom} paused")))
    })?;
    tell_of_nobody(&document, output);
    let of = document["persona"].as_str().map_or_else(Vec::new, |email| vec!["--persona", email]);
    output.next(&[&["resume"][..], &of, &at(url)].concat());
    Ok(())
}

/// That the pause was there before, with what it keeps of what was asked now.
fn kept(document: &Value, asked: &Asked) -> String {
    let since = document["since"].as_str().unwrap_or_default();
    let reason = document["reason"].as_str();
    let because = reason.map_or_else(String::new, |reason| format!(", because \"{}\"", printable(reason)));
    let other = match asked.reason.as_deref().filter(|own| Some(*own) != reason) {
        Some(_) => "; the reason given now is not kept: `resume` and pause again to change it",
        None => "",
    };
    format!("it was paused already, since {}{because}{other}\n", printable(since))
}

/// Ends the pause of everybody or of one persona.
///
/// # Errors
/// When the ledger can neither be written nor asked for, or the address means nobody.
pub async fn resume(
    persona: Option<&str>,
    url: Option<&str>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let document = match in_ledger(url, file).await? {
        Some((ledger, config)) => {
            let resumed = resumed_in(&ledger, &config, persona).await;
            let place = ledger.url().to_string();
            ledger.close().await;
            written_in(resumed?, place)
        }
        None => {
            let asked: Vec<_> = persona.map(|email| ("persona", email)).into_iter().collect();
            asked_of_the_daemon("resume", &asked, url, file).await?
        }
    };
    output.print(&document, || {
        let was = if document["wasPaused"] == false { " (nothing was paused)" } else { "" };
        match (document["persona"].as_str(), document["still"].as_str()) {
            (Some(email), Some(still)) => {
                format!("{} has no pause of its own; {}\n", printable(email), printable(still))
            }
            (Some(email), None) => format!("{} plays when it is due{was}\n", styled(GOOD, printable(email))),
            (None, _) => format!(
                "{}: who is due plays, and turns that were stopped go on{was}\n{}",
                styled(GOOD, "no general pause any more"),
                still(&document)
            ),
        }
    })?;
    tell_of_nobody(&document, output);
    output.next(&["personas", "list"]);
    Ok(())
}

/// The same with the ledger that it was written into, as no persona-host has it.
fn written_in(mut document: Value, ledger: String) -> Value {
    document["writtenIn"] = ledger.into();
    document
}

/// That no persona-host was told: one that runs elsewhere, with another ledger, does not hear of it.
fn tell_of_nobody(document: &Value, output: Output) {
    if let Some(ledger) = document["writtenIn"].as_str() {
        let line =
            format!("no persona-host has {ledger}: it is written there, for whichever is started with it");
        output.say(&styled(FAINT, line));
    }
}

/// Who does not play all the same.
fn still(document: &Value) -> String {
    let emails = document["stillPaused"].as_array().map_or(&[][..], Vec::as_slice);
    let emails: Vec<String> = emails.iter().filter_map(Value::as_str).map(printable).collect();
    match emails.first() {
        None => String::new(),
        Some(first) => {
            let (who, next) = (emails.join(", "), format!("persona-host resume --persona {first}"));
            format!("still paused by address: {who}; `{next}` lets one go on\n")
        }
    }
}

impl Asked {
    fn parameters(&self) -> Vec<(&str, &str)> {
        let texts = [("persona", &self.persona), ("reason", &self.reason)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let truths = [("now", self.now), ("anyway", self.anyway)];
        texts.chain(truths.into_iter().filter(|(_, is_so)| *is_so).map(|(name, _)| (name, "true"))).collect()
    }
}

/// The ledger, unless somebody is named, or has it.
async fn in_ledger(url: Option<&str>, file: Option<&Path>) -> Result<Option<(Ledger, Config)>, Failure> {
    if url.is_some() {
        return Ok(None);
    }
    let config = load::config(file)?;
    let store: LedgerUrl = load::ledger(&config)?;
    match Ledger::open_existing(&store, Clock::system()).await {
        Ok(ledger) => Ok(Some((ledger, config))),
        Err(LedgerError::InUse { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn asked_of_the_daemon(
    verb: &str,
    asked: &[(&str, &str)],
    url: Option<&str>,
    file: Option<&Path>,
) -> Result<Value, Failure> {
    match running(url, file)?.brake(verb, asked).await {
        Err(error @ RunningError::NoAnswer { .. }) if url.is_none() => {
            let message = format!("the ledger is in use, but {error}");
            Err(Failure::new(Exit::Unreachable, Code::DaemonUnreachable, message).hint(NO_PORT))
        }
        answered => Ok(answered?),
    }
}

async fn paused_in(ledger: &Ledger, config: &Config, asked: &Asked) -> Result<Value, Failure> {
    let persona = match &asked.persona {
        Some(typed) if asked.anyway && !typed.trim().is_empty() => Some(typed.trim().to_lowercase()),
        Some(typed) => Some(whom(typed, ledger, config).await?),
        None => None,
    };
    let by = Some(AskedBy::Command.name().to_owned());
    let before = ledger.pauses().await?;
    let was_paused = match &persona {
        Some(email) => before.personas.contains_key(email),
        None => before.everybody.is_some(),
    };
    let new = Paused { since: Clock::system().now(), by, reason: asked.reason.clone() };
    ledger.pause(persona.as_deref(), &new).await?;
    let pauses = ledger.pauses().await?;
    let kept = match &persona {
        Some(email) => pauses.personas.get(email),
        None => pauses.everybody.as_ref(),
    };
    let Paused { since, reason, .. } = kept.unwrap_or(&new);
    Ok(json!({
        "paused": true, "persona": persona, "stopped": 0, "since": since, "reason": reason, "wasPaused": was_paused,
    }))
}

async fn resumed_in(ledger: &Ledger, config: &Config, persona: Option<&str>) -> Result<Value, Failure> {
    let pauses = ledger.pauses().await?;
    let persona = match persona {
        Some(typed) => match meant(typed, pauses.personas.keys()) {
            Ok(email) => Some(email),
            Err(_) => Some(whom(typed, ledger, config).await?),
        },
        None => None,
    };
    ledger.resume(persona.as_deref()).await?;
    let was_paused = match &persona {
        Some(email) => pauses.personas.contains_key(email),
        None => pauses.everybody.is_some(),
    };
    let general = pauses.everybody.filter(|_| persona.is_some());
    let still = general.map(|paused| format!("all personas are {paused}"));
    let alone = pauses.personas.into_keys().filter(|_| persona.is_none());
    Ok(json!({
        "paused": still.is_some(), "persona": persona, "wasPaused": was_paused, "still": still,
        "stillPaused": alone.collect::<Vec<String>>(),
    }))
}

/// Whom the address means: to the ledger, and to mana-auth, if there is a key to ask it with.
async fn whom(typed: &str, ledger: &Ledger, config: &Config) -> Result<String, Failure> {
    let mana = match config.mana.service_key.expose_secret().is_empty() {
        true => None,
        false => Some(Mana::new(outbound::client()?, Clock::system(), load::mana_options(config))),
    };
    meant_anywhere(typed, ledger, mana.as_ref()).await.map_err(|error| match error {
        WhomError::Nobody(nobody) => Failure::from(nobody),
        WhomError::Ledger(error) => error.into(),
    })
}

impl From<Nobody> for Failure {
    fn from(nobody: Nobody) -> Self {
        Self::new(Exit::No, Code::NoSuchPersona, nobody.to_string()).hint(nobody.hint())
    }
}
