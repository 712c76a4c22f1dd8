//! `version`: what this program is, which contracts it speaks, and what it stands on.

use serde_json::json;

use crate::cli::Failure;
use crate::cli::output::{HEAD, Output, styled};
use crate::{behavior, mcp, model, store};

/// Shows the versions.
///
/// # Errors
/// When it cannot be printed.
pub fn version(output: Output) -> Result<(), Failure> {
    let (own, target) = (env!("CARGO_PKG_VERSION"), env!("PERSONA_HOST_TARGET"));
    let (protocol, sqlite) = (mcp::protocol(), store::sqlite_version());
    let document = json!({
        "version": own, "target": target,
        "contracts": { "behavior": behavior::ACCEPTED, "mcp": protocol, "ledger": store::TABLES },
        "wasmtime": behavior::WASMTIME, "sqlite": sqlite, "prices": model::price::TABLE,
    });
    output.print(&document, || {
        let rows = [
            ("target", target.to_owned()),
            ("plugins", format!("persona:behavior {}", behavior::ACCEPTED)),
            ("mcp", protocol.clone()),
            ("ledger", format!("tables of version {}", store::TABLES)),
            ("wasmtime", behavior::WASMTIME.to_owned()),
            ("sqlite", sqlite.to_owned()),
            ("prices", format!("of {}", model::price::TABLE)),
        ];
        let rows: String = rows.iter().map(|(name, value)| format!("  {name:<10}{value}\n")).collect();
        format!("{} {own}\n{rows}", styled(HEAD, "persona-host"))
    })
}
