//! How much room there is where a file is, or will be.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

/// The room of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that whoever is not root may still write.
    pub free: u64,
    /// Bytes of all.
    pub all: u64,
}

/// The room where `path` is, or would be made.
///
/// # Errors
/// When nothing above it can be looked at.
pub fn room(path: &Path) -> io::Result<Room> {
    let found = statvfs(there_is(path))?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Room { free: bytes(found.f_bavail), all: bytes(found.f_blocks) })
}

/// Which file system `path` is on, or would be made on, as the kernel counts them.
///
/// # Errors
/// When nothing above it can be looked at.
pub fn device(path: &Path) -> io::Result<u64> {
    Ok(there_is(path).metadata()?.dev())
}

/// Whether this process may make and change files in a folder.
///
/// # Errors
/// With the system's reason, if it may not.
pub fn may_write(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::WRITE_OK)?)
}

/// The nearest folder above a path that is there; the one that we are in, if there is none.
fn there_is(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|above| above.exists());
    above.filter(|above| !above.as_os_str().is_empty()).map_or_else(|| ".".into(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_here_and_it_is_that_of_what_is_not_made_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = room(folder.path()).expect("it is there");
        assert!(room.free <= room.all && room.all > 0, "{room:?}");
        let unmade = super::room(&folder.path().join("a/b/ledger.db")).expect("something above is there");
        assert_eq!(unmade.all, room.all);
        let device = device(folder.path()).expect("it is there");
        assert_eq!(super::device(&folder.path().join("a/b/ledger.db")).expect("something above is"), device);
        assert!(super::room(Path::new("ledger.db")).is_ok() && may_write(folder.path()).is_ok());
        assert!(may_write(&folder.path().join("none")).is_err());
    }
}
