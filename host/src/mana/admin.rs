//! The admin endpoints of mana-auth, as far as commands need them: create a persona, list all (contract 5).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::asked::Asked;
use super::catalog::Entry;
use super::error::ManaError;
use super::exchange::ask;
use super::header::bearer;
use crate::outbound::Client;
use domain::code::Code;
use domain::ids::PersonaId;
use domain::persona::Cadence;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Creates personas with an administrator's token.
#[derive(Clone, Debug)]
pub struct Admin {
    http: Client,
    url: String,
    jwt: SecretString,
}

/// A persona as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its address.
    pub email: String,
    /// When it was active last.
    pub last_active_at: Option<DateTime<Utc>>,
}

/// A persona could not be created. It shows mana-auth's own reasons where it gave some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct AdminError(#[source] ManaError);

impl Admin {
    /// `url` is the full address of the endpoint: `http://localhost:3001/api/v1/admin/personas`, or
    /// `http://localhost:3060/api/v1/personas/admin` in the second generation of the API (contract 10).
    #[must_use]
    pub fn new(http: impl Into<Client>, url: impl Into<String>, jwt: SecretString) -> Self {
        Self { http: http.into(), url: url.into(), jwt }
    }

    /// Creates a persona, or brings the description of an existing one up to date; the password of an
    /// existing one stays what it was (contract 1).
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked.
    pub async fn create(&self, entry: &Entry, password: &SecretString) -> Result<PersonaId, AdminError> {
        self.post(entry, password).await.map_err(AdminError)
    }

    /// Everybody who was seeded (contract 5).
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked.
    pub async fn list(&self) -> Result<Vec<Listed>, AdminError> {
        self.get().await.map_err(AdminError)
    }

    async fn get(&self) -> Result<Vec<Listed>, ManaError> {
        #[derive(Deserialize)]
        struct All {
            personas: Vec<Listed>,
        }
        let asked = Asked::List;
        let request = self.http.get(&self.url).header("authorization", bearer(&asked, &self.jwt)?);
        let all: All = ask(&asked, request, PATIENCE).await?.accepted(&asked)?.json(&asked)?;
        Ok(all.personas)
    }

    async fn post(&self, entry: &Entry, password: &SecretString) -> Result<PersonaId, ManaError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            user_id: PersonaId,
        }
        let asked = Asked::Create { email: entry.email.clone() };
        let request = self
            .http
            .post(&self.url)
            .header("authorization", bearer(&asked, &self.jwt)?)
            .json(&Body::of(entry, password));
        let created: Created = ask(&asked, request, PATIENCE).await?.accepted(&asked)?.json(&asked)?;
        Ok(created.user_id)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    email: &'a str,
    name: &'a str,
    password: &'a str,
    archetype: &'a str,
    system_prompt: &'a str,
    module_mix: Map<String, Value>,
    tick_cadence: Cadence,
}

impl<'a> Body<'a> {
    fn of(entry: &'a Entry, password: &'a SecretString) -> Self {
        Self {
            email: &entry.email,
            name: &entry.name,
            password: password.expose_secret(),
            archetype: &entry.archetype,
            system_prompt: &entry.system_prompt,
            module_mix: entry
                .module_mix
                .iter()
                .map(|part| (part.module.clone(), part.weight.into()))
                .collect(),
            tick_cadence: entry.cadence,
        }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ManaError::Refused { asked, status, body } => {
                let reasons = reasons(body).unwrap_or_else(|| body.clone());
                write!(f, "{asked}: HTTP {status} — {reasons}")
            }
            error => error.fmt(f),
        }
    }
}

impl AdminError {
    /// The word of its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.fault_code().word()
    }

    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        self.0.fault_code()
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.fault_code() {
            Code::AdminTokenRefused => {
                "MANA_ADMIN_JWT is missing, wrong or older than 15 minutes: get a fresh one."
            }
            Code::NotAnAdmin => {
                "MANA_ADMIN_JWT must carry the claim role = \"admin\"; a persona's own token does not."
            }
            Code::WrongPath => "Check MANA_AUTH_URL and the path of the admin endpoint.",
            Code::ListFailed => "Look into mana-auth's log.",
            Code::CreateFailed => "Put right in the catalog what mana-auth complains of, and seed again.",
            _ => self.0.hint(),
        }
    }

    /// Whether every other entry would meet the same.
    #[must_use]
    pub fn stops_seeding(&self) -> bool {
        matches!(self.0, ManaError::Unreachable { .. } | ManaError::Unsendable { .. })
            || matches!(self.fault_code(), Code::AdminTokenRefused | Code::NotAnAdmin | Code::WrongPath)
    }
}

/// The complaints in a refusal, whichever of mana-auth's three shapes it has (contract 3 and 5).
fn reasons(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    if let Some(details) = body["details"].as_array() {
        let details: Vec<String> = details
            .iter()
            .map(|detail| detail.as_str().map_or_else(|| detail.to_string(), str::to_owned))
            .collect();
        return Some(details.join("; "));
    }
    let texts: Vec<&str> = ["error", "message"].iter().filter_map(|key| body[*key].as_str()).collect();
    (!texts.is_empty()).then(|| texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_shown_in_mana_auths_own_reasons() {
        for (body, expected) in [
            (
                r#"{"error":"ValidationError","details":["email required","archetype required"]}"#,
                Some("email required; archetype required"),
            ),
            (
                r#"{"error":"Forbidden","message":"Admin access required"}"#,
                Some("Forbidden: Admin access required"),
            ),
            (r#"{"statusCode":401,"message":"Invalid or expired token"}"#, Some("Invalid or expired token")),
            ("<html>", None),
        ] {
            assert_eq!(reasons(body).as_deref(), expected);
        }
    }
}
