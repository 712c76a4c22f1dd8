//! How long a JWT lives. It is read, never verified: that is for those who accept it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

/// The two claims that matter here (contract 3.2), in seconds since the epoch.
#[derive(Deserialize)]
struct Claims {
    iat: Option<i64>,
    exp: i64,
}

/// When a token that was issued just now (`now` by our clock) stops being accepted; `None` when it is
/// no JWT or never expires.
///
/// Where the token says when it was issued, only its lifetime counts: the server's clock may differ
/// from ours, and a token that seemed stale on arrival would be renewed for ever.
pub(super) fn expiry(token: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    match claims.iat {
        Some(issued) => now.checked_add_signed(TimeDelta::try_seconds(claims.exp.checked_sub(issued)?)?),
        None => DateTime::from_timestamp(claims.exp, 0),
    }
}

/// Who issued a token, by its own word: mana-auth's address as mana-auth knows it (contract 3.2).
pub(super) fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    let payload = token.split('.').nth(1)?;
    let issued: Issued = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(issued.iss).filter(|issuer| issuer.starts_with("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("in range")
    }

    #[test]
    fn a_token_names_its_issuer() {
        let jwt = |payload: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        for (token, expected) in [
            (jwt(r#"{"iss":"https://auth.mana.test"}"#), Some("https://auth.mana.test")),
            (jwt(r#"{"iss":"mana"}"#), None),
            (jwt("{}"), None),
            ("opaque".to_owned(), None),
        ] {
            assert_eq!(issuer(&token).as_deref(), expected, "{token}");
        }
    }

    #[test]
    fn the_lifetime_counts_from_now_whatever_the_servers_clock_says() {
        let jwt = |payload: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        for (token, expected) in [
            (jwt(r#"{"sub":"u","iat":1000,"exp":1900}"#), Some(at(50_900))),
            (jwt(r#"{"exp":60000}"#), Some(at(60_000))),
            (jwt(r#"{"iat":1000}"#), None),
            (jwt(r#"{"iat":-9223372036854775808,"exp":9223372036854775807}"#), None),
            (jwt("not JSON"), None),
            ("a.%%%.c".to_owned(), None),
            ("K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72".to_owned(), None),
        ] {
            assert_eq!(expiry(&token, at(50_000)), expected, "{token}");
        }
    }
}
