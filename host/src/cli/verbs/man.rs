//! `man`: the manual, a page for each command.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use serde_json::json;

use crate::cli::args::Cli;
use crate::cli::output::{Output, PLACE, styled};
use crate::cli::{Exit, Failure};

/// What stands at the foot of each page.
const SOURCE: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "persona-host's commands";

/// Writes the pages into a folder, which is made if it is not there.
///
/// # Errors
/// When they cannot be written.
pub fn man(dir: &Path, output: Output) -> Result<(), Failure> {
    let refused = |cause: std::io::Error| {
        let message = format!("the manual cannot be written to {}: {cause}", dir.display());
        Failure::new(Exit::File, message).hint("name a folder that this user may write to")
    };
    std::fs::create_dir_all(dir).map_err(refused)?;
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    write(&program, dir, &mut pages).map_err(refused)?;
    output.print(&json!({ "pages": pages }), || {
        let first = dir.join(concat!(env!("CARGO_PKG_NAME"), ".1"));
        let read = styled(PLACE, format!("man {}", first.display()));
        format!("{} pages in {}\nnext: {read}\n", pages.len(), dir.display())
    })
}

fn write(command: &Command, dir: &Path, pages: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let page = Man::new(command.clone()).source(SOURCE).manual(MANUAL);
    pages.push(page.generate_to(dir)?);
    command.get_subcommands().filter(|own| !own.is_hide_set()).try_for_each(|own| write(own, dir, pages))
}
