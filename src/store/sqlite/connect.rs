//! How a connection is opened and configured.
//!
//! A database may come from a person that is not trusted:
//! <https://sqlite.org/security.html#untrusted_sqlite_database_files>.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::busy::Patience;
use super::identify::beside;
use super::read_only::is_being_written;
use crate::error_text::os_error;
use crate::signals;
use crate::store::{OpenMode, StoreError};

/// How many steps of SQLite's virtual machine a statement takes between two looks for a signal. They take less than a
/// millisecond.
const STEPS_PER_LOOK: i32 = 10_000;
/// How many prepared statements each connection keeps. Composed lists have many texts.
const CACHED_STATEMENTS: usize = 128;

/// Fails if a write-ahead log with changes, or a rollback journal, lies beside the file. A connection that takes the file
/// as immutable would ignore them (<https://sqlite.org/uri.html#uriimmutable>).
pub(in crate::store) fn refuse_unread_changes(path: &Path) -> Result<(), StoreError> {
    refuse_journal(path)?;
    match changed_log(path) {
        Some(wal) => Err(StoreError::file(
            path,
            format!(
                "has changes still in `{}`; run `cf-packages serve` or `seed` once where it can be written, or serve a copy with `--ephemeral --from`",
                wal.display()
            ),
        )),
        None => Ok(()),
    }
}

/// Returns the path of the write-ahead log beside the file, if it is not empty.
pub(in crate::store) fn changed_log(path: &Path) -> Option<PathBuf> {
    let log = beside(path, "-wal");
    let is_empty = std::fs::metadata(&log).map_or(true, |metadata| metadata.len() == 0);
    (!is_empty).then_some(log)
}

/// Fails if a rollback journal lies beside the file, or one that cannot be read. The file then holds part of a
/// transaction that another program has not ended yet, or that was broken off; then only a connection that may write can undo it
/// (<https://sqlite.org/lockingv3.html#hot_journals>).
pub(in crate::store) fn refuse_journal(path: &Path) -> Result<(), StoreError> {
    let journal = beside(path, "-journal");
    let fault = match is_hot(&journal) {
        Ok(false) => return Ok(()),
        Ok(true) | Err(_) if is_being_written(path) => return Err(being_written(path)),
        Ok(true) => format!(
            "holds part of a transaction that did not end (`{}`); `cf-packages serve` or `seed` undoes it, once no other program writes the file",
            journal.display()
        ),
        Err(error) => format!(
            "may hold part of a transaction that did not end, since `{}` cannot be read: {}; run `cf-packages serve` or `seed` as a user who may write both files",
            journal.display(),
            os_error(&error)
        ),
    };
    Err(StoreError::file(path, fault))
}

/// Returns the error for a file with a rollback journal that another program is writing to.
pub(super) fn being_written(path: &Path) -> StoreError {
    StoreError::file(
        path,
        "is being written by another program, which has not ended its transaction; wait until it has",
    )
}

/// Returns whether a rollback journal has to be applied. SQLite empties a journal that it keeps for the next transaction,
/// or overwrites its beginning with zeros.
fn is_hot(journal: &Path) -> io::Result<bool> {
    match std::fs::metadata(journal) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        metadata => {
            if metadata?.len() == 0 {
                return Ok(false);
            }
        }
    }
    let mut first = [0];
    match File::open(journal).and_then(|mut file| file.read_exact(&mut first)) {
        // It was removed or emptied in the meantime.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
            Ok(false)
        }
        read => read.map(|()| first != [0]),
    }
}

/// Opens a connection to the file at `path`, which must exist. A signal that ends the work interrupts its statements.
pub(in crate::store) fn connect(path: &Path, mode: OpenMode) -> Result<Connection, StoreError> {
    let (name, flags) = name_and_flags(path, mode)?;
    let connection = Connection::open_with_flags(name, flags)?;
    set_up(&connection, mode)?;
    connection.progress_handler(STEPS_PER_LOOK, Some(|| signals::received().is_some()))?;
    Ok(connection)
}

/// Configures a connection that was opened in that mode.
pub(super) fn set_up(connection: &Connection, mode: OpenMode) -> rusqlite::Result<()> {
    if mode == OpenMode::ImmutableWithLog {
        // SQLite then keeps the index of the log in memory (https://sqlite.org/wal.html#noshm).
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    Patience::Request.set(connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.execute_batch(
        "pragma foreign_keys = on; pragma trusted_schema = off; pragma cell_size_check = on;",
    )
}

/// Returns the name and the flags with which SQLite opens the file.
///
/// The path is made absolute, so that SQLite does not take `file:name` for a URI. Only the names of immutable files are
/// URIs.
pub(super) fn name_and_flags(
    path: &Path,
    mode: OpenMode,
) -> Result<(PathBuf, OpenFlags), StoreError> {
    let path = std::path::absolute(path)
        .map_err(|error| StoreError::file(path, format!("names no file: {error}")))?;
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read_uri = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(match mode {
        OpenMode::ReadWrite => (path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
        OpenMode::ReadOnly => (path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY),
        // A published file is opened in one of these two modes.
        OpenMode::Immutable | OpenMode::Published => (uri(&path, "immutable=1"), read_uri),
        // Locks that do nothing (https://sqlite.org/vfs.html#standard_unix_vfses): a user who may not write the file
        // cannot take the lock that the mode needs.
        OpenMode::ImmutableWithLog => (uri(&path, "vfs=unix-none"), read_uri),
    })
}

fn uri(path: &Path, parameter: &str) -> PathBuf {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-');
    let name = percent_encode(path.as_os_str().as_bytes(), PLAIN);
    PathBuf::from(format!("file:{name}?{parameter}"))
}
