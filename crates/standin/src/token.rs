//! Tokens: compact JWS with EdDSA over Ed25519, their claims and the public key as JWKS (contract 3.2).
//!
//! Knows nothing of sessions: whoever signs has decided already.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The audience of every token of Mana.
pub const AUDIENCE: &str = "mana";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issued at, in Unix seconds.
    pub iat: i64,
    /// The user's id.
    pub sub: String,
    /// The user's address.
    pub email: String,
    /// `user` for everybody; `admin` only in the token that the stand-in mints for `seed`.
    pub role: String,
    /// The session's id.
    pub sid: String,
    /// The user's tier.
    pub tier: String,
    /// Expires at, in Unix seconds.
    pub exp: i64,
    /// Who issued it: the base URL of mana-auth.
    pub iss: String,
    /// For whom: [`AUDIENCE`].
    pub aud: String,
}

/// Signs tokens.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    kid: String,
}

/// Checks tokens; all it holds is public.
#[derive(Clone, Debug)]
pub struct Verifier {
    public_key: Vec<u8>,
    kid: String,
}

/// Why a token is not accepted, in the words of the library that the real services use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// It has not three parts, or one of them is no base64 or no JSON.
    #[error("Invalid Compact JWS")]
    NotAToken,
    /// It is signed by a key that is not in the JWKS.
    #[error("no applicable key found in the JSON Web Key Set")]
    UnknownKey,
    /// The signature does not fit.
    #[error("signature verification failed")]
    BadSignature,
    /// It is for somebody else.
    #[error("unexpected \"aud\" claim value")]
    WrongAudience,
    /// Its time is over.
    #[error("\"exp\" claim timestamp check failed")]
    Expired,
}

/// The stored key is no Ed25519 key.
#[derive(Debug, thiserror::Error)]
#[error(
    "the signing key in the stand-ins' database is damaged: delete the row in auth.jwks, and a new one is made"
)]
pub struct DamagedKey;

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

/// A new private key, as PKCS #8.
#[must_use]
pub fn new_key() -> Vec<u8> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    document.expect("the operating system has random numbers").as_ref().to_vec()
}

impl Signer {
    /// Signs with a key from [`new_key`] under the name `kid`.
    ///
    /// # Errors
    /// When `pkcs8` is no such key.
    pub fn new(pkcs8: &[u8], kid: impl Into<String>) -> Result<Self, DamagedKey> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| DamagedKey)?;
        Ok(Self { pair, kid: kid.into() })
    }

    /// The token that says `claims`.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.kid});
        let claims = serde_json::to_string(claims).expect("claims are text and numbers");
        let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// What checks this signer's tokens.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { public_key: self.pair.public_key().as_ref().to_vec(), kid: self.kid.clone() }
    }
}

impl Verifier {
    /// The public key as a key set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let x = BASE64.encode(&self.public_key);
        json!({"keys": [{"alg": "EdDSA", "crv": "Ed25519", "kty": "OKP", "x": x, "kid": self.kid}]})
    }

    /// What `token` says, if it is signed, for [`AUDIENCE`] and not expired at `now`.
    ///
    /// # Errors
    /// The first [`TokenProblem`], in the order of its variants.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenProblem> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenProblem::NotAToken)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenProblem::NotAToken)?;
        let header: Header = decoded(header)?;
        if header.kid != self.kid || header.alg != "EdDSA" {
            return Err(TokenProblem::UnknownKey);
        }
        let signature = BASE64.decode(signature).map_err(|_| TokenProblem::NotAToken)?;
        UnparsedPublicKey::new(&ED25519, &self.public_key)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| TokenProblem::BadSignature)?;
        let claims: Claims = decoded(claims)?;
        if claims.aud != AUDIENCE {
            return Err(TokenProblem::WrongAudience);
        }
        if claims.exp <= now.timestamp() {
            return Err(TokenProblem::Expired);
        }
        Ok(claims)
    }
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenProblem> {
    let bytes = BASE64.decode(part).map_err(|_| TokenProblem::NotAToken)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenProblem::NotAToken)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn signer() -> Signer {
        Signer::new(&new_key(), "key-1").expect("a new key")
    }

    fn claims() -> Claims {
        Claims {
            iat: 0,
            sub: "u".to_owned(),
            email: "u@mana.test".to_owned(),
            role: "user".to_owned(),
            sid: "s".to_owned(),
            tier: "public".to_owned(),
            exp: 900,
            iss: "http://auth".to_owned(),
            aud: AUDIENCE.to_owned(),
        }
    }

    /// The same token with one part replaced.
    fn with_part(token: &str, index: usize, part: &str) -> String {
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[index] = part;
        parts.join(".")
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let signer = signer();
        let token = signer.sign(&claims());
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert_eq!(signer.verifier().verify(&token, at(899)), Ok(claims()));
        assert_eq!(signer.verifier().verify(&token, at(900)), Err(TokenProblem::Expired));
    }

    #[test]
    fn a_token_that_was_touched_is_refused() {
        let signer = signer();
        let token = signer.sign(&claims());
        let admin =
            BASE64.encode(serde_json::to_string(&Claims { role: "admin".to_owned(), ..claims() }).unwrap());
        let unsigned = BASE64.encode(r#"{"alg":"none","kid":"key-1"}"#);
        let elsewhere = signer.sign(&Claims { aud: "other".to_owned(), ..claims() });
        for (token, problem) in [
            (String::new(), TokenProblem::NotAToken),
            ("abc".to_owned(), TokenProblem::NotAToken),
            ("a.b.c".to_owned(), TokenProblem::NotAToken),
            (with_part(&token, 2, "!"), TokenProblem::NotAToken),
            (with_part(&token, 1, &admin), TokenProblem::BadSignature),
            (with_part(&token, 2, ""), TokenProblem::BadSignature),
            (with_part(&token, 0, &unsigned), TokenProblem::UnknownKey),
            (self::signer().sign(&claims()), TokenProblem::BadSignature),
            (elsewhere, TokenProblem::WrongAudience),
        ] {
            assert_eq!(signer.verifier().verify(&token, DateTime::UNIX_EPOCH), Err(problem), "{token}");
        }
    }
}
