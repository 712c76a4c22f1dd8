//! `plugin rollback`: back to the last good build, in the persona-host that runs.

use std::path::Path;

use serde_json::Value;

use super::running::{at, running, text};
use crate::cli::Failure;
use crate::cli::output::{GOOD, Output, styled};
use crate::cli::text::printable;

/// Goes back to the last good build of a plugin.
///
/// # Errors
/// When no persona-host answers, or there is nothing to go back to.
pub async fn rollback(
    name: &str,
    url: Option<&str>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let document = running(url, file)?.change(name, "rollback").await?;
    output.print(&document, || {
        let mut builds = document["plugin"]["generations"].as_array().into_iter().flatten();
        // Not the first one: a trial that was ended by this is newer.
        let live = builds.find(|build| build["number"] == document["generation"]).unwrap_or(&Value::Null);
        let digest = live["sha256"].as_str().and_then(|digest| digest.get(..12)).unwrap_or("–");
        let generation = text(&document, "generation");
        let serves = styled(GOOD, format!("{} serves again", printable(&text(live, "version"))));
        format!(
            "{serves} as generation {generation} of {} (sha256 {digest})\n\
             the build that was left is not loaded again until its file changes\n",
            printable(name)
        )
    })?;
    output.next(&[&["plugin", "list"][..], &at(url)].concat());
    Ok(())
}
