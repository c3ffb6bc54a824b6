//! The SQLite engine: how a database file is recognized, created, opened, checked and read.

pub(super) mod check;
pub(super) mod connect;
pub(super) mod create;
pub(super) mod identify;
pub(super) mod read_only;
pub(super) mod readers;
pub(super) mod schema;
pub(super) mod wal_index;
