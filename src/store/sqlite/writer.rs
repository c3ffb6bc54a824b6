//! The one connection that writes, and how a running write is interrupted.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, InterruptHandle, TransactionBehavior};

use super::busy::Patience;
use super::log_size::LogSize;
use crate::store::{QueuedWrite, StoreError, Transaction};

/// The connection that writes.
pub(in crate::store) struct Writer {
    connection: Mutex<(Connection, LogSize)>,
    /// Ends the statement that is running (<https://sqlite.org/c3ref/interrupt.html>).
    statement: InterruptHandle,
    /// Whether writes are to end. SQLite forgets an interrupt when no statement is running.
    interrupted: AtomicBool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Returns a writer over `connection` to the file at `path`.
    pub(in crate::store) fn new(path: &Path, connection: Connection) -> Self {
        Self {
            statement: connection.get_interrupt_handle(),
            connection: Mutex::new((connection, LogSize::new(path))),
            interrupted: AtomicBool::new(false),
        }
    }

    /// Runs `write` in one transaction, which waits until the deadline of `queued` for the locks of others. See [`Store::write`](crate::store::Store::write).
    pub(in crate::store) fn write<T, E: From<StoreError>>(
        &self,
        queued: QueuedWrite,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut locked = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (connection, log_size) = &mut *locked;
        self.check()?;
        log_size.before_write(connection, queued.deadline())?;
        let written = self.transact(connection, queued, write);
        if written.is_ok() && self.check().is_ok() {
            log_size.after_commit(connection);
        }
        if written.is_err() && self.check().is_err() {
            // The error of the interrupted statement does not tell the cause.
            return Err(StoreError::Closed.into());
        }
        written
    }

    fn transact<T, E: From<StoreError>>(
        &self,
        connection: &mut Connection,
        queued: QueuedWrite,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.check()?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        drop(queued);
        let answer = write(&Transaction::interruptible(&transaction, &self.interrupted))?;
        self.check()?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(answer)
    }

    /// Fails if writes are to end.
    fn check(&self) -> Result<(), StoreError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    /// Makes the running write and all later ones fail. A commit that has begun may still succeed.
    pub(in crate::store) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
        self.statement.interrupt();
    }

    /// Returns the connection, to be closed.
    pub(in crate::store) fn into_connection(self) -> Result<Connection, StoreError> {
        let (connection, _) = self
            .connection
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // The deadline of the last write is over.
        Patience::Request.set(&connection)?;
        Ok(connection)
    }
}
