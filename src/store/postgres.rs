//! The PostgreSQL engine: how a server is reached, and how its database is made, read and written.
//!
//! The row of `versions` is also the lock of writers: each write transaction takes it first. So writers queue, as those of
//! a file do, and ids appear in the order of the commits. Each read sees one snapshot (`repeatable read`) and reads the
//! version in it, so that no cache shows a state before a commit that any server has answered.

mod bulk;
mod cancel;
mod check;
mod client;
mod connect;
mod create;
mod cursor;
mod database;
mod errors;
mod history;
mod link;
mod migrate;
mod origin;
mod readers;
mod replicas;
mod schema;
mod session;
mod tls;
mod values;
mod version_check;
mod writer;

pub(super) use ::postgres::Row as SqlRow;
pub(super) use check::check;
pub use connect::ServerAddress;
pub(super) use create::{create, refuse_older};
pub(super) use database::PostgresStore;
pub(super) use origin::Position;
pub(super) use session::PostgresSession;
pub(super) use values::{bytes, int, optional_int, optional_text, text};
