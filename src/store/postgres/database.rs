//! An open database of a server: its readers, its writer, and the check of its version.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::cancel::{Cancellation, WaitingCaller};
use super::connect::ServerAddress;
use super::create::require_ours;
use super::errors::silence;
use super::link::Link;
use super::migrate::migrate;
use super::origin::Position;
use super::readers::{Ended, Job, Lane, Readers};
use super::replicas::{Read, Replicas};
use super::session::PostgresSession;
use super::version_check::{NoVersion, VersionCheck};
use super::writer::Writer;
use crate::caller::CallerKey;
use crate::store::migrate::Migrated;
use crate::store::sqlite::readers::WaitingReads;
use crate::store::{QueuedWrite, ReplicaCounters, Snapshot, StoreError, Transaction};

/// How long a request waits before the server is asked whether it still answers.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a read waits for locks of other sessions, and for reads that wait for them, before it is refused.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How many connections are kept for reads that last as long as a client takes.
const LONG_READS: usize = 4;

/// An open database of a server.
#[derive(Debug)]
pub(in crate::store) struct PostgresStore {
    server: Arc<ServerAddress>,
    readers: Readers,
    versions: VersionCheck,
    /// `None` if there are none.
    replicas: Option<Replicas>,
    migrated: Option<Migrated>,
    /// `None` once the database is closed.
    others: Option<Others>,
}

/// The connections that have no thread of their own.
#[derive(Debug)]
struct Others {
    writer: Writer,
    /// Those that no long read uses.
    long: Mutex<Vec<Link>>,
}

impl PostgresStore {
    /// Opens the database for reading and writing, and migrates its tables first if they have an earlier schema.
    pub(in crate::store) fn open(server: &Arc<ServerAddress>) -> Result<Self, StoreError> {
        let migrated = migrate(server)?;
        let mut opened = Self::open_for_reading(server)?;
        opened.migrated = migrated;
        Ok(opened)
    }

    /// Opens the database, whose tables have the current schema.
    pub(in crate::store) fn open_for_reading(
        server: &Arc<ServerAddress>,
    ) -> Result<Self, StoreError> {
        let session = PostgresSession::connect(server)?;
        require_ours(server, &session)?;
        let replicas = match server.replicas() {
            [] => None,
            _ => Some(Replicas::start(server, session.origin()?)?),
        };
        drop(session);
        Ok(Self {
            server: server.clone(),
            readers: Readers::start(server)?,
            versions: VersionCheck::new(server),
            replicas,
            migrated: None,
            others: Some(Others {
                writer: Writer::new(server),
                long: Mutex::default(),
            }),
        })
    }

    /// Returns the address, without the password.
    pub(in crate::store) fn address(&self) -> &Path {
        self.server.shown()
    }

    /// Returns the migration that opening the database carried out.
    pub(in crate::store) fn migrated(&self) -> Option<&Migrated> {
        self.migrated.as_ref()
    }

    /// Whether pages may be read from standbys, so that the version is needed for each.
    pub(in crate::store) fn has_replicas(&self) -> bool {
        self.replicas.is_some()
    }

    /// Returns how many pages were read where.
    pub(in crate::store) fn replica_counters(&self) -> ReplicaCounters {
        let replicas = self.replicas.as_ref();
        replicas.map(Replicas::counters).unwrap_or_default()
    }

    /// Runs `read` over one snapshot, at a standby if one shows the state `known`, or else at the primary. See
    /// [`Store::read_of_request`](crate::store::Store::read_of_request).
    pub(in crate::store) async fn read_at<T, E>(
        &self,
        known: Option<Position>,
        caller: CallerKey,
        read: impl Fn(&Snapshot<'_>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (Some(replicas), Some(known)) = (&self.replicas, known) else {
            return self.read(caller, read).await;
        };
        let read = Arc::new(Read {
            run: read,
            background: self.readers.background(),
        });
        match replicas.read(known, caller, &read).await {
            Some(answer) => answer,
            None => {
                self.read(caller, move |snapshot| (read.run)(snapshot))
                    .await
            }
        }
    }

