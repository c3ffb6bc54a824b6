//! Databases without token keys, as an executable carries them. Each gets a new key where it is used.

use std::fs::File;
use std::path::Path;

use super::backup::refuse_long_name;
use super::close;
use super::connect::connect;
use super::create::{cannot_be_made, may_create, random_key};
use super::draft::{Draft, remove_left_over};
use super::identify::{FileState, identify};
use super::reserved_name::refuse_reserved_name;
use crate::store::{OpenMode, StoreError};

/// Removes the token keys from the database at `path`, and every trace of them and of rows that were deleted before. No other
/// program may use the file.
pub(in crate::store) fn remove_keys(path: &Path) -> Result<(), StoreError> {
    let connection = connect(path, OpenMode::ReadWrite)?;
    // `vacuum` makes each page anew (https://sqlite.org/lang_vacuum.html).
    connection.execute_batch(
        "pragma journal_mode = delete; pragma synchronous = off; delete from token_keys; vacuum",
    )?;
    close::close(connection)
}

/// Adds a new token key to the database at `path`, which has none. No other program may use the file.
pub(in crate::store) fn add_key(path: &Path) -> Result<(), StoreError> {
    let connection = connect(path, OpenMode::ReadWrite)?;
    connection.execute_batch("pragma synchronous = off")?;
    connection.execute(
        "insert into token_keys (secret) values ($1)",
        [random_key().as_slice()],
    )?;
    connection.execute_batch("pragma journal_mode = wal")?;
    close::close(connection)
}

/// Creates the database at `path`. See [`Store::restore`](crate::store::Store::restore).
pub(in crate::store) fn restore<E: From<StoreError>>(
    path: &Path,
    write: impl FnOnce(&File) -> Result<(), E>,
) -> Result<bool, E> {
    match identify(path)? {
        FileState::Ours { .. } => return Ok(false),
        FileState::Empty => {
            let fault = "is empty; remove it, or name a file that does not exist";
            return Err(StoreError::file(path, fault).into());
        }
        FileState::Absent => {}
    }
    refuse_reserved_name(path)?;
    refuse_long_name(path)?;
    if !may_create(path, FileState::Absent)? {
        return Ok(false);
    }
    remove_left_over(path);
    let failed = |error: std::io::Error| cannot_be_made(path, &error);
    let draft = Draft::of_database(path).map_err(failed)?;
    write(draft.file())?;
    add_key(draft.path()).map_err(|error| error.at_given(path, draft.path()))?;
    StoreError::require_no_signal()?;
    if !may_create(path, FileState::Absent)? {
        return Ok(false);
    }
    Ok(draft.publish(path).map_err(failed)?)
}
