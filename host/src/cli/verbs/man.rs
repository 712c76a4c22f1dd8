//! `man`: the manual, a page for each command.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use serde_json::json;

use crate::cli::args::{self, Manual};
use crate::cli::next::quoted;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure, reference};
use domain::code::Code;

/// What stands at the foot of each page.
const SOURCE: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "persona-host's commands";

/// Writes the pages into a folder, which is made if it is not there.
///
/// # Errors
/// When they cannot be written.
pub fn man(dir: &Path, form: Manual, output: Output) -> Result<(), Failure> {
    let refused = |cause: std::io::Error| {
        let message = format!("the manual cannot be written to {}: {cause}", dir.display());
        Failure::new(Exit::File, Code::FileUnwritable, message)
            .hint("name a folder that this user may write to")
    };
    std::fs::create_dir_all(dir).map_err(refused)?;
    let pages = match form {
        Manual::Roff => roff(dir),
        Manual::Markdown => markdown(dir),
    };
    let pages = pages.map_err(refused)?;
    output.print(&json!({ "pages": pages }), || format!("{} pages in {}\n", pages.len(), dir.display()))?;
    if form == Manual::Roff {
        let first = dir.join(concat!(env!("CARGO_PKG_NAME"), ".1")).display().to_string();
        // What has no slash is looked for in the manual of the system.
        let first = if first.contains('/') { first } else { format!("./{first}") };
        output.next_line(&format!("man {}", quoted(&first)));
    }
    Ok(())
}

fn markdown(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let pages = [
        ("commands.md", reference::commands()),
        ("configuration.md", reference::configuration()),
        ("wit.md", reference::wit()),
    ];
    let write = |(name, text): (&str, String)| {
        let path = dir.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    pages.into_iter().map(write).collect()
}

fn roff(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut program = args::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    write(&program, dir, &mut pages)?;
    Ok(pages)
}

fn write(command: &Command, dir: &Path, pages: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let page = Man::new(command.clone()).source(SOURCE).manual(MANUAL);
    pages.push(page.generate_to(dir)?);
    command.get_subcommands().filter(|own| !own.is_hide_set()).try_for_each(|own| write(own, dir, pages))
}
