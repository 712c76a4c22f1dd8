//! What is old goes: the steps of a turn, what its plugin was given, and what was delivered of it. The turn itself stays,
//! with its attempts, its actions, its ratings and what it cost.

use chrono::{DateTime, Utc};

use super::database::{Connection, sql};
use super::{Ledger, LedgerError};

const WHAT: &str = "remove what is old";

/// Turns that are over, and of which nobody will ask how they went: nothing is to be delivered, and no turn of their
/// experiment is younger.
const OLD: &str = "SELECT id FROM turns
    WHERE pruned_at IS NULL AND ended_at < ?1 AND state != 'running' AND held_until IS NULL AND parked_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.turn = turns.id AND outbox.state = 'waiting')
        AND NOT EXISTS (SELECT 1 FROM assignments AS own JOIN assignments AS other
            ON other.experiment = own.experiment AND other.version = own.version
            WHERE own.turn = turns.id AND other.assigned_at >= ?1)
    ORDER BY ended_at, id LIMIT ?2";

/// What is removed of a turn.
const GOES: [&str; 3] = [
    "DELETE FROM steps WHERE turn = ?",
    // A persona is as its last turn has it, however long ago that was.
    "DELETE FROM contexts WHERE turn = ?1 AND EXISTS (SELECT 1 FROM turns AS own
         JOIN turns AS later ON later.persona = own.persona AND later.started_at > own.started_at
         JOIN contexts AS newer ON newer.turn = later.id WHERE own.id = ?1)",
    "DELETE FROM outbox WHERE turn = ? AND state = 'delivered'",
];
/// Lists of tools that no turn stands on any more.
const UNUSED: [&str; 2] = [
    "DELETE FROM tool_lists WHERE sha256 NOT IN (SELECT tools FROM contexts)",
    "DELETE FROM tool_definitions
     WHERE sha256 NOT IN (SELECT definitions FROM contexts WHERE definitions IS NOT NULL)",
];

impl Ledger {
    /// Removes what is old of turns that ended before then, of so many at `most` (one at least), and gives of how many.
    /// Fewer than that: nothing older is left.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn prune(&self, before: DateTime<Utc>, most: u32) -> Result<u32, LedgerError> {
        let (before, now) = (before.timestamp_millis(), self.now_ms());
        let turns = self.rows(WHAT, sql(OLD).bind(before).bind(most)).await?;
        let turns: Vec<String> = turns.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        let pruned = u32::try_from(turns.len()).unwrap_or(u32::MAX);
        let is_last = pruned < most;
        if pruned > 0 {
            self.write(WHAT, move |connection| {
                turns.iter().try_for_each(|turn| prune(connection, turn, now))?;
                let unused = UNUSED.iter().filter(|_| is_last);
                unused.copied().try_for_each(|statement| connection.run(sql(statement)).map(drop))
            })
            .await?;
        }
        Ok(pruned)
    }
}

fn prune(connection: &mut Connection<'_>, turn: &str, now: i64) -> Result<(), LedgerError> {
    for statement in GOES {
        connection.run(sql(statement).bind(turn))?;
    }
    connection.run(sql("UPDATE turns SET pruned_at = ? WHERE id = ?").bind(now).bind(turn)).map(drop)
}
