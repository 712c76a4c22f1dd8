//! Official clients and servers from the npm registry, and the scripts that drive them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder in which `crates/peers/node` is installed: its scripts beside a `node_modules` with the versions
/// that its `package.json` pins. The first call installs them below `tmp`, which is cargo's folder for tests
/// (`CARGO_TARGET_TMPDIR`, which cargo tells tests alone).
///
/// # Panics
/// With a sentence that says what to install, when npm is missing or has no network.
pub fn peers(tmp: &str) -> &'static Path {
    static PEERS: OnceLock<PathBuf> = OnceLock::new();
    PEERS.get_or_init(|| install(tmp.as_ref()))
}

/// Whether tests with peers are to be left out, because the machine has no Node.
pub fn are_skipped() -> bool {
    let skip = std::env::var_os("PERSONA_HOST_SKIP_NODE").is_some_and(|value| value == "1");
    if skip {
        eprintln!("skipped: PERSONA_HOST_SKIP_NODE=1");
    }
    skip
}

/// The Chromium of this machine, if there is one and `PERSONA_HOST_SKIP_CHROMIUM=1` is not set; otherwise says why not.
pub fn chromium() -> Option<PathBuf> {
    const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
    if std::env::var_os("PERSONA_HOST_SKIP_CHROMIUM").is_some_and(|value| value == "1") {
        eprintln!("skipped: PERSONA_HOST_SKIP_CHROMIUM=1");
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    let found = programs.into_iter().find(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: none of {NAMES:?} is installed (Debian: apt-get install chromium)");
    }
    found
}

fn install(tmp: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    let target = tmp.join("peers");
    fs::create_dir_all(&target).expect("cargo's folder for tests can be written");
    for entry in fs::read_dir(&source).expect("crates/peers/node exists") {
        let path = entry.expect("crates/peers/node can be read").path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            fs::copy(&path, target.join(path.file_name().expect("a file"))).expect("a script can be copied");
        }
    }
    let wanted = fs::read(source.join("package.json")).expect("crates/peers/node has a package.json");
    // Written last, so it says that everything before it is there.
    let installed = target.join("installed.json");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return target;
    }
    fs::write(target.join("package.json"), &wanted).expect("package.json can be written");
    let npm = Command::new("npm")
        .args(["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&target)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "npm cannot be started ({error}): install Node.js 20 or later (Debian: apt-get install nodejs \
                 npm), or set PERSONA_HOST_SKIP_NODE=1 to leave the tests with official peers out"
            )
        });
    assert!(
        npm.status.success(),
        "npm install failed; without network, set PERSONA_HOST_SKIP_NODE=1 to leave these tests out\n{}",
        String::from_utf8_lossy(&npm.stderr)
    );
    fs::write(&installed, &wanted).expect("the mark can be written");
    target
}
