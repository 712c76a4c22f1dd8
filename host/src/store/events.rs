//! Events that are kept, so that whoever reads along misses none of them: written many at once, read from any number on.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::database::{Connection, Row, Statement, sql};
use super::row::{self, instant, readable};
use super::{Ledger, LedgerError};
use domain::ids::TurnId;
use domain::kind::GAP;

const WRITE: &str = "keep events";
const READ: &str = "read events";
const PRUNE: &str = "remove old events";
/// Rows of one statement: as many of the largest as there are, then smaller ones. A statement for each number of rows
/// would push all others out of the drivers' memory.
const AT_ONCE: [usize; 3] = [64, 8, 1];
const ENDS: &str = "SELECT (SELECT min(id) FROM events) AS oldest, (SELECT max(id) FROM events) AS newest";
/// The oldest go, by age or because there are too many. The newest stays: numbers are counted on from it.
const OLD: &str = "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?1)
    AND (at < ?2 OR id <= ?3) AND id < ?4";

/// An event on its way into the ledger.
#[derive(Clone, Debug)]
pub struct ToKeep {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Its kind, one of [`domain::kind::KINDS`] or [`domain::kind::GAP`].
    pub kind: &'static str,
    /// The turn that it is about.
    pub turn: Option<TurnId>,
    /// The address of the persona that it is about.
    pub persona: Option<String>,
    /// All of it, as a JSON object.
    pub event: String,
}

/// An event that was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptEvent {
    /// Its number.
    pub id: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// All of it, its kind included.
    #[serde(flatten)]
    pub event: Map<String, Value>,
}

/// Which events are wanted. Where some are missing is told whatever is wanted.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only these kinds; empty: all of them.
    pub kinds: Vec<String>,
    /// Only those about the persona of this address.
    pub persona: Option<String>,
}

/// Events in their order.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// What cannot be told any more between the number that was asked for and these.
    pub gap: Option<Gap>,
    /// The events.
    pub events: Vec<KeptEvent>,
    /// From where to read on.
    pub upto: i64,
}

/// Where events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Gap {
    /// They were old, and are gone.
    #[serde(rename_all = "camelCase")]
    Pruned {
        /// How many.
        left_out: i64,
        /// The number of the last of them.
        #[serde(skip)]
        last: i64,
    },
    /// This ledger has never had an event of that number: it is another one, or was restored from a backup.
    Unknown {
        /// From where it is read instead.
        #[serde(skip)]
        last: i64,
    },
}

impl Gap {
    /// From where to read on behind it.
    #[must_use]
    pub fn last(self) -> i64 {
        match self {
            Self::Pruned { last, .. } | Self::Unknown { last } => last,
        }
    }

    /// As it is told among events: its number is the one to go on from.
    #[must_use]
    pub fn told(self, at: DateTime<Utc>) -> KeptEvent {
        let mut event = Map::from_iter([("kind".to_owned(), GAP.into())]);
        if let Value::Object(fields) = json!(self) {
            event.extend(fields);
        }
        KeptEvent { id: self.last(), at, event }
    }
}

impl KeptEvent {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.event.get("kind").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Ledger {
    /// Keeps events, in their order, and gives the number of the last of them.
    ///
    /// # Errors
    /// When the ledger cannot be written. Then none of them is kept.
    pub async fn keep_events(&self, events: Vec<ToKeep>) -> Result<i64, LedgerError> {
        self.write(WRITE, move |connection| {
            let mut newest = ends(connection)?.1.unwrap_or_default();
            let mut left = events.as_slice();
            while !left.is_empty() {
                let rows = AT_ONCE.into_iter().find(|rows| *rows <= left.len()).unwrap_or(1);
                let (now, later) = left.split_at(rows);
                connection.run(inserted(now, &mut newest))?;
                left = later;
            }
            Ok(newest)
        })
        .await
    }

    /// At most so many events behind the one of the number `after`, the oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn events(
        &self,
        after: i64,
        filter: &EventFilter,
        most: u32,
    ) -> Result<EventPage, LedgerError> {
        let filter = filter.clone();
        self.read(READ, move |connection| page(connection, after, &filter, most)).await
    }

