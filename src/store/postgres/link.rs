//! A connection that is made when it is needed, and made again when it was lost.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::cancel::Cancellation;
use super::connect::ServerAddress;
use super::errors::Meaning;
use super::session::PostgresSession;
use crate::store::sqlite::readers::Work;
use crate::store::{Snapshot, StoreError};

/// How long a statement waits for a lock of another session.
const LOCK_TIME: Duration = Duration::from_secs(4);

/// A connection of one thread, or of those that take turns.
#[derive(Debug)]
pub(super) struct Link {
    server: Arc<ServerAddress>,
    /// How long a statement may take; `None`: as long as it takes.
    time: Option<Duration>,
    session: Option<PostgresSession>,
    is_in_transaction: bool,
}

impl Link {
    pub(super) fn new(server: &Arc<ServerAddress>, time: Option<Duration>) -> Self {
        Self {
            server: server.clone(),
            time,
            session: None,
            is_in_transaction: false,
        }
    }

    pub(super) fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// Returns a connection on which `begin` succeeded. If one that was kept turns out to be lost, `begin` is tried again
    /// on a new one: nothing was done on it yet.
    pub(super) fn begin(
        &mut self,
        begin: impl Fn(&PostgresSession) -> Result<(), StoreError>,
    ) -> Result<&PostgresSession, StoreError> {
        self.finish();
        if let Some(session) = &self.session {
            let begun = begin(session);
            if begun.is_err() {
                if !session.is_lost() {
                    let _ = session.roll_back();
                    begun?;
                }
                self.session = None;
            }
        }
        if self.session.is_none() {
            let session = self.connect()?;
            let session = self.session.insert(session);
            if let Err(error) = begin(session) {
                let _ = session.roll_back();
                return Err(error);
            }
        }
        self.is_in_transaction = true;
        self.session
            .as_ref()
            .ok_or_else(|| StoreError::Unreachable("there is no connection".into()))
    }

    fn connect(&self) -> Result<PostgresSession, StoreError> {
        let session = PostgresSession::connect(&self.server)?;
        let time = self.time.unwrap_or_default();
        // A statement that waits for a lock fails by this limit, and not by that of its time.
        let lock_time = match self.time {
            Some(time) => LOCK_TIME.min(time * 4 / 5),
            None => LOCK_TIME,
        };
        session.run(&format!(
            "set statement_timeout = {}; set lock_timeout = {}",
            time.as_millis(),
            lock_time.as_millis()
        ))?;
        if let Some(time) = self.time {
            session.set_limit(time);
        }
        Ok(session)
    }

    /// Runs `read` over one snapshot. The transaction stays open until [`finish`](Self::finish), so that the answer need
    /// not wait for its end.
    pub(super) fn read<T, E: From<StoreError>>(
        &mut self,
        background: Option<&SyncSender<Work>>,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let session = self.begin(PostgresSession::begin_read)?;
        // Fails if the schema is another one.
        session.version()?;
        read(&Snapshot::of_session(session, background))
    }

    /// Does the same as [`read`](Self::read) for a read that `cancellation` can end.
    pub(super) fn read_unless_cancelled<T, E: From<StoreError>>(
        &mut self,
        cancellation: &Cancellation,
        background: Option<&SyncSender<Work>>,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let until_end = cancellation.until_end();
        let begun = self.begin(|session| {
            cancellation.begin(session.cancel_token())?;
            session.begin_read()
        });
        // Fails if the schema is another one.
        let begun = begun.and_then(|session| session.version().map(|_| session));
        let answer = match begun {
            Ok(session) => read(&Snapshot::of_session(session, background)),
            Err(error) => Err(error.into()),
        };
        drop(until_end);
        if cancellation.is_cancelled() {
            self.drop_connection();
        }
        answer
    }

    /// Returns the answer to one question outside a transaction, which is asked again on a new connection if the kept one was
    /// lost.
    pub(super) fn ask<T>(
        &mut self,
        ask: impl Fn(&PostgresSession) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(session) = &self.session {
            match ask(session) {
                Err(_) if session.is_lost() => self.session = None,
                answer => return answer,
            }
        }
        let session = self.connect()?;
        let answer = ask(&session);
        self.session = Some(session);
        answer
    }

    /// Whether the last read failed because the connection was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.session.as_ref().is_some_and(PostgresSession::is_lost)
    }

    /// Whether a statement of the last read took longer than it may.
    pub(super) fn is_over_time(&self) -> bool {
        let failure = self.session.as_ref().and_then(PostgresSession::failure);
        failure == Some(Meaning::Cancelled)
    }

    /// Whether a statement of the last read waited for a lock of another session for longer than it may.
    pub(super) fn is_locked_out(&self) -> bool {
        let failure = self.session.as_ref().and_then(PostgresSession::failure);
        failure == Some(Meaning::Locked)
    }

    /// Ends the transaction of a read, if there is one.
    pub(super) fn finish(&mut self) {
        if std::mem::take(&mut self.is_in_transaction)
            && let Some(session) = &self.session
            && (session.is_lost() || session.roll_back().is_err())
        {
            self.session = None;
        }
    }

    /// Notes that the transaction has ended.
    pub(super) fn ended(&mut self) {
        self.is_in_transaction = false;
    }

    /// Drops the connection, and with it the transaction.
    pub(super) fn drop_connection(&mut self) {
        self.session = None;
        self.is_in_transaction = false;
    }
}
