//! Where a daemon of a test or of a benchmark lives: between stand-ins, with a folder of its own.

use std::path::Path;

use persona_host::config::{Config, File, resolve};
use standin::Stack;

/// The defaults, with the neighbours' addresses in the environment, as an operator would set them, and with `more`
/// variables. The ledger and the folder of the plugins, which is made, are in `folder`.
pub(crate) fn configuration(stack: &Stack, folder: &Path, more: &[(&str, &str)]) -> Config {
    let environment = |name: &str| {
        Some(match name {
            "MANA_AUTH_URL" => stack.auth_url().to_owned(),
            "MANA_MCP_URL" => stack.mcp_url().to_owned(),
            "MANA_SERVICE_KEY" => stack.service_key().to_owned(),
            "ANTHROPIC_BASE_URL" => stack.claude_url().to_owned(),
            "ANTHROPIC_API_KEY" => "any-key".to_owned(),
            _ => more.iter().find(|(own, _)| *own == name)?.1.to_owned(),
        })
    };
    let mut config = resolve(File::default(), &environment).expect("a good configuration");
    config.store.url = format!("sqlite:{}", folder.join("ledger.db").display());
    config.plugins.dir = folder.join("plugins");
    config.http.port = 0;
    std::fs::create_dir(&config.plugins.dir).expect("a folder for the plugins");
    config
}
