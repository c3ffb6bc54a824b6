//! How the write-ahead log is kept short.
//!
//! SQLite by itself moves the log into the file after every 1,000 pages, but starts it anew only at a moment in which no
//! connection reads from it (<https://sqlite.org/wal.html#avoiding_excessively_large_wal_files>). Under steady reads there
//! is no such moment, and the log grows without end. Therefore the writer makes one: it waits, with the lock of writers
//! held, until the reads that began before have ended. Reads that begin meanwhile read from the file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::busy::{wait_a_moment, wait_until};
use super::identify::beside;
use crate::store::StoreError;

/// The size at which the log is moved into the file and cut, in bytes.
const CUT_AT: u64 = 16 << 20;
/// The size from which no write begins, in bytes. One transaction may make the log larger than that.
const LARGEST: u64 = 64 << 20;
/// How long reads are waited for after a commit.
const SHORT_WAIT: Duration = Duration::from_millis(200);
/// How long after an attempt that failed the next one is made.
const PAUSE: Duration = Duration::from_secs(1);

/// Returns whether the log of the database at `path` is half as long as it may be.
pub(in crate::store) fn is_long(path: &Path) -> bool {
    bytes(path) >= LARGEST / 2
}

/// Returns the size of the log of the database at `path`.
pub(in crate::store) fn bytes(path: &Path) -> u64 {
    length(&beside(path, "-wal"))
}

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}

/// The size of the log of one database.
#[derive(Debug)]
pub(in crate::store) struct LogSize {
    log: PathBuf,
    last_failure: Option<Instant>,
}

impl LogSize {
    /// For the database at `path`.
    pub(in crate::store) fn new(path: &Path) -> Self {
        Self {
            log: beside(path, "-wal"),
            last_failure: None,
        }
    }

    /// Must be called before each write transaction.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Busy`] if the log has its largest size, and a read or another process keeps it from being
    /// cut until `deadline`.
    pub(in crate::store) fn before_write(
        &mut self,
        writer: &Connection,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        wait_until(writer, deadline)?;
        // SQLite does not wait while another process moves the log (<https://sqlite.org/c3ref/wal_checkpoint_v2.html>).
        while self.size() >= LARGEST && !cut(writer)? {
            if !wait_a_moment(deadline) {
                return Err(StoreError::Busy);
            }
        }
        Ok(())
    }

    /// Must be called after each commit, and [`before_write`](Self::before_write) before the next write. That the log
    /// cannot be cut is no error here.
    pub(in crate::store) fn after_commit(&mut self, writer: &Connection) {
        let may_try = self.last_failure.is_none_or(|last| last.elapsed() > PAUSE);
        if self.size() < CUT_AT || !may_try {
            return;
        }
        let is_cut = writer.busy_timeout(SHORT_WAIT).is_ok() && cut(writer).unwrap_or_default();
        self.last_failure = (!is_cut).then(Instant::now);
    }

    fn size(&self) -> u64 {
        length(&self.log)
    }
}

/// Moves the log into the file and cuts it. Returns `false` if reads, or another writer, took longer than the connection
/// waits.
fn cut(writer: &Connection) -> Result<bool, StoreError> {
    let sql = "pragma wal_checkpoint(truncate)";
    let is_busy: bool = writer.query_row(sql, [], |row| row.get(0))?;
    Ok(!is_busy)
}
