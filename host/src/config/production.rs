//! What production insists on (contract 7.1).

use secrecy::ExposeSecret as _;

use super::{Config, ConfigError};

/// The secret of development machines: known to everybody, so no secret.
pub(super) const DEVELOPMENT_SEED_SECRET: &str = "dev-persona-seed-secret-rotate-in-prod";

/// Refuses a production start with a missing or public secret. The original let an empty seed
/// secret pass, with which no persona can sign in.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if !config.runner.production {
        return Ok(());
    }
    let mut missing: Vec<String> = config.missing_keys().into_iter().map(str::to_owned).collect();
    match config.mana.seed_secret.expose_secret() {
        "" => missing.push("PERSONA_SEED_SECRET".to_owned()),
        DEVELOPMENT_SEED_SECRET => missing.push("PERSONA_SEED_SECRET (dev fallback in prod)".to_owned()),
        _ => {}
    }
    if missing.is_empty() { Ok(()) } else { Err(ConfigError::Production { missing }) }
}
