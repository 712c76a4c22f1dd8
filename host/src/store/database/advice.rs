//! What to do about a failure, by its kind.

use super::Kind;

/// What to do about damage.
pub(in crate::store) const DAMAGED: &str = "the ledger was damaged, or changed by another program (of a file `sqlite3 FILE 'PRAGMA integrity_check'` \
                       says where); put back a copy of it, or correct the row";
/// What to do about a file that may not be written.
pub(in crate::store) const NOT_WRITABLE: &str = "may persona-host write the file and its folder? It belongs to another user, or its disk is mounted read-only";

/// What to do about a failure of this kind while the ledger is used.
pub(in crate::store) fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "make room where the ledger is: then everything goes on by itself",
        Kind::Gone => "is the database's server up? Everything goes on by itself when it is",
        Kind::Silent => {
            "the database's server, or its disk, takes what is asked and says nothing: is it stopped, or out of memory? \
             Everything goes on by itself when it answers"
        }
        Kind::Unsure => {
            "is the database's server up? Nothing is done again before the ledger was asked what it has of it"
        }
        Kind::Taken => "stop the other one: two that write would pay for everything twice",
        Kind::Damaged | Kind::NoDatabase | Kind::OfOneRow => DAMAGED,
        Kind::Moved => {
            "put it back, with the -wal beside it, and everything goes on by itself; to go on with another file, start \
             persona-host anew"
        }
        Kind::NotWritable => NOT_WRITABLE,
        Kind::Denied => {
            "may the user of store.url log in, and change the tables of the schema persona_host? A standby is read-only"
        }
        Kind::Disk => "the disk fails: the system's log (`journalctl -k`, `dmesg`) says more",
        Kind::Busy => "another program holds it locked: what is open on it, such as sqlite3?",
        Kind::Slow => "the server was busy for so long: what else runs on it (pg_stat_activity)?",
        Kind::Other => "the database says no more than that: look into its server's log, or the system's",
    }
}
