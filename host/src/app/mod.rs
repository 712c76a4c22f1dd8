//! Wires everything and decides nothing: the only place that knows all rooms.

mod build;
mod demo;
mod run;
mod signals;
mod stack;
mod tick;

use crate::cli::args::{Cli, Command, Config};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure, verbs};

pub use build::{App, Complaint, build};

/// Does what was typed.
pub async fn run(cli: Cli) -> Exit {
    let output = Output { json: cli.json };
    match command(cli, output).await {
        Ok(exit) => exit,
        Err(failure) => output.fail(failure),
    }
}

async fn command(cli: Cli, output: Output) -> Result<Exit, Failure> {
    let file = cli.config.as_deref();
    match cli.command {
        Command::Demo(args) => return demo::demo(args, file, output).await,
        Command::Run => run::run(file, output).await?,
        Command::Stack(args) => stack::stack(args, output).await?,
        Command::Tick(args) => return tick::tick(args, file, output).await,
        Command::Seed(args) => verbs::seed::seed(args, file, output).await?,
        Command::Personas(verb) => verbs::personas::look(verb, file, output).await?,
        Command::Turns(verb) => verbs::turns::look(verb, file, output).await?,
        Command::Config(Config::Show) => verbs::config::show(file, output)?,
    }
    Ok(Exit::Done)
}
