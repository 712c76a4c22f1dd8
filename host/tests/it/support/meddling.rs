//! A second hand on a ledger: what another program, a full disk or an older version would do to it.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// Runs a statement on the ledger beside the program that holds it.
pub(crate) async fn meddle(ledger: &Path, sql: &str) {
    let mut connection = SqliteConnectOptions::new().filename(ledger).connect().await.unwrap();
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
