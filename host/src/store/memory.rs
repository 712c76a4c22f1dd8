//! What a persona remembers under a strategy.

use serde_json::Value;

use super::database::sql;
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
        let asked = sql("SELECT memory FROM memories WHERE persona = ? AND strategy = ?")
            .bind(persona.as_str())
            .bind(strategy.as_str());
        let row = self.row(WHAT, asked).await?;
        let Some(row) = row else { return Ok(None) };
        let text = row.get::<String>("memory");
        // One that cannot be read is as good as forgotten: the turn's own takes its place.
        unless_unreadable(WHAT, text.and_then(|text| json("memory", &text)))
    }
}
