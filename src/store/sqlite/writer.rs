//! The one connection that writes, and how a running write is interrupted.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle, TransactionBehavior};

use super::busy::Patience;
use super::log_size::LogSize;
use crate::store::{StoreError, Transaction};

/// The connection that writes.
pub(in crate::store) struct Writer {
    connection: Mutex<(Connection, LogSize)>,
    /// Ends the statement that is running (<https://sqlite.org/c3ref/interrupt.html>).
    statement: InterruptHandle,
    /// Whether writes are to end. SQLite forgets an interrupt when no statement is running.
    interrupted: AtomicBool,
    waiting: AtomicUsize,
    begun: AtomicU64,
    waited_micros: AtomicU64,
}

/// How the writer was used since it was opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriterCounters {
    /// The writes that wait for their transaction to begin.
    pub waiting: usize,
    /// The transactions that have begun.
    pub begun: u64,
    /// How long they waited together: for other writes, also of other processes, and for the write-ahead log to be cut.
    pub waited: Duration,
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
            waiting: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            waited_micros: AtomicU64::new(0),
        }
    }

    /// Runs `write` in one transaction, which waits that long for the locks of others. See [`Store::write`](crate::store::Store::write).
    pub(in crate::store) fn write<T, E: From<StoreError>>(
        &self,
        patience: Patience,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let wait = Wait::begin(self);
        let mut locked = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (connection, log_size) = &mut *locked;
        self.check()?;
        log_size.before_write(connection, patience)?;
        let written = self.transact(connection, wait, write);
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
        wait: Wait<'_>,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.check()?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        wait.end();
        let answer = write(&Transaction::interruptible(&transaction, &self.interrupted))?;
        self.check()?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(answer)
    }

    /// Returns how the writer was used.
    pub(in crate::store) fn counters(&self) -> WriterCounters {
        WriterCounters {
            waiting: self.waiting.load(Ordering::Relaxed),
            begun: self.begun.load(Ordering::Relaxed),
            waited: Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)),
        }
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
    pub(in crate::store) fn into_connection(self) -> Connection {
        self.connection
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

/// A write that waits for its transaction to begin. It no longer counts as waiting when this is dropped.
struct Wait<'w> {
    writer: &'w Writer,
    start: Instant,
}

impl<'w> Wait<'w> {
    fn begin(writer: &'w Writer) -> Self {
        writer.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            writer,
            start: Instant::now(),
        }
    }

    /// The transaction has begun.
    fn end(self) {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.writer.begun.fetch_add(1, Ordering::Relaxed);
        self.writer
            .waited_micros
            .fetch_add(micros, Ordering::Relaxed);
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.writer.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
