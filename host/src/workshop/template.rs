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
const SDK: [(&str, &str); 7] = [
    ("behavior.rs", include_str!("../../../plugins/sdk/src/behavior.rs")),
    ("export.rs", include_str!("../../../plugins/sdk/src/export.rs")),
    ("lib.rs", include_str!("../../../plugins/sdk/src/lib.rs")),
    ("log.rs", include_str!("../../../plugins/sdk/src/log.rs")),
    ("rating.rs", include_str!("../../../plugins/sdk/src/rating.rs")),
    ("self_test.rs", include_str!("../../../plugins/sdk/src/self_test.rs")),
    ("values.rs", include_str!("../../../plugins/sdk/src/values.rs")),
];

/// What a project in Rust is told of itself; the other examples tell it in a README of their own.
const README: &str = include_str!("template/README.md");
/// The name that stands for the project's in it.
const NAME: &str = "NAME";

/// The cases, which a plugin in each language passes: all of them begin as the same behavior.
const CASES: [(&str, &str); 4] = [
    ("cases/no-favorites.json", include_str!("../../../examples/plugins/brief-js/cases/no-favorites.json")),
    ("cases/no-ratings.json", include_str!("../../../examples/plugins/brief-js/cases/no-ratings.json")),
    (
        "cases/second-thoughts.json",
        include_str!("../../../examples/plugins/brief-js/cases/second-thoughts.json"),
    ),
    ("cases/ten-minutes.json", include_str!("../../../examples/plugins/brief-js/cases/ten-minutes.json")),
];

const JAVASCRIPT: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../examples/plugins/brief-js/README.md")),
    (".gitignore", include_str!("../../../examples/plugins/brief-js/.gitignore")),
    ("package.json", include_str!("../../../examples/plugins/brief-js/package.json")),
    ("src/plugin.js", include_str!("../../../examples/plugins/brief-js/src/plugin.js")),
    ("src/rating.js", include_str!("../../../examples/plugins/brief-js/src/rating.js")),
];
const PYTHON: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../examples/plugins/brief-python/README.md")),
    (".gitignore", include_str!("../../../examples/plugins/brief-python/.gitignore")),
    ("requirements.txt", include_str!("../../../examples/plugins/brief-python/requirements.txt")),
    ("app.py", include_str!("../../../examples/plugins/brief-python/app.py")),
    ("rating.py", include_str!("../../../examples/plugins/brief-python/rating.py")),
];
/// The examples leave out the contract, because here it is at hand; a project keeps it.
const IGNORED_CONTRACT: &str = "# Written by `plugin build`.\n/wit/\n";

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
    let own = match language {
        Language::Rust => rust(name),
        Language::JavaScript => named(&JAVASCRIPT, "brief-js", name),
        Language::Python => named(&PYTHON, "brief-python", name),
    };
    let common = CASES.iter().chain([&("wit/behavior.wit", CONTRACT)]);
    let common = common.map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    own.into_iter().chain(common).collect()
}

/// The files of an example under another name.
fn named(files: &[(&str, &str)], example: &str, name: &str) -> Vec<(String, String)> {
    let text = |text: &str| text.replace(example, name).replace(IGNORED_CONTRACT, "");
    files.iter().map(|(path, content)| ((*path).to_owned(), text(content))).collect()
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
        ("README.md", README.replace(NAME, name)),
        (".gitignore", "/dist/\n/target/\n".to_owned()),
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
    fn a_project_in_another_language_has_everything_of_its_example_but_the_name() {
        for (language, example, lines) in
            [(Language::JavaScript, "brief-js", 300), (Language::Python, "brief-python", 300)]
        {
            let files = files("my-mood", language);
            for (path, text) in &files {
                assert!(!text.contains(example), "{example} is left in {path}");
                assert!(
                    path.starts_with("cases/") || !text.contains("/wit/\n"),
                    "{path} leaves out the contract"
                );
            }
            assert!(language.marks().iter().all(|mark| files.iter().any(|(path, _)| path == mark)));
            let folder = format!("{}/../examples/plugins/{example}", env!("CARGO_MANIFEST_DIR"));
            for (path, _) in files.iter().filter(|(path, _)| !path.starts_with("wit/")) {
                assert!(Path::new(&folder).join(path).is_file(), "{path} is no file of {example}");
            }
            assert!(files.iter().map(|(_, text)| text.lines().count()).sum::<usize>() > lines);
        }
    }

    #[test]
    fn the_sentence_that_the_guide_lets_one_change_stands_on_one_line_in_each_language() {
        let guide = include_str!("../../../docs/write-a-behavior.md");
        let (_, rest) = guide.split_once("\nFind `").expect("the guide names it");
        let (sentence, _) = rest.split_once('`').expect("it ends");
        for language in Language::ALL {
            let files = files("my-mood", language);
            assert!(files.iter().any(|(_, text)| text.contains(sentence)), "{sentence:?} in {language}");
        }
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
