//! Programs from PyPI that read the document of the API and drive the daemon by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The versions that are asked.
const WANTED: &str = include_str!("../python/requirements.txt");

/// The folder of the programs that `crates/peers/python/requirements.txt` names. The first call installs them below `tmp`, which
/// is cargo's folder for tests. Nothing where tests with Python are left out, or where there is no Python with pip; that is said.
///
/// # Panics
/// With a sentence that says what to do, when PyPI cannot be reached.
pub fn programs(tmp: &str) -> Option<&'static Path> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| (!is_left_out()).then(|| install(tmp.as_ref()))).as_deref()
}

fn is_left_out() -> bool {
    let is_skipped = std::env::var_os("PERSONA_HOST_SKIP_PYTHON").is_some_and(|value| value == "1");
    let has_pip = || {
        let asked = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    if is_skipped {
        eprintln!("skipped: PERSONA_HOST_SKIP_PYTHON=1");
    } else if !has_pip() {
        eprintln!("skipped: there is no python3 with venv and pip (Debian: apt-get install python3-venv)");
    } else {
        return false;
    }
    true
}

fn install(tmp: &Path) -> PathBuf {
    let folder = tmp.join("peers-python");
    // Written last, so it says that everything before it is there.
    let mark = folder.join("installed.txt");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == WANTED) {
        return folder.join("bin");
    }
    // What is left of another version, or of a try that was broken off.
    let _ = fs::remove_dir_all(&folder);
    call(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, WANTED).expect("the list can be written");
    call(
        Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements),
    );
    fs::write(&mark, WANTED).expect("the mark can be written");
    folder.join("bin")
}

fn call(command: &mut Command) {
    let output = command.output().expect("it was there a moment ago");
    assert!(
        output.status.success(),
        "{command:?} failed; without network, set PERSONA_HOST_SKIP_PYTHON=1 to leave these tests out\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
