//! A statement as a value: what it says and what it is given, so that several can be sent to the ledger's connection in
//! one go.

use sqlx::AssertSqlSafe;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, query};

/// A statement that writes. Its parameters have no numbers: those of several statements are counted on.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    sql: &'static str,
    given: Vec<Given>,
}

/// What a parameter is given.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Text(String),
    Whole(i64),
}

impl Statement {
    pub(super) fn new(sql: &'static str, given: impl Into<Vec<Given>>) -> Self {
        Self { sql, given: given.into() }
    }
}

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Given {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

/// These statements as one transaction. The text is the same for the same statements, so it is prepared once.
pub(super) fn transaction<'q>(statements: &[&'q Statement]) -> Query<'q, Sqlite, SqliteArguments> {
    let mut sql = String::from("BEGIN IMMEDIATE; ");
    for statement in statements {
        sql.push_str(statement.sql);
        sql.push_str("; ");
    }
    sql.push_str("COMMIT");
    let given = statements.iter().flat_map(|statement| &statement.given);
    given.fold(query(AssertSqlSafe(sql)), bind)
}

/// A statement by itself: it is a transaction of its own.
pub(super) fn alone(statement: &Statement) -> Query<'_, Sqlite, SqliteArguments> {
    statement.given.iter().fold(query(statement.sql), bind)
}

fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    given: &'q Given,
) -> Query<'q, Sqlite, SqliteArguments> {
    match given {
        Given::Text(text) => query.bind(text.as_str()),
        Given::Whole(number) => query.bind(number),
    }
}
