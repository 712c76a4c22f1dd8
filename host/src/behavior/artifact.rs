//! Machine code of a component. It is run unchecked, so this is the one place where the program has to trust
//! bytes: those that a child of ours made (`proof/`), and that are still what it handed over.

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

/// Machine code, and the digest that was taken of it when it was made.
#[derive(Clone, Debug)]
pub(super) struct Artifact {
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl Artifact {
    /// Machine code that was made just now.
    pub(super) fn fresh(bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).into();
        Self { bytes, sha256 }
    }

    /// Machine code that was handed over or kept, with the digest that came with it.
    pub(super) fn handed_over(bytes: Vec<u8>, sha256: [u8; 32]) -> Self {
        Self { bytes, sha256 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The component that it is the code of.
    ///
    /// # Errors
    /// When it is not what was made, or made by another wasmtime.
    pub(super) fn load(&self, engine: &wasmtime::Engine) -> wasmtime::Result<Component> {
        let found: [u8; 32] = Sha256::digest(&self.bytes).into();
        wasmtime::ensure!(found == self.sha256, "the machine code is not what was made");
        deserialized(engine, &self.bytes)
    }
}

#[expect(unsafe_code, reason = "machine code is run as it is: see the comment on SAFETY")]
fn deserialized(engine: &wasmtime::Engine, verified: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` asks for bytes that `precompile_component` returned, unchanged. Only `load` calls
    // this, with the buffer that it has just compared with its digest, and not with a file that may change
    // meanwhile. The digest is that of what `proof/child.rs` got from `precompile_component`: it came over the
    // child's pipe, or from the cache folder, which is private to this user (`engine.rs`). Whoever can write
    // there can forge a digest too, and could as well exchange this program. wasmtime itself refuses code of
    // another version, target or configuration.
    unsafe { Component::deserialize(engine, verified) }
}
