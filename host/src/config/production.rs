//! What production insists on (contract 7.1).

use secrecy::ExposeSecret as _;

use super::{Config, ConfigError};

/// The secret of development machines: known to everybody, so no secret.
pub(super) const DEVELOPMENT_SEED_SECRET: &str = "dev-persona-seed-secret-rotate-in-prod";

impl Config {
    /// Refuses to begin turns in production with a missing or public secret. The original let an
    /// empty seed secret pass, with which no persona can sign in.
    ///
    /// # Errors
    /// When one of the three secrets is missing, or is the one for development.
    pub fn check_production(&self) -> Result<(), ConfigError> {
        if !self.runner.production {
            return Ok(());
        }
        let mut missing: Vec<String> = self.missing_keys().into_iter().map(str::to_owned).collect();
        match self.mana.seed_secret.expose_secret() {
            "" => missing.push("PERSONA_SEED_SECRET".to_owned()),
            DEVELOPMENT_SEED_SECRET => missing.push("PERSONA_SEED_SECRET (dev fallback in prod)".to_owned()),
            _ => {}
        }
        if missing.is_empty() { Ok(()) } else { Err(ConfigError::Production { missing }) }
    }
}
