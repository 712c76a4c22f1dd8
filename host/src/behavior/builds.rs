//! The last good builds of each plugin, on disk: what a rollback goes back to, what stands in for a
//! build in quarantine, and what serves after a restart when the file in the folder is no good.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::mem;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refusal::{LoadStage, Origin, Refusal};
use super::source::Source;
use crate::private;
use domain::ids::{PluginName, Sha256Hex};

/// How many builds of a plugin are kept.
const KEPT: usize = 3;
/// What to do about a kept build that cannot be used.
const MEND: &str =
    "delete it, or put the same build into the plugins folder: it is kept anew when it goes live";

/// A folder with a folder for each plugin: `SHA256.wasm` for each build, and an index.
#[derive(Clone, Debug)]
pub struct Builds {
    folder: PathBuf,
}

/// The builds that turns go on with.
pub type InUse = BTreeSet<(PluginName, Sha256Hex)>;

/// A build that once went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptBuild {
    /// Its digest.
    pub sha256: Sha256Hex,
    /// The plugin's own version.
    pub version: String,
    /// When it went live last.
    pub since: DateTime<Utc>,
}

/// What is kept of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Index {
    /// Newest first.
    pub builds: Vec<KeptBuild>,
    /// What was rolled back or withdrawn, and is not to be loaded from the plugins folder again.
    pub set_aside: Vec<Sha256Hex>,
    /// Those that are kept only because a turn goes on with them.
    pub for_turns: Vec<Sha256Hex>,
}

impl Builds {
    /// Keeps builds in `folder`, which is made when the first build comes.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What is kept of a plugin.
    #[must_use]
    pub fn index(&self, plugin: &PluginName) -> Index {
        // One that cannot be read is as good as none: builds are a comfort, and no record.
        self.read_index(plugin).unwrap_or_default()
    }

    /// Keeps a build that goes live, and forgets the oldest ones but those of `in_use`. Gives what is kept then.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(
        &self,
        source: &Source,
        version: &str,
        now: DateTime<Utc>,
        in_use: &InUse,
    ) -> io::Result<Index> {
        let (plugin, sha256) = (&source.plugin, source.digest());
        let mut forgotten: Vec<Sha256Hex> = Vec::new();
        let index = self.change(plugin, |index| {
            let file = self.file(plugin, &sha256);
            // A build that was damaged on the disk is mended by the same build.
            if self.read(plugin, &sha256).is_err() {
                write_whole(&file, &source.bytes)?;
            }
            if let Some(signature) = &source.signature {
                write_whole(&signature_of(&file), signature)?;
            }
            index.builds.retain(|build| build.sha256 != sha256);
            index.set_aside.retain(|aside| *aside != sha256);
            let kept = KeptBuild { sha256: sha256.clone(), version: version.to_owned(), since: now };
            index.builds.insert(0, kept);
            let old =
                index.builds.split_off(index.builds.len().min(KEPT)).into_iter().map(|build| build.sha256);
            let candidates = old.chain(mem::take(&mut index.for_turns)).filter(|old| *old != sha256);
            (index.for_turns, forgotten) =
                candidates.partition(|old| in_use.contains(&(plugin.clone(), old.clone())));
            Ok(())
        })?;
        // Only now: the index no longer names them.
        for build in forgotten {
            let file = self.file(plugin, &build);
            remove(&signature_of(&file))?;
            remove(&file)?;
        }
        Ok(index)
    }

    /// Reads a kept build.
    ///
    /// # Errors
    /// When it cannot be read, or is no longer what was kept.
    pub fn read(&self, plugin: &PluginName, sha256: &Sha256Hex) -> Result<Source, Refusal> {
        let file = self.file(plugin, sha256);
        let damaged = |message: String| Refusal {
            sha256: Some(sha256.clone()),
            ..Refusal::new(plugin, Origin::Kept, LoadStage::Read, message, MEND)
        };
        let source = Source::read(plugin, &file)
            .map_err(|refusal| damaged(format!("the kept build {}: {}", file.display(), refusal.message)))?;
        if source.digest() != *sha256 {
            return Err(damaged(format!(
                "somebody or something has changed the kept build {}: its sha256 is {} now",
                file.display(),
                source.digest()
            )));
        }
        Ok(Source { origin: Origin::Kept, ..source })
    }

    /// Remembers, also after a restart, not to load a build from the plugins folder. Gives what is kept then.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn set_aside(&self, plugin: &PluginName, sha256: &Sha256Hex) -> io::Result<Index> {
        self.change(plugin, |index| {
            index.set_aside.retain(|aside| aside != sha256);
            index.set_aside.insert(0, sha256.clone());
            index.set_aside.truncate(KEPT);
            Ok(())
        })
    }

    /// Forgets that a build was set aside. Gives what is kept then.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn take_back(&self, plugin: &PluginName, sha256: &Sha256Hex) -> io::Result<Index> {
        self.change(plugin, |index| {
            index.set_aside.retain(|aside| aside != sha256);
            Ok(())
        })
    }

    /// Reads the index, changes it and writes it, while nobody else does: neither another turn nor another process.
    fn change(
        &self,
        plugin: &PluginName,
        change: impl FnOnce(&mut Index) -> io::Result<()>,
    ) -> io::Result<Index> {
        let folder = self.folder_of(plugin);
        private::folder(&folder)?;
        let lock = private::create(&folder.join("index.lock"))?;
        lock.lock()?;
        let mut index = self.read_index(plugin)?;
        change(&mut index)?;
        write_whole(&self.index_file(plugin), &serde_json::to_vec_pretty(&index)?)?;
        Ok(index)
    }

    fn folder_of(&self, plugin: &PluginName) -> PathBuf {
        self.folder.join(plugin.as_str())
    }

    fn file(&self, plugin: &PluginName, sha256: &Sha256Hex) -> PathBuf {
        self.folder_of(plugin).join(format!("{}.wasm", sha256.as_str()))
    }

    fn index_file(&self, plugin: &PluginName) -> PathBuf {
        self.folder_of(plugin).join("index.json")
    }

    /// An index that is not there or says nothing is an empty one. One that the disk does not give is an error: who
    /// wrote another in its place would forget what it held.
    fn read_index(&self, plugin: &PluginName) -> io::Result<Index> {
        match fs::read(self.index_file(plugin)) {
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Index::default()),
            Err(error) => Err(error),
        }
    }
}

