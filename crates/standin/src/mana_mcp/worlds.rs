//! Worlds of one user: what the app holds of it, kept apart. The real mana-mcp has nothing like it; here an
//! experiment lets each arm of a persona live in a world of its own.

use super::mcp::ManaMcp;
use crate::database::{DatabaseError, Value};

impl ManaMcp {
    /// From now on the user's records are those of `world`; at first it is empty.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn enter_world(&self, user: &str, world: &str) -> Result<(), DatabaseError> {
        self.hand_over(&parked(user, world), user).await
    }

    /// Puts the user's records by, as those of `world`.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn leave_world(&self, user: &str, world: &str) -> Result<(), DatabaseError> {
        self.hand_over(user, &parked(user, world)).await
    }

    async fn hand_over(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        let values: [Value; 2] = [from.into(), to.into()];
        self.options
            .database
            .execute("UPDATE mana_records SET user_id = $2 WHERE user_id = $1", &values)
            .await?;
        Ok(())
    }
}

/// The owner of records that nobody sees now.
fn parked(user: &str, world: &str) -> String {
    format!("{user}#{world}")
}
