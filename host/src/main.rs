//! The `persona-host` command.

use std::process::ExitCode;

use clap::Parser as _;
use persona_host::app;
use persona_host::cli::args::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    app::run(Cli::parse()).await.into()
}
