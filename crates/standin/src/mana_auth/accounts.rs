//! Users: how one signs up, and how one is found again.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::auth::ManaAuth;
use super::{password, spaces};
use crate::database::{DatabaseError, Moment, Row};
use crate::random;

/// Who signs up.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// Kept in lower case.
    pub email: &'a str,
    /// Shown, and the name of the personal space.
    pub name: &'a str,
    /// In the clear.
    pub password: &'a str,
}

/// A user as the answers show it.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) email_verified: bool,
    pub(super) access_tier: String,
    pub(super) kind: String,
    two_factor_enabled: bool,
    created_at: Moment,
    updated_at: Moment,
}

impl User {
    /// The `user` of a login's answer (contract 3.1).
    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "emailVerified": self.email_verified,
            "image": null,
            "createdAt": self.created_at.text(),
            "updatedAt": self.updated_at.text(),
            "twoFactorEnabled": self.two_factor_enabled,
            "accessTier": self.access_tier,
            "kind": self.kind,
        })
    }

    pub(super) fn read(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.text("id")?,
            name: row.text("name")?,
            email: row.text("email")?,
            email_verified: row.flag("email_verified")?,
            access_tier: row.text("access_tier")?,
            kind: row.text("kind")?,
            two_factor_enabled: row.flag("two_factor_enabled")?,
            created_at: row.moment("created_at")?,
            updated_at: row.moment("updated_at")?,
        })
    }
}

impl ManaAuth {
    /// Signs up a human, who gets a personal space (contract 3.4); returns the user's id. The address
    /// is not verified yet.
    ///
    /// # Errors
    /// When the address is taken, or a statement fails.
    pub async fn sign_up(&self, new: NewUser<'_>) -> Result<String, DatabaseError> {
        let _one_at_a_time = self.signing_up.lock().await;
        let email = new.email.to_lowercase();
        let slug = spaces::free_slug(self.database(), &email).await?;
        let (user, now) = (random::id(32), self.now());
        let mut statements = vec![
            (
                "INSERT INTO auth.users (id, name, email, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
                vec![user.as_str().into(), new.name.into(), email.into(), now.into()],
            ),
            (
                "INSERT INTO auth.accounts (id, user_id, provider_id, password, created_at)
                 VALUES ($1, $2, 'credential', $3, $4)",
                vec![
                    random::id(32).into(),
                    user.as_str().into(),
                    password::hashed(new.password, self.options.password_rounds).into(),
                    now.into(),
                ],
            ),
        ];
        statements.extend(spaces::new_space(&user, new.name, &slug, "personal", now));
        self.database().execute_all(&statements).await?;
        Ok(user)
    }

    /// The user with this address, in any case.
    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        let sql = "SELECT id, name, email, email_verified, access_tier, CAST(kind AS text) AS kind,
                          two_factor_enabled, created_at, updated_at
                   FROM auth.users WHERE email = $1";
        self.database().row(sql, &[email.to_lowercase().into()]).await?.as_ref().map(User::read).transpose()
    }

    /// The user with this address and password.
    pub(super) async fn user_by_password(
        &self,
        email: &str,
        given: &str,
    ) -> Result<Option<User>, DatabaseError> {
        let Some(user) = self.user_by_email(email).await? else { return Ok(None) };
        let sql = "SELECT password FROM auth.accounts WHERE user_id = $1 AND provider_id = 'credential'";
        let account = self.database().row(sql, &[user.id.as_str().into()]).await?;
        let stored = account.map(|row| row.maybe_text("password")).transpose()?.flatten();
        Ok(stored.is_some_and(|stored| password::fits(given, &stored)).then_some(user))
    }
}

/// `email` and `password` of a sign-in's body. `None` when the body is no JSON; empty texts when it is
/// but they are missing, which fit nobody.
pub(super) fn credentials(body: &[u8]) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Some((text("email"), text("password")))
}

/// better-auth's rules for a new account (contract 5: what it says becomes the `message` of a 500).
pub(super) fn sign_up_problem(email: &str, password: &str) -> Option<&'static str> {
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !email.contains(char::is_whitespace)
    });
    if !is_address {
        Some("Invalid email")
    } else if password.chars().count() > 128 {
        Some("Password too long")
    } else {
        None
    }
}

/// better-auth's answer to an address that is not verified, and the wrapper's (they differ).
pub(super) fn not_verified(wrapped: bool) -> Refusal {
    let text = if wrapped { "error" } else { "message" };
    Refusal::Said(StatusCode::FORBIDDEN, json!({text: "Email not verified", "code": "EMAIL_NOT_VERIFIED"}))
}
