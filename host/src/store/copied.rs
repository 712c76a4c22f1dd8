//! A copy of the ledger as it is at this moment, in a file, whichever database it is in.

use std::collections::BTreeMap;
use std::path::Path;

use super::database::{Row, Statement, sql};
use super::{Ledger, LedgerError, LedgerUrl, file};

const READ: &str = "read what is copied";
const WRITE: &str = "write a copy";
/// Rows that are read at once.
const PAGE: i64 = 500;
/// The tables that we made, with their columns. How many transactions there were is the server's own, and what was told of
/// them is nothing to go on from.
const TABLES: &str = "SELECT m.name AS own, c.name AS cell, c.type AS kind
    FROM sqlite_master m, pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT IN ('_sqlx_migrations', 'commits', 'events')
    ORDER BY m.name, c.cid";
/// Steps are counted on from those that stay behind: what they used is named after them.
const COUNTED_ON: &str = "INSERT INTO sqlite_sequence (name, seq)
    SELECT 'steps', coalesce(max(latest), 0)
    FROM (SELECT max(step) AS latest FROM usage UNION ALL SELECT max(seq) AS latest FROM steps)";
/// What is left out of a turn that is over and delivered: nobody needs it to go on, and it is the most of a ledger.
const BULKY: [&str; 3] = ["steps", "contexts", "problems"];

/// The columns of a table, and whether each is a whole number.
type Columns = Vec<(String, bool)>;

impl Ledger {
    /// Copies all of it into a file that is not there yet. Of one on a server the steps of turns that are over stay behind.
    ///
    /// # Errors
    /// When it cannot be read, or the file cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<(), LedgerError> {
        if let Some(own) = self.url().file() {
            return file::copy_of(own, path).await;
        }
        let rows = path.with_added_extension("rows");
        let copy = Self::open(&LedgerUrl::of_file(&rows), self.clock.clone()).await?;
        let copied = match self.copy_rows(&copy).await {
            // One that is written to is several files, and this is to be one.
            Ok(()) => file::copy_of(&rows, path).await,
            failed => failed,
        };
        copy.close().await;
        drop(copy);
        for ending in ["", "-wal", "-shm", ".lock"] {
            let mut file = rows.clone().into_os_string();
            file.push(ending);
            let _ = std::fs::remove_file(file);
        }
        copied
    }

    async fn copy_rows(&self, copy: &Self) -> Result<(), LedgerError> {
        let mut tables: BTreeMap<String, Columns> = BTreeMap::new();
        for row in copy.rows(READ, sql(TABLES)).await? {
            let is_whole = row.get::<String>("kind")? == "INTEGER";
            tables.entry(row.get("own")?).or_default().push((row.get("cell")?, is_whole));
        }
        let mut inserts = vec![sql("DELETE FROM identity")];
        for (table, columns) in &tables {
            let mut from = 0;
            loop {
                let page = self.rows(READ, selected(table, columns, from)).await?;
                for row in &page {
                    inserts.push(inserted(table, columns, row)?);
                }
                from += PAGE;
                if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                    break;
                }
            }
        }
        inserts.push(sql("DELETE FROM sqlite_sequence WHERE name = 'steps'"));
        inserts.push(sql(COUNTED_ON));
        // Turns are named by rows that come before them.
        let late = sql("PRAGMA defer_foreign_keys = ON");
        copy.write(WRITE, move |connection| {
            connection.run(late.clone())?;
            inserts.iter().try_for_each(|insert| connection.run(insert.clone()).map(drop))
        })
        .await
    }
}

fn selected(table: &str, columns: &Columns, from: i64) -> Statement {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let order: Vec<String> = (1..=names.len()).map(|place| place.to_string()).collect();
    let only = match BULKY.contains(&table) {
        true => {
            " WHERE turn IN (SELECT id FROM turns WHERE day_over = 0 AND (ended_at IS NULL OR held_until IS NOT NULL))"
        }
        false => "",
    };
    let (names, order) = (names.join(", "), order.join(", "));
    sql(format!("SELECT {names} FROM {table}{only} ORDER BY {order} LIMIT {PAGE} OFFSET {from}"))
}

fn inserted(table: &str, columns: &Columns, row: &Row) -> Result<Statement, LedgerError> {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let places = vec!["?"; names.len()].join(", ");
    let insert = sql(format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", ")));
    columns.iter().enumerate().try_fold(insert, |insert, (place, (_, is_whole))| {
        Ok(match is_whole {
            true => insert.bind(row.at::<Option<i64>>(place)?),
            false => insert.bind(row.at::<Option<String>>(place)?.as_ref()),
        })
    })
}
