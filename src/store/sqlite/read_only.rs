//! Connections for reading that leave the file, and the files beside it, as they were.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rustix::fs::Access;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::close::close;
use super::connect::{changed_log, connect, refuse_unread_changes};
use super::identify::beside;
use crate::store::{OpenMode, StoreError};

/// A connection that changes no file.
#[derive(Debug)]
pub(in crate::store) enum Reading {
    /// It reads while other programs may write.
    BesideOthers(Connection),
    /// It takes the file as immutable. What it read is right only if the file did not change meanwhile.
    Immutable(Connection),
}

impl Reading {
    /// Returns the connection.
    pub(in crate::store) fn connection(&self) -> &Connection {
        match self {
            Self::BesideOthers(connection) | Self::Immutable(connection) => connection,
        }
    }
}

/// Returns the mode of a connection that reads while other programs may write.
///
/// A connection that cannot write creates `-wal` and `-shm`, and cannot remove them: the owner of the file perhaps cannot
/// use them either. So such a connection is used only where they exist.
///
/// - A `-wal` without `-shm` was left by a program that was killed. The file and the `-wal` are taken as immutable.
/// - Where there is no `-wal`, or an empty one as other readers make it, the connection is one that could write but does
///   not: when it closes last, it removes both files. If this user may not write the file, and no program has it open,
///   it is taken as immutable.
///
/// What is taken as immutable must be looked at again after it was read.
pub(in crate::store) fn mode_beside_others(path: &Path) -> OpenMode {
    let exists = |suffix| beside(path, suffix).exists();
    if changed_log(path).is_some() {
        if exists("-shm") || is_in_use(path) {
            OpenMode::ReadOnly
        } else {
            OpenMode::ImmutableWithLog
        }
    } else if exists("-journal") {
        OpenMode::ReadOnly
    } else if rustix::fs::access(path, Access::WRITE_OK).is_ok() {
        OpenMode::ReadWrite
    } else if exists("-wal") && exists("-shm") {
        OpenMode::ReadOnly
    } else {
        OpenMode::Immutable
    }
}

/// Returns whether another program has the file open: SQLite then holds a lock on it, in the WAL mode all the time.
///
/// This process must have no connection to the file, as for [`identify`](super::identify).
fn is_in_use(path: &Path) -> bool {
    has_lock(path, FlockType::WriteLock)
}

/// Returns whether another program is in a transaction that writes to the file, which has a rollback journal: it then holds
/// the lock RESERVED, PENDING or EXCLUSIVE (<https://sqlite.org/lockingv3.html>). A program that was killed holds none.
///
/// This process must have no connection to the file, as for [`identify`](super::identify).
pub(super) fn is_being_written(path: &Path) -> bool {
    // These locks are exclusive, and those of readers shared.
    has_lock(path, FlockType::ReadLock)
}

/// Returns whether another program holds a lock on the file that excludes one of this type.
fn has_lock(path: &Path, excluded: FlockType) -> bool {
    // `PENDING_BYTE` in SQLite's `os.h`
    let lock_bytes = Flock {
        start: 0x4000_0000,
        length: 512,
        ..Flock::from(excluded)
    };
    File::open(path)
        .is_ok_and(|file| fcntl_getlk(file, &lock_bytes).is_ok_and(|lock| lock.is_some()))
}

/// Connects for reading while other programs may write.
///
/// # Errors
///
/// Fails with `CannotOpen` if SQLite cannot create or fill the files that it needs beside the file, as on a full disk. Then
/// none of them is left.
pub(in crate::store) fn beside_others(
    path: &Path,
    mode: OpenMode,
) -> Result<Connection, StoreError> {
    let made_here = ["-shm", "-wal"].map(|suffix| beside(path, suffix));
    let made_here: Vec<_> = made_here
        .into_iter()
        .filter(|file| !file.exists())
        .collect();
    let connection = connect(path, mode)?;
    connection.execute_batch("pragma query_only = on")?;
    match open_file(&connection) {
        Ok(()) => Ok(connection),
        // Nothing but those files is written.
        Err(StoreError::CannotOpen(text) | StoreError::CannotWrite(text)) => {
            drop(connection);
            if mode == OpenMode::ReadWrite {
                // If this fails, the files are empty and harmless.
                let _ = remove_side_files(path, &made_here);
            }
            Err(StoreError::CannotOpen(text))
        }
        Err(error) => Err(error),
    }
}

/// Removes these files beside the file at `path`, unless another program has it open, or its log holds changes.
fn remove_side_files(path: &Path, side_files: &[PathBuf]) -> Result<(), StoreError> {
    if !side_files.iter().any(|file| file.exists()) {
        return Ok(());
    }
    let connection = connect(path, OpenMode::ReadWrite)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // SQLite then uses no `-shm`, and its lock keeps other programs out (https://sqlite.org/wal.html#noshm).
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    open_file(&connection)?;
    if changed_log(path).is_none() {
        for file in side_files {
            let _ = fs::remove_file(file);
        }
    }
    close(connection)
}

/// Connects for reading without changing any file, while other programs may write, with or without the permission to
/// write.
pub(in crate::store) fn connect_without_changes(path: &Path) -> Result<Reading, StoreError> {
    let exists = |suffix| beside(path, suffix).exists();
    let mode = match mode_beside_others(path) {
        // It would remove an empty `-wal`, and a `-shm`, that a killed program left.
        OpenMode::ReadWrite if (exists("-wal") || exists("-shm")) && !is_in_use(path) => {
            OpenMode::Immutable
        }
        mode => mode,
    };
    match (beside_others(path, mode), mode) {
        (Ok(connection), OpenMode::ReadOnly | OpenMode::ReadWrite) => {
            Ok(Reading::BesideOthers(connection))
        }
        (Ok(connection), _) => Ok(Reading::Immutable(connection)),
        // This program may not create files in the folder.
        (Err(StoreError::CannotOpen(_)), _) => {
            refuse_unread_changes(path)?;
            connect(path, OpenMode::Immutable).map(Reading::Immutable)
        }
        (Err(error), _) => Err(error),
    }
}

/// Makes SQLite open the file, which it does at the first read. Damage is reported by the checks that follow.
fn open_file(connection: &Connection) -> Result<(), StoreError> {
    let read = connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()));
    match read.map_err(StoreError::from) {
        Err(StoreError::Damaged(_)) => Ok(()),
        other => other,
    }
}
