//! The headers that prove who asks.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::asked::Asked;
use super::error::ManaError;
use super::signed_in::Proof;

/// A proof as the header that carries it.
pub(super) fn prove(asked: &Asked, proof: &Proof) -> Result<(HeaderName, HeaderValue), ManaError> {
    match proof {
        Proof::Cookie(cookie) => Ok((COOKIE, secret_value(asked, cookie.expose_secret())?)),
        Proof::Bearer(token) => Ok((AUTHORIZATION, bearer(asked, token)?)),
    }
}

/// A secret as a header value that no log shows.
pub(super) fn secret_value(asked: &Asked, secret: &str) -> Result<HeaderValue, ManaError> {
    let mut value =
        HeaderValue::from_str(secret).map_err(|_| ManaError::Unsendable { asked: asked.clone() })?;
    value.set_sensitive(true);
    Ok(value)
}

/// `Bearer …` as a header value that no log shows.
pub(super) fn bearer(asked: &Asked, token: &SecretString) -> Result<HeaderValue, ManaError> {
    secret_value(asked, &format!("Bearer {}", token.expose_secret()))
}
