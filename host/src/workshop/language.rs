//! The languages that a project can be in, and how one is recognised.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, on the SDK.
    Rust,
    /// JavaScript, on QuickJS inside of the component.
    JavaScript,
    /// Python, on CPython inside of the component.
    Python,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rust, Self::JavaScript, Self::Python];

    /// The language of the project in `folder`, by the files that it is recognised by.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.marks().iter().all(|mark| folder.join(mark).is_file()))
    }

    /// The files that a project in this language has.
    #[must_use]
    pub fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["Cargo.toml"],
            Self::JavaScript => &["package.json"],
            Self::Python => &["requirements.txt", "app.py"],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_recognised_by_its_files() {
        for (files, language) in [
            (&["Cargo.toml"][..], Some(Language::Rust)),
            (&["package.json", "app.py"], Some(Language::JavaScript)),
            (&["requirements.txt", "app.py"], Some(Language::Python)),
            (&["app.py"], None),
            (&[], None),
        ] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            for file in files {
                std::fs::write(folder.path().join(file), "").expect("it can be written");
            }
            assert_eq!(Language::of(folder.path()), language, "{files:?}");
        }
    }
}
