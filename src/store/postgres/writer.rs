//! The one connection that writes, and how a running write is interrupted.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio_postgres::CancelToken;

use super::connect::ServerAddress;
use super::errors::Meaning;
use super::link::Link;
use super::session::PostgresSession;
use crate::store::{QueuedWrite, StoreError, Transaction};

/// The connection that writes.
pub(super) struct Writer {
    server: Arc<ServerAddress>,
    link: Mutex<Link>,
    /// What ends the statement that is running.
    running: Mutex<Option<CancelToken>>,
    /// Whether writes are to end.
    interrupted: AtomicBool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(server: &Arc<ServerAddress>) -> Self {
        Self {
            server: server.clone(),
            link: Mutex::new(Link::new(server, None)),
            running: Mutex::default(),
            interrupted: AtomicBool::new(false),
        }
    }

    /// Runs `write` in one transaction, which waits until the deadline of `queued` for other writers.
    ///
    /// # Errors
    ///
    /// Fails if `write` fails. Fails with [`StoreError::OutcomeUnknown`] if the connection was lost during the commit. After
    /// any other error, nothing was stored.
    pub(super) fn write<T, E: From<StoreError>>(
        &self,
        queued: QueuedWrite,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        let patience = queued.deadline().saturating_duration_since(Instant::now());
        let session = link.begin(|session| {
            self.set_running(Some(session.cancel_token()));
            session.begin_write(patience)
        })?;
        if queued.is_of_command() {
            session.send_rows_together();
        }
        drop(queued);
        let written = self.finish(session, write);
        self.set_running(None);
        if session.is_lost() {
            link.drop_connection();
        } else {
            link.ended();
        }
        if written.is_err() && self.check().is_err() {
            // The error of the cancelled statement does not tell the cause.
            return Err(StoreError::Closed.into());
        }
        written
    }

    /// Runs `write` and commits its changes, or takes them back.
    fn finish<T, E: From<StoreError>>(
        &self,
        session: &PostgresSession,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let answer = write(&Transaction::of_session(session, Some(&self.interrupted)));
        let answer = answer.and_then(|answer| {
            self.check()?;
            // The server would take a commit for a rollback.
            require_no_failure(session)?;
            Ok(answer)
        });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let _ = session.roll_back();
                return Err(error);
            }
        };
        match session.commit() {
            Ok(()) => Ok(answer),
            Err(error) if session.is_lost() => {
                Err(StoreError::OutcomeUnknown(cause(&error)).into())
            }
            Err(error) => {
                let _ = session.roll_back();
                Err(error.into())
            }
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    fn set_running(&self, token: Option<CancelToken>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Makes the running write and all later ones fail. A commit that has begun may still succeed.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = running.clone() {
            let server = self.server.clone();
            // The client blocks, which async threads may not.
            std::thread::spawn(move || server.cancel(&token));
        }
    }
}

/// Fails if a statement of the transaction failed, which the server has ended then.
pub(super) fn require_no_failure(session: &PostgresSession) -> Result<(), StoreError> {
    match session.failure() {
        None => Ok(()),
        Some(Meaning::Lost) => Err(StoreError::Unreachable("the connection was lost".into())),
        Some(Meaning::Cancelled | Meaning::Locked | Meaning::Other) => {
            let text = "a statement of the transaction failed; nothing was changed";
            Err(StoreError::Postgres(text.into()))
        }
    }
}

/// Returns what follows the colon of the error of a lost connection.
pub(super) fn cause(error: &StoreError) -> String {
    match error {
        StoreError::Unreachable(text) => text.clone(),
        other => other.to_string(),
    }
}
