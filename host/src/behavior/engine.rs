//! What lives as long as the process: the machine that plugins run on, who proves their builds, and the
//! machine code of those that were proven.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::engine_error::EngineError;
use super::machine::Machine;
use super::proof::{ProofLimits, Proofs, Prover};
use crate::aside::Aside;
use crate::private;

/// How long the folder for compiled code may take to answer. Without it a build is proven again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an engine is made with.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// The folder for compiled code. It is made if it is missing, and its content is run: nobody else
    /// may write there. `None`: everything is compiled at each start.
    pub cache_dir: Option<PathBuf>,
    /// The persona-host that proves builds, as a child of this process; none: this very program.
    pub prover: Option<PathBuf>,
    /// What the proof of one build may take.
    pub proof: ProofLimits,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("generations", &self.generations()).finish_non_exhaustive()
    }
}

/// The WebAssembly engine. Clones share it. It ends when the last clone and the last generation are gone.
#[derive(Clone)]
pub struct Engine {
    pub(super) machine: Machine,
    pub(super) prover: Prover,
    pub(super) proofs: Proofs,
    /// Where the proofs are.
    pub(super) disk: Aside,
    /// How many generations there are; each holds a clone.
    pub(super) generations: Arc<()>,
}

impl Engine {
    /// Starts the engine and its epoch thread.
    ///
    /// # Errors
    /// When the folder for compiled code cannot be used, or the machine is not supported.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        let machine = Machine::new()?;
        let folder = options.cache_dir.as_deref().map(own_folder).transpose()?;
        Ok(Self {
            prover: Prover::new(options.prover.clone(), options.proof),
            proofs: Proofs::new(&machine.wasmtime, folder),
            disk: Aside::new(PATIENCE),
            machine,
            generations: Arc::default(),
        })
    }

    /// How many generations are in memory: those that serve, and those that a turn still holds.
    #[must_use]
    pub fn generations(&self) -> usize {
        Arc::strong_count(&self.generations) - 1
    }

    /// How often compiled code was found in the cache, and how often not.
    #[must_use]
    pub fn cache_uses(&self) -> (usize, usize) {
        self.proofs.uses()
    }
}

/// A folder for machine code. What others could have put there is not taken over.
fn own_folder(path: &Path) -> Result<PathBuf, EngineError> {
    let refused = |cause: String| EngineError::CacheDir { path: path.to_owned(), cause };
    #[cfg(unix)]
    if let Ok(seen) = path.metadata()
        && std::os::unix::fs::MetadataExt::mode(&seen) & 0o022 != 0
    {
        let cause = "others can write to it, and what is in it is run as it is; empty it and `chmod 700` it";
        return Err(refused(cause.to_owned()));
    }
    private::folder(path).map_err(|error| refused(error.to_string()))?;
    path.canonicalize().map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cache(cache_dir: &Path) -> Result<Engine, EngineError> {
        Engine::new(&EngineOptions { cache_dir: Some(cache_dir.to_owned()), ..EngineOptions::default() })
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_for_compiled_code_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache_dir = folder.path().join("a").join("b");
        with_cache(&cache_dir).expect("an engine");
        let mode = cache_dir.metadata().expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_to_is_not_taken_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (mode, taken) in [(0o777, false), (0o770, false), (0o755, true), (0o700, true)] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode))
                .expect("it is ours");
            let made = with_cache(folder.path());
            assert_eq!(made.is_ok(), taken, "{mode:o}");
            assert!(made.err().is_none_or(|error| error.to_string().contains("others can write to it")));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let cache_dir = file.path().join("below-a-file");
        let error = with_cache(&cache_dir).expect_err("a file is no folder");
        assert!(error.to_string().contains(&cache_dir.display().to_string()), "{error}");
    }
}
