//! The guide for authors, taken at its word.

use super::ended;
use crate::commands::Shell;
use crate::support::builds;

/// The block of the guide that holds `words`.
fn of_guide(words: &str) -> &'static str {
    let guide = include_str!("../../../../../docs/write-a-behavior.md");
    guide
        .split("```toml\n")
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains(words))
        .unwrap()
}

#[test]
fn the_guide_ends_with_an_experiment_that_can_be_run() {
    let shell = Shell::new();
    // It takes any settings.
    shell.write("plugins/my-plugin.wasm", builds::misfit("nothing"));
    shell.write("persona-host.toml", of_guide("[strategies.tidy]"));
    shell.write("tidy-or-dry.toml", of_guide("key = \"tidy-or-dry\""));
    ended(&shell.call("experiment check tidy-or-dry.toml"), 0);
}
