//! `plugin new`: a project that works, to be changed.

use std::path::Path;

use serde_json::json;

use super::page::Page;
use crate::cli::args::{Lang, New};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::workshop::{Language, TemplateError, create};
use domain::code::Code;

/// Makes the project, and says what can be typed next.
///
/// # Errors
/// When the name is none, or something is there already.
pub fn new(args: &New, output: Output) -> Result<(), Failure> {
    let language = Language::from(args.lang);
    let folder = args.dir.as_deref().unwrap_or(Path::new(&args.name));
    let files = create(&args.name, language, folder)?;
    let place = folder.display().to_string();
    let component = folder.join("dist").join(format!("{}.wasm", args.name)).display().to_string();
    let next = [
        output.typed(&["plugin", "build", &place]),
        output.typed(&["plugin", "check", &component]),
        output.typed(&["plugin", "test", &place]),
    ];
    let document = json!({
        "name": args.name, "language": language, "folder": folder, "files": files, "next": next,
    });
    output.print(&document, || {
        let mut page = Page::default();
        page.heading(&format!("{}, a plugin in {language}", args.name));
        page.fact("folder", &place);
        page.fact("files", &files.join("\n"));
        page.into_text()
    })?;
    next.iter().for_each(|line| output.next_line(line));
    Ok(())
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
        let (exit, code) = match &error {
            TemplateError::Name(_) => (Exit::Usage, Code::PluginName),
            TemplateError::Occupied(_) => (Exit::File, Code::FolderOccupied),
            TemplateError::Unwritable { .. } => (Exit::File, Code::FileUnwritable),
        };
        Self::new(exit, code, error.to_string()).hint(error.hint())
    }
}
