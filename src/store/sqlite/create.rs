//! How a new database is created: completely, in one step.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::close;
use super::connect::connect;
use super::draft::Draft;
use super::identify::beside;
use crate::error_text::os_error;
use crate::store::{APPLICATION_ID, OpenMode, SCHEMA, SCHEMA_VERSION, StoreError, Transaction};

/// The comment in `schema.sql` before the statements that run after the first data is stored.
const LAST_PART: &str = "-- The indexes below are made after the first data";
/// A page cache of 32 MiB for transactions that write the whole file: they touch pages in random order.
pub(in crate::store) const LARGE_CACHE: &str = "pragma cache_size = -32768";

/// Creates the database at `path`, where no file is, with the data that `fill` stores.
///
/// The file gets its name when it is complete. Returns `false`, and changes nothing, if another process created the
/// file in the meantime.
pub(in crate::store) fn create<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let failed = |error: std::io::Error| {
        StoreError::file(path, format!("cannot be made: {}", os_error(&error)))
    };
    let name = beside(path, &format!(".{}.new", uuid::Uuid::new_v4().simple()));
    let (draft, _) = Draft::create(name).map_err(failed)?;
    let connection = connect(draft.path(), OpenMode::ReadWrite)?;
    // A crash leaves a file that no program opens; `publish` waits until the file is on the disk.
    connection
        .execute_batch("pragma synchronous = off")
        .map_err(StoreError::from)?;
    populate(&connection, fill)?;
    switch_to_wal_and_close(connection)?;
    Ok(draft.publish(path).map_err(failed)?)
}

/// Creates the database in the empty file at `path`, in one transaction.
///
/// Returns `false`, and changes nothing, if another process did so in the meantime.
pub(in crate::store) fn fill_empty<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let connection = connect(path, OpenMode::ReadWrite).map_err(|error| error.at(path))?;
    connection
        .execute_batch("pragma synchronous = full")
        .map_err(StoreError::from)?;
    let filled = populate(&connection, fill)?;
    switch_to_wal_and_close(connection)?;
    Ok(filled)
}

/// Makes the schema and stores the first data. Returns `false`, and changes nothing, if there is a schema already.
fn populate<E: From<StoreError>>(
    connection: &Connection,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    connection
        .execute_batch(LARGE_CACHE)
        .map_err(StoreError::from)?;
    // `fill` does not need the indexes of the last part.
    let (first, last) = SCHEMA.split_at(SCHEMA.find(LAST_PART).unwrap_or(SCHEMA.len()));
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
    let is_empty: bool = transaction
        .query_row("select count(*) = 0 from sqlite_schema", [], |row| {
            row.get(0)
        })
        .map_err(StoreError::from)?;
    if !is_empty {
        return Ok(false);
    }
    transaction
        .execute_batch(first)
        .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION_ID))
        .and_then(|()| transaction.pragma_update(None, "user_version", SCHEMA_VERSION))
        .and_then(|()| {
            transaction.execute(
                "insert into token_keys (secret) values ($1)",
                [random_key().as_slice()],
            )
        })
        .map_err(StoreError::from)?;
    fill(&Transaction::new(&transaction))?;
    transaction.execute_batch(last).map_err(StoreError::from)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(true)
}

/// Switches the file to write-ahead logging, which the file itself records (<https://sqlite.org/wal.html>, §3.3), and
/// closes it.
fn switch_to_wal_and_close(connection: Connection) -> Result<(), StoreError> {
    connection.execute_batch("pragma journal_mode = wal")?;
    close::close(connection)
}

/// Returns 48 bytes with 366 random bits: three random UUIDs, in each of which 6 bits are fixed.
fn random_key() -> Vec<u8> {
    (0..3)
        .flat_map(|_| uuid::Uuid::new_v4().into_bytes())
        .collect()
}
