//! A project as it is found: its folder, its language, its name.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::language::Language;

/// An author's project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Project {
    /// The plugin's name.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// Where it is.
    pub folder: PathBuf,
}

/// Why a folder is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no such folder.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// The folder has none of the files that a project is recognised by.
    #[error("{} holds no plugin: it has neither Cargo.toml nor package.json nor requirements.txt with app.py", .0.display())]
    NoProject(PathBuf),
    /// A file of it cannot be read or written.
    #[error("{} {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The name is none that the host can look for.
    #[error("{name:?} is no name for a plugin: {RULE}")]
    Name {
        /// The name.
        name: String,
        /// Where it is written; none for what was typed.
        place: Option<String>,
    },
}

/// The rule that a name breaks.
const RULE: &str = "a plugin's name consists of letters, digits, `-` and `_`, and begins with a letter";

impl ProjectError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoFolder(_) => "name the folder of a project".to_owned(),
            Self::NoProject(_) => {
                "begin one with `persona-host plugin new NAME --lang rust`, or name its folder".to_owned()
            }
            Self::File { .. } => "correct the file, or make it readable for this user".to_owned(),
            Self::Name { place: Some(place), .. } => format!("change it in {place}"),
            Self::Name { place: None, .. } => "choose another one, such as my-plugin".to_owned(),
        }
    }

    pub(super) fn file(path: &Path, verb: &str, cause: &io::Error) -> Self {
        Self::File { path: path.to_owned(), cause: format!("cannot be {verb}: {cause}") }
    }
}

impl Project {
    /// The project in `folder`.
    ///
    /// # Errors
    /// When there is none, or its name is none.
    pub fn open(folder: &Path) -> Result<Self, ProjectError> {
        if !folder.is_dir() {
            return Err(ProjectError::NoFolder(folder.to_owned()));
        }
        let language = Language::of(folder).ok_or_else(|| ProjectError::NoProject(folder.to_owned()))?;
        let (name, place) = match language {
            Language::Rust => (crate_name(&folder.join("Cargo.toml"))?, "Cargo.toml".to_owned()),
            Language::JavaScript => (package_name(&folder.join("package.json"))?, "package.json".to_owned()),
            Language::Python => (folder_name(folder)?, "the name of the folder".to_owned()),
        };
        if !is_plugin_name(&name) {
            return Err(ProjectError::Name { name, place: Some(place) });
        }
        Ok(Self { name, language, folder: folder.to_owned() })
    }

    /// Where its component is, once it is built.
    #[must_use]
    pub fn component(&self) -> PathBuf {
        self.folder.join("dist").join(format!("{}.wasm", self.name))
    }
}

/// Checks what somebody wants to call a plugin.
pub(super) fn check_name(name: &str) -> Result<(), ProjectError> {
    if is_plugin_name(name) { Ok(()) } else { Err(ProjectError::Name { name: name.to_owned(), place: None }) }
}

/// Whether the host finds a plugin of this name, and every language can call one so.
fn is_plugin_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn crate_name(path: &Path) -> Result<String, ProjectError> {
    let manifest: toml::Table = read(path)?.parse().map_err(|error: toml::de::Error| ProjectError::File {
        path: path.to_owned(),
        cause: format!("is not TOML: {}", error.message()),
    })?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    name.map(str::to_owned).ok_or_else(|| ProjectError::File {
        path: path.to_owned(),
        cause: "has no [package] with a name".to_owned(),
    })
}

/// Without the scope that npm's names may have.
fn package_name(path: &Path) -> Result<String, ProjectError> {
    let refused = |cause: String| ProjectError::File { path: path.to_owned(), cause };
    let manifest: Value =
        serde_json::from_str(&read(path)?).map_err(|error| refused(format!("is not JSON: {error}")))?;
    let name = manifest["name"].as_str().ok_or_else(|| refused("has no name".to_owned()))?;
    Ok(name.rsplit('/').next().unwrap_or(name).to_owned())
}

fn folder_name(folder: &Path) -> Result<String, ProjectError> {
    let whole = folder.canonicalize().map_err(|error| ProjectError::file(folder, "read", &error))?;
    Ok(whole.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn read(path: &Path) -> Result<String, ProjectError> {
    std::fs::read_to_string(path).map_err(|error| ProjectError::file(path, "read", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folder: &str, files: &[(&str, &str)]) -> Result<Project, ProjectError> {
        let outer = tempfile::tempdir().expect("a temporary folder");
        let folder = outer.path().join(folder);
        std::fs::create_dir(&folder).expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("it can be written");
        }
        Project::open(&folder)
    }

    #[test]
    fn a_name_comes_from_where_the_language_keeps_it() {
        for (files, name) in [
            (&[("Cargo.toml", "[package]\nname = \"my-mood\"\n")][..], "my-mood"),
            (&[("package.json", r#"{"name": "@anna/my_mood"}"#)], "my_mood"),
            (&[("app.py", ""), ("requirements.txt", "")], "folder"),
        ] {
            assert_eq!(project("folder", files).expect("a project").name, name);
        }
    }

    #[test]
    fn what_is_no_project_says_what_is_missing() {
        for (folder, files, says) in [
            ("a", &[][..], "holds no plugin"),
            ("a", &[("Cargo.toml", "[workspace]\n")], "Cargo.toml has no [package] with a name"),
            ("a", &[("Cargo.toml", "[package\n")], "Cargo.toml is not TOML"),
            ("a", &[("package.json", "{")], "package.json is not JSON"),
            ("a", &[("package.json", "[]")], "package.json has no name"),
            ("a b", &[("app.py", ""), ("requirements.txt", "")], "\"a b\" is no name for a plugin"),
            ("a", &[("Cargo.toml", "[package]\nname = \"7days\"\n")], "begins with a letter"),
        ] {
            let error = project(folder, files).expect_err("no project").to_string();
            assert!(error.contains(says), "{says:?} in {error}");
        }
        assert!(Project::open(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn a_name_is_a_file_name_and_nothing_more() {
        for (name, good) in [
            ("mood", true),
            ("My-mood_2", true),
            ("", false),
            ("2mood", false),
            ("-mood", false),
            ("a.b", false),
            ("../mood", false),
            ("stimmung\u{e4}", false),
        ] {
            assert_eq!(check_name(name).is_ok(), good, "{name}");
        }
    }
}
