//! The space that a persona works in (contract 3.4).

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use super::asked::Asked;
use super::client::Mana;
use super::error::ManaError;
use super::header::prove;
use super::sign_in_form::SignInForm;
use super::signed_in::{Proof, SignedIn};
use domain::ids::SpaceId;

/// A Mana space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its id.
    pub id: SpaceId,
    /// What it is called.
    pub name: String,
    /// `personal`, `family`, `team` and so on, where mana-auth says it.
    pub kind: Option<String>,
}

impl Mana {
    /// The persona's personal space; if it has none, the first of any kind, as the first runner did.
    ///
    /// # Errors
    /// When mana-auth refuses or cannot be asked, or when the persona has no space at all.
    pub async fn personal_space(&self, signed_in: &SignedIn) -> Result<Space, ManaError> {
        let spaces = self.spaces(signed_in).await?;
        let personal = spaces.iter().position(|space| space.kind.as_deref() == Some("personal"));
        spaces
            .into_iter()
            .nth(personal.unwrap_or(0))
            .ok_or_else(|| ManaError::NoSpace { email: signed_in.email.clone() })
    }

    async fn spaces(&self, signed_in: &SignedIn) -> Result<Vec<Space>, ManaError> {
        let shown = self.spaces_shown_to(&signed_in.proof).await;
        let Proof::Bearer(session) = &signed_in.proof else { return shown };
        let refused = match shown {
            Err(error) if error.is_unauthorized() => error,
            shown => return shown,
        };
        // The first runner took the session token for the JWT, so its documents do not say which of the
        // two is meant here.
        if session.expose_secret() != signed_in.jwt.expose_secret() {
            match self.spaces_shown_to(&Proof::Bearer(signed_in.jwt.clone())).await {
                Err(error) if error.is_unauthorized() => {}
                shown => return shown,
            }
        }
        if self.options.sign_in != SignInForm::Auto {
            return Err(refused);
        }
        match self.sign_in_by_cookie(&signed_in.email, Some(&signed_in.user)).await {
            Ok(again) => self.spaces_shown_to(&again.proof).await,
            Err(_) => Err(refused),
        }
    }

    async fn spaces_shown_to(&self, proof: &Proof) -> Result<Vec<Space>, ManaError> {
        let asked = Asked::Spaces;
        let (name, value) = prove(&asked, proof)?;
        let request = self.http.get(self.auth("/api/auth/organization/list")).header(name, value);
        let answer = self.in_time(self.ask(&asked, request).await?, &asked)?.accepted(&asked)?;
        read(answer.json(&asked)?).map_err(|cause| answer.unreadable(&asked, cause))
    }
}

/// The spaces that can be read. One that cannot is of no use, and does no harm to the others.
fn read(listed: Vec<Value>) -> Result<Vec<Space>, String> {
    let (mut spaces, mut unreadable) = (Vec::new(), None);
    for entry in listed {
        match serde_json::from_value::<Organization>(entry) {
            Ok(organization) => spaces.push(Space::from(organization)),
            Err(error) => unreadable = Some(error.to_string()),
        }
    }
    match unreadable {
        Some(cause) if spaces.is_empty() => Err(cause),
        _ => Ok(spaces),
    }
}

/// A space in mana-auth's words.
#[derive(Deserialize)]
struct Organization {
    id: SpaceId,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    metadata: Value,
}

impl From<Organization> for Space {
    fn from(organization: Organization) -> Self {
        let kind = kind(organization.metadata);
        Self { id: organization.id, name: organization.name.unwrap_or_default(), kind }
    }
}

/// `metadata.type`. The metadata are an object, or that object as a string, depending on how
/// mana-auth's database is set up.
fn kind(metadata: Value) -> Option<String> {
    let metadata = match metadata {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
        metadata => metadata,
    };
    metadata.get("type")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_are_an_object_or_a_string_or_nothing() {
        for (metadata, expected) in [
            (json!({"tier": "public", "type": "personal"}), Some("personal")),
            (json!(r#"{"type":"team"}"#), Some("team")),
            (json!("not JSON"), None),
            (json!({"type": 7}), None),
            (json!(null), None),
        ] {
            assert_eq!(kind(metadata.clone()).as_deref(), expected, "{metadata}");
        }
    }
}
