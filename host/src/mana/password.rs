//! A persona's password: an HMAC of its email, so that nobody has to store one (contract 1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The most characters that a password has.
const LENGTH: usize = 32;

/// The seed secret is empty, so anybody could compute every persona's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("personaPassword: seedSecret is required")]
pub struct EmptySeedSecret;

/// The password of the persona with this email address, exactly as it is written: no trimming, no
/// change of case.
///
/// # Errors
/// When the secret is empty.
pub fn password(seed_secret: &SecretString, email: &str) -> Result<SecretString, EmptySeedSecret> {
    let key = seed_secret.expose_secret().as_bytes();
    if key.is_empty() {
        return Err(EmptySeedSecret);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(email.as_bytes());
    Ok(SecretString::from(letters_and_digits(&mac.finalize().into_bytes())))
}

/// The digest as base64 without its special characters, cut to length. It is shorter than that, and
/// not padded, when more than eleven of the characters are special.
fn letters_and_digits(digest: &[u8]) -> String {
    STANDARD.encode(digest).chars().filter(char::is_ascii_alphanumeric).take(LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(email: &str, expected: &str) {
        let secret = SecretString::from("dev-persona-seed-secret-rotate-in-prod");
        let made = password(&secret, email).expect("the secret is not empty");
        assert_eq!(made.expose_secret(), expected, "{email}");
    }

    #[test]
    fn it_agrees_with_the_vectors_of_the_contract() {
        check("persona.anna@mana.test", "1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA");
        check("persona.kai@mana.test", "7XiAlU3rjTKjFALezKbQeQP23FDSCv6C");
    }

    #[test]
    fn an_empty_secret_makes_no_password() {
        let made = password(&SecretString::from(""), "persona.anna@mana.test");
        assert_eq!(made.err(), Some(EmptySeedSecret));
    }

    #[test]
    fn a_digest_of_many_special_characters_makes_a_short_password() {
        for (digest, expected) in [
            // "////…/8=": only the 8 is left.
            ([0xff; 32], "8"),
            // Twelve "+" and one "=" leave one character too few.
            (
                [
                    0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ),
            ([0; 32], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ] {
            assert_eq!(letters_and_digits(&digest), expected);
        }
    }
}
