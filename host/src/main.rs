//! The `persona-host` command.

use std::process::ExitCode;

use clap::Parser as _;
use persona_host::app;
use persona_host::cli::args::Cli;
use persona_host::cli::output;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => app::obey(cli).await.into(),
        Err(stopped) => output::not_begun(&stopped).into(),
    }
}
