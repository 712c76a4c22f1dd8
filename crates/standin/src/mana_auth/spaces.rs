//! Spaces ("organizations" to better-auth) and who belongs to them (contract 3.4 and 3.5).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value as Document, json};

use super::answer::Refusal;
use super::auth::ManaAuth;
use crate::database::{Database, DatabaseError, Moment, Value};
use crate::random;

/// Slugs that nobody gets.
const RESERVED: [&str; 8] = ["admin", "api", "app", "auth", "mana", "settings", "support", "www"];

/// `GET /api/auth/organization/list`: with the session cookie only, unless the option for the bearer
/// plugin is set (contract D2).
pub(super) async fn list(
    State(auth): State<Arc<ManaAuth>>,
    headers: HeaderMap,
) -> Result<Json<Document>, Refusal> {
    if auth.takes_fault(|faults| &mut faults.sessions) {
        auth.database().execute("DELETE FROM auth.sessions", &[]).await?;
    }
    let mut session = auth.session_of_cookie(&headers).await?;
    if session.is_none() && auth.options.bearer_lists_organizations {
        session = auth.session_of_bearer(&headers).await?;
    }
    let session = session.ok_or_else(Refusal::no_session)?;
    Ok(Json(spaces_of(auth.database(), &session.user.id).await?))
}

/// `GET /api/v1/internal/users/:id/memberships`.
pub(super) async fn memberships(
    State(auth): State<Arc<ManaAuth>>,
    Path(user): Path<String>,
) -> Result<Json<Document>, Refusal> {
    let sql = "SELECT organization_id, role FROM auth.members WHERE user_id = $1 ORDER BY created_at, id";
    let rows = auth.database().rows(sql, &[user.as_str().into()]).await?;
    let memberships = rows
        .iter()
        .map(|row| Ok(json!({"organizationId": row.text("organization_id")?, "role": row.text("role")?})))
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    Ok(Json(json!({"userId": user, "memberships": memberships})))
}

impl ManaAuth {
    /// Gives a user one more space, of a kind such as `family`; returns its id.
    ///
    /// # Errors
    /// When there is no such user, or a statement fails.
    pub async fn add_space(&self, user: &str, name: &str, kind: &str) -> Result<String, DatabaseError> {
        let _one_at_a_time = self.signing_up.lock().await;
        let slug = free_slug(self.database(), name).await?;
        let statements = new_space(user, name, &slug, kind, self.now());
        self.database().execute_all(&statements).await?;
        let sql = "SELECT id FROM auth.organizations WHERE slug = $1";
        let row = self.database().row(sql, &[slug.into()]).await?;
        row.expect("the space was written a moment ago").text("id")
    }
}

/// The spaces of a user, oldest first, in better-auth's form.
pub(crate) async fn spaces_of(database: &Database, user: &str) -> Result<Document, DatabaseError> {
    let sql = "SELECT o.id, o.name, o.slug, o.logo, o.created_at, o.metadata
               FROM auth.organizations o JOIN auth.members m ON m.organization_id = o.id
               WHERE m.user_id = $1 ORDER BY o.created_at, m.id";
    let rows = database.rows(sql, &[user.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(json!({
                "id": row.text("id")?,
                "name": row.text("name")?,
                "slug": row.text("slug")?,
                "logo": row.maybe_text("logo")?,
                "createdAt": row.moment("created_at")?.text(),
                "metadata": row.json("metadata")?,
            }))
        })
        .collect()
}

/// The statements that make a space with its owner. Its tier is the one that everybody has at sign-up.
pub(super) fn new_space(
    user: &str,
    name: &str,
    slug: &str,
    kind: &str,
    now: Moment,
) -> [(&'static str, Vec<Value>); 2] {
    let space = random::id(21);
    let metadata = Value::Json(json!({"tier": "public", "type": kind}));
    [
        (
            "INSERT INTO auth.organizations (id, name, slug, metadata, created_at) VALUES ($1, $2, $3, $4, $5)",
            vec![space.as_str().into(), name.into(), slug.into(), metadata, now.into()],
        ),
        (
            "INSERT INTO auth.members (id, organization_id, user_id, role, created_at)
             VALUES ($1, $2, $3, 'owner', $4)",
            vec![random::id(32).into(), space.into(), user.into(), now.into()],
        ),
    ]
}

/// The first slug for this address or name that is neither reserved nor taken.
pub(super) async fn free_slug(database: &Database, name: &str) -> Result<String, DatabaseError> {
    let slug = slug(name);
    for number in 1.. {
        let candidate = if number == 1 { slug.clone() } else { format!("{slug}-{number}") };
        let sql = "SELECT 1 AS taken FROM auth.organizations WHERE slug = $1";
        let is_taken = database.row(sql, &[candidate.as_str().into()]).await?.is_some();
        if !is_taken && !RESERVED.contains(&candidate.as_str()) {
            return Ok(candidate);
        }
    }
    unreachable!("there are more numbers than spaces")
}

/// Lower case, everything but letters and digits a dash, at most 30 characters (contract 3.4).
fn slug(name: &str) -> String {
    let local = name.split('@').next().unwrap_or_default().to_lowercase();
    let words: Vec<&str> =
        local.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").chars().take(30).collect();
    if slug.is_empty() { "space".to_owned() } else { slug.trim_end_matches('-').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_comes_from_the_local_part() {
        for (email, expected) in [
            ("persona.kai@mana.test", "persona-kai"),
            ("A..B+c@x.y", "a-b-c"),
            ("@x.y", "space"),
            ("a-very-long-local-part-of-an-address@x.y", "a-very-long-local-part-of-an-a"),
        ] {
            assert_eq!(slug(email), expected);
        }
    }
}
