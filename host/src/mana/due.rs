//! Who is due (contract 4.1). mana-auth decides; an entry that cannot be read is told apart, so that
//! it stops nobody else's turn.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::asked::Asked;
use super::client::Mana;
use super::error::ManaError;
use domain::ids::PersonaId;
use domain::persona::{Cadence, ModuleWeight, Persona};

/// mana-auth's answer to who is due.
#[derive(Clone, Debug, PartialEq)]
pub struct DueList {
    /// Who is, longest inactive first.
    pub personas: Vec<Persona>,
    /// Entries that make no persona.
    pub unreadable: Vec<UnreadableEntry>,
    /// mana-auth's clock.
    pub server_time: DateTime<Utc>,
}

/// An entry of the due list that makes no persona.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadableEntry {
    /// Whose it is: the email address, else the user's id, else its place in the list.
    pub who: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Mana {
    /// Asks who is due.
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked, or when the list as a whole is unreadable.
    pub async fn due(&self) -> Result<DueList, ManaError> {
        let asked = Asked::Due;
        let answer = self.heard(&asked, self.keys.ask(&asked, self.http.get(self.personas("/due"))).await);
        let listed: Listed = self.in_time(answer?, &asked)?.accepted(&asked)?.json(&asked)?;
        Ok(listed.into_due())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    personas: Vec<Value>,
    server_time: DateTime<Utc>,
}

impl Listed {
    fn into_due(self) -> DueList {
        let mut due = DueList { personas: vec![], unreadable: vec![], server_time: self.server_time };
        for (index, entry) in self.personas.into_iter().enumerate() {
            let named = ["email", "userId"].iter().find_map(|name| entry[*name].as_str());
            let who = named.map_or_else(|| format!("personas[{index}]"), str::to_owned);
            match read(entry) {
                Ok(persona) => due.personas.push(persona),
                Err(reason) => due.unreadable.push(UnreadableEntry { who, reason }),
            }
        }
        due
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    user_id: PersonaId,
    email: String,
    archetype: String,
    system_prompt: String,
    module_mix: Map<String, Value>,
    tick_cadence: Cadence,
    last_active_at: Option<DateTime<Utc>>,
}

fn read(entry: Value) -> Result<Persona, String> {
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let weigh = |(module, weight): (String, Value)| match weight.as_f64() {
        Some(weight) if weight >= 0.0 => Ok(ModuleWeight { module, weight }),
        _ => Err(format!("moduleMix.{module}: {weight} is not a number from 0 up")),
    };
    Ok(Persona {
        id: entry.user_id,
        email: entry.email,
        archetype: entry.archetype,
        system_prompt: entry.system_prompt,
        module_mix: entry.module_mix.into_iter().map(weigh).collect::<Result<_, _>>()?,
        cadence: entry.tick_cadence,
        last_active_at: entry.last_active_at,
    })
}