    /// Runs `read` over one snapshot, on a reader thread. See [`Store::read`](crate::store::Store::read).
    pub(in crate::store) async fn read<T, E>(
        &self,
        caller: CallerKey,
        read: impl Fn(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let cancellation = Cancellation::new(&self.server);
        let waiting = WaitingCaller(cancellation.clone());
        let mut request = Some((read, sender));
        let since = Instant::now();
        let mut waits_for_lock = false;
        let job: Job = Box::new(move |reader, lane| {
            let Some((read, sender)) = request.take() else {
                return Ended::Answered;
            };
            if sender.is_closed() {
                // The client has gone.
                return Ended::Answered;
            }
            let answer =
                if waits_for_lock && (lane == Lane::Refused || since.elapsed() >= LOCK_PATIENCE) {
                    Err(StoreError::Busy.into())
                } else if lane == Lane::Refused {
                    Err(StoreError::TooManyExpensive.into())
                } else {
                    let answer = reader.read(&cancellation, &read);
                    waits_for_lock = reader.is_locked_out();
                    let is_slow = waits_for_lock || reader.is_over_time();
                    if answer.is_err() && is_slow && lane == Lane::Fast {
                        request = Some((read, sender));
                        return Ended::TooSlow;
                    }
                    answer
                };
            // `read` may hold the last reference to this store, which the caller drops when it has the answer.
            drop(read);
            // Fails if the client went while the read ran.
            let _ = sender.send(answer);
            Ended::Answered
        });
        self.readers.submit(caller, job)?;
        let unanswered = || StoreError::Postgres("a read ended without an answer".into());
        let answer = self.while_it_answers(receiver).await;
        drop(waiting);
        let answer = answer.ok_or_else(silence)?;
        answer.unwrap_or_else(|_| Err(unanswered().into()))
    }

    /// Waits for `done`. Returns `None` if the server does not even answer a short question any more, as when it has
    /// stopped without closing its connections.
    pub(in crate::store) async fn while_it_answers<T>(
        &self,
        done: impl Future<Output = T>,
    ) -> Option<T> {
        let mut done = pin!(done);
        loop {
            if let Ok(done) = timeout(PATIENCE, &mut done).await {
                return Some(done);
            }
            tokio::select! {
                done = &mut done => return Some(done),
                version = self.versions.ask() => {
                    if version == Err(NoVersion::Silence) {
                        return None;
                    }
                }
            }
        }
    }

    /// Runs `read` on the calling thread. See [`Store::read_blocking`](crate::store::Store::read_blocking).
    pub(in crate::store) fn read_blocking<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let long = &self.others()?.long;
        let kept = long.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut link = kept.unwrap_or_else(|| Link::new(&self.server, None));
        let answer = link.read(self.readers.background().as_ref(), read);
        link.finish();
        let mut long = long.lock().unwrap_or_else(PoisonError::into_inner);
        if long.len() < LONG_READS {
            long.push(link);
        }
        answer
    }

    /// Returns the version of a state that is not older than this call. `None` if the server cannot be asked.
    pub(in crate::store) async fn current_version(&self) -> Option<Position> {
        self.versions.ask().await.ok()
    }

    /// Runs `write` in one transaction. See [`Store::write_queued`](crate::store::Store::write_queued).
    pub(in crate::store) fn write<T, E: From<StoreError>>(
        &self,
        queued: QueuedWrite,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.others()?.writer.write(queued, write)
    }

    fn others(&self) -> Result<&Others, StoreError> {
        self.others.as_ref().ok_or(StoreError::Closed)
    }

    /// Returns the reads that wait.
    pub(in crate::store) fn waiting_reads(&self) -> WaitingReads {
        self.readers.waiting()
    }

    /// Makes the running write and all later ones fail.
    pub(in crate::store) fn interrupt_writes(&self) {
        if let Ok(others) = self.others() {
            others.writer.interrupt();
        }
    }

    /// Runs the reads that are queued, and closes the connections.
    pub(in crate::store) fn close(self) {
        drop(self);
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        // A client waits until its connection is closed, which async threads may not. Those of the lanes are closed by
        // their threads.
        if let Some(others) = self.others.take() {
            let _ = std::thread::spawn(move || drop(others)).join();
        }
    }
}
