//! The folder of plugins: which file a plugin has, and whether somebody is still writing it.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::built_in::BUILT_IN;
use super::refusal::{LoadStage, Origin, Refusal};
use super::source::Source;
use crate::aside::{Aside, Silent};
use domain::ids::PluginName;

/// How often, and how long apart, a file that changes while it is read is read again.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);
/// How long a disk has for an answer: enough for the largest component on a slow one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where components are: `NAME.wasm` in a folder goes before the plugin of that name that is built in.
///
/// The disk may be that of another machine, and not answer. It is asked aside, each file by itself.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    asides: Arc<Mutex<BTreeMap<Option<PluginName>, Aside>>>,
}

/// How a file looks from outside; another look may be another content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    file: Option<Seen>,
    signature: Option<Seen>,
}

/// What is told of a file without reading it. Its length and the time of its content alone would not do: `rsync -t` and
/// `chmod` leave both as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    length: u64,
    written: Option<SystemTime>,
    device: u64,
    inode: u64,
    mode: u32,
    changed: (i64, i64),
}

impl Folder {
    /// The folder at `path`. It need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, asides: Arc::default() }
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
    ///
    /// # Errors
    /// When the disk does not answer.
    pub async fn look(&self, plugin: &PluginName) -> Result<Look, Refusal> {
        let file = self.file(plugin);
        let look = self.aside(Some(plugin)).ask(move || Look::at(&file)).await;
        look.map_err(|silent| self.silent(plugin, silent))
    }

    /// The plugins that have a file here.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub async fn plugins(&self) -> Result<Vec<PluginName>, Silent> {
        let path = self.path.clone();
        self.aside(None).ask(move || plugins(&path)).await
    }

    /// Reads a plugin: from its file, once that stays as it is while it is read, or else from the program.
    ///
    /// # Errors
    /// When it has neither, its file cannot be read, or the disk does not answer.
    pub async fn read(&self, plugin: &PluginName) -> Result<Source, Refusal> {
        if !is_plain(plugin.as_str()) {
            return Err(self.refusal(
                plugin,
                "a plugin's name consists of letters, digits, `-` and `_`",
                "rename it in the configuration; its file is found by its name",
            ));
        }
        for _ in 0..TRIES {
            let (own, file) = (plugin.clone(), self.file(plugin));
            let aside = self.aside(Some(plugin));
            let read = aside.ask(move || {
                let before = Look::at(&file);
                let read = (!before.is_gone()).then(|| Source::read(&own, &file));
                (before == Look::at(&file)).then_some(read)
            });
            match read.await.map_err(|silent| self.silent(plugin, silent))? {
                Some(Some(read)) => return read,
                Some(None) => break,
                None => tokio::time::sleep(PAUSE).await,
            }
        }
        match Source::built_in(plugin) {
            Some(source) => Ok(source),
            None => Err(self.not_found(plugin).await),
        }
    }

    async fn not_found(&self, plugin: &PluginName) -> Refusal {
        let file = self.file(plugin);
        let path = file.clone();
        let seen = self.aside(Some(plugin)).ask(move || (path.try_exists(), path.read_link())).await;
        let message = match seen {
            Err(silent) => return self.silent(plugin, silent),
            Ok((Ok(true), _)) => format!("the file {} changes all the time", file.display()),
            Ok((_, Ok(target))) => {
                format!("the file {} is a link to {}, which leads nowhere", file.display(), target.display())
            }
            Ok((Err(error), Err(_))) => {
                let message = format!("the file {} cannot be looked at: {error}", file.display());
                return self.refusal(plugin, &message, "check plugins.dir, and who may look into it");
            }
            Ok((Ok(false), Err(_))) => {
                format!("there is no file {} and no built-in plugin of that name", file.display())
            }
        };
        let hint = format!("put the component there, or use a built-in one ({})", BUILT_IN.join(", "));
        self.refusal(plugin, &message, &hint)
    }

    fn silent(&self, plugin: &PluginName, silent: Silent) -> Refusal {
        let message = format!("the disk of {} is asked in vain: {silent}", self.file(plugin).display());
        self.refusal(plugin, &message, "look after the mount of plugins.dir; it is asked again once a minute")
    }

    fn refusal(&self, plugin: &PluginName, message: &str, hint: &str) -> Refusal {
        Refusal::new(plugin, Origin::File(self.path.clone()), LoadStage::Read, message, hint)
    }

    /// Where a file is asked about; none is the folder itself.
    fn aside(&self, plugin: Option<&PluginName>) -> Aside {
        let mut asides = self.asides.lock().unwrap_or_else(PoisonError::into_inner);
        asides.entry(plugin.cloned()).or_insert_with(|| Aside::new(PATIENCE)).clone()
    }
}

