//! `stack`: the neighbours on this machine, until a signal.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde_json::{Map, Value};

use crate::cli::args::Stack as Args;
use crate::cli::output::{HEAD, ODD, Output, styled};
use crate::cli::quoted;
use crate::cli::signals::Signals;
use crate::cli::{Exit, Failure};
use crate::config::Config;
use crate::model::STAND_IN_KEY;
use crate::private;
use domain::budget::Limits;
use domain::clock::Clock;
use domain::code::Code;
use standin::{DatabaseUrl, Stack, StackError, StackOptions};

/// Serves until a signal, and says how to reach what it serves.
pub(super) async fn stack(args: Args, output: Output) -> Result<(), Failure> {
    let port = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let database = match &args.database_url {
        Some(url) => url.parse::<DatabaseUrl>().map_err(StackError::from)?,
        None => DatabaseUrl::Memory,
    };
    let options = StackOptions {
        auth: port(args.auth_port),
        mcp: port(args.mcp_port),
        claude: port(args.claude_port),
        database,
        ..StackOptions::on_free_ports(Clock::system())
    };
    let mut signals = Signals::listen();
    let stack = Stack::start(options).await?;
    let variables = variables(&stack);
    let lines: String = variables.iter().map(|(name, value)| format!("export {name}={value}\n")).collect();
    if let Some(path) = &args.env_file {
        private::write(path, lines.as_bytes()).map_err(|error| {
            Failure::new(
                Exit::File,
                Code::FileUnwritable,
                format!("{} cannot be written: {error}", path.display()),
            )
        })?;
    }
    let document: Map<String, Value> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    output.print_now(&document, || {
        let head = styled(HEAD, "stand-ins for mana-auth, mana-mcp and Claude");
        let end = styled(ODD, "No model runs here and nothing is charged. Ctrl-C ends them.");
        format!("{head}\n\n{lines}\n{end}\n")
    })?;
    if let Some(path) = &args.env_file {
        // A shell looks for what has no slash elsewhere.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        output.next_line(&format!(". {}", quoted(&path.display().to_string())));
    }
    signals.next().await;
    stack.stop().await;
    Ok(())
}

/// Points a configuration at the stand-ins of mana-auth and mana-mcp, with the ledger in `folder`.
pub(super) fn live_in(config: &mut Config, stack: &Stack, folder: &Path) {
    stack.auth_url().clone_into(&mut config.mana.auth_url);
    stack.mcp_url().clone_into(&mut config.mana.mcp_url);
    config.mana.personas_url = format!("{}/api/v1/internal/personas", stack.auth_url());
    config.mana.service_key = stack.service_key().into();
    config.store.url = format!("sqlite:{}", folder.join("ledger.db").display()).into();
}

/// Points a configuration at the scripted Claude.
pub(super) fn ask_the_script(config: &mut Config, stack: &Stack) {
    // What a script says costs nothing.
    config.budget = Limits::default();
    stack.claude_url().clone_into(&mut config.model.base_url);
    config.model.api_key = STAND_IN_KEY.into();
}

/// What persona-host needs to reach the stand-ins.
fn variables(stack: &Stack) -> [(&'static str, String); 6] {
    [
        ("MANA_AUTH_URL", stack.auth_url().to_owned()),
        ("MANA_MCP_URL", stack.mcp_url().to_owned()),
        ("MANA_SERVICE_KEY", stack.service_key().to_owned()),
        ("ANTHROPIC_BASE_URL", stack.claude_url().to_owned()),
        ("ANTHROPIC_API_KEY", STAND_IN_KEY.to_owned()),
        ("MANA_ADMIN_JWT", stack.admin_jwt()),
    ]
}

impl From<StackError> for Failure {
    fn from(error: StackError) -> Self {
        let (exit, code) = match &error {
            StackError::Bind(_) | StackError::Claude(_) => (Exit::PortTaken, Code::PortTaken),
            StackError::Database(_) | StackError::Key(_) => (Exit::File, Code::StandInsFailed),
        };
        Self::new(exit, code, error.to_string())
    }
}
