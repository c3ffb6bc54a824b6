//! One write transaction: everything a [`Snapshot`] can do, and statements that change rows.

use std::ops::Deref;

use rusqlite::Connection;

use super::{BorrowedValue, Snapshot, StoreError, Value};

/// One write transaction, passed to the closure of [`Store::write`](super::Store::write).
///
/// Reads through it see its own changes.
#[derive(Debug)]
pub struct Transaction<'c>(Snapshot<'c>);

impl<'c> Transaction<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self(Snapshot::of_writer(connection))
    }

    /// Runs a statement that returns no rows, and returns how many rows it changed.
    ///
    /// # Errors
    ///
    /// Fails if SQLite refuses the statement, as when a constraint is violated or the disk is full.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        let mut statement = self.0.connection().prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(values))?)
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
        let mut statement = self.0.connection().prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(values))?)
    }

    /// Returns the `id` of the row that this transaction inserted last.
    pub fn last_id(&self) -> i64 {
        self.0.connection().last_insert_rowid()
    }
}

impl<'c> Deref for Transaction<'c> {
    type Target = Snapshot<'c>;

    fn deref(&self) -> &Snapshot<'c> {
        &self.0
    }
}
