//! Programs that nobody here wrote, from npm, to prove that we speak the real protocols.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with `node_modules` and the scripts of `tests/peers`; installed once for each test binary.
///
/// # Panics
/// When there is no Node.js or the packages cannot be had.
pub(crate) fn peers() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(install)
}

fn install() -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    std::fs::create_dir_all(&folder).unwrap();
    // Released when this function ends. Another test process may be installing, too.
    let turn = File::create(folder.join("lock")).unwrap();
    turn.lock().unwrap();
    for entry in std::fs::read_dir(&sources).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    let wanted = std::fs::read(sources.join("package.json")).unwrap();
    let stamp = folder.join("installed.json");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    let npm = Command::new("npm")
        .args(["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .expect("npm is needed to test against peers: `apt-get install npm`");
    assert!(npm.status.success(), "npm install: {}", String::from_utf8_lossy(&npm.stderr));
    std::fs::write(stamp, wanted).unwrap();
    folder
}
