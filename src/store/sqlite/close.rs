//! How the connection that writes is closed, so that only the file itself remains.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::connect::connect;
use super::folder_lock::lock_folder;
use super::identify::beside;
use super::open_file::{Loss, OpenFile};
use super::reserved_name::OLD_LOG;
use crate::error_text::os_error;
use crate::store::{OpenMode, StoreError};

/// What remains of a database that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The file holds all commits.
    Whole,
    /// The file cannot be written, and its write-ahead log holds commits that the file lacks.
    LogKept {
        /// The path of the log.
        log: PathBuf,
        /// Why the file cannot be written.
        cause: String,
    },
}

impl fmt::Display for Closed {
    /// Writes a sentence that says what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the file holds all commits"),
            Self::LogKept { log, cause } => write!(
                f,
                "`{}` holds commits that could not be moved into the file: {cause}; keep both together, and free space on the disk, or raise the limit on the size of files",
                log.display()
            ),
        }
    }
}

/// Moves the write-ahead log into the file at `path`, and closes `connection`, the last one of this process.
///
/// If the file cannot be written, as on a full disk, the log stays beside it. That loses nothing: what is committed is
/// durable in the log.
pub(in crate::store) fn close_writer(
    path: &Path,
    connection: Connection,
) -> Result<Closed, StoreError> {
    // While other programs read, SQLite would wait for them, and keep all writers waiting too. The program that closes
    // last moves the rest of the log.
    connection.busy_timeout(Duration::ZERO)?;
    let moved = connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
    if let Err(error) = moved.map_err(StoreError::from) {
        let StoreError::CannotWrite(cause) = error else {
            return Err(error);
        };
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        close(connection)?;
        return Ok(Closed::LogKept {
            log: beside(path, "-wal"),
            cause,
        });
    }
    close(connection)?;
    remove_empty_wal(path)?;
    Ok(Closed::Whole)
}

/// Closes `connection`, the last one of this process to a file at `path` that was lost.
///
/// The `-wal` and `-shm` that are at their paths may belong to another database by now. SQLite leaves them if the file was
/// removed or replaced, and removes them otherwise.
pub(in crate::store) fn close_lost(
    path: &Path,
    file: &OpenFile,
    loss: Loss,
    connection: Connection,
) -> Result<(), StoreError> {
    let wal = beside(path, "-wal");
    let has_log = file.has_side_files() && wal.exists();
    // Whether this is the only program that can move the log into the file, and the file is the log's.
    let may_move_log = match loss {
        Loss::Removed | Loss::Replaced => true,
        Loss::Overwritten => false,
        Loss::SideFile => !wal.exists(),
    };
    if may_move_log {
        connection.busy_timeout(Duration::ZERO)?;
        connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    } else {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    close(connection)?;
    if !has_log {
        return Ok(());
    }
    // The next program that opens a file at this path would apply the log.
    let failed = |error: io::Error| {
        StoreError::file(&wal, format!("cannot be removed: {}", os_error(&error)))
    };
    if may_move_log {
        remove_if_there(&wal).map_err(failed)?;
    } else {
        let kept = beside(path, OLD_LOG);
        fs::rename(&wal, &kept).map_err(failed)?;
        tracing::warn!(
            "`{}` is of the file before it was overwritten, and was renamed to `{}`",
            wal.display(),
            kept.display()
        );
    }
    remove_if_there(&beside(path, "-shm")).map_err(failed)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Closes a connection. Unlike a drop, this reports an error.
pub(in crate::store) fn close(connection: Connection) -> Result<(), StoreError> {
    connection.close().map_err(|(_, error)| error.into())
}

/// Removes the empty `-wal` that is left if two programs closed the file at the same moment: each finds the other one
/// still open (in 6 of 300 rounds in which 6 programs did). A connection that is opened and closed removes it, if no
/// other program does this at the same moment. The lock prevents that.
fn remove_empty_wal(path: &Path) -> Result<(), StoreError> {
    if !beside(path, "-wal").exists() {
        return Ok(());
    }
    let _lock = lock_folder(path);
    let connection = connect(path, OpenMode::ReadWrite)?;
    connection.busy_timeout(Duration::ZERO)?;
    // SQLite opens the file when it is read. If the read fails, another program has the file and closes it later.
    let _ = connection.query_row("select id from versions", [], |_| Ok(()));
    close(connection)
}
