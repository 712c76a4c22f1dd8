//! The user's encryption vault (contract 3.5). It exists or not, and that is all that matters here:
//! its key encrypts nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::auth::ManaAuth;
use crate::database::{Database, DatabaseError};
use crate::random;
use crate::token::Claims;

const KEK: &str = "stand-in-kek-1";

/// `GET …/status`.
pub(super) async fn status(
    State(auth): State<Arc<ManaAuth>>,
    Extension(claims): Extension<Claims>,
) -> Result<Json<Value>, Refusal> {
    let exists = vault_exists(auth.database(), &claims.sub).await?;
    Ok(Json(json!({
        "vaultExists": exists,
        "hasRecoveryWrap": false,
        "zeroKnowledge": false,
        "recoverySetAt": null,
    })))
}

/// `POST …/init`: makes the vault, or says what is there.
pub(super) async fn init(
    State(auth): State<Arc<ManaAuth>>,
    Extension(claims): Extension<Claims>,
) -> Result<Json<Value>, Refusal> {
    let sql = "INSERT INTO auth.encryption_vaults (user_id, master_key, kek_id, created_at)
               VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO NOTHING";
    let values = [claims.sub.as_str().into(), random::key().into(), KEK.into(), auth.now().into()];
    auth.database().execute(sql, &values).await?;
    key(State(auth), Extension(claims)).await
}

/// `GET …/key`.
pub(super) async fn key(
    State(auth): State<Arc<ManaAuth>>,
    Extension(claims): Extension<Claims>,
) -> Result<Json<Value>, Refusal> {
    let sql = "SELECT master_key, kek_id FROM auth.encryption_vaults WHERE user_id = $1";
    let Some(row) = auth.database().row(sql, &[claims.sub.into()]).await? else {
        let body = json!({"error": "vault not initialised", "code": "VAULT_NOT_INITIALISED"});
        return Err(Refusal::Said(StatusCode::NOT_FOUND, body));
    };
    let (key, kek) = (row.text("master_key")?, row.text("kek_id")?);
    Ok(Json(json!({"masterKey": key, "formatVersion": 1, "kekId": kek})))
}

/// Whether a user has a vault. mana-mcp asks too.
pub(crate) async fn vault_exists(database: &Database, user: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 AS there FROM auth.encryption_vaults WHERE user_id = $1";
    Ok(database.row(sql, &[user.into()]).await?.is_some())
}