impl Look {
    /// How a file and the signature beside it look now.
    fn at(file: &Path) -> Self {
        let seen = |path: &Path| path.metadata().ok().map(|metadata| Seen::of(&metadata));
        Self { signature: seen(&file.with_extension("wasm.sig")), file: seen(file) }
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.file.is_none()
    }

    /// Whether this may be the half of what somebody writes: the same file as before with another content, or one where
    /// none was. A file that took the place of another was renamed, and is whole.
    #[must_use]
    pub fn may_be_half(&self, before: &Self) -> bool {
        match (&before.file, &self.file) {
            (Some(before), Some(now)) => {
                (before.device, before.inode) == (now.device, now.inode) && before != now
            }
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            written: metadata.modified().ok(),
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn plugins(folder: &Path) -> Vec<PluginName> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.filter_map(|name| name.strip_suffix(".wasm").map(str::to_owned));
    let mut plugins: Vec<PluginName> = names.filter(|name| is_plain(name)).map(PluginName::new).collect();
    plugins.sort();
    plugins
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
        assert_eq!(plugins.plugins().await, Ok(vec![PluginName::new("daily")]));

        let missing = origin("weekly").await.expect_err("there is none");
        assert!(missing.message.contains("weekly.wasm"), "{missing}");
        assert!(missing.hint.contains("daily, brief"), "{missing}");
    }

    #[test]
    fn a_file_looks_different_after_whatever_may_have_changed_it() {
        use std::fs::{self, File, Permissions};
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [file, beside, signature] =
            ["own.wasm", "own.new", "own.wasm.sig"].map(|name| folder.path().join(name));
        let stamp = |file: &Path| {
            let opened = File::options().write(true).open(file).expect("it is there");
            opened.set_modified(SystemTime::UNIX_EPOCH).expect("it is ours");
        };
        fs::write(&file, b"one").expect("it can be written");
        stamp(&file);
        let mut before = Look::at(&file);
        assert_eq!(Look::at(&file), before);
        for (what, half, change) in [
            (
                "written over, with the time of before",
                true,
                &(|| {
                    fs::write(&file, b"two").expect("it can be written");
                    stamp(&file);
                }) as &dyn Fn(),
            ),
            ("renamed, with the length and the time of before", false, &|| {
                fs::write(&beside, b"six").expect("it can be written");
                stamp(&beside);
                fs::rename(&beside, &file).expect("it can be renamed");
            }),
            ("may be read now", true, &|| {
                fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("it is ours");
            }),
            ("is signed now", false, &|| fs::write(&signature, b"me").expect("it can be written")),
            ("is gone", false, &|| fs::remove_file(&file).expect("it is there")),
            ("is there again", true, &|| fs::write(&file, b"two").expect("it can be written")),
        ] {
            change();
            let now = Look::at(&file);
            assert_ne!(now, before, "{what}");
            assert_eq!(now.may_be_half(&before), half, "{what}");
            before = now;
        }
    }

    #[tokio::test]
    async fn a_link_that_leads_nowhere_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::os::unix::fs::symlink("gone.wasm", folder.path().join("own.wasm")).expect("it can be made");
        let plugins = Folder::new(folder.path().to_owned());
        let refusal = plugins.read(&PluginName::new("own")).await.expect_err("there is no file");
        assert!(refusal.message.contains("is a link to gone.wasm, which leads nowhere"), "{refusal}");
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
    async fn what_is_no_file_is_called_what_it_is_and_not_read() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("folder.wasm")).expect("it can be made");
        symlink(".", at("link.wasm")).expect("it can be made");
        symlink("/dev/null", at("device.wasm")).expect("it can be made");
        let made = std::process::Command::new("mkfifo").arg(at("pipe.wasm")).status();
        assert!(made.is_ok_and(|made| made.success()));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket.wasm")).expect("it can be made");
        std::fs::write(at("signed.wasm"), b"").expect("it can be written");
        std::fs::create_dir(at("signed.wasm.sig")).expect("it can be made");
        let plugins = Folder::new(folder.path().to_owned());
        for (name, says) in [
            ("folder", "the file cannot be read: it is a folder and no regular file"),
            ("link", "it is a link to ., which is a folder and no regular file"),
            ("device", "it is a link to /dev/null, which is a device and no regular file"),
            ("pipe", "it is a pipe and no regular file"),
            ("socket", "it is a socket and no regular file"),
            ("signed", "the signature file beside it cannot be read: it is a folder and no regular file"),
        ] {
            let refusal = plugins.read(&PluginName::new(name)).await.expect_err("it is no file");
            assert!(refusal.message.contains(says), "{refusal}");
            assert!(
                refusal.hint.contains("the file itself") && !refusal.hint.contains("permission"),
                "{refusal}"
            );
        }
        let nowhere = Folder::new(at("signed.wasm"));
        let refusal = nowhere.read(&PluginName::new("own")).await.expect_err("it is no folder");
        assert!(refusal.message.contains("cannot be looked at: Not a directory"), "{refusal}");
    }
}
