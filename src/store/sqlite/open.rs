//! The first connection to a database, in each mode.

use std::path::Path;

use rusqlite::{Connection, MAIN_DB};

use super::connect::{connect, refuse_wal};
use super::{read_only, schema};
use crate::store::{Durability, OpenMode, StoreError};

/// The first connection to a database.
#[derive(Debug)]
pub(in crate::store) struct Opened {
    /// The connection.
    pub connection: Connection,
    /// The mode in which the readers' connections are to be opened.
    pub reader_mode: OpenMode,
}

/// Opens the database at `path` and compares its schema with the current one, before any of it is used.
pub(in crate::store) fn open(
    path: &Path,
    mode: OpenMode,
    durability: Durability,
) -> Result<Opened, StoreError> {
    let opened = match mode {
        OpenMode::ReadWrite => Opened {
            connection: for_writing(path, durability)?,
            reader_mode: OpenMode::ReadOnly,
        },
        OpenMode::ReadOnly => {
            let reader_mode = read_only::mode_beside_others(path);
            Opened {
                connection: read_only::beside_others(path, reader_mode)?,
                reader_mode,
            }
        }
        OpenMode::Immutable => {
            refuse_wal(path)?;
            Opened {
                connection: connect(path, mode)?,
                reader_mode: mode,
            }
        }
    };
    let differences = schema::differences(&opened.connection)?;
    match differences.first() {
        None => Ok(opened),
        Some(difference) => Err(StoreError::file(
            path,
            format!("has {difference}; `cf-packages check` names every difference"),
        )),
    }
}

fn for_writing(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let connection = connect_for_writing(path)?;
    connection.execute_batch(match durability {
        Durability::Full => "pragma synchronous = full",
        Durability::Off => "pragma synchronous = off",
    })?;
    Ok(connection)
}

/// Connects to a file that must be writable. SQLite opens one that is not for reading, without an error.
pub(super) fn connect_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenMode::ReadWrite)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(StoreError::CannotOpen("it cannot be written".into()));
    }
    Ok(connection)
}
