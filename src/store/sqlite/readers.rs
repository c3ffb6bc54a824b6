//! The reader threads, in four lanes, so that no read makes another wait for long.
//!
//! | lane | threads | runs | limit of a read |
//! | --- | --- | --- | --- |
//! | fast | one per processor, from 2 to 8 | every read first | [`FAST_STEPS`] while others wait, else [`MEDIUM_STEPS`] |
//! | medium | as many, with a lower priority | reads that exceeded the limit of the fast lane, again | [`MEDIUM_STEPS`] |
//! | slow | one, with a lower priority still | reads that exceeded the limit of the medium lane, again | [`SLOW_STEPS`] |
//! | background | one, with the lowest priority | work that nothing waits for, such as building list caches | none |
//!
//! Each thread owns one connection, and runs one closure over one snapshot at a time. As many reads of the fast lane as it
//! has threads run in place: see [`super::in_place`]. Limits count the steps of
//! SQLite's virtual machine (<https://sqlite.org/c3ref/progress_handler.html>), so the same read is treated alike on a
//! fast and on a slow machine. A read whose caller has gone is interrupted too: the server has broken
//! its request off.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use r2d2::{ManageConnection, Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use tokio::task::block_in_place;

use super::busy::Patience;
use super::connect::{name_and_flags, set_up};
use super::in_place::{InPlace, Place};
use super::latest_version::LatestVersion;
use super::open_file::Stamp;
use super::published::PublishedFile;
use crate::signals;
use crate::store::version::VersionCache;
use crate::store::{OpenMode, Snapshot, StoreError};

/// The steps that a read may take in the fast lane while other reads wait for it: about a millisecond. A page of 50 packages
/// takes 3,000 steps.
const FAST_STEPS: i64 = 50_000;
/// The steps that a read may take in the medium lane, and in the fast lane while no read waits: tens of milliseconds. A page of 5,000 packages takes 300,000 steps.
const MEDIUM_STEPS: i64 = 500_000;
/// The steps that a read may take in the slow lane: a few seconds.
const SLOW_STEPS: i64 = 300_000_000;
/// How often SQLite reports the steps that it took.
const STEPS_PER_REPORT: i32 = 1_000;
/// The reads that may wait for the slow lane. Further ones are refused.
const SLOW_QUEUE: usize = 256;
/// The background work that may wait. Further work is dropped; it is queued again when it is needed again.
const BACKGROUND_QUEUE: usize = 1_024;
/// The connections beside those of the lanes, for reads that last as long as a client takes.
const LONG_READS: u32 = 4;
/// The priority of the medium lane, as a `nice` value.
const MEDIUM_PRIORITY: i32 = 5;
/// The priority of the slow lane, as a `nice` value.
const SLOW_PRIORITY: i32 = 10;
/// The priority of the background lane, as a `nice` value.
const BACKGROUND_PRIORITY: i32 = 19;

/// A read that can be run again, if a limit interrupted it.
pub(in crate::store) type Job = Box<dyn FnMut(&mut ReaderConnection, Limit) -> Ended + Send>;
/// Work that nothing waits for.
pub(in crate::store) type Work = Box<dyn FnOnce(&Snapshot<'_>) + Send>;

/// How many steps a read may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Limit {
    /// None: too many reads wait for the slow lane. The read is refused.
    Refused,
    /// [`FAST_STEPS`], or [`MEDIUM_STEPS`] as long as no read waits for the fast lane. A read that exceeds it is run again in
    /// the medium lane.
    Fast,
    /// [`MEDIUM_STEPS`]. A read that exceeds it is run again in the slow lane.
    Medium,
    /// [`SLOW_STEPS`]. A read that exceeds it fails.
    Slow,
    /// Any number.
    Unlimited,
}

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Ended {
    /// The answer was passed on.
    Answered,
    /// The limit interrupted it. It must be run again with a higher one.
    Interrupted,
}

/// The lanes.
///
/// Dropping them runs the queued reads, drops the queued background work, ends the threads and closes their
/// connections.
#[derive(Debug)]
pub(in crate::store) struct Readers {
    queues: Option<Queues>,
    threads: Vec<JoinHandle<Option<PooledConnection<ReaderConnections>>>>,
    pool: Pool<ReaderConnections>,
    latest: Arc<LatestVersion>,
    published: Option<Arc<PublishedFile>>,
    closing: Arc<AtomicBool>,
    waiting: Arc<Waiting>,
    in_place: InPlace,
}

