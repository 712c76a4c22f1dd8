//! `config show`: each value, and where it comes from.

use std::path::Path;

use comfy_table::{Attribute, Cell};

use crate::cli::output::Column::{Flowing, Whole};
use crate::cli::output::{Output, table};
use crate::cli::{Failure, load};

/// Shows the configuration.
///
/// # Errors
/// When it cannot be used; then the error says where it is wrong.
pub fn show(file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let config = load::config(file)?;
    output.print(&config.shown, || {
        let mut table = table([Whole("key"), Flowing("value"), Flowing("from")]);
        for shown in &config.shown {
            let origin = Cell::new(&shown.origin).add_attribute(Attribute::Dim);
            table.add_row([Cell::new(&shown.key), Cell::new(&shown.value), origin]);
        }
        format!("{}\n", table.trim_fmt())
    })
}
