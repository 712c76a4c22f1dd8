//! The files of a new project. All of them are made from the repository's own sources, so that nothing
//! exists twice and what builds here builds there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::language::Language;
use super::manifest::{lock, profile, standalone};
use super::project::{ProjectError, check_name};

/// The contract, as a project has it in `wit/behavior.wit`.
pub(super) const CONTRACT: &str = include_str!("../../../wit/v0.1/behavior.wit");

const WORKSPACE: &str = include_str!("../../../plugins/Cargo.toml");
const LOCK: &str = include_str!("../../../plugins/Cargo.lock");
const BRIEF: &str = include_str!("../../../plugins/brief/src/lib.rs");
const BRIEF_MANIFEST: &str = include_str!("../../../plugins/brief/Cargo.toml");
const SDK_MANIFEST: &str = include_str!("../../../plugins/sdk/Cargo.toml");
/// The sources of the SDK, by their names in `src/`.
const SDK: [(&str, &str); 6] = [
    ("behavior.rs", include_str!("../../../plugins/sdk/src/behavior.rs")),
    ("export.rs", include_str!("../../../plugins/sdk/src/export.rs")),
    ("lib.rs", include_str!("../../../plugins/sdk/src/lib.rs")),
    ("log.rs", include_str!("../../../plugins/sdk/src/log.rs")),
    ("rating.rs", include_str!("../../../plugins/sdk/src/rating.rs")),
    ("values.rs", include_str!("../../../plugins/sdk/src/values.rs")),
];

/// What every project gets, whatever its language.
const COMMON: [(&str, &str); 4] = [
    ("README.md", include_str!("template/README.md")),
    ("wit/behavior.wit", CONTRACT),
    ("cases/a-usual-day.json", include_str!("template/a-usual-day.json")),
    ("cases/a-reply-without-ratings.json", include_str!("template/a-reply-without-ratings.json")),
];
/// The name that stands for the project's in these files.
const NAME: &str = "NAME";

/// Why there is no new project. Nothing was written, but for the last of them.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The name is none that a plugin can have.
    #[error(transparent)]
    Name(#[from] ProjectError),
    /// Something is there already.
    #[error("{} is there already, and is not an empty folder", .0.display())]
    Occupied(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written: {cause}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl TemplateError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Name(error) => error.hint(),
            Self::Occupied(_) => "choose another name, or another folder with --dir".to_owned(),
            Self::Unwritable { .. } => "choose a folder that this user can write in, with --dir".to_owned(),
        }
    }
}

/// Makes the project `name` in `folder`, and gives its files by their paths in it.
///
/// # Errors
/// When the name is none, something is in the folder already, or it cannot be written.
pub fn create(name: &str, language: Language, folder: &Path) -> Result<Vec<String>, TemplateError> {
    check_name(name)?;
    if is_occupied(folder) {
        return Err(TemplateError::Occupied(folder.to_owned()));
    }
    let files = files(name, language);
    for (path, text) in &files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .map_err(|cause| TemplateError::Unwritable { path, cause })?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

fn is_occupied(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Path and text of each file, in the order in which one would read them.
fn files(name: &str, language: Language) -> Vec<(String, String)> {
    let common = COMMON.iter().map(|(path, text)| ((*path).to_owned(), text.replace(NAME, name)));
    let mut files: Vec<(String, String)> = common.collect();
    files.extend(match language {
        Language::Rust => rust(name),
        Language::JavaScript => Vec::new(),
        Language::Python => Vec::new(),
    });
    files
}

fn rust(name: &str) -> Vec<(String, String)> {
    let manifest = standalone(BRIEF_MANIFEST, WORKSPACE)
        .replace("name = \"brief\"", &format!("name = \"{name}\""))
        .replace("A rival behavior:", "A behavior for persona-host:")
        .replace("license = \"Apache-2.0\"\n", "")
        .replace("path = \"sdk\"", "path = \"persona-plugin\"");
    let source = BRIEF
        .replace("A rival to `daily`:", &format!("The plugin `{name}`:"))
        .replace("\"brief\"", &format!("\"{name}\""))
        .replace("_brief_", "_the_plugin_")
        .replace("Brief", "Plugin");
    let own = [
        (".gitignore", "/dist\n/target\n".to_owned()),
        ("Cargo.toml", format!("{manifest}\n[workspace]\n\n{}", profile(WORKSPACE))),
        ("Cargo.lock", lock(LOCK, "brief", name, "persona-plugin")),
        ("src/lib.rs", source),
        ("persona-plugin/Cargo.toml", standalone(SDK_MANIFEST, WORKSPACE)),
    ];
    let sdk = SDK.iter().map(|(file, text)| {
        // The SDK lies beside the contract in a project, and beside all its versions here.
        (format!("persona-plugin/src/{file}"), text.replace("\"../../wit/v0.1\"", "\"../wit\""))
    });
    own.map(|(path, text)| (path.to_owned(), text)).into_iter().chain(sdk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_sdk_is_in_the_template() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/sdk/src");
        let entries = fs::read_dir(folder).expect("the SDK is there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into())
            .collect();
        names.sort();
        assert_eq!(names, SDK.map(|(name, _)| name), "a file was added to the SDK: add it here too");
    }

    #[test]
    fn a_project_in_rust_stands_alone_under_its_own_name() {
        let files = rust("my-mood");
        let text = |wanted: &str| {
            let (_, text) = files.iter().find(|(path, _)| path == wanted).expect("it is there");
            text.as_str()
        };
        for (path, text) in &files {
            for foreign in ["workspace = true", "../../", "\"brief\"", "Brief", "`daily`"] {
                assert!(!text.contains(foreign), "{foreign} is left in {path}");
            }
        }
        let manifest: toml::Table = text("Cargo.toml").parse().expect("TOML");
        assert_eq!(manifest["package"]["name"].as_str(), Some("my-mood"));
        assert_eq!(manifest["dependencies"]["persona-plugin"]["path"].as_str(), Some("persona-plugin"));
        assert_eq!(manifest["profile"]["release"]["lto"].as_bool(), Some(true));
        assert!(manifest["workspace"].as_table().is_some_and(toml::Table::is_empty));
        let sdk: toml::Table = text("persona-plugin/Cargo.toml").parse().expect("TOML");
        assert!(sdk["dependencies"]["wit-bindgen"]["version"].as_str().is_some());
        assert!(text("src/lib.rs").contains("Descriptor::new(\"my-mood\""));
        assert!(text("persona-plugin/src/lib.rs").contains("path: \"../wit\""));
        let lock: toml::Table = text("Cargo.lock").parse().expect("TOML");
        assert!(lock["package"].as_array().is_some_and(|packages| packages.len() > 5));
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = create("mood", Language::Rust, folder.path()).expect("an empty folder is fine");
        assert!(files.iter().all(|file| folder.path().join(file).is_file()), "{files:?}");
        let error = create("mood", Language::Rust, folder.path()).expect_err("it is full now");
        assert!(error.to_string().ends_with("is there already, and is not an empty folder"), "{error}");
        let file = folder.path().join("Cargo.toml");
        create("mood", Language::Rust, &file).expect_err("a file is no folder");
        let error = create("7 moods", Language::Rust, folder.path()).expect_err("no name");
        assert!(error.to_string().contains("begins with a letter"), "{error}");
    }
}
