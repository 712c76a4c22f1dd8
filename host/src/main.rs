//! The `persona-host` command.

use std::process::ExitCode;

use clap::Parser as _;
use persona_host::app;
use persona_host::behavior;
use persona_host::cli::args::Cli;
use persona_host::cli::output;

fn main() -> ExitCode {
    // Before anything is set up: a child sets itself limits first.
    behavior::answer_as_child().unwrap_or_else(command)
}

#[tokio::main]
async fn command() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => app::obey(cli).await.into(),
        Err(stopped) => output::not_begun(&stopped).into(),
    }
}
