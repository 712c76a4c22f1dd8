//! The `persona-host` command.

use std::process::ExitCode;

use clap::FromArgMatches as _;
use persona_host::app;
use persona_host::behavior;
use persona_host::cli::args::{self, Cli};
use persona_host::cli::output;

fn main() -> ExitCode {
    // Before anything is set up: a child sets itself limits first.
    behavior::answer_as_child().unwrap_or_else(command)
}

#[tokio::main]
async fn command() -> ExitCode {
    let typed = args::command().try_get_matches().and_then(|typed| Cli::from_arg_matches(&typed));
    match typed {
        Ok(cli) => app::obey(cli).await.into(),
        Err(stopped) => output::not_begun(&stopped).into(),
    }
}