    /// The number behind which all events lie that happened since then.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn event_before(&self, since: DateTime<Utc>) -> Result<i64, LedgerError> {
        let first = "SELECT coalesce((SELECT min(id) - 1 FROM events WHERE at >= ?), (SELECT max(id) FROM events), 0) AS id";
        self.one(READ, sql(first).bind(since.timestamp_millis())).await?.get("id")
    }

    /// The number of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn newest_event(&self) -> Result<i64, LedgerError> {
        let newest = self.one(READ, sql("SELECT coalesce(max(id), 0) AS id FROM events")).await?;
        newest.get("id")
    }

    /// Removes the oldest events: what happened before then, and what is more than `keep` of them. It looks at so many at
    /// `most`, and gives how many are gone. Fewer than that: nothing older is left.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn prune_events(
        &self,
        before: DateTime<Utc>,
        keep: u32,
        most: u32,
    ) -> Result<u32, LedgerError> {
        let newest = self.newest_event().await?;
        let old = sql(OLD)
            .bind(most)
            .bind(before.timestamp_millis())
            .bind(newest.saturating_sub(i64::from(keep)))
            .bind(newest);
        Ok(u32::try_from(self.run(PRUNE, old).await?).unwrap_or(u32::MAX))
    }
}

fn page(
    connection: &mut Connection<'_>,
    after: i64,
    filter: &EventFilter,
    most: u32,
) -> Result<EventPage, LedgerError> {
    let (oldest, newest) = ends(connection)?;
    let (oldest, newest) = (oldest.unwrap_or(1), newest.unwrap_or_default());
    let gap = match after {
        after if after > newest => Some(Gap::Unknown { last: oldest - 1 }),
        after if after + 1 < oldest => Some(Gap::Pruned { left_out: oldest - 1 - after, last: oldest - 1 }),
        _ => None,
    };
    let from = gap.map_or(after, Gap::last);
    let rows = connection.rows(selected(from, newest, filter, most))?;
    if from < newest && ends(connection)?.0.is_some_and(|oldest| oldest > from + 1) {
        // Some were removed in between, and that is to be told.
        return page(connection, after, filter, most);
    }
    // What is not wanted is passed over once.
    let is_all = rows.len() < usize::try_from(most).unwrap_or(usize::MAX);
    let last = rows.last().map(|row| row.get("id")).transpose()?;
    let upto = if is_all { newest } else { last.unwrap_or(newest) };
    Ok(EventPage { gap, events: readable(READ, rows.iter().map(kept))?, upto })
}

/// The numbers of the oldest and of the newest event.
fn ends(connection: &mut Connection<'_>) -> Result<(Option<i64>, Option<i64>), LedgerError> {
    let row = connection.one(sql(ENDS))?;
    Ok((row.get("oldest")?, row.get("newest")?))
}

fn inserted(events: &[ToKeep], newest: &mut i64) -> Statement {
    let places = vec!["(?, ?, ?, ?, ?, ?)"; events.len()].join(", ");
    let insert = sql(format!("INSERT INTO events (id, at, kind, turn, persona, event) VALUES {places}"));
    events.iter().fold(insert, |insert, own| {
        *newest += 1;
        let turn = own.turn.map(|turn| turn.to_string());
        insert
            .bind(*newest)
            .bind(own.at.timestamp_millis())
            .bind(own.kind)
            .bind(turn.as_ref())
            .bind(own.persona.as_deref())
            .bind(&own.event)
    })
}

fn selected(from: i64, upto: i64, filter: &EventFilter, most: u32) -> Statement {
    let mut text = "SELECT id, at, event FROM events WHERE id > ? AND id <= ?".to_owned();
    if !filter.kinds.is_empty() {
        let places = vec!["?"; filter.kinds.len() + 1].join(", ");
        text += &format!(" AND kind IN ({places})");
    }
    if filter.persona.is_some() {
        text += " AND (persona = ? OR kind = ?)";
    }
    text += " ORDER BY id LIMIT ?";
    let mut statement = sql(text).bind(from).bind(upto);
    if !filter.kinds.is_empty() {
        statement = statement.bind_all(filter.kinds.iter().map(String::as_str)).bind(GAP);
    }
    if let Some(persona) = &filter.persona {
        statement = statement.bind(persona).bind(GAP);
    }
    statement.bind(most)
}

fn kept(row: &Row) -> Result<KeptEvent, LedgerError> {
    Ok(KeptEvent {
        id: row.get("id")?,
        at: instant("at", row.get("at")?)?,
        event: row::json("event", &row.get::<String>("event")?)?,
    })
}
