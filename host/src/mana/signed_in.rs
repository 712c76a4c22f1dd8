//! A persona that has signed in, and what shows it.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use domain::ids::PersonaId;

/// A persona that has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Its user id.
    pub user: PersonaId,
    /// The address it signed in with.
    pub email: String,
    /// Its JWT, which mana-mcp and the vault accept.
    pub jwt: SecretString,
    /// When the JWT ends, by our clock; `None` when the token does not say.
    pub expires_at: Option<DateTime<Utc>>,
    /// What mana-auth's own routes accept.
    pub proof: Proof,
}

/// What shows mana-auth's own routes that somebody has signed in.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The session cookie, as the value of a `Cookie` header.
    Cookie(SecretString),
    /// The session token, for a mana-auth that takes one as Bearer.
    Bearer(SecretString),
}
