//! What a project is made of, so that a change of it can be seen.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tools make and fetch, and nobody edits.
const MADE: [&str; 6] = ["dist", "target", "node_modules", "wit", "bindings", "__pycache__"];

/// How the sources of a project look: another look is another content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Sources {
    /// How they look now. What cannot be read is not there.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut files = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with('.') || MADE.contains(&&*name) || name == "Cargo.lock" {
                    continue;
                }
                let path = entry.path();
                match path.metadata() {
                    Ok(found) if found.is_dir() => open.push(path),
                    Ok(found) => files.push((path, found.len(), found.modified().ok())),
                    Err(_) => {}
                }
            }
        }
        files.sort();
        Self(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_edited_counts_and_what_is_made_does_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
            std::fs::write(path, text).expect("it can be written");
        };
        write("src/lib.rs", "one");
        let before = Sources::of(folder.path());
        for made in ["dist/own.wasm", "target/x", ".venv/y", "node_modules/z/a.js", "Cargo.lock"] {
            write(made, "made");
        }
        assert_eq!(Sources::of(folder.path()), before);
        write("src/lib.rs", "more than one");
        assert_ne!(Sources::of(folder.path()), before);
    }
}
