//! What several tests need: running neighbours, a PostgreSQL server, peers from npm.

pub(crate) mod neighbours;
pub(crate) mod peers;
pub(crate) mod postgres;
