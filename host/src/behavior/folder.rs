//! The folder of plugins: which file a plugin has, and whether somebody is still writing it.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::built_in::BUILT_IN;
use super::refusal::{LoadStage, Origin, Refusal};
use super::source::Source;
use domain::ids::PluginName;

/// How often, and how long apart, a file that changes while it is read is read again.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Where components are: `NAME.wasm` in a folder goes before the plugin of that name that is built in.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// How a file looks from outside; another look is another content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    file: Option<(u64, Option<SystemTime>)>,
    signature: Option<(u64, Option<SystemTime>)>,
}

impl Folder {
    /// The folder at `path`. It need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is, from the root.
    #[must_use]
    pub fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// The file that a plugin would have.
    #[must_use]
    pub fn file(&self, plugin: &PluginName) -> PathBuf {
        self.path.join(format!("{plugin}.wasm"))
    }

    /// How a plugin's file looks now, without reading it; [`Look::is_gone`] if there is none.
    #[must_use]
    pub fn look(&self, plugin: &PluginName) -> Look {
        let file = self.file(plugin);
        let seen =
            |path: &Path| path.metadata().ok().map(|seen: Metadata| (seen.len(), seen.modified().ok()));
        Look { signature: seen(&file.with_extension("wasm.sig")), file: seen(&file) }
    }

    /// The plugins that have a file here.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginName> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let names = names.filter_map(|name| name.strip_suffix(".wasm").map(str::to_owned));
        let mut plugins: Vec<PluginName> = names.filter(|name| is_plain(name)).map(PluginName::new).collect();
        plugins.sort();
        plugins
    }

    /// Reads a plugin: from its file, once that stays as it is while it is read, or else from the program.
    ///
    /// # Errors
    /// When it has neither, or its file cannot be read.
    pub async fn read(&self, plugin: &PluginName) -> Result<Source, Refusal> {
        if !is_plain(plugin.as_str()) {
            return Err(self.refusal(
                plugin,
                "a plugin's name consists of letters, digits, `-` and `_`",
                "rename it in the configuration; its file is found by its name",
            ));
        }
        for _ in 0..TRIES {
            let before = self.look(plugin);
            if before.is_gone() {
                break;
            }
            let (own, file) = (plugin.clone(), self.file(plugin));
            let read = tokio::task::spawn_blocking(move || Source::read(&own, &file)).await;
            let read = read.map_err(|_| self.refusal(plugin, "reading it failed", "try again"))?;
            if self.look(plugin) == before {
                return read;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Source::built_in(plugin).ok_or_else(|| self.not_found(plugin))
    }

    fn not_found(&self, plugin: &PluginName) -> Refusal {
        let file = self.file(plugin);
        let message = if file.exists() {
            format!("the file {} changes all the time", file.display())
        } else {
            format!("there is no file {} and no built-in plugin of that name", file.display())
        };
        let hint = format!("put the component there, or use a built-in one ({})", BUILT_IN.join(", "));
        self.refusal(plugin, &message, &hint)
    }

    fn refusal(&self, plugin: &PluginName, message: &str, hint: &str) -> Refusal {
        Refusal::new(plugin, Origin::File(self.path.clone()), LoadStage::Read, message, hint)
    }
}

impl Look {
    /// Whether there is no file.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.file.is_none()
    }
}

/// Whether a name is a file name everywhere, and nothing more than that.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plugin_is_found_in_the_folder_before_it_is_found_in_the_program() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plugins = Folder::new(folder.path().to_owned());
        let origin =
            async |name: &str| plugins.read(&PluginName::new(name)).await.map(|source| source.origin);
        assert_eq!(origin("daily").await.expect("it is built in"), Origin::BuiltIn);

        let file = folder.path().join("daily.wasm");
        std::fs::write(&file, b"anything").expect("it can be written");
        std::fs::write(folder.path().join("not plain.wasm"), b"").expect("it can be written");
        assert_eq!(origin("daily").await.expect("there is a file"), Origin::File(file));
        assert_eq!(plugins.plugins(), [PluginName::new("daily")]);

        let missing = origin("weekly").await.expect_err("there is none");
        assert!(missing.message.contains("weekly.wasm"), "{missing}");
        assert!(missing.hint.contains("daily, brief"), "{missing}");
    }

    #[tokio::test]
    async fn a_name_is_no_path() {
        let plugins = Folder::new(PathBuf::from("."));
        for name in ["", "../daily", "a/b", "a.b", "c:\\x", "\u{e4}"] {
            let refusal = plugins.read(&PluginName::new(name)).await.expect_err("not a plain name");
            assert!(refusal.message.contains("letters, digits"), "{name}: {refusal}");
        }
    }

    #[tokio::test]
    async fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("own.wasm")).expect("it can be made");
        let plugins = Folder::new(folder.path().to_owned());
        let refusal = plugins.read(&PluginName::new("own")).await.expect_err("a folder is no file");
        assert!(refusal.message.contains("no regular file"), "{refusal}");
    }
}
