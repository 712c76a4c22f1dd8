//! What standard output and standard error lead to, and what the variables of terminals say of it.

use std::io::{IsTerminal as _, stderr};

use comfy_table::Table;

/// The variables that every command goes by, and what they say.
pub const VARIABLES: [(&str, &str); 4] = [
    ("NO_COLOR", "no colours, unless it is empty"),
    ("CLICOLOR_FORCE", "colours also where there is no terminal, unless it is 0"),
    ("TERM", "dumb: no colours"),
    ("COLUMNS", "how wide text and tables are set, with or without a terminal"),
];

/// Logs that tell of turns as they end, as the lines do that would stand between them.
const VERBOSE: [&str; 3] = ["info", "debug", "trace"];

/// How many characters a line has: as COLUMNS says, or the terminal. Nothing where nobody can say.
pub(super) fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    columns.filter(|columns| *columns > 0).or_else(|| Table::new().width().map(usize::from))
}

/// Whether what comes and goes while something is under way is read by anybody as it comes.
pub(super) fn shows_progress() -> bool {
    let filter = std::env::var("RUST_LOG").unwrap_or_default().to_ascii_lowercase();
    stderr().is_terminal() && !VERBOSE.iter().any(|level| filter.contains(level))
}
