//! Lifting holds: whoever has mended the cause need not wait for the hold's end.

use serde::Serialize;

use super::database::sql;
use super::{Ledger, LedgerError, Then};

/// How far a clock may be set back, in milliseconds. An attempt that ended later than this from now ended before the clock
/// was set back by more, and its hold is over: it would last until the clock has caught up.
pub(super) const CLOCKS: i64 = 60 * 1000;
const WHAT: &str = "release a persona";

/// What came of letting a turn go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum LetGoOn {
    /// Nothing keeps it back any more.
    GoesOn {
        /// Its id.
        turn: String,
        /// Whose it is.
        persona: String,
        /// What it does now.
        then: Then,
    },
    /// It is running.
    Runs,
    /// It is over.
    Over,
}

impl LetGoOn {
    /// Why it does not go on, for people.
    #[must_use]
    pub fn why_not(&self, id: &str) -> String {
        match self {
            Self::GoesOn { .. } => format!("turn {id} goes on"),
            Self::Runs => format!("turn {id} is running"),
            Self::Over => format!("turn {id} is over"),
        }
    }
}

impl Ledger {
    /// Lifts what keeps a persona back, and gives how many of its turns were held; nothing if the ledger has no
    /// turn of it at all. A turn that is running or over stays so.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn release(&self, email: &str) -> Result<Option<u64>, LedgerError> {
        let (email, now) = (email.to_owned(), self.now_ms());
        self.write(WHAT, move |connection| {
            let known = sql("SELECT 1 AS known FROM turns WHERE email = ? LIMIT 1").bind(&email);
            if connection.row(known)?.is_none() {
                return Ok(None);
            }
            let released = connection.run(
                sql("UPDATE turns SET held_until = ?1, parked_at = NULL, interruptions = 0, failures = 0
                     WHERE email = ?2 AND state IN ('faulted', 'skipped') AND (held_until > ?1 OR parked_at IS NOT NULL)")
                .bind(now)
                .bind(&email),
            )?;
            connection.run(
                sql("INSERT INTO releases (email, at) VALUES (?, ?) ON CONFLICT (email) DO UPDATE SET at = excluded.at")
                    .bind(&email)
                    .bind(now),
            )?;
            Ok(Some(released))
        })
        .await
    }

    /// Lets a turn go on that is held or parked: its attempts count from here. Of one that runs or is over nothing is
    /// changed, and that is told.
    ///
    /// # Errors
    /// When none or more than one has an id that begins so, or the ledger cannot be written.
    pub async fn let_go_on(&self, id: &str) -> Result<LetGoOn, LedgerError> {
        let turn = self.show(id).await?.summary;
        let then = turn.then.unwrap_or(Then::GoesOn);
        if turn.state == "running" {
            return Ok(LetGoOn::Runs);
        }
        let statement = sql(
            "UPDATE turns SET held_until = ?1, parked_at = NULL, interruptions = 0, failures = 0
             WHERE id = ?2 AND state IN ('faulted', 'skipped') AND (held_until IS NOT NULL OR parked_at IS NOT NULL)",
        )
        .bind(self.now_ms())
        .bind(&turn.id);
        let changed = self.run("let a turn go on", statement).await?;
        Ok(if changed == 0 {
            LetGoOn::Over
        } else {
            LetGoOn::GoesOn { turn: turn.id, persona: turn.persona, then }
        })
    }
}
