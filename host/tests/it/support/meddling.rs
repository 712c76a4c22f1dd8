//! A second hand on a ledger: what another program, a full disk or an older version would do to it.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// All rows of one of its tables, as text.
pub(crate) async fn rows_of(ledger: &Path, table: &str) -> Vec<String> {
    let mut connection = SqliteConnectOptions::new().filename(ledger).connect().await.unwrap();
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
        .bind(table)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let columns: Vec<String> = columns.iter().map(|name| format!("quote({name})")).collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY rowid", columns.join(" || ' ' || "));
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows
}

/// Runs a statement on the ledger beside the program that holds it.
pub(crate) async fn meddle(ledger: &Path, sql: &str) {
    let mut connection = SqliteConnectOptions::new().filename(ledger).connect().await.unwrap();
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
