//! The SQLite engine: how a file is recognized, created, opened, checked and read.

pub(super) mod backup;
pub(super) mod bookkeeping;
pub(super) mod busy;
pub(super) mod carried;
pub(super) mod check;
pub(super) mod close;
pub(super) mod connect;
pub(super) mod copy;
pub(super) mod create;
pub(super) mod draft;
pub(super) mod file_store;
pub(super) mod folder_lock;
mod header;
pub(super) mod identify;
mod in_place;
pub(super) mod kept_copy;
pub(super) mod latest_version;
pub(super) mod log_size;
pub(super) mod open;
pub(super) mod open_file;
pub(super) mod read_only;
pub(super) mod readers;
pub(super) mod reserved_name;
mod rollback_journal;
pub(super) mod room;
pub(super) mod schema;
pub(super) mod writer;
