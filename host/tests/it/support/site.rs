//! Where a daemon of a test or of a benchmark lives: between stand-ins, with a folder of its own.

use std::path::Path;

use persona_host::config::{Config, File, resolve};
use serde::{Deserialize, Serialize};
use standin::Stack;

/// The program itself, which proves builds: a test or a benchmark is another one.
pub(crate) const PROVER: &str = env!("CARGO_BIN_EXE_persona-host");

/// Where stand-ins are, also those of another process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) auth: String,
    pub(crate) mcp: String,
    pub(crate) claude: String,
    pub(crate) service_key: String,
    pub(crate) admin_jwt: String,
}

impl Addresses {
    pub(crate) fn of(stack: &Stack) -> Self {
        Self {
            auth: stack.auth_url().to_owned(),
            mcp: stack.mcp_url().to_owned(),
            claude: stack.claude_url().to_owned(),
            service_key: stack.service_key().to_owned(),
            admin_jwt: stack.admin_jwt(),
        }
    }
}

/// The defaults, with the neighbours' addresses in the environment, as an operator would set them, and with `more`
/// variables. The ledger and the folder of the plugins, which is made, are in `folder`.
pub(crate) fn configuration(neighbours: &Addresses, folder: &Path, more: &[(&str, &str)]) -> Config {
    let environment = |name: &str| {
        Some(match name {
            "MANA_AUTH_URL" => neighbours.auth.clone(),
            "MANA_MCP_URL" => neighbours.mcp.clone(),
            "MANA_SERVICE_KEY" => neighbours.service_key.clone(),
            "ANTHROPIC_BASE_URL" => neighbours.claude.clone(),
            "ANTHROPIC_API_KEY" => "any-key".to_owned(),
            _ => more.iter().find(|(own, _)| *own == name)?.1.to_owned(),
        })
    };
    let mut config = resolve(File::default(), &environment).expect("a good configuration");
    config.store.url = format!("sqlite:{}", folder.join("ledger.db").display()).into();
    config.plugins.dir = folder.join("plugins");
    config.plugins.prover = Some(PROVER.into());
    config.http.port = 0;
    std::fs::create_dir(&config.plugins.dir).expect("a folder for the plugins");
    config
}
