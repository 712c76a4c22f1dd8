//! What a tool was when a server's list was last taken as it is, so that a change is noticed.

use std::collections::BTreeMap;

use super::database::{Row, Statement, sql};
use super::row::readable;
use super::{Ledger, LedgerError};
use domain::ids::Sha256Hex;

const READ: &str = "read the pinned tools";
const WRITE: &str = "pin tools";

impl Ledger {
    /// The digests of a server's tools, by name. One that cannot be read is pinned anew.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn tool_pins(&self, server: &str) -> Result<BTreeMap<String, Sha256Hex>, LedgerError> {
        let asked = sql("SELECT tool, sha256 FROM tool_pins WHERE server = ?").bind(server);
        let pin = |row: &Row| Ok((row.get::<String>("tool")?, row.get::<String>("sha256")?));
        let pins = readable(READ, self.rows(READ, asked).await?.iter().map(pin))?;
        Ok(pins.into_iter().filter_map(|(tool, digest)| Some((tool, Sha256Hex::parse(&digest)?))).collect())
    }

    /// Pins tools to these digests from now on.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn pin_tools(&self, server: &str, pins: &[(String, Sha256Hex)]) -> Result<(), LedgerError> {
        let now = self.now_ms();
        let pin = |(tool, digest): &(String, Sha256Hex)| {
            sql("INSERT INTO tool_pins (server, tool, sha256, pinned_at) VALUES (?, ?, ?, ?)
                 ON CONFLICT (server, tool) DO UPDATE
                 SET sha256 = excluded.sha256, pinned_at = excluded.pinned_at")
            .bind(server)
            .bind(tool)
            .bind(digest.as_str())
            .bind(now)
        };
        let pins: Vec<Statement> = pins.iter().map(pin).collect();
        self.write(WRITE, move |connection| {
            pins.iter().try_for_each(|pin| connection.run(pin.clone()).map(drop))
        })
        .await
    }
}
