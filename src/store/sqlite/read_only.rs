//! Connections for reading that leave the file, and the files beside it, as they were.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rustix::fs::Access;

use super::connect::{changed_log, connect, refuse_unread_changes};
use super::identify::beside;
use super::open::connect_for_writing;
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
/// A connection that cannot write creates `-wal` and `-shm`, and cannot remove them. Where there is no `-wal`, or an empty
/// one as other readers make it, the connection therefore is one that could write but does not: when it closes last, it
/// removes both files. If this user may not write the file, and no program has it open, it is taken as immutable, and
/// must be looked at again after it was read.
pub(in crate::store) fn mode_beside_others(path: &Path) -> OpenMode {
    let exists = |suffix| beside(path, suffix).exists();
    if changed_log(path).is_some() || exists("-journal") {
        OpenMode::ReadOnly
    } else if rustix::fs::access(path, Access::WRITE_OK).is_ok() {
        OpenMode::ReadWrite
    } else if exists("-wal") {
        OpenMode::ReadOnly
    } else {
        OpenMode::Immutable
    }
}

/// Connects for reading while other programs may write.
pub(in crate::store) fn beside_others(
    path: &Path,
    mode: OpenMode,
) -> Result<Connection, StoreError> {
    let connection = connect(path, mode)?;
    connection.execute_batch("pragma query_only = on")?;
    open_file(&connection)?;
    Ok(connection)
}

/// Connects for reading without changing any file, while other programs may write, with or without the permission to
/// write.
///
/// A `-wal` without `-shm` was left by a program that was killed. No program has the file open, so that it can be
/// locked: then SQLite needs no `-shm`, and the `-wal` stays for the next program that writes.
pub(in crate::store) fn connect_without_changes(path: &Path) -> Result<Reading, StoreError> {
    let is_left_over = beside(path, "-wal").exists() && !beside(path, "-shm").exists();
    let beside_others = || {
        let mode = mode_beside_others(path);
        let connection = beside_others(path, mode)?;
        Ok(match mode {
            OpenMode::Immutable => Reading::Immutable(connection),
            OpenMode::ReadOnly | OpenMode::ReadWrite => Reading::BesideOthers(connection),
        })
    };
    let opened = if is_left_over {
        match exclusively(path) {
            // Another program opened the file in the meantime.
            Err(StoreError::Busy) => beside_others(),
            other => other.map(Reading::BesideOthers),
        }
    } else {
        beside_others()
    };
    match opened {
        // This program may not create files in the folder.
        Err(StoreError::CannotOpen(_)) => {
            refuse_unread_changes(path)?;
            connect(path, OpenMode::Immutable).map(Reading::Immutable)
        }
        other => other,
    }
}

fn exclusively(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect_for_writing(path)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("pragma locking_mode = exclusive; pragma query_only = on")?;
    open_file(&connection)?;
    Ok(connection)
}

/// Makes SQLite open the file, which it does at the first read. Damage is reported by the checks that follow.
fn open_file(connection: &Connection) -> Result<(), StoreError> {
    let read = connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()));
    match read.map_err(StoreError::from) {
        Err(StoreError::Damaged(_)) => Ok(()),
        other => other,
    }
}
