//! The example in Python as a component: the largest that an author would write, and the slowest to
//! compile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use domain::ids::Sha256Hex;

/// What the component is made of.
const SOURCES: [&[u8]; 4] = [
    include_bytes!("../../../../examples/plugins/brief-python/app.py"),
    include_bytes!("../../../../examples/plugins/brief-python/rating.py"),
    include_bytes!("../../../../examples/plugins/brief-python/requirements.txt"),
    include_bytes!("../../../../wit/v0.1/behavior.wit"),
];

/// Whether tests with Python are to be left out, because the machine has none.
pub(crate) fn is_skipped() -> bool {
    let skip = std::env::var_os("PERSONA_HOST_SKIP_PYTHON").is_some_and(|value| value == "1");
    if skip {
        eprintln!("skipped: PERSONA_HOST_SKIP_PYTHON=1");
    }
    skip
}

/// The component. The first call on a machine builds it, as an author would.
pub(crate) fn component() -> Vec<u8> {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    std::fs::read(FILE.get_or_init(build)).unwrap()
}

fn build() -> PathBuf {
    let digest = Sha256Hex::of(&SOURCES.concat()).to_string();
    let name = format!("python-{}", &digest[..12]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    let component = folder.join(format!("dist/{name}.wasm"));
    if !component.is_file() {
        // What is left of a try that was broken off.
        let _ = std::fs::remove_dir_all(&folder);
        let target = folder.display().to_string();
        call(&["plugin", "new", &name, "--lang", "python", "--dir", &target]);
        call(&["plugin", "build", &target]);
    }
    component
}

fn call(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_persona-host")).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}; without Python, set PERSONA_HOST_SKIP_PYTHON=1 to leave these tests out\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
