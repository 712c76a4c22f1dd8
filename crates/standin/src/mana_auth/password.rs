//! Password hashes: PBKDF2 with HMAC-SHA256. The rounds stand in the hash, so they may be changed.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;

use crate::random;

const SCHEME: &str = "pbkdf2-sha256";

/// `pbkdf2-sha256$rounds$salt$hash`.
pub(super) fn hashed(password: &str, rounds: NonZeroU32) -> String {
    let salt = random::bytes::<16>();
    let mut hash = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut hash);
    format!("{SCHEME}${rounds}${}${}", STANDARD.encode(salt), STANDARD.encode(hash))
}

/// Whether `password` is the one of `stored`. A hash that cannot be read fits no password.
pub(super) fn fits(password: &str, stored: &str) -> bool {
    let parts: Vec<&str> = stored.split('$').collect();
    let [SCHEME, rounds, salt, hash] = parts[..] else { return false };
    let (Ok(rounds), Ok(salt), Ok(hash)) = (rounds.parse(), STANDARD.decode(salt), STANDARD.decode(hash))
    else {
        return false;
    };
    pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_fits_its_hash() {
        let stored = hashed("1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA", NonZeroU32::MIN);
        assert!(fits("1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA", &stored));
        assert!(!fits("1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiB", &stored));
        assert_ne!(stored, hashed("1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA", NonZeroU32::MIN), "salted");
    }

    #[test]
    fn a_damaged_hash_fits_nothing() {
        for stored in ["", "pbkdf2-sha256$0$$", "md5$1$AA==$AA==", "pbkdf2-sha256$1$?$AA=="] {
            assert!(!fits("", stored), "{stored}");
        }
    }
}
