//! How a new database is created: completely, in one step.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::close;
use super::connect::connect;
use super::draft::Draft;
use super::folder_lock::sync_folder;
use super::identify::{FileState, SIDE_FILES, beside, identify, is_journal_of_nothing};
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
    let failed = |error: io::Error| cannot_be_made(path, &error);
    let draft = write_draft(path, fill)?;
    // Takes the longest. What follows is to happen in one moment.
    draft.file().sync_all().map_err(failed)?;
    StoreError::require_no_signal()?;
    if !may_create(path, FileState::Absent)? {
        return Ok(false);
    }
    Ok(draft.publish(path).map_err(failed)?)
}

/// Creates the database in the empty file at `path`.
///
/// Returns `false`, and changes nothing, if another process did so in the meantime.
pub(in crate::store) fn fill_empty<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let failed = |error: io::Error| {
        StoreError::file(path, format!("cannot be filled: {}", os_error(&error)))
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(failed)?;
    // Of two programs that fill the same file, the second one waits, and finds it filled.
    file.lock().map_err(failed)?;
    if identify(path)? != FileState::Empty {
        return Ok(false);
    }
    let draft = write_draft(path, fill)?;
    StoreError::require_no_signal()?;
    if !may_create(path, FileState::Empty)? {
        return Ok(false);
    }
    require_at(path, &file)?;
    remove_journal(path).map_err(failed)?;
    draft.copy_into(&file).map_err(failed)?;
    Ok(true)
}

/// Returns whether a database may be created at `path`, where none was. Returns `false` if another program created one in
/// the meantime.
///
/// # Errors
///
/// Fails if files of a former database lie there.
pub(in crate::store) fn may_create(path: &Path, state: FileState) -> Result<bool, StoreError> {
    match refuse_leftovers(path, state) {
        Ok(()) => Ok(true),
        // Or they belong to the database of another program.
        Err(error) => match identify(path)? {
            FileState::Ours { .. } => Ok(false),
            FileState::Absent | FileState::Empty => Err(error),
        },
    }
}

/// Fails if `path` does not lead to the open file any more.
fn require_at(path: &Path, file: &File) -> Result<(), StoreError> {
    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let opened = file.metadata().map(id).ok();
    if opened.is_some() && fs::metadata(path).map(id).ok() == opened {
        return Ok(());
    }
    Err(StoreError::file(
        path,
        "was removed or replaced while it was filled; run the command again",
    ))
}

/// Fails if files that SQLite keeps beside a database lie beside `path`, where no database is. SQLite would replay them
/// into the new database (<https://sqlite.org/howtocorrupt.html>, §1.4).
fn refuse_leftovers(path: &Path, state: FileState) -> Result<(), StoreError> {
    let leftovers: Vec<_> = SIDE_FILES
        .iter()
        .map(|suffix| beside(path, suffix))
        .filter(|file| file.symlink_metadata().is_ok())
        .filter(|file| !(state == FileState::Empty && is_journal_of_nothing(file)))
        .map(|file| format!("`{}`", file.display()))
        .collect();
    let (verb, them) = match leftovers.len() {
        0 => return Ok(()),
        1 => ("lies", "it"),
        _ => ("lie", "them"),
    };
    Err(StoreError::file(
        path,
        format!(
            "cannot be made while {} of a former database {verb} there; put that database back, or remove {them}",
            leftovers.join(" and ")
        ),
    ))
}

/// Writes the complete database under another name.
fn write_draft<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<Draft, E> {
    let draft = Draft::of_database(path).map_err(|error| cannot_be_made(path, &error))?;
    let connection = connect(draft.path(), OpenMode::ReadWrite)?;
    // A crash leaves a file that no program opens; the draft is synced before it is published.
    connection
        .execute_batch("pragma synchronous = off")
        .map_err(StoreError::from)?;
    populate(&connection, fill)?;
    // The file itself records the mode (https://sqlite.org/wal.html, §3.3).
    connection
        .execute_batch("pragma journal_mode = wal")
        .map_err(StoreError::from)?;
    close::close(connection)?;
    Ok(draft)
}

/// Removes the journal of a first transaction that did not end, which earlier releases left in an empty file.
fn remove_journal(path: &Path) -> io::Result<()> {
    match fs::remove_file(beside(path, "-journal")) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(path),
    }
}

/// Returns the error of a database file that could not be created.
pub(super) fn cannot_be_made(path: &Path, error: &io::Error) -> StoreError {
    StoreError::file(path, format!("cannot be made: {}", os_error(error)))
}

/// Makes the schema and stores the first data.
fn populate<E: From<StoreError>>(
    connection: &Connection,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<(), E> {
    connection
        .execute_batch(LARGE_CACHE)
        .map_err(StoreError::from)?;
    let (first, last) = schema_parts();
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
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
    Ok(transaction.commit().map_err(StoreError::from)?)
}

/// Returns the statements of the schema before the first data is stored, and those after it: indexes that `fill` does not
/// need.
pub(in crate::store) fn schema_parts() -> (&'static str, &'static str) {
    SCHEMA.split_at(SCHEMA.find(LAST_PART).unwrap_or(SCHEMA.len()))
}

/// Returns 48 bytes with 366 random bits: three random UUIDs, in each of which 6 bits are fixed.
pub(in crate::store) fn random_key() -> Vec<u8> {
    (0..3)
        .flat_map(|_| uuid::Uuid::new_v4().into_bytes())
        .collect()
}
