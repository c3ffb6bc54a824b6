//! A new database: made whole beside its name, then put there in one step, so that nobody ever meets half of one.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::connect::connect;
use super::identify::beside;
use crate::error_text::os_error;
use crate::store::version::VersionCache;
use crate::store::{APPLICATION_ID, OpenMode, SCHEMA, SCHEMA_VERSION, StoreError, Transaction};

/// Where the part of the schema begins that is made after the first data.
const LAST_PART: &str = "-- The last part is made after the first data";
/// The page cache while a database is made, in KiB: seeds of any length meet their guids in no order.
const CACHE: &str = "pragma cache_size = -32768";

/// Makes the database at `path`, where nothing is, and lets `fill` put the first data into it.
/// An error of `fill` leaves nothing behind. `false`: another process made the file first; nothing was done.
pub(in crate::store) fn create<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let draft = Draft::new(path)?;
    let connection = connect(&draft.0, OpenMode::ReadWrite)?;
    // Nobody knows the draft yet: a crash leaves a file that nobody opens.
    connection
        .execute_batch("pragma journal_mode = off; pragma synchronous = off;")
        .map_err(StoreError::from)?;
    populate(&connection, fill)?;
    close(connection)?;
    Ok(draft.publish(path)?)
}

/// Makes the database in a file of 0 bytes that is there already, in one transaction.
/// `false`: another process filled the file first; nothing was done.
pub(in crate::store) fn fill_empty<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let connection = connect(path, OpenMode::ReadWrite).map_err(|error| error.at(path))?;
    connection
        .execute_batch("pragma synchronous = full")
        .map_err(StoreError::from)?;
    let filled = populate(&connection, fill)?;
    close(connection)?;
    Ok(filled)
}

/// `false`: there is something by now; nothing was done.
fn populate<E: From<StoreError>>(
    connection: &Connection,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    connection.execute_batch(CACHE).map_err(StoreError::from)?;
    // Nothing that is filled in here is looked up by the last part's indexes.
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
    fill(&Transaction::new(&transaction, &VersionCache::default()))?;
    transaction.execute_batch(last).map_err(StoreError::from)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(true)
}

/// WAL is a property of the file: set once, here. Closing checkpoints, so that only the file itself remains.
fn close(connection: Connection) -> Result<(), StoreError> {
    connection.execute_batch("pragma journal_mode = wal")?;
    connection.close().map_err(|(_, error)| error.into())
}

/// 256 random bits from two random UUIDs (122 bits each) and two more, so that none are missing.
fn random_key() -> Vec<u8> {
    (0..3)
        .flat_map(|_| uuid::Uuid::new_v4().into_bytes())
        .collect()
}

/// A file in the making beside the name it will have; removed unless it is published.
struct Draft(PathBuf);

impl Draft {
    fn new(path: &Path) -> Result<Self, StoreError> {
        let name = beside(path, &format!(".{}.new", uuid::Uuid::new_v4().simple()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&name)
            .map_err(|error| {
                StoreError::file(path, format!("cannot be made: {}", os_error(&error)))
            })?;
        Ok(Self(name))
    }

    /// Gives the draft its name unless something else has it by now.
    fn publish(self, path: &Path) -> Result<bool, StoreError> {
        let failed = |error: std::io::Error| {
            StoreError::file(path, format!("cannot be made: {}", os_error(&error)))
        };
        File::open(&self.0)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        match fs::hard_link(&self.0, path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            // File systems without hard links: the gap between the two steps is theirs.
            Err(_) if !path.exists() => fs::rename(&self.0, path).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(true)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}
