//! The reader threads: each owns one connection, and runs one closure over one snapshot at a time.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use r2d2::{ManageConnection, Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::connect::{BUSY_TIMEOUT, name_and_flags, set_up};
use super::latest_version::LatestVersion;
use crate::store::version::VersionCache;
use crate::store::{OpenMode, Snapshot, StoreError};

type Job = Box<dyn FnOnce(&mut Connection, &VersionCache) + Send>;

/// A queue of reads, and the threads that take from it.
///
/// Dropping it runs what is queued, ends the threads and closes their connections.
#[derive(Debug)]
pub(in crate::store) struct Readers {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<Option<PooledConnection<ReaderConnections>>>>,
}

impl Readers {
    /// Starts the threads. Each opens its connection, in `mode`, at its first read.
    pub(in crate::store) fn start(
        path: &Path,
        mode: OpenMode,
        latest: &Arc<LatestVersion>,
    ) -> Result<Self, StoreError> {
        let count = count();
        let pool = pool(path, mode, count)?;
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..count)
            .map(|_| {
                let (queue, pool, latest) = (queue.clone(), pool.clone(), latest.clone());
                thread::Builder::new()
                    .name("reader".into())
                    .spawn(move || run(&queue, &pool, &latest))
            })
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Sqlite(format!("a reader cannot be started: {error}")))?;
        Ok(Self {
            jobs: Some(jobs),
            threads,
        })
    }

    /// Queues `job`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Closed`] if the threads are ending.
    pub(in crate::store) fn submit(&self, job: Job) -> Result<(), StoreError> {
        self.jobs
            .as_ref()
            .and_then(|jobs| jobs.send(job).ok())
            .ok_or(StoreError::Closed)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // The connections are closed here, one after the other. Two that close at the same time each find the other one
        // still open, and neither removes `-wal` and `-shm`.
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Returns the number of reader threads: one per processor, from 2 to 8. With one alone, a slow read would delay all
/// others.
fn count() -> u32 {
    let processors = thread::available_parallelism().map_or(2, NonZero::get);
    u32::try_from(processors).map_or(8, |processors| processors.clamp(2, 8))
}

/// The connections of the reader threads, as the pool opens them.
#[derive(Debug)]
struct ReaderConnections(SqliteConnectionManager);

impl ManageConnection for ReaderConnections {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        self.0.connect()
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        self.0.is_valid(connection)
    }

    /// A thread keeps its connection until it ends, or until a read panics. In both cases the connection is closed at
    /// once, not kept for another thread: a connection that the pool held would outlive the readers for a moment, and
    /// the connection that closes last is the one that removes `-wal` and `-shm`.
    fn has_broken(&self, _: &mut Connection) -> bool {
        true
    }
}

fn pool(path: &Path, mode: OpenMode, count: u32) -> Result<Pool<ReaderConnections>, StoreError> {
    let (name, flags) = name_and_flags(path, mode)?;
    let connections = SqliteConnectionManager::file(name)
        .with_flags(flags)
        .with_init(|connection| {
            set_up(connection)?;
            connection.execute_batch("pragma query_only = on")
        });
    Ok(Pool::builder()
        .max_size(count)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .connection_timeout(BUSY_TIMEOUT)
        .build_unchecked(ReaderConnections(connections)))
}

/// Runs what is queued until the queue is closed and empty. Returns the connection of this thread, still open.
fn run(
    queue: &Mutex<Receiver<Job>>,
    pool: &Pool<ReaderConnections>,
    latest: &Arc<LatestVersion>,
) -> Option<PooledConnection<ReaderConnections>> {
    let mut owned = None;
    loop {
        let job = {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.recv()
        };
        let Ok(job) = job else { break };
        if owned.is_none() {
            let connection = pool.get().ok();
            owned = connection.map(|connection| (connection, VersionCache::new(latest.clone())));
        }
        // Without a connection the job is dropped, and with it the sender that its caller waits on: the read fails.
        let Some((connection, versions)) = &mut owned else {
            continue;
        };
        if catch_unwind(AssertUnwindSafe(|| job(connection, versions))).is_err() {
            owned = None;
        }
    }
    owned.map(|(connection, _)| connection)
}

/// Runs `read` over one snapshot of `connection` and passes the result to `answer`. What `read` put off comes after.
pub(in crate::store) fn snapshot<T, E: From<StoreError>>(
    connection: &mut Connection,
    versions: &VersionCache,
    read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    answer: impl FnOnce(Result<T, E>),
) {
    versions.snapshot_begins();
    // The transaction only reads. When it is dropped, it releases the snapshot.
    match connection.transaction() {
        Ok(transaction) => {
            let snapshot = Snapshot::of_reader(&transaction, versions);
            answer(read(&snapshot));
            snapshot.finish();
        }
        Err(error) => answer(Err(StoreError::from(error).into())),
    }
}
