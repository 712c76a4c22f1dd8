//! The ledger. Only this room knows SQL.
