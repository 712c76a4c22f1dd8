//! The stand-in mana-auth, row by row of the contract's tables, on SQLite and on PostgreSQL.

mod admin;
mod deliveries;
mod due;
mod seed_queries;
mod sign_in;

/// Runs each check on both databases, as tests `sqlite::…` and `postgres::…`.
macro_rules! on_both_databases {
    ($($check:ident)*) => {
        mod sqlite {
            use crate::neighbours::Neighbours;
            $(#[tokio::test] async fn $check() {
                super::$check(Neighbours::in_memory().await).await;
            })*
        }
        mod postgres {
            use crate::neighbours::Neighbours;
            use peers::postgres;
            $(#[tokio::test] async fn $check() {
                let Some(database) = postgres::database() else { return };
                super::$check(Neighbours::start(database.url().parse().unwrap(), |_| ()).await).await;
            })*
        }
    };
}
use on_both_databases;
