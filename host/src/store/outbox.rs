//! Deliveries that mana-auth has not acknowledged yet.

use chrono::{DateTime, Utc};

use super::database::{Connection, Row, Statement, sql};
use super::row::{json, json_text, turn_id, unless_unreadable, whole};
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
        let asked = sql(
            "SELECT seq, next_try_at, part, delivery, tries FROM outbox
             WHERE state = 'waiting' AND (next_try_at <= ?1 OR next_try_at > ?2) AND (next_try_at, seq) > (?3, ?4)
             ORDER BY next_try_at, seq LIMIT ?5",
        )
        .bind(self.now_ms())
        .bind(self.now_ms().saturating_add(TOO_FAR))
        .bind(due_ms)
        .bind(seq)
        .bind(most);
        self.rows("read the outbox", asked).await?.iter().map(waiting).collect()
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn deliveries_waiting(&self) -> Result<u64, LedgerError> {
        self.read("count the outbox", waiting_in).await
    }

    /// mana-auth acknowledged these. Gives how many wait now.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn delivered(&self, all: &[i64]) -> Result<u64, LedgerError> {
        let (all, now) = (all.to_vec(), self.now_ms());
        self.write("mark deliveries", move |connection| {
            for seq in &all {
                let delivered =
                    sql("UPDATE outbox SET state = 'delivered', delivered_at = ?, last_error = NULL,
                         tries = CASE WHEN tries < ? THEN tries + 1 ELSE tries END
                     WHERE seq = ?");
                connection.run(delivered.bind(now).bind(MOST_TRIES).bind(*seq))?;
                // Only rows of actions make mana-auth move a persona's last activity.
                let acknowledged = sql("INSERT INTO acknowledged (turn, persona, at)
                     SELECT turn, turns.persona, ?1 FROM outbox JOIN turns ON turns.id = outbox.turn
                     WHERE seq = ?2 AND (part IN ('actions', 'marker') OR part LIKE 'actions-%')
                     ON CONFLICT DO NOTHING");
                connection.run(acknowledged.bind(now).bind(*seq))?;
            }
            waiting_in(connection)
        })
        .await
    }

    /// mana-auth did not acknowledge it. Gives how many wait now.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn not_delivered(&self, seq: i64, error: &str, next: Failed) -> Result<u64, LedgerError> {
        const WHAT: &str = "mark a delivery";
        let (error, now) = (error.to_owned(), self.now_ms());
        self.write(WHAT, move |connection| {
            let (state, next_try_at) = match &next {
                Failed::RepeatAt(at) => ("waiting", at.timestamp_millis()),
                Failed::Refused => {
                    unless_unreadable(WHAT, enqueue_marker(connection, seq, now))?;
                    ("refused", now)
                }
            };
            let marked =
                sql("UPDATE outbox SET state = ?, tries = CASE WHEN tries < ? THEN tries + 1 ELSE tries END,
                     next_try_at = ?, last_error = ? WHERE seq = ?");
            let marked = marked.bind(state).bind(MOST_TRIES).bind(next_try_at).bind(&error).bind(seq);
            connection.run(marked)?;
            waiting_in(connection)
        })
        .await
    }
}

fn waiting_in(connection: &mut Connection<'_>) -> Result<u64, LedgerError> {
    let asked = sql("SELECT count(*) AS waiting FROM outbox WHERE state = 'waiting'");
    whole("waiting", connection.one(asked)?.get("waiting")?)
}

fn waiting(row: &Row) -> Result<Waiting, LedgerError> {
    let part = row.get::<String>("part").unwrap_or_default();
    let tries: i64 = row.get("tries")?;
    Ok(Waiting {
        seq: row.get("seq")?,
        due_ms: row.get("next_try_at")?,
        delivery: row.get::<String>("delivery").and_then(|text| json("delivery", &text)),
        kind: if part.starts_with("feedback") { "feedback" } else { "actions" },
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
    })
}

/// In the place of actions that mana-auth will never take, one row that says that the persona was
/// active: else it would be due, and held, for ever.
fn enqueue_marker(connection: &mut Connection<'_>, seq: i64, now: i64) -> Result<(), LedgerError> {
    let asked = sql("SELECT turn, turns.persona AS persona FROM outbox JOIN turns ON turns.id = outbox.turn
         WHERE seq = ? AND part = 'actions'");
    let Some(refused) = connection.row(asked.bind(seq))? else { return Ok(()) };
    let turn = turn_id("turn", refused.get("turn")?)?;
    let persona = PersonaId::new(refused.get::<String>("persona")?);
    let marker = Delivery { persona, rows: Rows::Actions(action_rows(turn, &[])) };
    connection.run(enqueue(turn, "marker", &marker, now)).map(drop)
}

/// Puts a delivery in the outbox, as part of the transaction that keeps what it carries.
pub(super) fn enqueue(turn: TurnId, part: &str, delivery: &Delivery, now: i64) -> Statement {
    sql("INSERT INTO outbox (turn, part, delivery, next_try_at) VALUES (?, ?, ?, ?)")
        .bind(turn)
        .bind(part)
        .bind(json_text(delivery))
        .bind(now)
}
