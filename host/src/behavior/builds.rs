//! The last good builds of each plugin, on disk: what a rollback goes back to, what stands in for a
//! build in quarantine, and what serves after a restart when the file in the folder is no good.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::engine::make_private;
use super::refusal::Origin;
use super::source::Source;
use domain::ids::{PluginName, Sha256Hex};

/// How many builds of a plugin are kept.
const KEPT: usize = 3;

/// A folder with a folder for each plugin: `SHA256.wasm` for each build, and an index.
#[derive(Clone, Debug)]
pub struct Builds {
    folder: PathBuf,
}

/// A build that once went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptBuild {
    /// Its digest.
    pub sha256: Sha256Hex,
    /// The plugin's own version.
    pub version: String,
    /// When it went live last.
    pub since: DateTime<Utc>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Index {
    /// Newest first.
    builds: Vec<KeptBuild>,
    /// What was rolled back, and is not to be loaded from the plugins folder again.
    set_aside: Vec<Sha256Hex>,
}

impl Builds {
    /// Keeps builds in `folder`, which is made when the first build comes.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The builds of a plugin, newest first.
    #[must_use]
    pub fn list(&self, plugin: &PluginName) -> Vec<KeptBuild> {
        self.index(plugin).builds
    }

    /// Keeps a build that goes live, and forgets the oldest ones.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(&self, source: &Source, version: &str, now: DateTime<Utc>) -> io::Result<()> {
        let (plugin, sha256) = (&source.plugin, source.digest());
        let folder = self.folder_of(plugin);
        make_private(&folder)?;
        let file = self.file(plugin, &sha256);
        if !file.exists() {
            write_whole(&file, &source.bytes)?;
        }
        if let Some(signature) = &source.signature {
            write_whole(&signature_of(&file), signature)?;
        }
        let mut index = self.index(plugin);
        index.builds.retain(|build| build.sha256 != sha256);
        index.set_aside.retain(|aside| *aside != sha256);
        index.builds.insert(0, KeptBuild { sha256, version: version.to_owned(), since: now });
        let forgotten = index.builds.split_off(index.builds.len().min(KEPT));
        self.write(plugin, &index)?;
        for build in forgotten {
            let file = self.file(plugin, &build.sha256);
            let _ = fs::remove_file(signature_of(&file));
            fs::remove_file(file)?;
        }
        Ok(())
    }

    /// Reads a kept build.
    ///
    /// # Errors
    /// When it cannot be read, or is no longer what was kept.
    pub fn read(&self, plugin: &PluginName, sha256: &Sha256Hex) -> io::Result<Source> {
        let source = Source::read(plugin, &self.file(plugin, sha256));
        let source = source.map_err(|refusal| io::Error::other(refusal.message))?;
        if source.digest() != *sha256 {
            return Err(io::Error::other("somebody has changed the kept build"));
        }
        Ok(Source { origin: Origin::Kept, ..source })
    }

    /// Remembers, also after a restart, not to load a build from the plugins folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn set_aside(&self, plugin: &PluginName, sha256: &Sha256Hex) -> io::Result<()> {
        make_private(&self.folder_of(plugin))?;
        let mut index = self.index(plugin);
        index.set_aside.retain(|aside| aside != sha256);
        index.set_aside.insert(0, sha256.clone());
        index.set_aside.truncate(KEPT);
        self.write(plugin, &index)
    }

    /// Whether a build was rolled back.
    #[must_use]
    pub fn is_set_aside(&self, plugin: &PluginName, sha256: &Sha256Hex) -> bool {
        self.index(plugin).set_aside.contains(sha256)
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

    /// An index that cannot be read is as good as none: builds are a comfort, and no record.
    fn index(&self, plugin: &PluginName) -> Index {
        let text = fs::read(self.index_file(plugin)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, plugin: &PluginName, index: &Index) -> io::Result<()> {
        write_whole(&self.index_file(plugin), &serde_json::to_vec_pretty(index)?)
    }
}

fn signature_of(file: &Path) -> PathBuf {
    file.with_extension("wasm.sig")
}

/// Nobody ever finds half of the file.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, bytes)?;
    fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &str) -> Source {
        Source::of(&PluginName::new("own"), "own.wasm", bytes.as_bytes().to_vec())
    }

    fn kept(builds: &Builds) -> Vec<String> {
        builds.list(&PluginName::new("own")).into_iter().map(|build| build.version).collect()
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
            builds.keep(&source(bytes), bytes, DateTime::UNIX_EPOCH).expect("it is kept");
            assert_eq!(kept(&builds), expected);
        }
        let own = PluginName::new("own");
        let read = builds.read(&own, &source("c").digest()).expect("it is there");
        assert_eq!((&*read.bytes, read.origin), (&b"c"[..], Origin::Kept));
        builds.read(&own, &source("b").digest()).expect_err("it is forgotten");
        let files = fs::read_dir(folder.path().join("builds/own")).expect("a folder").count();
        assert_eq!(files, 4, "three builds and the index");
    }

    #[test]
    fn a_build_that_somebody_changed_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let builds = Builds::new(folder.path().to_owned());
        let own = PluginName::new("own");
        builds.keep(&source("good"), "1", DateTime::UNIX_EPOCH).expect("it is kept");
        fs::write(builds.file(&own, &source("good").digest()), b"evil").expect("it can be written");
        let error = builds.read(&own, &source("good").digest()).expect_err("it is another file now");
        assert!(error.to_string().contains("has changed"), "{error}");
    }

    #[test]
    fn what_was_set_aside_stays_so_until_it_goes_live_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = PluginName::new("own");
        let builds = || Builds::new(folder.path().to_owned());
        let bad = source("bad");
        builds().keep(&bad, "2", DateTime::UNIX_EPOCH).expect("it is kept");
        builds().set_aside(&own, &bad.digest()).expect("it is written");
        assert!(builds().is_set_aside(&own, &bad.digest()));
        builds().keep(&bad, "2", DateTime::UNIX_EPOCH).expect("it is kept");
        assert!(!builds().is_set_aside(&own, &bad.digest()));
    }
}
