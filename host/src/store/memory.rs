//! What a persona remembers under a strategy.

use serde_json::Value;
use sqlx::Row as _;

use super::row::json;
use super::{Ledger, LedgerError};
use domain::ids::{PersonaId, StrategyName};

impl Ledger {
    /// What `persona`'s last completed turn under `strategy` returned to remember.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn memory(
        &self,
        persona: &PersonaId,
        strategy: &StrategyName,
    ) -> Result<Option<Value>, LedgerError> {
        const WHAT: &str = "read a memory";
        let row = sqlx::query("SELECT memory FROM memories WHERE persona = ? AND strategy = ?")
            .bind(persona.as_str())
            .bind(strategy.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(LedgerError::doing(WHAT))?;
        row.map(|row| {
            let text: String = row.try_get(0).map_err(LedgerError::doing(WHAT))?;
            json("memory", &text)
        })
        .transpose()
    }
}
