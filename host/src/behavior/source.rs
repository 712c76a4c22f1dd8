//! Where a plugin's component comes from.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::built_in;
use super::limits::MAX_COMPONENT;
use super::refusal::{LoadStage, Origin, Refusal};
use domain::ids::{PluginName, Sha256Hex};

/// No signature file is larger, in bytes.
const MAX_SIGNATURE: u64 = 4 << 10;

/// The bytes of a component, and where they are from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The plugin that it is to be.
    pub plugin: PluginName,
    /// Where it is from.
    pub origin: Origin,
    /// The component.
    pub bytes: Arc<[u8]>,
    /// The content of the signature file beside it.
    pub signature: Option<Vec<u8>>,
    /// The digest of the component, computed once, by whoever had the bytes first.
    pub(super) sha256: Sha256Hex,
}

impl Source {
    /// Bytes that are in hand, without a signature. `path` only names them.
    pub fn of(plugin: &PluginName, path: impl Into<PathBuf>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let (origin, bytes) = (Origin::File(path.into()), bytes.into());
        let sha256 = Sha256Hex::of(&bytes);
        Self { plugin: plugin.clone(), origin, bytes, signature: None, sha256 }
    }

    /// The component of that name that is part of the program.
    #[must_use]
    pub fn built_in(plugin: &PluginName) -> Option<Self> {
        let bytes = built_in::component(plugin.as_str())?;
        Some(Self { origin: Origin::BuiltIn, ..Self::of(plugin, "", bytes) })
    }

    /// Reads a component from a file, and the signature from the file `….sig` beside it.
    ///
    /// # Errors
    /// When the file cannot be read, or is larger than 32 MiB.
    pub fn read(plugin: &PluginName, path: &Path) -> Result<Self, Refusal> {
        let refusal = |message: String, hint: &str| {
            Refusal::new(plugin, Origin::File(path.to_owned()), LoadStage::Read, message, hint)
        };
        let bytes = read_at_most(path, MAX_COMPONENT)
            .map_err(|unread| refusal(format!("the file cannot be read: {unread}"), unread.hint()))?;
        let Some(bytes) = bytes else {
            return Err(refusal(
                format!("the file is larger than {} MiB", MAX_COMPONENT >> 20),
                "build it optimized for size, and without debug sections",
            ));
        };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".sig");
        let signature = match read_at_most(Path::new(&beside), MAX_SIGNATURE) {
            Ok(signature) => Some(signature.unwrap_or_default()),
            Err(Unread::Failed(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(unread) => {
                let message = format!("the signature file beside it cannot be read: {unread}");
                return Err(refusal(message, unread.hint()));
            }
        };
        Ok(Self { signature, ..Self::of(plugin, path, bytes) })
    }

    /// The digest of the component.
    #[must_use]
    pub fn digest(&self) -> Sha256Hex {
        self.sha256.clone()
    }
}

impl Refusal {
    /// A refusal of a build that was read.
    pub fn of(
        source: &Source,
        stage: LoadStage,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let sha256 = Some(source.digest());
        Self { sha256, ..Self::new(&source.plugin, source.origin.clone(), stage, message, hint) }
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    NoFile(String),
    #[error("{0}")]
    Failed(#[from] io::Error),
}

impl Unread {
    fn hint(&self) -> &'static str {
        match self {
            Self::NoFile(_) => "put the file itself there, or a link to it",
            Self::Failed(error) => match error.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => {
                    "let the user that persona-host runs as read it: check its permissions and those of its folder"
                }
                _ => "look after the disk that it is on",
            },
        }
    }
}

/// What lies at a path, in words, if it is anything but a file.
///
/// # Errors
/// When there is nothing, or it cannot be looked at.
pub fn no_file(path: &Path) -> io::Result<Option<String>> {
    let kind = path.metadata()?.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(None),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Ok(Some(match path.read_link() {
        Ok(target) => format!("it is a link to {}, which is {what} and no regular file", target.display()),
        Err(_) => format!("it is {what} and no regular file"),
    }))
}

/// The content of a file; nothing if it has more than `most` bytes. A file that grows meanwhile is
/// noticed too, because one byte more than allowed is asked for.
fn read_at_most(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Unread> {
    if let Some(what) = no_file(path)? {
        // Opening a pipe would wait for somebody who writes.
        return Err(Unread::NoFile(what));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
