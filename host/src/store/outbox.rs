//! Deliveries that mana-auth has not acknowledged yet.

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::row::{json, json_text, unless_unreadable, whole};
use super::{Ledger, LedgerError};
use domain::delivery::{Delivery, Rows, action_rows};
use domain::ids::{PersonaId, TurnId};

/// More tries than these are not counted: a row must not fail for its number.
const MOST_TRIES: i64 = u32::MAX as i64 - 1;
/// No try is put off for so long, in milliseconds: one that lies further ahead was set by a clock that was wrong.
const TOO_FAR: i64 = 60 * 60 * 1000;

/// One delivery that waits for its next try.
#[derive(Debug)]
pub struct Waiting {
    /// Its number.
    pub seq: i64,
    /// When its try fell due, in milliseconds since the epoch.
    pub due_ms: i64,
    /// What is delivered, or why that cannot be read.
    pub delivery: Result<Delivery, LedgerError>,
    /// What it carries: `actions` or `feedback`.
    pub kind: &'static str,
    /// How often it was tried.
    pub tries: u32,
}

/// What to do with a delivery that was not acknowledged.
#[derive(Clone, Debug)]
pub enum Failed {
    /// Repeat it then.
    RepeatAt(DateTime<Utc>),
    /// mana-auth will never take it.
    Refused,
}

impl Ledger {
    /// The deliveries whose next try has been due for longest, this many `most`. Whoever is refused again and
    /// again falls behind those that come after it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn deliveries(&self, most: u32) -> Result<Vec<Waiting>, LedgerError> {
        self.deliveries_from((i64::MIN, i64::MIN), most).await
    }

    /// Those that come after `last` in the same order.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn deliveries_after(&self, last: &Waiting, most: u32) -> Result<Vec<Waiting>, LedgerError> {
        self.deliveries_from((last.due_ms, last.seq), most).await
    }

    async fn deliveries_from(
        &self,
        (due_ms, seq): (i64, i64),
        most: u32,
    ) -> Result<Vec<Waiting>, LedgerError> {
        const WHAT: &str = "read the outbox";
        let rows = sqlx::query(
            "SELECT seq, next_try_at, part, delivery, tries FROM outbox
             WHERE state = 'waiting' AND (next_try_at <= ?1 OR next_try_at > ?2) AND (next_try_at, seq) > (?3, ?4)
             ORDER BY next_try_at, seq LIMIT ?5",
        )
        .bind(self.now_ms())
        .bind(self.now_ms().saturating_add(TOO_FAR))
        .bind(due_ms)
        .bind(seq)
        .bind(i64::from(most))
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(WHAT))?;
        let waiting = |row: &SqliteRow| {
            let doing = LedgerError::doing(WHAT);
            let part = row.try_get::<String, _>("part").unwrap_or_default();
            let tries: i64 = row.try_get("tries").map_err(&doing)?;
            let delivery = row.try_get::<String, _>("delivery").map_err(&doing);
            Ok(Waiting {
                seq: row.try_get("seq").map_err(&doing)?,
                due_ms: row.try_get("next_try_at").map_err(&doing)?,
                delivery: delivery.and_then(|text| json("delivery", &text)),
                kind: if part.starts_with("feedback") { "feedback" } else { "actions" },
                tries: u32::try_from(tries).unwrap_or(u32::MAX),
            })
        };
        rows.iter().map(waiting).collect()
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn deliveries_waiting(&self) -> Result<u64, LedgerError> {
        const WHAT: &str = "count the outbox";
        let row = sqlx::query("SELECT count(*) FROM outbox WHERE state = 'waiting'")
            .fetch_one(&self.readers)
            .await
            .map_err(LedgerError::doing(WHAT))?;
        whole("count", row.try_get(0).map_err(LedgerError::doing(WHAT))?)
    }

    /// mana-auth acknowledged it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn delivered(&self, seq: i64) -> Result<(), LedgerError> {
        let statement = sqlx::query(
            "UPDATE outbox SET state = 'delivered', tries = min(tries, ?) + 1, delivered_at = ?, last_error = NULL
             WHERE seq = ?",
        )
        .bind(MOST_TRIES)
        .bind(self.now_ms())
        .bind(seq);
        self.execute("mark a delivery", statement).await?;
        Ok(())
    }

    /// mana-auth did not acknowledge it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn not_delivered(&self, seq: i64, error: &str, next: Failed) -> Result<(), LedgerError> {
        const WHAT: &str = "mark a delivery";
        let mut transaction = self.write(WHAT).await?;
        if matches!(next, Failed::Refused) {
            unless_unreadable(WHAT, enqueue_marker(&mut transaction, seq, self.now_ms()).await)?;
        }
        let (state, next_try_at) = match next {
            Failed::RepeatAt(at) => ("waiting", at.timestamp_millis()),
            Failed::Refused => ("refused", self.now_ms()),
        };
        sqlx::query(
            "UPDATE outbox SET state = ?, tries = min(tries, ?) + 1, next_try_at = ?, last_error = ? WHERE seq = ?",
        )
        .bind(state)
        .bind(MOST_TRIES)
        .bind(next_try_at)
        .bind(error)
        .bind(seq)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::doing(WHAT))?;
        transaction.commit().await.map_err(LedgerError::doing(WHAT))
    }
}

/// In the place of actions that mana-auth will never take, one row that says that the persona was
/// active: else it would be due, and held, for ever.
async fn enqueue_marker(connection: &mut SqliteConnection, seq: i64, now: i64) -> Result<(), LedgerError> {
    let doing = LedgerError::doing("replace a refused delivery");
    let refused = sqlx::query(
        "SELECT turn, turns.persona AS persona FROM outbox JOIN turns ON turns.id = outbox.turn
         WHERE seq = ? AND part = 'actions'",
    )
    .bind(seq)
    .fetch_optional(&mut *connection)
    .await
    .map_err(&doing)?;
    let Some(refused) = refused else { return Ok(()) };
    let turn: String = refused.try_get("turn").map_err(&doing)?;
    let persona = PersonaId::new(refused.try_get::<String, _>("persona").map_err(&doing)?);
    let turn = TurnId::parse(&turn).map_err(|_| LedgerError::Row { column: "turn", value: turn })?;
    let marker = Delivery { persona, rows: Rows::Actions(action_rows(turn, &[])) };
    enqueue(connection, turn, "marker", &marker, now).await
}

/// Puts a delivery in the outbox, as part of the transaction that keeps what it carries.
pub(super) async fn enqueue(
    connection: &mut SqliteConnection,
    turn: TurnId,
    part: &str,
    delivery: &Delivery,
    now: i64,
) -> Result<(), LedgerError> {
    sqlx::query("INSERT INTO outbox (turn, part, delivery, next_try_at) VALUES (?, ?, ?, ?)")
        .bind(turn.to_string())
        .bind(part)
        .bind(json_text(delivery))
        .bind(now)
        .execute(connection)
        .await
        .map_err(LedgerError::doing("put a delivery in the outbox"))?;
    Ok(())
}
