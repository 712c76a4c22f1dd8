//! Where the stand-ins keep their rows: SQLite or PostgreSQL behind one set of plain functions.
//!
//! The SQL text of the stand-ins is the same for both. Two things make that possible: SQLite attaches
//! its file under the name `auth`, so that `auth.personas` means something in both; and [`Moment`]
//! writes an instant as each of them wants it. The only unqualified table, `mana_records`, is
//! mana-mcp's. Knows no route and no rule of mana-auth.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::types::Json;
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Row as _, SqliteConnection, SqlitePool};

pub use self::moment::Moment;

mod moment;

/// Which database the stand-ins use.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// SQLite in memory: gone with the process.
    Memory,
    /// A SQLite file, made if it is missing.
    File(PathBuf),
    /// PostgreSQL. The URL may hold a password.
    Postgres(SecretString),
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseError;

    /// Reads `sqlite::memory:`, `sqlite:PATH` or `postgres://…`.
    fn from_str(text: &str) -> Result<Self, DatabaseError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(SecretString::from(text)));
        }
        match text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(":memory:") => Ok(Self::Memory),
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(DatabaseError::Url),
        }
    }
}

/// Why the database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is of no known kind. It is not repeated, because it may hold a password.
    #[error(
        "the database URL of the stand-ins is not understood: write sqlite::memory:, sqlite:PATH or postgres://USER@HOST/NAME"
    )]
    Url,
    /// It could not be opened.
    #[error("the stand-ins cannot open their database ({place}): {cause}. {hint}")]
    Open {
        /// The file or the server, without a password.
        place: String,
        /// What the driver says.
        cause: sqlx::Error,
        /// What to do.
        hint: &'static str,
    },
    /// A statement failed.
    #[error("a statement of the stand-ins failed: {0}")]
    Statement(#[from] sqlx::Error),
}

/// An open database; clones share the connections.
#[derive(Clone, Debug)]
pub enum Database {
    /// With exactly one connection: the stand-ins write little, and nobody ever finds it locked.
    Sqlite(SqlitePool),
    /// With a few.
    Postgres(PgPool),
}

/// A value that goes into a statement, for `$1`, `$2` and so on.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text or NULL.
    Text(Option<String>),
    /// A whole number or NULL.
    Integer(Option<i64>),
    /// A truth value.
    Flag(bool),
    /// An instant or NULL.
    Moment(Option<Moment>),
    /// A document (`jsonb` in PostgreSQL, text in SQLite).
    Json(serde_json::Value),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        Self::Moment(Some(moment))
    }
}

/// One row of a result. Each getter fails when there is no such column, or it holds another type.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// The same expression over either dialect.
macro_rules! on_either {
    ($kind:ident, $either:expr, $it:ident => $body:expr) => {
        match $either {
            $kind::Sqlite($it) => $body,
            $kind::Postgres($it) => $body,
        }
    };
}

/// A query with its values bound. A macro, because the two dialects' queries are two types.
macro_rules! bound {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value.clone() {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Flag(flag) => query.bind(flag),
                Value::Moment(moment) => query.bind(moment),
                Value::Json(document) => query.bind(Json(document)),
            };
        }
        query
    }};
}

impl Database {
    /// Opens the database and makes the tables that are missing.
    ///
    /// # Errors
    /// [`DatabaseError::Open`] when it cannot be reached, read or prepared.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        match url {
            DatabaseUrl::Memory => open_sqlite(":memory:".to_owned()).await,
            DatabaseUrl::File(path) => {
                let file = path.display().to_string();
                own(path).map_err(|cause| not_opened(&file, sqlx::Error::Io(cause)))?;
                open_sqlite(file).await
            }
            DatabaseUrl::Postgres(url) => open_postgres(url).await,
        }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`].
    pub async fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, DatabaseError> {
        on_either!(Self, self, pool => Ok(bound!(sql, values).execute(pool).await?.rows_affected()))
    }

    /// Runs statements in order in one transaction: all of them or none.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`] for the first that fails.
    pub async fn execute_all(&self, statements: &[(&'static str, Vec<Value>)]) -> Result<(), DatabaseError> {
        on_either!(Self, self, pool => {
            let mut transaction = pool.begin().await?;
            for (sql, values) in statements {
                bound!(*sql, values).execute(&mut *transaction).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`].
    pub async fn rows(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        Ok(match self {
            Self::Sqlite(pool) => {
                bound!(sql, values).fetch_all(pool).await?.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(pool) => {
                bound!(sql, values).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`].
    pub async fn row(&self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Closes the connections; a SQLite file is complete afterwards.
    pub async fn close(&self) {
        on_either!(Self, self, pool => pool.close().await);
    }
}

impl Row {
    /// A text column that is never NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn text(&self, column: &str) -> Result<String, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get(column)?))
    }

    /// A text column.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn maybe_text(&self, column: &str) -> Result<Option<String>, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get(column)?))
    }

    /// A whole number of any width.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn integer(&self, column: &str) -> Result<i64, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get_unchecked(column)?))
    }

    /// A whole number of any width, or NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn maybe_integer(&self, column: &str) -> Result<Option<i64>, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get_unchecked(column)?))
    }

    /// A truth value.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn flag(&self, column: &str) -> Result<bool, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get(column)?))
    }

    /// An instant that is never NULL.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn moment(&self, column: &str) -> Result<Moment, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get(column)?))
    }

    /// An instant.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn maybe_moment(&self, column: &str) -> Result<Option<Moment>, DatabaseError> {
        on_either!(Self, self, row => Ok(row.try_get(column)?))
    }

    /// A document.
    ///
    /// # Errors
    /// See [`Row`].
    pub fn json(&self, column: &str) -> Result<serde_json::Value, DatabaseError> {
        on_either!(Self, self, row => {
            let Json(document) = row.try_get(column)?;
            Ok(document)
        })
    }
}

