//! Where the ledger is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::database::Server;

/// Where the ledger is: `sqlite:PATH`, or `postgres://…`. It is shown without a password.
#[derive(Clone, Debug)]
pub struct LedgerUrl(pub(super) Place);

/// The URL names neither a SQLite file nor a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "store.url is {0:?}, which is no ledger: write sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE (%40 for an @ in the \
     password)"
)]
pub struct NoLedger(String);

impl NoLedger {
    /// What cannot be read may have a password anywhere but before its first colon.
    fn named(url: &str) -> Self {
        let colon = url.split_once(':').map(|(scheme, _)| format!("{scheme}:…"));
        Self(colon.unwrap_or_else(|| url.to_owned()))
    }
}

/// What a URL stands for.
#[derive(Clone, Debug)]
pub(super) enum Place {
    File(PathBuf),
    Server(Server),
}

impl LedgerUrl {
    /// Reads `sqlite:PATH` (also `sqlite://PATH`), or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (also
    /// `postgresql://…`, and with options of libpq such as `?sslmode=require`).
    ///
    /// # Errors
    /// When it is the URL of something else.
    pub fn parse(url: &str) -> Result<Self, NoLedger> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let Some(server) = Server::parse(url) else { return Err(NoLedger::named(url)) };
            return Ok(Self(Place::Server(server)));
        }
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() && !path.starts_with(':') && !path.contains("://") => {
                Ok(Self(Place::File(path.into())))
            }
            _ => Err(NoLedger::named(url)),
        }
    }

    /// The ledger in a SQLite file.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self(Place::File(path.to_owned()))
    }

    /// The ledger in a file, or the one of a URL that stands in the place of a file's name.
    ///
    /// # Errors
    /// When it is the URL of something else.
    pub fn named(name: &Path) -> Result<Self, NoLedger> {
        match name.to_str().filter(|text| text.contains("://")) {
            Some(url) => Self::parse(url),
            None => Ok(Self::of_file(name)),
        }
    }

    /// Its file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }

    /// What lies beside it by default, such as `builds`: beside its file, or in the working folder.
    #[must_use]
    pub fn beside(&self, what: &str) -> PathBuf {
        let mut name = self.file().unwrap_or(Path::new("persona-host")).as_os_str().to_owned();
        name.push(".");
        name.push(what);
        name.into()
    }
}

impl fmt::Display for LedgerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(formatter, "{}", path.display()),
            Place::Server(server) => write!(formatter, "{server}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_a_sqlite_file_or_a_postgresql_database() {
        for (url, expected) in [
            ("sqlite:a/b.db", Some("a/b.db")),
            ("sqlite:///tmp/b.db", Some("/tmp/b.db")),
            ("postgres://anna:secret@db:5432/x", Some("postgres://db:5432/x")),
            ("postgresql://anna@db/x?sslmode=require", Some("postgres://db:5432/x")),
            ("sqlite::memory:", None),
            ("mysql://x/y", None),
            ("b.db", None),
        ] {
            let shown = LedgerUrl::parse(url).ok().map(|url| url.to_string());
            assert_eq!(shown.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn no_password_is_shown_also_of_a_url_that_cannot_be_read() {
        for url in [
            "postgres://anna:hunter2@db:port/x",
            "postgres://anna:hunter2@[/x",
            "Postgres://anna:hunter2@db/x",
            " postgres://anna:hunter2@db/x",
            "jdbc:postgresql://anna:hunter2@db/x",
            "mysql://anna:hunter2@db/x",
            "sqlite:postgres://anna:hunter2@db/x",
            "postgres://anna:hunter2@2/x@db/x",
        ] {
            let refused = LedgerUrl::parse(url).expect_err("no URL").to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn what_lies_beside_a_ledger_is_named_after_its_file() {
        let beside = |url| LedgerUrl::parse(url).expect("a URL").beside("builds");
        assert_eq!(beside("sqlite:a/b.db"), Path::new("a/b.db.builds"));
        assert_eq!(beside("postgres://db/x"), Path::new("persona-host.builds"));
    }
}
