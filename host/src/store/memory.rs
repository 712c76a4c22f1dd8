//! What a persona remembers under a strategy.

use serde_json::Value;
use sqlx::Row as _;

use super::row::{json, unless_unreadable};
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
        let Some(row) = row else { return Ok(None) };
        let text = row.try_get::<String, _>(0).map_err(LedgerError::doing(WHAT));
        // One that cannot be read is as good as forgotten: the turn's own takes its place.
        unless_unreadable(WHAT, text.and_then(|text| json("memory", &text)))
    }
}
