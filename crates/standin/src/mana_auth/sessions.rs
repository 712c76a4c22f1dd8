//! Sessions: the opaque token, the signed cookie, and the JWT that is minted from them.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use ring::hmac;

use super::accounts::User;
use super::auth::ManaAuth;
use crate::database::{DatabaseError, Moment};
use crate::random;
use crate::token::{AUDIENCE, Claims};

/// better-auth's name for the cookie under `http` (contract 3.3).
const COOKIE_NAME: &str = "mana.session_token";
/// A session lives seven days.
const LIFETIME: TimeDelta = TimeDelta::days(7);

/// A session and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    /// 32 characters.
    pub(super) token: String,
    pub(super) expires_at: Moment,
    pub(super) user: User,
}

impl ManaAuth {
    /// A new session for `user`.
    pub(super) async fn begin_session(&self, user: User) -> Result<Session, DatabaseError> {
        let now = self.now();
        let (id, token) = (random::id(32), random::id(32));
        let expires_at = Moment::from(now.at() + LIFETIME);
        let sql = "INSERT INTO auth.sessions (id, token, user_id, expires_at, created_at)
                   VALUES ($1, $2, $3, $4, $5)";
        let values = [
            id.as_str().into(),
            token.as_str().into(),
            user.id.as_str().into(),
            expires_at.into(),
            now.into(),
        ];
        self.database().execute(sql, &values).await?;
        Ok(Session { id, token, expires_at, user })
    }

    /// Ends a session.
    pub(super) async fn end_session(&self, session: &Session) -> Result<(), DatabaseError> {
        let sql = "DELETE FROM auth.sessions WHERE id = $1";
        self.database().execute(sql, &[session.id.as_str().into()]).await.map(drop)
    }

    /// A JWT for a session (contract 3.2). Its role is always `user`, whatever the user's row says.
    pub(super) fn mint(&self, session: &Session) -> String {
        let now = self.options.clock.now();
        self.signer.sign(&Claims {
            iat: now.timestamp(),
            sub: session.user.id.clone(),
            email: session.user.email.clone(),
            role: "user".to_owned(),
            sid: session.id.clone(),
            tier: session.user.access_tier.clone(),
            exp: (now + self.options.token_lifetime).timestamp(),
            iss: self.options.base_url.clone(),
            aud: AUDIENCE.to_owned(),
        })
    }

    /// The `Set-Cookie` of a session. Its value cannot be made from the token without our key.
    pub(super) fn cookie(&self, session: &Session) -> String {
        let value = format!("{}.{}", session.token, self.signature(&session.token));
        let value = value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("{COOKIE_NAME}={value}; Max-Age={}; Path=/; HttpOnly; SameSite=Lax", LIFETIME.num_seconds())
    }

    /// The session of a request's cookie.
    pub(super) async fn session_of_cookie(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Session>, DatabaseError> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let signed = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
            .next();
        let Some(signed) = signed else { return Ok(None) };
        self.session_of_signed(&percent_decoded(signed)).await
    }

    /// The session of a request's bearer token, which is the session token, bare or signed as in the
    /// cookie. A JWT is none.
    pub(super) async fn session_of_bearer(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Session>, DatabaseError> {
        match bearer(headers) {
            None => Ok(None),
            Some(token) if token.contains('.') => self.session_of_signed(&percent_decoded(token)).await,
            Some(token) => self.session_of_token(token).await,
        }
    }

    async fn session_of_signed(&self, signed: &str) -> Result<Option<Session>, DatabaseError> {
        let Some((token, signature)) = signed.split_once('.') else { return Ok(None) };
        let Ok(signature) = STANDARD.decode(signature) else { return Ok(None) };
        if hmac::verify(&self.cookie_key, token.as_bytes(), &signature).is_err() {
            return Ok(None);
        }
        self.session_of_token(token).await
    }

    async fn session_of_token(&self, token: &str) -> Result<Option<Session>, DatabaseError> {
        let sql = "SELECT s.id AS session_id, s.expires_at, u.id, u.name, u.email, u.email_verified,
                          u.access_tier, CAST(u.kind AS text) AS kind, u.two_factor_enabled,
                          u.created_at, u.updated_at
                   FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id
                   WHERE s.token = $1 AND s.expires_at > $2";
        let row = self.database().row(sql, &[token.into(), self.now().into()]).await?;
        row.map(|row| {
            Ok(Session {
                id: row.text("session_id")?,
                token: token.to_owned(),
                expires_at: row.moment("expires_at")?,
                user: User::read(&row)?,
            })
        })
        .transpose()
    }

    fn signature(&self, token: &str) -> String {
        STANDARD.encode(hmac::sign(&self.cookie_key, token.as_bytes()))
    }
}

/// What follows `Bearer ` in the request's `Authorization`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty())
}

/// Undoes what [`ManaAuth::cookie`] escapes, and nothing else: no other byte is ever escaped there.
fn percent_decoded(value: &str) -> String {
    value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
}
