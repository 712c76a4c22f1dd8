//! Lifting holds: whoever has mended the cause need not wait for the hold's end.

use super::{Ledger, LedgerError};

const WHAT: &str = "release a persona";

impl Ledger {
    /// Lifts what keeps a persona back, and gives how many of its turns were held; nothing if the ledger has no
    /// turn of it at all. A turn that is running or over stays so.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn release(&self, email: &str) -> Result<Option<u64>, LedgerError> {
        let mut transaction = self.write(WHAT).await?;
        let now = self.now_ms();
        let is_known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM turns WHERE email = ?)")
            .bind(email)
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::doing(WHAT))?;
        if !is_known {
            return Ok(None);
        }
        let released = sqlx::query(
            "UPDATE turns SET held_until = ?1
             WHERE email = ?2 AND state IN ('faulted', 'skipped') AND held_until > ?1",
        )
        .bind(now)
        .bind(email)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::doing(WHAT))?;
        sqlx::query("INSERT INTO releases (email, at) VALUES (?, ?) ON CONFLICT (email) DO UPDATE SET at = excluded.at")
            .bind(email)
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::doing(WHAT))?;
        transaction.commit().await.map_err(LedgerError::doing(WHAT))?;
        Ok(Some(released.rows_affected()))
    }
}
