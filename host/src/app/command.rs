//! What was typed, and who does it.

use std::path::Path;

use super::{demo, run, stack, tick};
use crate::cli::args::{Cli, Command, Config, Experiment, Plugin};
use crate::cli::output::{ODD, Output, styled};
use crate::cli::{Exit, Failure, verbs};
use crate::private;

/// Does what was typed.
pub async fn obey(cli: Cli) -> Exit {
    let output = Output::new(cli.json, cli.config.clone());
    // Most of them know a secret, and all of them its variable.
    if let Err(cause) = private::memory() {
        output.say(&styled(ODD, format!("this process may leave a core file with secrets in it: {cause}")));
    }
    output.end(dispatch(cli, output).await)
}

async fn dispatch(cli: Cli, output: Output) -> Result<Exit, Failure> {
    let file = cli.config.as_deref();
    match cli.command {
        Command::Demo(args) => demo::demo(args, file, output).await?,
        Command::Init { dir } => verbs::init::init(&dir, output)?,
        Command::Validate(args) => verbs::validate::validate(&args, file, output).await?,
        Command::Doctor(args) => verbs::doctor::doctor(&args, file, output).await?,
        Command::Run(record) => run::run(record, file, output).await?,
        Command::Stack(args) => stack::stack(args, output).await?,
        Command::Tick(args) => tick::tick(args, file, output).await?,
        Command::Seed(args) => verbs::seed::seed(args, file, output).await?,
        Command::Status { url } => verbs::status::status(url.as_deref(), file, output).await?,
        Command::Top { url } => verbs::top::top(url.as_deref(), file, output).await?,
        Command::Pause { persona, now, reason, anyway, url } => {
            let asked = verbs::pause::Asked { persona, now, reason, anyway };
            verbs::pause::pause(&asked, url.as_deref(), file, output).await?;
        }
        Command::Resume { persona, url } => {
            verbs::pause::resume(persona.as_deref(), url.as_deref(), file, output).await?;
        }
        Command::Costs { by, since, ledger } => {
            verbs::costs::costs(by, since, ledger.as_deref(), file, output).await?;
        }
        Command::Personas(verb) => verbs::personas::look(verb, file, output).await?,
        Command::Events(verb) => verbs::events::look(verb, file, output).await?,
        Command::Turns(verb) => verbs::turns::look(verb, file, output).await?,
        Command::Plugin(verb) => plugin(verb, file, output).await?,
        Command::Experiment(verb) => experiment(verb, file, output).await?,
        Command::Config(Config::Show) => verbs::config::show(file, output)?,
        Command::Config(Config::Schema) => verbs::config::schema(output)?,
        Command::Explain { code } => verbs::explain::explain(code.as_deref(), output)?,
        Command::Completions { shell } => verbs::completions::completions(shell, output)?,
        Command::Man { dir, form } => verbs::man::man(&dir, form, output)?,
        Command::Version => verbs::version::version(output)?,
    }
    Ok(Exit::Done)
}

async fn plugin(verb: Plugin, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    match verb {
        Plugin::New(args) => verbs::plugin::new(&args, output)?,
        Plugin::Build { dir } => verbs::plugin::build(&dir, file, output).await?,
        Plugin::Inspect { file } => verbs::plugin::inspect(&file, output).await?,
        Plugin::Check(args) => verbs::plugin::check(&args, file, output).await?,
        Plugin::Call(args) => verbs::plugin::call(&args, file, output).await?,
        Plugin::Test(args) => verbs::plugin::test(&args, file, output).await?,
        Plugin::Dev(args) => verbs::plugin::dev(&args, file, output).await?,
        Plugin::List { url } => verbs::plugin::list(url.as_deref(), file, output).await?,
        Plugin::Rollback { name, url } => {
            verbs::plugin::rollback(&name, url.as_deref(), file, output).await?;
        }
        Plugin::Replay(args) => verbs::plugin::replay(&args, file, output).await?,
    }
    Ok(())
}

async fn experiment(verb: Experiment, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    match verb {
        Experiment::Check { file: experiment } => verbs::experiment::check(&experiment, file, output).await?,
        Experiment::Run(args) => super::experiment::run(&args, file, output).await?,
        Experiment::Report(args) => verbs::experiment::report(&args, file, output).await?,
        Experiment::Gate { of } => verbs::experiment::gate(&of, file, output).await?,
        Experiment::Export(args) => verbs::experiment::export(&args, file, output).await?,
        Experiment::Analyze(args) => verbs::experiment::analyze(&args, output)?,
        Experiment::Power(args) => verbs::experiment::power(&args, output)?,
        Experiment::Assign(args) => verbs::experiment::assign(&args, output)?,
    }
    Ok(())
}
