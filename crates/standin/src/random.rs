//! Identifiers and secrets that nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `length` random letters and digits: 32 for users and session tokens, 21 for spaces (contract 3.4, 6).
#[must_use]
pub fn id(length: usize) -> String {
    let mut id = String::with_capacity(length);
    while id.len() < length {
        // Bytes from 248 on are thrown away, so that each of the 62 characters is equally likely.
        let usable = bytes::<64>().into_iter().filter(|byte| *byte < 248);
        let characters = usable.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        id.extend(characters.take(length - id.len()));
    }
    id
}

/// 32 random bytes in base64: a vault's key.
#[must_use]
pub fn key() -> String {
    STANDARD.encode(bytes::<32>())
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_asked_length_of_letters_and_digits() {
        for length in [0, 1, 21, 32, 100] {
            let id = id(length);
            assert_eq!(id.len(), length);
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
        assert_ne!(id(32), id(32));
    }
}
