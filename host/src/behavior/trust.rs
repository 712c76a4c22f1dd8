//! Whose bytes are compiled: the digest that the operator pinned, and the author's signature. Both are
//! checked over the very bytes that are compiled, before they are.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

use super::contract::Mismatch;
use super::refusal::Origin;
use super::source::Source;
use domain::ids::{PluginName, Sha256Hex};
use domain::plugin::Signatures;

/// The length of an Ed25519 key and of a signature, in bytes (RFC 8032).
const KEY: usize = 32;
const SIGNATURE: usize = 64;
/// What stands before the key in a SubjectPublicKeyInfo of Ed25519 (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An author's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; KEY]);

impl PublicKey {
    /// Reads a key in Base64: the 32 bytes themselves, or the DER form that OpenSSL writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = unwrapped(text)?;
        let key = bytes.strip_prefix(&SPKI_PREFIX).unwrap_or(&bytes);
        key.try_into().ok().map(Self)
    }
}

/// What has to be true of a component before it is compiled.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The only digest that a plugin may have.
    pub pins: BTreeMap<PluginName, Sha256Hex>,
    /// What is asked of signatures.
    pub signatures: Signatures,
    /// Whose signatures count.
    pub keys: Vec<PublicKey>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { pins: BTreeMap::new(), signatures: Signatures::Off, keys: Vec::new() }
    }
}

impl Trust {
    /// Lets a component pass, perhaps with a warning. What is part of the program is trusted like the
    /// program, but a pin holds for it too.
    pub(super) fn check(&self, source: &Source, digest: &Sha256Hex) -> Result<Option<String>, Mismatch> {
        self.check_pin(source, digest)?;
        if self.signatures == Signatures::Off || source.origin == Origin::BuiltIn {
            return Ok(None);
        }
        let Some(signature) = &source.signature else {
            return match self.signatures {
                Signatures::Strict => Err(Mismatch::new(
                    "it has no signature, and plugins.signatures is \"strict\"",
                    "have its author sign it, and put the signature beside it as NAME.wasm.sig",
                )),
                _ => Ok(Some("it has no signature".to_owned())),
            };
        };
        self.check_signature(signature, &source.bytes)?;
        Ok(None)
    }

    fn check_pin(&self, source: &Source, digest: &Sha256Hex) -> Result<(), Mismatch> {
        match self.pins.get(&source.plugin) {
            Some(pinned) if pinned != digest => Err(Mismatch::new(
                format!("its sha256 is {digest}, but {pinned} is pinned"),
                format!(
                    "put the pinned build back, or pin this one: plugins.pins.{} = \"{digest}\"",
                    source.plugin
                ),
            )),
            _ => Ok(()),
        }
    }

    fn check_signature(&self, signature: &[u8], bytes: &[u8]) -> Result<(), Mismatch> {
        let signature = decoded(signature).ok_or_else(|| {
            Mismatch::new(
                "its signature file holds no Ed25519 signature",
                "write the 64 bytes of the signature into NAME.wasm.sig, as they are or in Base64",
            )
        })?;
        let good = self
            .keys
            .iter()
            .any(|key| UnparsedPublicKey::new(&ED25519, key.0).verify(bytes, &signature).is_ok());
        if good {
            return Ok(());
        }
        Err(Mismatch::new(
            format!(
                "its signature was made for other bytes, or by none of the {} keys in plugins.trusted_keys",
                self.keys.len()
            ),
            "sign the file again after the last build, or add the author's public key to plugins.trusted_keys",
        ))
    }
}

/// The 64 bytes, raw or in Base64.
fn decoded(file: &[u8]) -> Option<[u8; SIGNATURE]> {
    if let Ok(raw) = file.try_into() {
        return Some(raw);
    }
    let text = std::str::from_utf8(file).ok()?;
    unwrapped(text)?.try_into().ok()
}

