//! Proofs on disk, each with its machine code, so that a build that has shown itself need not do so again.
//!
//! An entry that is not what was written (a bit turned over, a file cut off or exchanged) is as good as none:
//! the build is proven again, and the entry replaced. That finds accidents and no forger, who can write a
//! digest too; the folder is therefore private.

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::answer::{Proof, most_code};
use crate::behavior::artifact::Artifact;
use crate::behavior::limits::MAX_COMPONENT;
use crate::private;
use domain::ids::{Sha256Hex, hex};

/// What else decides what is in an entry: our own checks, and the form of this file.
const FORMAT: &str = concat!("persona-host ", env!("CARGO_PKG_VERSION"), " proof 1");
/// How many entries are kept.
const ENTRIES: usize = 64;
const ENDING: &str = "proof";

/// The proofs of one folder, or of none.
#[derive(Clone, Debug)]
pub(in crate::behavior) struct Proofs {
    folder: Option<Arc<Path>>,
    /// How wasmtime compiles: its version, the processor, all options.
    compiler: Arc<str>,
    hits: Arc<AtomicUsize>,
    misses: Arc<AtomicUsize>,
}

/// What a proof is of: a component, and a way to compile it.
#[derive(Clone, Debug)]
pub(in crate::behavior) struct Key(String);

/// What stands before the machine code.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    key: String,
    proof: Proof,
    sha256: [u8; 32],
}

impl Proofs {
    pub(in crate::behavior) fn new(engine: &wasmtime::Engine, folder: Option<PathBuf>) -> Self {
        let mut compiler = Digesting(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut compiler);
        Self {
            folder: folder.map(Arc::from),
            compiler: hex(&compiler.0.finalize()).into(),
            hits: Arc::default(),
            misses: Arc::default(),
        }
    }

    pub(in crate::behavior) fn key(&self, component: &Sha256Hex) -> Key {
        Key(Sha256Hex::of(format!("{FORMAT}\n{}\n{component}", self.compiler).as_bytes()).as_str().to_owned())
    }

    /// A proof, and the component that its machine code is of. Blocks.
    pub(in crate::behavior) fn find(
        &self,
        key: &Key,
        engine: &wasmtime::Engine,
    ) -> Option<(Proof, Component)> {
        let found = self.file(key).and_then(|file| read(&file, key)).and_then(|(proof, artifact)| {
            let component = artifact.load(engine).ok()?;
            Some((proof, component))
        });
        let counted = if found.is_some() { &self.hits } else { &self.misses };
        counted.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a proof. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(in crate::behavior) fn keep(&self, key: &Key, proof: &Proof, artifact: &Artifact) -> io::Result<()> {
        let Some(file) = self.file(key) else { return Ok(()) };
        let head = Head { key: key.0.clone(), proof: proof.clone(), sha256: artifact.sha256() };
        write(&file, &serde_json::to_vec(&head)?, artifact.bytes())?;
        self.forget_the_oldest();
        Ok(())
    }

    /// How often there was a proof, and how often not.
    pub(in crate::behavior) fn uses(&self) -> (usize, usize) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    fn file(&self, key: &Key) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(&key.0).with_extension(ENDING))
    }

    /// An entry that somebody else removes at the same time is gone all the same.
    fn forget_the_oldest(&self) {
        let entries = self.folder.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let mut entries: Vec<_> = entries
            .filter(|entry| entry.path().extension().is_some_and(|ending| ending == ENDING))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        entries.sort_by(|one, other| other.cmp(one));
        for (_, path) in entries.iter().skip(ENTRIES) {
            let _ = fs::remove_file(path);
        }
    }
}

/// What an entry holds, if it is whole, of this key, and of a size that entries have.
fn read(file: &Path, key: &Key) -> Option<(Proof, Artifact)> {
    let most = most_code(usize::try_from(MAX_COMPONENT).ok()?) as u64 + super::answer::MOST_WORDS;
    let mut entry = File::open(file).ok()?.take(most);
    let (mut digest, mut length) = ([0; 32], [0; 8]);
    entry.read_exact(&mut digest).ok()?;
    entry.read_exact(&mut length).ok()?;
    let mut head = Vec::new();
    entry.by_ref().take(u64::from_le_bytes(length).min(most)).read_to_end(&mut head).ok()?;
    if Sha256::digest(&head)[..] != digest {
        return None;
    }
    let head: Head = serde_json::from_slice(&head).ok()?;
    if head.key != key.0 {
        return None;
    }
    let mut code = Vec::new();
    entry.read_to_end(&mut code).ok()?;
    Some((head.proof, Artifact::handed_over(code, head.sha256)))
}

/// Nobody ever finds half of an entry; two processes that write the same one both write a whole one.
fn write(file: &Path, head: &[u8], code: &[u8]) -> io::Result<()> {
    let beside = file.with_extension(format!("{}.part", std::process::id()));
    let mut entry = private::create(&beside)?;
    entry.write_all(&Sha256::digest(head))?;
    entry.write_all(&(head.len() as u64).to_le_bytes())?;
    entry.write_all(head)?;
    entry.write_all(code)?;
    entry.sync_all()?;
    fs::rename(beside, file)
}

/// A digest of whatever can be hashed. The one of the standard library may differ from one release to the next.
struct Digesting(Sha256);

impl Hasher for Digesting {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.clone().finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}
