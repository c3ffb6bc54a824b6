//! The threads that read: each owns one connection, and runs one closure over one snapshot at a time.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use crate::store::version::VersionCache;
use crate::store::{Snapshot, StoreError};

type Job = Box<dyn FnOnce(&mut Connection, &VersionCache) + Send>;

/// A queue of reads and the threads that take from it. Dropping it ends them once the queue is empty.
#[derive(Debug)]
pub(in crate::store) struct Readers {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// As many threads as processors, two at least: one long listing must not stop the short ones.
    pub(in crate::store) fn start(
        pool: &Pool<SqliteConnectionManager>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..count())
            .map(|_| {
                let (queue, pool) = (queue.clone(), pool.clone());
                thread::Builder::new()
                    .name("reader".into())
                    .spawn(move || run(&queue, &pool))
            })
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Sqlite(format!("no thread to read with: {error}")))?;
        Ok(Self {
            jobs: Some(jobs),
            threads,
        })
    }

    /// Queues `job`. An error: the store is closing.
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
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// How many connections read at the same time.
pub(in crate::store) fn count() -> usize {
    thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, 8)
}

fn run(queue: &Mutex<Receiver<Job>>, pool: &Pool<SqliteConnectionManager>) {
    let mut owned = None;
    loop {
        let job = {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.recv()
        };
        let Ok(job) = job else { break };
        if owned.is_none() {
            owned = pool
                .get()
                .ok()
                .map(|connection| (connection, VersionCache::default()));
        }
        // Without a connection the job is dropped, and whoever waits for it is told.
        let Some((connection, version_cache)) = &mut owned else {
            continue;
        };
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            job(connection, version_cache)
        }));
        if ran.is_err() {
            owned = None;
        }
    }
    // A thread of the pool's own may hold the pool, and so what was given back to it, for a moment longer than anybody
    // else. Whoever closes the file last must find it alone, to take away `-wal` and `-shm`: nothing real is given back.
    if let Some((mut connection, _)) = owned
        && let Ok(nothing) = Connection::open_in_memory()
    {
        drop(std::mem::replace(&mut *connection, nothing));
    }
}

/// Runs `read` over one snapshot of `connection` and hands its result to `answer`; what `read` put off comes after.
pub(in crate::store) fn snapshot<T, E: From<StoreError>>(
    connection: &mut Connection,
    version_cache: &VersionCache,
    read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    answer: impl FnOnce(Result<T, E>),
) {
    // Nothing is written: how the transaction ends makes no difference but to release the snapshot.
    match connection.transaction() {
        Ok(transaction) => {
            let db = Snapshot::new(&transaction, version_cache);
            answer(read(&db));
            db.finish();
        }
        Err(error) => answer(Err(StoreError::from(error).into())),
    }
}