/// What is written in Base64. `base64` breaks lines after 76 characters, and a signature has 88.
fn unwrapped(text: &str) -> Option<Vec<u8>> {
    let letters: String = text.split_whitespace().collect();
    BASE64_STANDARD.decode(letters).ok()
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    const BYTES: &[u8] = b"a component";

    fn pair() -> Ed25519KeyPair {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("its own form")
    }

    fn trust(signatures: Signatures, pair: &Ed25519KeyPair) -> Trust {
        let key = PublicKey::parse(&BASE64_STANDARD.encode(pair.public_key())).expect("a key");
        Trust { signatures, keys: vec![key], ..Trust::default() }
    }

    fn source(signature: Option<Vec<u8>>) -> Source {
        Source { signature, ..Source::of(&PluginName::new("own"), "own.wasm", BYTES.to_vec()) }
    }

    #[test]
    fn each_mode_asks_what_it_says() {
        let (author, stranger) = (pair(), pair());
        let good = author.sign(BYTES).as_ref().to_vec();
        let text = BASE64_STANDARD.encode(&good);
        let (first, rest) = text.split_at(76);
        let wrapped =
            [format!("{first}\n{rest}\n"), format!("{first}\r\n{rest}\r\n")].map(String::into_bytes);
        let [wrapped, of_windows] = wrapped;
        let foreign = stranger.sign(BYTES).as_ref().to_vec();
        let stale = author.sign(b"an earlier build").as_ref().to_vec();
        for (signatures, signature, passes, warns) in [
            (Signatures::Strict, Some(good.clone()), true, false),
            (Signatures::Strict, Some((text + "\n").into_bytes()), true, false),
            (Signatures::Strict, Some(wrapped), true, false),
            (Signatures::Strict, Some(of_windows), true, false),
            (Signatures::Strict, None, false, false),
            (Signatures::Strict, Some(foreign.clone()), false, false),
            (Signatures::Strict, Some(stale), false, false),
            (Signatures::Strict, Some(b"signed: me".to_vec()), false, false),
            (Signatures::Permissive, None, true, true),
            (Signatures::Permissive, Some(good), true, false),
            (Signatures::Permissive, Some(foreign.clone()), false, false),
            (Signatures::Off, Some(foreign), true, false),
            (Signatures::Off, None, true, false),
        ] {
            let source = source(signature);
            let checked = trust(signatures, &author).check(&source, &source.digest());
            assert_eq!(checked.is_ok(), passes, "{signatures:?}: {checked:?}");
            assert_eq!(matches!(checked, Ok(Some(_))), warns, "{signatures:?}: {checked:?}");
        }
    }

    #[test]
    fn a_pin_lets_one_build_pass() {
        let source = source(None);
        let pinned = |digest| Trust { pins: [(source.plugin.clone(), digest)].into(), ..Trust::default() };
        assert_eq!(pinned(source.digest()).check(&source, &source.digest()), Ok(None));
        let refused = pinned(Sha256Hex::of(b"another build")).check(&source, &source.digest());
        let refused = refused.expect_err("another digest is pinned");
        assert!(refused.hint.contains(source.digest().as_str()), "{refused:?}");
    }

    #[test]
    fn a_key_is_read_as_it_is_and_as_openssl_writes_it() {
        let raw = BASE64_STANDARD.encode([7; 32]);
        let der = BASE64_STANDARD.encode([&SPKI_PREFIX[..], &[7; 32]].concat());
        assert_eq!(PublicKey::parse(&raw), Some(PublicKey([7; 32])));
        assert_eq!(PublicKey::parse(&der), PublicKey::parse(&raw));
        assert_eq!(PublicKey::parse(&der.replace('c', "c\n")), PublicKey::parse(&raw), "in several lines");
        for wrong in ["", "not base64", &BASE64_STANDARD.encode([7; 31])] {
            assert_eq!(PublicKey::parse(wrong), None, "{wrong}");
        }
    }
}
