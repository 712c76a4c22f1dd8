//! Servers and clients from npm that nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// Whether this machine is to do without them, because it has no Node.
pub(crate) fn skipped() -> bool {
    env::var("PERSONA_HOST_SKIP_NODE").is_ok_and(|value| value == "1")
}

/// The folder in which the packages of `tests/peers/package.json` are installed, together with the
/// scripts beside it.
pub(crate) fn peers() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(install)
}

fn install() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let wanted = fs::read_to_string(source.join("package.json")).expect("the list of packages is there");
    for entry in fs::read_dir(&source).expect("the folder of the peers is there") {
        let file = entry.expect("the folder can be read").path();
        let name = file.file_name().expect("a file has a name");
        fs::copy(&file, folder.join(name)).expect("the target folder can be written");
    }
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|done| done == wanted) {
        return folder;
    }
    let npm = Command::new("npm")
        .args(["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output();
    match npm {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("npm install failed:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!(
            "npm cannot be started ({error}): install Node 20 or newer with npm (Debian: apt-get install nodejs npm), \
             or set PERSONA_HOST_SKIP_NODE=1 to leave these tests out"
        ),
    }
    fs::write(installed, wanted).expect("the target folder can be written");
    folder
}
