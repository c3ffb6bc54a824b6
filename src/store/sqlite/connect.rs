//! Connections: how a file is opened, and set up for files that may come from strangers.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::identify::beside;
use crate::store::{OpenMode, StoreError};

/// How long a connection waits for another's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Composed listings have many texts; each connection keeps this many statements.
const CACHED_STATEMENTS: usize = 128;

/// `immutable` would silently leave out what still lies in the write-ahead log.
pub(in crate::store) fn refuse_wal(path: &Path) -> Result<(), StoreError> {
    let wal = beside(path, "-wal");
    match std::fs::metadata(&wal) {
        Ok(metadata) if metadata.len() > 0 => Err(StoreError::file(
            path,
            format!(
                "has changes still in `{}`; open it once where it can be written (`cf-packages check`, `serve`), then try again",
                wal.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// One connection, set up for files that may come from strangers.
pub(in crate::store) fn connect(path: &Path, opened: OpenMode) -> Result<Connection, StoreError> {
    let (name, flags) = name_and_flags(path, opened)?;
    let connection = Connection::open_with_flags(name, flags)?;
    set_up(&connection)?;
    Ok(connection)
}

pub(super) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.execute_batch(
        "pragma foreign_keys = on; pragma trusted_schema = off; pragma cell_size_check = on;",
    )
}

/// An absolute path is never taken for a `file:` URI; only our own URI for immutable files is one.
pub(super) fn name_and_flags(
    path: &Path,
    opened: OpenMode,
) -> Result<(PathBuf, OpenFlags), StoreError> {
    let path = std::path::absolute(path)
        .map_err(|error| StoreError::file(path, format!("names no file: {error}")))?;
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(match opened {
        OpenMode::ReadWrite => (path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
        OpenMode::ReadOnly => (path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY),
        OpenMode::Immutable => {
            const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-');
            let name = percent_encode(path.as_os_str().as_bytes(), PLAIN);
            (
                PathBuf::from(format!("file:{name}?immutable=1")),
                flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
            )
        }
    })
}