/// A file that nobody but its owner reads, also where that was not so before: there are sessions and keys in it. SQLite
/// gives the files beside it the same mode.
fn own(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

fn not_opened(file: &str, cause: sqlx::Error) -> DatabaseError {
    DatabaseError::Open {
        place: file.to_owned(),
        cause,
        hint: "Check that the folder exists and may be written, and that no other kind of file has that name.",
    }
}

/// Opens an empty database in memory, to which `file` is attached as `auth`.
async fn open_sqlite(file: String) -> Result<Database, DatabaseError> {
    let opened = |cause| not_opened(&file, cause);
    // Not `in_memory(true)`: SQLite would then attach the file as memory, too.
    let options = SqliteConnectOptions::new()
        .filename(":memory:")
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    // The pool would take a failed attachment for something that passes, and try again for long.
    let mut trial = options.connect().await.map_err(opened)?;
    attach(&mut trial, &file).await.map_err(opened)?;
    trial.close().await.map_err(opened)?;
    let attached = file.clone();
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(1)
        // A database in memory lives as long as its only connection.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let file = attached.clone();
            Box::pin(async move { attach(connection, &file).await })
        })
        .connect_with(options)
        .await
        .map_err(opened)?;
    sqlx::raw_sql(include_str!("database/sqlite.sql")).execute(&pool).await.map_err(opened)?;
    Ok(Database::Sqlite(pool))
}

async fn attach(connection: &mut SqliteConnection, file: &str) -> Result<(), sqlx::Error> {
    sqlx::query("ATTACH DATABASE $1 AS auth").bind(file).execute(&mut *connection).await?;
    let settings = "PRAGMA auth.journal_mode = WAL; PRAGMA auth.synchronous = NORMAL;";
    sqlx::raw_sql(settings).execute(connection).await.map(drop)
}

async fn open_postgres(url: &SecretString) -> Result<Database, DatabaseError> {
    let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|cause| DatabaseError::Open {
        place: "PostgreSQL".to_owned(),
        cause,
        hint: "Check the URL: postgres://USER:PASSWORD@HOST:PORT/NAME.",
    })?;
    let opened = |cause| DatabaseError::Open {
        place: format!(
            "PostgreSQL database {} on {}:{}",
            options.get_database().unwrap_or("of the user's name"),
            options.get_socket().map_or(options.get_host().into(), |socket| socket.to_string_lossy()),
            options.get_port()
        ),
        cause,
        hint: "Check that the server runs, that the database exists (createdb) and that the user may create a schema in it.",
    };
    // The pool would take a refused connection for a server that is still starting, and wait.
    options.connect().await.map_err(opened)?.close().await.map_err(opened)?;
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options.clone())
        .await
        .map_err(opened)?;
    sqlx::raw_sql(include_str!("database/postgres.sql")).execute(&pool).await.map_err(opened)?;
    Ok(Database::Postgres(pool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_database_is_meant() {
        let kind = |text: &str| match text.parse::<DatabaseUrl>() {
            Ok(DatabaseUrl::Memory) => "memory".to_owned(),
            Ok(DatabaseUrl::File(path)) => path.display().to_string(),
            Ok(DatabaseUrl::Postgres(_)) => "postgres".to_owned(),
            Err(error) => error.to_string().chars().take(16).collect(),
        };
        for (text, expected) in [
            ("sqlite::memory:", "memory"),
            ("sqlite:stack.db", "stack.db"),
            ("sqlite:///tmp/stack.db", "/tmp/stack.db"),
            ("postgres://u:p@h/d", "postgres"),
            ("postgresql:///d", "postgres"),
            ("sqlite:", "the database URL"),
            ("mysql://h/d", "the database URL"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn a_url_never_shows_its_password() {
        let url: DatabaseUrl = "postgres://u:geheim@h/d".parse().expect("a valid URL");
        assert!(!format!("{url:?}").contains("geheim"));
    }

    #[tokio::test]
    async fn a_database_out_of_reach_is_named_with_what_to_do() {
        for (url, place, hint) in [
            ("sqlite:/nowhere/at/all/stack.db", "/nowhere/at/all/stack.db", "folder exists"),
            ("postgres://u:geheim@127.0.0.1:1/mana", "database mana on 127.0.0.1:1", "server runs"),
        ] {
            let error = Database::open(&url.parse().expect("a valid URL")).await.expect_err(url).to_string();
            assert!(error.contains(place) && error.contains(hint), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[tokio::test]
    async fn statements_of_one_transaction_are_kept_together_or_not_at_all() {
        let database = Database::open(&DatabaseUrl::Memory).await.expect("memory is there");
        let attempt = "INSERT INTO auth.login_attempts (id, email, created_at) VALUES ($1, 'a', $2)";
        let now = Moment::from(chrono::DateTime::UNIX_EPOCH);
        let values = |id: &str| vec![id.into(), now.into()];
        let twice = [(attempt, values("1")), (attempt, values("1"))];
        assert!(database.execute_all(&twice).await.is_err());
        let count = "SELECT count(*) AS n FROM auth.login_attempts";
        let counted = database.row(count, &[]).await.expect("a count").expect("one row");
        assert_eq!(counted.integer("n").expect("a number"), 0);
    }
}
