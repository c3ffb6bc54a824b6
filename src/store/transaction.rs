//! One write transaction: everything a [`Snapshot`] can do, and statements that change rows.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, ToSql};

#[cfg(feature = "postgres")]
use super::postgres::PostgresSession;
use super::sqlite::room;
use super::{BorrowedValue, Snapshot, StoreError, Value};

/// One write transaction, passed to the closure of [`Store::write`](super::Store::write).
///
/// Reads through it see its own changes.
#[derive(Debug)]
pub struct Transaction<'c> {
    snapshot: Snapshot<'c>,
    engine: Engine<'c>,
    /// Whether no more changes are to be made.
    interrupted: Option<&'c AtomicBool>,
}

/// Where a transaction writes.
#[derive(Clone, Copy, Debug)]
enum Engine<'c> {
    Sqlite(&'c Connection),
    #[cfg(feature = "postgres")]
    Postgres(&'c PostgresSession),
}

impl<'c> Transaction<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            snapshot: Snapshot::of_writer(connection),
            engine: Engine::Sqlite(connection),
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

    /// Returns a transaction of a PostgreSQL server, whose changes fail once `interrupted` is set, if there is such a flag.
    #[cfg(feature = "postgres")]
    pub(super) fn of_session(
        session: &'c PostgresSession,
        interrupted: Option<&'c AtomicBool>,
    ) -> Self {
        Self {
            snapshot: Snapshot::of_session(session, None),
            engine: Engine::Postgres(session),
            interrupted,
        }
    }

    /// Runs a statement that returns no rows, and returns how many rows it changed.
    ///
    /// # Errors
    ///
    /// Fails if the engine refuses the statement, as when a constraint is violated or the disk is full, with
    /// [`StoreError::Closed`] if the transaction was interrupted, or with [`StoreError::Stopped`] at a signal.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        self.require_going_on()?;
        match self.engine {
            Engine::Sqlite(connection) => run(connection, sql, values),
            #[cfg(feature = "postgres")]
            Engine::Postgres(session) => {
                let values: Vec<_> = values.iter().map(Value::borrowed).collect();
                session.execute(sql, &values)
            }
        }
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
        self.require_going_on()?;
        match self.engine {
            Engine::Sqlite(connection) => run(connection, sql, values),
            #[cfg(feature = "postgres")]
            Engine::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Inserts a row with a statement that has no `returning`, and returns the row's `id`.
    ///
    /// # Errors
    ///
    /// Fails like [`execute`](Self::execute).
    pub fn insert(&self, sql: &str, values: &[BorrowedValue<'_>]) -> Result<i64, StoreError> {
        self.require_going_on()?;
        match self.engine {
            Engine::Sqlite(connection) => {
                run(connection, sql, values)?;
                Ok(connection.last_insert_rowid())
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(session) => session.insert(sql, values),
        }
    }

    /// Whether inserted rows wait to be sent together to a server, which a read of their tables would bring forward.
    pub fn sends_rows_together(&self) -> bool {
        match self.engine {
            Engine::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Engine::Postgres(session) => session.sends_rows_together(),
        }
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
        match self.engine {
            Engine::Sqlite(connection) => room::require(connection, bytes),
            // How much room the server has is not known.
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Returns the `id` of the row that this transaction inserted last.
    pub fn last_id(&self) -> i64 {
        match self.engine {
            Engine::Sqlite(connection) => connection.last_insert_rowid(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(session) => session.last_id(),
        }
    }
}

impl<'c> Deref for Transaction<'c> {
    type Target = Snapshot<'c>;

    fn deref(&self) -> &Snapshot<'c> {
        &self.snapshot
    }
}

fn run(connection: &Connection, sql: &str, values: &[impl ToSql]) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(rusqlite::params_from_iter(values))?)
}
