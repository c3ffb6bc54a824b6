//! One write transaction: everything a [`Snapshot`] can do, and statements that change rows.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, ToSql};

use super::sqlite::room;
use super::{BorrowedValue, Snapshot, StoreError, Value};

/// One write transaction, passed to the closure of [`Store::write`](super::Store::write).
///
/// Reads through it see its own changes.
#[derive(Debug)]
pub struct Transaction<'c> {
    snapshot: Snapshot<'c>,
    /// Whether no more changes are to be made.
    interrupted: Option<&'c AtomicBool>,
}

impl<'c> Transaction<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            snapshot: Snapshot::of_writer(connection),
            interrupted: None,
        }
    }

    /// Returns a transaction whose changes fail once `interrupted` is set.
    pub(super) fn interruptible(connection: &'c Connection, interrupted: &'c AtomicBool) -> Self {
        Self {
            interrupted: Some(interrupted),
            ..Self::new(connection)
        }
    }

    /// Runs a statement that returns no rows, and returns how many rows it changed.
    ///
    /// # Errors
    ///
    /// Fails if SQLite refuses the statement, as when a constraint is violated or the disk is full, with
    /// [`StoreError::Closed`] if the transaction was interrupted, or with [`StoreError::Stopped`] at a signal.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        self.run(sql, values)
    }

    /// Does the same as [`execute`](Self::execute), for values that borrow their text.
    ///
    /// # Errors
    ///
    /// Fails like [`execute`](Self::execute).
    pub fn execute_borrowed(
        &self,
        sql: &str,
        values: &[BorrowedValue<'_>],
    ) -> Result<usize, StoreError> {
        self.run(sql, values)
    }

    fn run(&self, sql: &str, values: &[impl ToSql]) -> Result<usize, StoreError> {
        self.require_going_on()?;
        let mut statement = self.connection().prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(values))?)
    }

    /// Fails if the transaction was interrupted, or at a signal. For work that reads for long between two changes.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Closed`], or with [`StoreError::Stopped`] at a signal.
    pub fn require_going_on(&self) -> Result<(), StoreError> {
        let is_interrupted = |interrupted: &AtomicBool| interrupted.load(Ordering::Relaxed);
        if self.interrupted.is_some_and(is_interrupted) {
            return Err(StoreError::Closed);
        }
        StoreError::require_no_signal()
    }

    /// Fails unless the database has room for that many more bytes. For what is stored in several transactions: a single one
    /// fails by itself on a full disk, and leaves nothing.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::CannotWrite`] if the disk, or the limit on the size of files, has no room.
    pub fn require_room(&self, bytes: u64) -> Result<(), StoreError> {
        room::require(self.connection(), bytes)
    }

    /// Returns the `id` of the row that this transaction inserted last.
    pub fn last_id(&self) -> i64 {
        self.connection().last_insert_rowid()
    }
}

impl<'c> Deref for Transaction<'c> {
    type Target = Snapshot<'c>;

    fn deref(&self) -> &Snapshot<'c> {
        &self.snapshot
    }
}