/// How many reads wait for a thread of each lane.
#[derive(Debug, Default)]
struct Waiting {
    fast: AtomicUsize,
    medium: AtomicUsize,
    slow: AtomicUsize,
}

/// How many reads wait, by lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitingReads {
    /// For the fast lane.
    pub fast: usize,
    /// For the medium lane.
    pub medium: usize,
    /// For the slow lane.
    pub slow: usize,
}

#[derive(Debug)]
struct Queues {
    fast: Sender<Job>,
    medium: Sender<Job>,
    background: SyncSender<Work>,
}

/// A connection for reading, its version cache, and the steps that it may still take.
#[derive(Debug)]
pub(in crate::store) struct ReaderConnection {
    connection: PooledConnection<ReaderConnections>,
    versions: VersionCache,
    published: Option<Arc<PublishedFile>>,
    /// What a published file looked like when this connection cached pages of it.
    seen: Option<Stamp>,
    steps_left: Arc<AtomicI64>,
    /// Whether the read may take more steps as long as no read waits for the fast lane.
    may_exceed: Arc<AtomicBool>,
    caller: Arc<Mutex<Option<Caller>>>,
    background: Option<SyncSender<Work>>,
}

/// Whom the answer of a read is for: a reference that the caller holds as long as it waits.
pub(in crate::store) type Caller = Weak<()>;

impl Readers {
    /// Starts the threads. Each opens its connection, in `mode`, at its first read. The connections to a published file are
    /// opened here: later its path may lead to another file.
    pub(in crate::store) fn start(
        path: &Path,
        mode: OpenMode,
        latest: &Arc<LatestVersion>,
        published: Option<&Arc<PublishedFile>>,
    ) -> Result<Self, StoreError> {
        let count = fast_threads();
        let pool = pool(path, mode, 3 * count + 2 + LONG_READS, published.is_some())?;
        let (fast, fast_queue) = channel::<Job>();
        let (medium, medium_queue) = channel::<Job>();
        let (slow, slow_queue) = sync_channel::<Job>(SLOW_QUEUE);
        let (background, background_queue) = sync_channel::<Work>(BACKGROUND_QUEUE);
        let closing = Arc::new(AtomicBool::new(false));
        let waiting = Arc::new(Waiting::default());
        let connections = |background: Option<&SyncSender<Work>>| ConnectionSource {
            pool: pool.clone(),
            latest: latest.clone(),
            published: published.cloned(),
            background: background.cloned(),
            closing: closing.clone(),
            waiting: waiting.clone(),
        };
        let fast_queue = Arc::new(Mutex::new(fast_queue));
        let medium_queue = Arc::new(Mutex::new(medium_queue));
        let mut threads = Vec::new();
        for _ in 0..count {
            let (queue, next, counts) = (fast_queue.clone(), medium.clone(), waiting.clone());
            let source = connections(Some(&background));
            threads.push(spawn("reader", move || {
                run_fast(&queue, &next, &counts, &source)
            })?);
            let (queue, next, counts) = (medium_queue.clone(), slow.clone(), waiting.clone());
            let source = connections(Some(&background));
            threads.push(spawn("medium-reader", move || {
                run_medium(&queue, &next, &counts, &source)
            })?);
        }
        // A lane ends when the last thread of the lane before it, and `queues`, have dropped their senders.
        drop(slow);
        let source = connections(Some(&background));
        let slow_waiting = waiting.clone();
        threads.push(spawn("slow-reader", move || {
            run_slow(&slow_queue, &slow_waiting, &source)
        })?);
        let source = connections(None);
        threads.push(spawn("background", move || {
            run_background(&background_queue, &source)
        })?);
        Ok(Self {
            queues: Some(Queues {
                fast,
                medium,
                background,
            }),
            threads,
            latest: latest.clone(),
            published: published.cloned(),
            pool,
            closing,
            waiting,
            in_place: InPlace::new(count),
        })
    }

