//! The records of a user in a space: one JSON document each, in the order in which they were made.

use serde_json::{Map, Value as Document};

use super::session::Caller;
use crate::database::{Database, DatabaseError, Moment, Value};

/// The records of one collection that one caller sees.
pub(super) struct Records<'a> {
    database: &'a Database,
    caller: &'a Caller,
    collection: &'static str,
}

impl<'a> Records<'a> {
    pub(super) fn of(database: &'a Database, caller: &'a Caller, collection: &'static str) -> Self {
        Self { database, caller, collection }
    }

    /// All of them, oldest first.
    pub(super) async fn all(&self) -> Result<Vec<Document>, DatabaseError> {
        let sql = "SELECT data FROM mana_records WHERE user_id = $1 AND space_id = $2 AND collection = $3
                   ORDER BY position, id";
        let rows = self.database.rows(sql, &self.key()).await?;
        rows.iter().map(|row| row.json("data")).collect()
    }

    /// How many there are: the position of the next.
    pub(super) async fn count(&self) -> Result<i64, DatabaseError> {
        let sql = "SELECT count(*) AS records FROM mana_records
                   WHERE user_id = $1 AND space_id = $2 AND collection = $3";
        let row = self.database.row(sql, &self.key()).await?;
        row.expect("a count is always one row").integer("records")
    }

    /// Adds one under its `id`.
    pub(super) async fn add(
        &self,
        id: &str,
        position: i64,
        record: &Document,
        now: Moment,
    ) -> Result<(), DatabaseError> {
        let sql = "INSERT INTO mana_records (user_id, space_id, collection, id, position, data, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let [user, space, collection] = self.key();
        let values =
            [user, space, collection, id.into(), position.into(), Value::Json(record.clone()), now.into()];
        self.database.execute(sql, &values).await.map(drop)
    }

    /// Changes fields of one. Nothing happens when there is none with this id, as in the original.
    pub(super) async fn change(&self, id: &str, fields: Map<String, Document>) -> Result<(), DatabaseError> {
        let sql = "SELECT data FROM mana_records
                   WHERE user_id = $1 AND space_id = $2 AND collection = $3 AND id = $4";
        let [user, space, collection] = self.key();
        let key = [user, space, collection, id.into()];
        let Some(row) = self.database.row(sql, &key).await? else { return Ok(()) };
        let mut record = row.json("data")?;
        for (name, value) in fields {
            record[name] = value;
        }
        let sql = "UPDATE mana_records SET data = $5
                   WHERE user_id = $1 AND space_id = $2 AND collection = $3 AND id = $4";
        let [user, space, collection, id] = key;
        let values = [user, space, collection, id, Value::Json(record)];
        self.database.execute(sql, &values).await.map(drop)
    }

    fn key(&self) -> [Value; 3] {
        [self.caller.user.as_str().into(), self.caller.space.as_str().into(), self.collection.into()]
    }
}
