//! How the connection that writes is closed, so that only the file itself remains.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::connect::connect;
use super::folder_lock::lock_folder;
use super::identify::beside;
use crate::store::{OpenMode, StoreError};

/// Moves the write-ahead log into the file at `path`, and closes `connection`, the last one of this process.
pub(in crate::store) fn close_writer(
    path: &Path,
    connection: Connection,
) -> Result<(), StoreError> {
    // While other programs read, SQLite would wait for them, and keep all writers waiting too. The program that closes
    // last moves the rest of the log.
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    close(connection)?;
    remove_empty_wal(path)
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