    /// Runs a read in place if no other one waits, else queues it for the fast lane.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Closed`] if the threads are ending.
    pub(in crate::store) fn submit(&self, mut job: Job) -> Result<(), StoreError> {
        let queues = self.queues.as_ref().ok_or(StoreError::Closed)?;
        if self.waiting.fast.load(Ordering::Relaxed) == 0
            && let Some(Place(mut connection)) = self.in_place.take()
        {
            let source = self.connections(queues);
            let ended = block_in_place(|| run(&mut connection, &source, &mut job, Limit::Fast));
            self.in_place.give_back(Place(connection));
            if ended == Ended::Interrupted {
                pass_on(job, &queues.medium, &self.waiting.medium);
            }
            return Ok(());
        }
        self.waiting.fast.fetch_add(1, Ordering::Relaxed);
        // Fails only if all threads have ended.
        queues.fast.send(job).map_err(|_| StoreError::Closed)
    }

    /// Returns how many reads wait.
    pub(in crate::store) fn waiting(&self) -> WaitingReads {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        WaitingReads {
            fast: read(&self.waiting.fast),
            medium: read(&self.waiting.medium),
            slow: read(&self.waiting.slow),
        }
    }

    /// Runs `read` on the calling thread, without a limit, over a snapshot of a connection of its own.
    ///
    /// # Errors
    ///
    /// Fails if `read` fails, if all connections are in use for longer than the busy time-out, or with
    /// [`StoreError::Closed`] if the threads are ending.
    pub(in crate::store) fn run_here<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let queues = self.queues.as_ref().ok_or(StoreError::Closed)?;
        let mut connection = self.connections(queues).get()?;
        connection.limit(Limit::Unlimited);
        connection.snapshot(read)
    }

    fn connections(&self, queues: &Queues) -> ConnectionSource {
        ConnectionSource {
            pool: self.pool.clone(),
            latest: self.latest.clone(),
            published: self.published.clone(),
            background: Some(queues.background.clone()),
            closing: self.closing.clone(),
            waiting: self.waiting.clone(),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.queues.take());
        // These hold senders of the background lane.
        self.in_place.close();
        // The connections are closed here, one after the other. Two that close at the same time each find the other one
        // still open, and neither removes `-wal` and `-shm`.
        for thread in self.threads.drain(..) {
            // A thread cannot wait for itself. It drops the store if its last read held the last reference to it.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

/// Returns the number of threads of the fast lane. With one alone, each read would delay all others.
fn fast_threads() -> u32 {
    let processors = thread::available_parallelism().map_or(2, NonZero::get);
    u32::try_from(processors).map_or(8, |processors| processors.clamp(2, 8))
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StoreError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| StoreError::Sqlite(format!("a reader cannot be started: {error}")))
}

/// Lowers the priority of the calling thread. On Linux, `setpriority` with the id of a thread is about that thread alone
/// (`man 2 setpriority`, "C library/kernel differences"). Elsewhere it would be about the process, so nothing is done.
fn lower_priority(nice: i32) {
    #[cfg(target_os = "linux")]
    {
        // A failure only means that the thread keeps its priority.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
}

/// Where a thread gets its connection.
struct ConnectionSource {
    pool: Pool<ReaderConnections>,
    latest: Arc<LatestVersion>,
    published: Option<Arc<PublishedFile>>,
    /// The queue of the background lane. Its own thread has none: the queue could never be closed.
    background: Option<SyncSender<Work>>,
    /// Whether the threads are ending. It interrupts background work.
    closing: Arc<AtomicBool>,
    waiting: Arc<Waiting>,
}

impl ConnectionSource {
    fn get(&self) -> Result<ReaderConnection, StoreError> {
        let connection = self.pool.get().map_err(|_| StoreError::Busy)?;
        let steps_left = Arc::new(AtomicI64::new(i64::MAX));
        let caller = Arc::new(Mutex::new(None::<Caller>));
        let may_exceed = Arc::new(AtomicBool::new(false));
        let (left, closing) = (steps_left.clone(), self.closing.clone());
        let (caller_of_read, may_exceed_limit) = (caller.clone(), may_exceed.clone());
        let (waiting, is_background) = (self.waiting.clone(), self.background.is_none());
        connection.progress_handler(
            STEPS_PER_REPORT,
            Some(move || {
                let before = left.fetch_sub(STEPS_PER_REPORT.into(), Ordering::Relaxed);
                let is_over = before <= STEPS_PER_REPORT.into();
                let may_go_on = may_exceed_limit.load(Ordering::Relaxed)
                    && waiting.fast.load(Ordering::Relaxed) == 0
                    && before > FAST_STEPS - MEDIUM_STEPS;
                (is_over && !may_go_on)
                    || signals::received().is_some()
                    || has_gone(&caller_of_read)
                    || (is_background && closing.load(Ordering::Relaxed))
            }),
        )?;
        Ok(ReaderConnection {
            connection,
            versions: VersionCache::new(self.latest.clone()),
            published: self.published.clone(),
            seen: None,
            steps_left,
            may_exceed,
            caller,
            background: self.background.clone(),
        })
    }
}

fn has_gone(caller: &Mutex<Option<Caller>>) -> bool {
    let caller = caller.lock().unwrap_or_else(PoisonError::into_inner);
    caller.as_ref().is_some_and(|one| one.strong_count() == 0)
}

impl ReaderConnection {
    /// Sets how many steps the next read may take.
    pub(in crate::store) fn limit(&self, limit: Limit) {
        let steps = match limit {
            Limit::Refused => 0,
            Limit::Fast => FAST_STEPS,
            Limit::Medium => MEDIUM_STEPS,
            Limit::Slow => SLOW_STEPS,
            Limit::Unlimited => i64::MAX,
        };
        self.steps_left.store(steps, Ordering::Relaxed);
        self.may_exceed
            .store(limit == Limit::Fast, Ordering::Relaxed);
    }

    /// Sets whom the next read is for. It is interrupted once this caller has gone.
    pub(in crate::store) fn read_for(&self, caller: Caller) {
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(caller);
    }

    /// Whether the last read exceeded its limit. If it failed, that may be why.
    pub(in crate::store) fn is_over_limit(&self) -> bool {
        self.steps_left.load(Ordering::Relaxed) <= 0
    }

    /// Runs `read` over one snapshot.
    pub(in crate::store) fn snapshot<T, E: From<StoreError>>(
        &mut self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Self {
            connection,
            versions,
            published,
            seen,
            background,
            ..
        } = self;
        versions.snapshot_begins();
        if let Some(published) = published {
            return published.read(connection, seen, |transaction, version| {
                versions.set_found(version);
                read(&Snapshot::of_reader(
                    transaction,
                    versions,
                    background.as_ref(),
                ))
            });
        }
        // The transaction only reads. When it is dropped, it releases the snapshot.
        let transaction = connection.transaction().map_err(StoreError::from)?;
        read(&Snapshot::of_reader(
            &transaction,
            versions,
            background.as_ref(),
        ))
    }

    /// Whether another program may change the file at any time.
    pub(in crate::store) fn is_published(&self) -> bool {
        self.published.is_some()
    }
}

/// The connections of the reader threads, as the pool opens them.
#[derive(Debug)]
pub(in crate::store) struct ReaderConnections {
    manager: SqliteConnectionManager,
    /// Whether connections are kept that a thread gives back, since none can be opened later.
    are_kept: bool,
}

impl ManageConnection for ReaderConnections {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        self.manager.connect()
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        self.manager.is_valid(connection)
    }

    /// A thread keeps its connection until it ends, or until a read panics. In both cases the connection is closed at
    /// once, not kept for another thread: a connection that the pool held would outlive the readers for a moment, and
    /// the connection that closes last is the one that removes `-wal` and `-shm`.
    fn has_broken(&self, _: &mut Connection) -> bool {
        !self.are_kept
    }
}

fn pool(
    path: &Path,
    mode: OpenMode,
    size: u32,
    are_kept: bool,
) -> Result<Pool<ReaderConnections>, StoreError> {
    let (name, flags) = name_and_flags(path, mode)?;
    let manager = SqliteConnectionManager::file(name)
        .with_flags(flags)
        .with_init(move |connection| {
            set_up(connection, mode)?;
            connection.execute_batch("pragma query_only = on")
        });
    let builder = Pool::builder()
        .max_size(size)
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .connection_timeout(Patience::Request.duration());
    let connections = ReaderConnections { manager, are_kept };
    if are_kept {
        let all_open = builder.min_idle(Some(size)).build(connections);
        return all_open.map_err(|error| StoreError::CannotOpen(error.to_string()));
    }
    Ok(builder.min_idle(Some(0)).build_unchecked(connections))
}

/// Runs queued reads until the queue is closed and empty. Passes those that exceed the limit to the medium lane. Returns
/// the connection of this thread, still open.
fn run_fast(
    queue: &Mutex<Receiver<Job>>,
    medium: &Sender<Job>,
    waiting: &Waiting,
    source: &ConnectionSource,
) -> Option<PooledConnection<ReaderConnections>> {
    let mut connection = None;
    while let Some(mut job) = next(queue) {
        waiting.fast.fetch_sub(1, Ordering::Relaxed);
        if run(&mut connection, source, &mut job, Limit::Fast) == Ended::Interrupted {
            pass_on(job, medium, &waiting.medium);
        }
    }
    connection.map(|owned: ReaderConnection| owned.connection)
}

/// Queues a read for the medium lane. `waiting` counts the reads that wait for it.
fn pass_on(job: Job, medium: &Sender<Job>, waiting: &AtomicUsize) {
    waiting.fetch_add(1, Ordering::Relaxed);
    // The lane runs until this sender is dropped. Without it, the read would fail as one that panicked.
    let _ = medium.send(job);
}

/// Does the same as [`run_fast`] for the medium lane. A read that finds the queue of the slow lane full is refused.
fn run_medium(
    queue: &Mutex<Receiver<Job>>,
    slow: &SyncSender<Job>,
    waiting: &Waiting,
    source: &ConnectionSource,
) -> Option<PooledConnection<ReaderConnections>> {
    lower_priority(MEDIUM_PRIORITY);
    let mut connection = None;
    while let Some(mut job) = next(queue) {
        waiting.medium.fetch_sub(1, Ordering::Relaxed);
        if run(&mut connection, source, &mut job, Limit::Medium) == Ended::Answered {
            continue;
        }
        waiting.slow.fetch_add(1, Ordering::Relaxed);
        if let Err(TrySendError::Full(mut job) | TrySendError::Disconnected(mut job)) =
            slow.try_send(job)
        {
            waiting.slow.fetch_sub(1, Ordering::Relaxed);
            run(&mut connection, source, &mut job, Limit::Refused);
        }
    }
    connection.map(|owned: ReaderConnection| owned.connection)
}

/// Returns the next read, or `None` when the queue is closed and empty. The threads of a lane wait here in turn.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok()
}