fn signature_of(file: &Path) -> PathBuf {
    file.with_extension("wasm.sig")
}

/// Nobody ever finds half of the file, not even after a loss of power: its bytes are on the disk before its name is.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = private::create(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &str) -> Source {
        Source::of(&PluginName::new("own"), "own.wasm", bytes.as_bytes().to_vec())
    }

    fn kept(builds: &Builds) -> Vec<String> {
        builds.index(&PluginName::new("own")).builds.into_iter().map(|build| build.version).collect()
    }

    #[test]
    fn the_last_three_builds_are_kept_and_one_that_comes_again_is_the_newest() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let builds = Builds::new(folder.path().join("builds"));
        assert_eq!(kept(&builds), Vec::<String>::new());
        for (bytes, expected) in [
            ("a", &["a"][..]),
            ("b", &["b", "a"]),
            ("c", &["c", "b", "a"]),
            ("a", &["a", "c", "b"]),
            ("d", &["d", "a", "c"]),
        ] {
            builds.keep(&source(bytes), bytes, DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
            assert_eq!(kept(&builds), expected);
        }
        let own = PluginName::new("own");
        let read = builds.read(&own, &source("c").digest()).expect("it is there");
        assert_eq!((&*read.bytes, read.origin), (&b"c"[..], Origin::Kept));
        builds.read(&own, &source("b").digest()).expect_err("it is forgotten");
        let files = fs::read_dir(folder.path().join("builds/own")).expect("a folder").count();
        assert_eq!(files, 5, "three builds, the index and its lock");
    }

    #[test]
    fn a_build_outlasts_its_time_as_long_as_a_turn_goes_on_with_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let builds = Builds::new(folder.path().to_owned());
        let own = PluginName::new("own");
        let first = InUse::from([(own.clone(), source("a").digest())]);
        for bytes in ["a", "b", "c", "d", "e"] {
            builds.keep(&source(bytes), bytes, DateTime::UNIX_EPOCH, &first).expect("it is kept");
        }
        assert_eq!(kept(&builds), ["e", "d", "c"], "it is offered for no rollback");
        builds.read(&own, &source("a").digest()).expect("and is there all the same");
        builds.read(&own, &source("b").digest()).expect_err("nobody goes on with this one");
        builds.keep(&source("f"), "f", DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
        builds.read(&own, &source("a").digest()).expect_err("its turn is over");
    }

    #[test]
    fn a_build_that_somebody_changed_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let builds = Builds::new(folder.path().to_owned());
        let own = PluginName::new("own");
        builds.keep(&source("good"), "1", DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
        fs::write(builds.file(&own, &source("good").digest()), b"evil").expect("it can be written");
        let error = builds.read(&own, &source("good").digest()).expect_err("it is another file now");
        assert!(error.to_string().contains("has changed"), "{error}");
        assert!(error.message.contains(source("good").digest().as_str()), "it is named: {error}");
    }

    #[test]
    fn a_build_that_was_damaged_is_mended_when_the_same_build_is_kept_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let builds = Builds::new(folder.path().to_owned());
        let (own, good) = (PluginName::new("own"), source("good"));
        for damage in [&b""[..], b"evil", b"goo"] {
            builds.keep(&good, "1", DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
            fs::write(builds.file(&own, &good.digest()), damage).expect("it can be written");
            builds.read(&own, &good.digest()).expect_err("it is another file now");
        }
        builds.keep(&good, "1", DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
        assert_eq!(builds.read(&own, &good.digest()).map(|read| read.bytes), Ok(good.bytes));
    }

    #[test]
    fn builds_that_are_kept_at_once_are_all_in_the_index() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = PluginName::new("own");
        for round in 0..8 {
            let builds = Builds::new(folder.path().join(round.to_string()));
            std::thread::scope(|scope| {
                for bytes in ["a", "b"] {
                    scope.spawn(|| {
                        builds
                            .keep(&source(bytes), bytes, DateTime::UNIX_EPOCH, &InUse::new())
                            .expect("it is kept")
                    });
                }
                scope.spawn(|| builds.set_aside(&own, &source("c").digest()).expect("it is written"));
            });
            let Index { builds, set_aside, .. } = builds.index(&own);
            assert_eq!((builds.len(), set_aside.len()), (2, 1), "round {round}");
        }
    }

    #[test]
    fn what_was_set_aside_stays_so_until_it_goes_live_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = PluginName::new("own");
        let builds = || Builds::new(folder.path().to_owned());
        let bad = source("bad");
        builds().keep(&bad, "2", DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
        builds().set_aside(&own, &bad.digest()).expect("it is written");
        assert_eq!(builds().index(&own).set_aside, [bad.digest()]);
        builds().keep(&bad, "2", DateTime::UNIX_EPOCH, &InUse::new()).expect("it is kept");
        assert_eq!(builds().index(&own).set_aside, []);
        builds().set_aside(&own, &bad.digest()).expect("it is written");
        builds().take_back(&own, &bad.digest()).expect("it is written");
        assert_eq!(builds().index(&own).set_aside, []);
    }
}
