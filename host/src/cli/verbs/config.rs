//! `config show`: each value, and where it comes from. `config schema`: what an editor completes the file by.

use std::path::Path;

use comfy_table::{Attribute, Cell};

use crate::cli::output::Column::{Flowing, Whole};
use crate::cli::output::{FAINT, Output, styled, table};
use crate::cli::{Failure, load};
use crate::config;

/// Which of several values counts.
const PRECEDENCE: &str = "a variable ($NAME) goes before the file, and the file before the default";

/// Shows the configuration.
///
/// # Errors
/// When it cannot be used; then the error says where it is wrong.
pub fn show(file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    load::say_unknown_variables(output);
    output.print(&config.shown, || {
        let mut table = table([Whole("key"), Flowing("value"), Flowing("from")]);
        for shown in &config.shown {
            let origin = Cell::new(&shown.origin).add_attribute(Attribute::Dim);
            table.add_row([Cell::new(&shown.key), Cell::new(&shown.value), origin]);
        }
        format!("{}\n\n{}\n", table.trim_fmt(), styled(FAINT, PRECEDENCE))
    })
}

/// Prints the JSON Schema of the file.
///
/// # Errors
/// When it cannot be printed.
pub fn schema(output: Output) -> Result<(), Failure> {
    let schema = config::schema();
    output.print(&schema, || format!("{schema:#}\n"))
}
