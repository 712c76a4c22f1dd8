//! What a plugin is called with, from the files that were named. What is not given comes from the
//! workshop's sample.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cli::{Exit, Failure};
use crate::mana::catalog::{Catalog, Entry};
use crate::workshop::{MergeError, Sample};
use domain::code::Code;
use domain::persona::Persona;

/// The files that were named.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given<'a> {
    /// `FILE` or `FILE#EMAIL`.
    pub(super) persona: Option<&'a str>,
    /// Of the turn's context, or a part of it.
    pub(super) context: Option<&'a Path>,
    /// Of what came of the turn, or a part of it.
    pub(super) outcome: Option<&'a Path>,
    /// Of the model's reply.
    pub(super) reply: Option<&'a Path>,
}

impl Given<'_> {
    /// Reads them.
    ///
    /// # Errors
    /// When one cannot be read, or is not what it should be.
    pub(super) fn sample(self) -> Result<Sample, Failure> {
        let mut sample = Sample::usual();
        if let Some(named) = self.persona {
            sample.persona = persona(named)?;
        }
        if let Some(path) = self.context {
            sample = sample.with_context(&json(path)?).map_err(|error| refused(path, &error))?;
        }
        if let Some(path) = self.outcome {
            sample = sample.with_outcome(&json(path)?).map_err(|error| refused(path, &error))?;
        }
        if let Some(path) = self.reply {
            sample.reply = read(path)?;
        }
        Ok(sample)
    }
}

/// The settings of a file; an empty object without one.
///
/// # Errors
/// When it cannot be read, or is no JSON.
pub(super) fn settings(path: Option<&Path>) -> Result<Value, Failure> {
    path.map_or_else(|| Ok(Value::Object(Map::new())), json)
}

/// The persona of a catalog: the first, or the one whose address follows the `#`.
fn persona(named: &str) -> Result<Persona, Failure> {
    // A file may have a # in its name.
    let parts = if Path::new(named).exists() { None } else { named.rsplit_once('#') };
    let (path, email) = parts.map_or((named, None), |(path, email)| (path, Some(email)));
    let path = Path::new(path);
    let catalog = catalog(path)?;
    let entry = match email {
        None => catalog.personas.into_iter().next(),
        Some(email) => catalog.personas.into_iter().find(|entry| entry.email == email),
    };
    entry.map(of_entry).ok_or_else(|| {
        let message = format!("{} has no persona {}", path.display(), email.unwrap_or_default());
        Failure::new(Exit::BadInput, Code::InputUnusable, message)
            .hint("name one as in FILE#persona.anna@mana.test")
    })
}

/// A catalog, or one entry of a catalog.
fn catalog(path: &Path) -> Result<Catalog, Failure> {
    let document = json(path)?;
    let single = document.is_object() && document.get("personas").is_none();
    let catalog = if single { json!({ "personas": [document] }) } else { document };
    Catalog::parse(&catalog.to_string()).map_err(|error| {
        let problems = error.to_string();
        let problems = if single { problems.replace("personas[0].", "") } else { problems };
        Failure::new(
            Exit::BadInput,
            Code::InputUnusable,
            format!("{} has no persona in it: {problems}", path.display()),
        )
        .hint("give an entry in the format of examples/personas.json, or such a file")
    })
}

fn of_entry(entry: Entry) -> Persona {
    Persona {
        id: Sample::id_of(&entry.email),
        email: entry.email,
        archetype: entry.archetype,
        system_prompt: entry.system_prompt,
        module_mix: entry.module_mix,
        cadence: entry.cadence,
        last_active_at: None,
    }
}

fn json(path: &Path) -> Result<Value, Failure> {
    serde_json::from_str(&read(path)?).map_err(|error| {
        Failure::new(Exit::BadInput, Code::InputUnusable, format!("{} is not JSON: {error}", path.display()))
            .hint("correct it where the error says")
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::File, Code::FileUnreadable, format!("{} cannot be read: {error}", path.display()))
            .hint("name a file that this user can read")
    })
}

fn refused(path: &Path, error: &MergeError) -> Failure {
    let failure = Failure::new(Exit::BadInput, Code::InputUnusable, format!("{}: {error}", path.display()));
    match &error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
