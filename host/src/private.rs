//! What is nobody's but its owner's: files and folders with prompts, replies, tokens and code that is run as it is, and
//! the memory of a process that knows secrets.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, set_permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};

/// The variables that hold secrets.
pub const SECRETS: [&str; 12] = [
    "ANTHROPIC_API_KEY",
    "MANA_ADMIN_JWT",
    "MANA_SERVICE_KEY",
    "MANA_SERVICE_KEY_NEXT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "PERSONA_ADMIN_TOKEN",
    "PERSONA_ADMIN_TOKEN_NEXT",
    "PERSONA_SEED_SECRET",
    "PERSONA_STORE_URL",
    "PERSONA_VIEW_TOKEN",
    "PERSONA_VIEW_TOKEN_NEXT",
];

const FILE: u32 = 0o600;
const FOLDER: u32 = 0o700;

/// A file to append to, made if it is not there. One that others may read is taken away from them.
///
/// # Errors
/// When it cannot be made, or is not ours to change.
pub fn open(path: &Path) -> io::Result<File> {
    tightened(OpenOptions::new().create(true).append(true).mode(FILE).open(path)?)
}

/// A new file in the place of whatever is there.
///
/// # Errors
/// As [`open`].
pub fn create(path: &Path) -> io::Result<File> {
    tightened(OpenOptions::new().create(true).write(true).truncate(true).mode(FILE).open(path)?)
}

/// A new file with this in it, where there is none; whether there was none. What is there stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    match OpenOptions::new().create_new(true).write(true).mode(FILE).open(path) {
        Ok(mut file) => file.write_all(bytes).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file with this in it.
///
/// # Errors
/// As [`open`].
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create(path)?.write_all(bytes)
}

/// A folder, made with those above it if it is not there. One that others may look into is closed to them.
///
/// # Errors
/// As [`open`].
pub fn folder(path: &Path) -> io::Result<()> {
    folders(path)?;
    set_permissions(path, Permissions::from_mode(FOLDER))
}

/// A folder, made with those above it if it is not there. One that is there is the operator's, and stays as it is.
///
/// # Errors
/// As [`open`].
pub fn folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Takes a file away from everybody but its owner.
///
/// # Errors
/// When it is not there, or is not ours to change.
pub fn close(path: &Path) -> io::Result<()> {
    set_permissions(path, Permissions::from_mode(FILE))
}

/// From here on the process leaves no core file, and no other process of the same user reads its memory or the
/// environment that it was started with.
///
/// # Errors
/// When the system does not have it so.
pub fn memory() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn tightened(file: File) -> io::Result<File> {
    if file.metadata()?.permissions().mode() & 0o777 != FILE {
        file.set_permissions(Permissions::from_mode(FILE))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_its_owners_alone_also_where_it_was_not_before() {
        let own = tempfile::tempdir().expect("a folder");
        let loose = own.path().join("loose");
        std::fs::write(&loose, "before").expect("it can be written");
        set_permissions(&loose, Permissions::from_mode(0o644)).expect("ours");
        write(&loose, b"after").expect("it can be written");
        assert_eq!((mode(&loose), std::fs::read(&loose).expect("ours")), (FILE, b"after".to_vec()));
        open(&loose).and_then(|mut file| file.write_all(b"wards")).expect("it can be written");
        assert_eq!(std::fs::read(&loose).expect("ours"), b"afterwards");

        let fresh = own.path().join("fresh");
        assert!(new(&fresh, b"one").expect("it can be made") && !new(&fresh, b"two").expect("it is there"));
        assert_eq!((mode(&fresh), std::fs::read(&fresh).expect("ours")), (FILE, b"one".to_vec()));

        let deep = own.path().join("a/b");
        folders(&deep).expect("they can be made");
        assert_eq!((mode(&deep), mode(&own.path().join("a"))), (FOLDER, FOLDER));
        set_permissions(&deep, Permissions::from_mode(0o755)).expect("ours");
        folders(&deep).expect("it is there");
        assert_eq!(mode(&deep), 0o755, "it may be the operator's");
        folder(&deep).expect("it is ours");
        assert_eq!(mode(&deep), FOLDER);
    }
}
