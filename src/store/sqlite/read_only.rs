//! Reading a file so that afterwards it, and what lies beside it, are as they were.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB};

use super::connect::{connect, refuse_wal};
use super::identify::beside;
use crate::store::{OpenMode, StoreError};

/// Opens for reading beside others.
///
/// A connection that can only read makes `-wal` and `-shm` and cannot remove them. Where there is no `-wal`, this is one
/// that could write but does not: its end removes both, unless somebody else came to use them.
pub(in crate::store) fn beside_others(path: &Path) -> Result<Connection, StoreError> {
    let is_there = |suffix| beside(path, suffix).exists();
    let opened = if is_there("-wal") || is_there("-journal") {
        OpenMode::ReadOnly
    } else {
        OpenMode::ReadWrite
    };
    let connection = connect(path, opened)?;
    connection.execute_batch("pragma query_only = on")?;
    touch(&connection)?;
    Ok(connection)
}

/// Opens for reading whoever else is there, or is not, or may not be.
///
/// A `-wal` without `-shm` was left by a program that was killed. Then nobody is there, so that the file can be had
/// alone, which needs no `-shm`; and its end leaves the `-wal` to whoever writes next.
pub(in crate::store) fn unchanged(path: &Path) -> Result<Connection, StoreError> {
    let opened = if beside(path, "-wal").exists() && !beside(path, "-shm").exists() {
        match alone(path) {
            // Somebody is there after all, and brings what was missing, or keeps others out.
            Err(StoreError::Busy) => beside_others(path),
            other => other,
        }
    } else {
        beside_others(path)
    };
    match opened {
        // Nobody can write here, so that nobody does.
        Err(StoreError::CannotOpen(_)) => {
            refuse_wal(path)?;
            connect(path, OpenMode::Immutable)
        }
        other => other,
    }
}

fn alone(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenMode::ReadWrite)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(StoreError::CannotOpen("it cannot be written".into()));
    }
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("pragma locking_mode = exclusive; pragma query_only = on")?;
    touch(&connection)?;
    Ok(connection)
}

/// SQLite opens a file only once something is read. Damage is named later, with all the other.
fn touch(connection: &Connection) -> Result<(), StoreError> {
    let touched = connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()));
    match touched.map_err(StoreError::from) {
        Err(StoreError::Damaged(_)) => Ok(()),
        other => other,
    }
}