fn run_slow(
    queue: &Receiver<Job>,
    waiting: &Waiting,
    source: &ConnectionSource,
) -> Option<PooledConnection<ReaderConnections>> {
    lower_priority(SLOW_PRIORITY);
    let mut connection = None;
    while let Ok(mut job) = queue.recv() {
        waiting.slow.fetch_sub(1, Ordering::Relaxed);
        run(&mut connection, source, &mut job, Limit::Slow);
    }
    connection.map(|owned: ReaderConnection| owned.connection)
}

/// Runs a job over the thread's connection, which is opened if it is not yet, or if the last job panicked.
fn run(
    connection: &mut Option<ReaderConnection>,
    source: &ConnectionSource,
    job: &mut Job,
    limit: Limit,
) -> Ended {
    if connection.is_none() {
        *connection = source.get().ok();
    }
    // Without a connection the job is dropped, and with it the sender that its caller waits on: the read fails.
    let Some(owned) = connection else {
        return Ended::Answered;
    };
    let ended = catch_unwind(AssertUnwindSafe(|| job(owned, limit)));
    ended.unwrap_or_else(|_| {
        *connection = None;
        Ended::Answered
    })
}

fn run_background(
    queue: &Receiver<Work>,
    source: &ConnectionSource,
) -> Option<PooledConnection<ReaderConnections>> {
    lower_priority(BACKGROUND_PRIORITY);
    let mut connection = None;
    while let Ok(work) = queue.recv() {
        if source.closing.load(Ordering::Relaxed) {
            continue;
        }
        let mut work = Some(work);
        let mut job: Job = Box::new(move |connection, limit| {
            connection.limit(limit);
            if let Some(work) = work.take() {
                // If this fails, the next request that needs the work queues it again.
                let _ = connection.snapshot(|snapshot| {
                    work(snapshot);
                    Ok::<_, StoreError>(())
                });
            }
            Ended::Answered
        });
        run(&mut connection, source, &mut job, Limit::Unlimited);
    }
    connection.map(|owned: ReaderConnection| owned.connection)
}
