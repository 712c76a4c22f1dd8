//! `plugin new`: a project that works, to be changed.

use std::path::Path;

use serde_json::json;

use super::page::Page;
use crate::cli::args::{Lang, New};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure, load};
use crate::workshop::{Language, TemplateError, create};

/// Makes the project, and says what can be typed next.
///
/// # Errors
/// When the name is none, or something is there already.
pub fn new(args: &New, output: Output) -> Result<(), Failure> {
    let language = Language::from(args.lang);
    let folder = args.dir.as_deref().unwrap_or(Path::new(&args.name));
    let files = create(&args.name, language, folder)?;
    let (program, place) = (load::program(), folder.display());
    let next = [
        format!("{program} plugin build {place}"),
        format!(
            "{program} plugin check {}",
            folder.join("dist").join(format!("{}.wasm", args.name)).display()
        ),
        format!("{program} plugin test {place}"),
    ];
    let document = json!({
        "name": args.name, "language": language, "folder": folder, "files": files, "next": next,
    });
    output.print(&document, || {
        let mut page = Page::default();
        page.heading(&format!("{}, a plugin in {language}", args.name));
        page.fact("folder", &place.to_string());
        page.fact("files", &files.join("\n"));
        page.fact("next", &next.join("\n"));
        page.into_text()
    })
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Rust => Self::Rust,
            Lang::Js => Self::JavaScript,
            Lang::Python => Self::Python,
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        let exit = match &error {
            TemplateError::Name(_) => Exit::Usage,
            TemplateError::Occupied(_) | TemplateError::Unwritable { .. } => Exit::File,
        };
        Self::new(exit, error.to_string()).hint(error.hint())
    }
}
