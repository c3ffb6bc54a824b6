//! The reader threads, in five lanes, so that no read makes another wait for long.
//!
//! | lane | threads | runs | limit of a read |
//! | --- | --- | --- | --- |
//! | fast | one per processor, from 2 to 8 | every read first | [`FAST_STEPS`] while others wait, else [`MEDIUM_STEPS`] |
//! | medium | as many, with a lower priority | reads that exceeded the limit of the fast lane, again | [`MEDIUM_STEPS`] |
//! | slow | [`SLOW_THREADS`], with a lower priority still | reads that exceeded the limit of the medium lane, again | [`SLOW_STEPS`] |
//! | last | [`SLOW_THREADS`], with a lower priority still | reads that exceeded the limit of the slow lane, again | [`LAST_STEPS`] |
//! | background | one, with the lowest priority | work that nothing waits for, such as building list caches | none |
//!
//! Each thread owns one connection, and runs one closure over one snapshot at a time. As many reads of the fast lane as it
//! has threads run in place: see [`super::in_place`]. In each lane but that of the background, callers are served in turn: see
//! [`TurnQueue`]. Limits count the steps of
//! SQLite's virtual machine (<https://sqlite.org/c3ref/progress_handler.html>), so the same read is treated alike on a
//! fast and on a slow machine. A read whose caller has gone is interrupted too: the server has broken
//! its request off.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

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
use crate::caller::CallerKey;
use crate::signals;
use crate::store::turn_queue::{Turn, TurnLimits, TurnQueue};
use crate::store::version::VersionCache;
use crate::store::{OpenMode, Snapshot, StoreError};

/// The steps that a read may take in the fast lane while other reads wait for it: about a millisecond. A page of 50 packages
/// takes 3,000 steps.
const FAST_STEPS: i64 = 50_000;
/// The steps that a read may take in the medium lane, and in the fast lane while no read waits: tens of milliseconds. A page of 5,000 packages takes 300,000 steps.
const MEDIUM_STEPS: i64 = 500_000;
/// The steps that a read may take in the slow lane: half a second.
const SLOW_STEPS: i64 = 30_000_000;
/// The steps that a read may take in the last lane: a few seconds.
const LAST_STEPS: i64 = 300_000_000;
/// How often SQLite reports the steps that it took.
const STEPS_PER_REPORT: i32 = 1_000;
/// The threads of the slow lane, and those of the last one.
const SLOW_THREADS: u32 = 2;
/// The limits of the slow lane, and of the last one. A caller uses one thread at most, so that the other one serves others
/// at once.
const SLOW_LIMITS: TurnLimits = TurnLimits {
    running: 1,
    waiting: 256,
    patience: Duration::from_secs(10),
};
/// The background work that may wait. Further work is dropped; it is queued again when it is needed again.
const BACKGROUND_QUEUE: usize = 1_024;
/// The connections beside those of the lanes, for reads that last as long as a client takes.
const LONG_READS: u32 = 4;
/// The priority of the medium lane, as a `nice` value.
const MEDIUM_PRIORITY: i32 = 5;
/// The priority of the slow lane, as a `nice` value.
const SLOW_PRIORITY: i32 = 10;
/// The priority of the last lane, as a `nice` value.
const LAST_PRIORITY: i32 = 15;
/// The priority of the background lane, as a `nice` value.
const BACKGROUND_PRIORITY: i32 = 19;

/// A read that can be run again, if a limit interrupted it.
pub(in crate::store) type Job = Box<dyn FnMut(&mut ReaderConnection, Limit) -> Ended + Send>;
/// Work that nothing waits for.
pub(in crate::store) type Work = Box<dyn FnOnce(&Snapshot<'_>) + Send>;

/// How many steps a read may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Limit {
    /// None: too many reads wait for the slow or the last lane, or this one has waited for too long. The read is refused.
    Refused,
    /// [`FAST_STEPS`], or [`MEDIUM_STEPS`] as long as no read waits for the fast lane. A read that exceeds it is run again in
    /// the medium lane.
    Fast,
    /// [`MEDIUM_STEPS`]. A read that exceeds it is run again in the slow lane.
    Medium,
    /// [`SLOW_STEPS`]. A read that exceeds it is run again in the last lane.
    Slow,
    /// [`LAST_STEPS`]. A read that exceeds it fails.
    Last,
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
    queues: Arc<Queues>,
    /// `None` once the threads are ending.
    background: Option<SyncSender<Work>>,
    threads: Threads,
    pool: Pool<ReaderConnections>,
    latest: Arc<LatestVersion>,
    published: Option<Arc<PublishedFile>>,
    closing: Arc<AtomicBool>,
    in_place: InPlace,
}

/// A thread, which returns its connection, still open.
type ReaderThread = JoinHandle<Option<PooledConnection<ReaderConnections>>>;

#[derive(Debug, Default)]
struct Threads {
    fast: Vec<ReaderThread>,
    medium: Vec<ReaderThread>,
    slow: Vec<ReaderThread>,
    last: Vec<ReaderThread>,
    background: Vec<ReaderThread>,
}

/// How many reads wait, by lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitingReads {
    /// For the fast lane.
    pub fast: usize,
    /// For the medium lane.
    pub medium: usize,
    /// For the slow and the last lane.
    pub slow: usize,
}

/// The reads that wait for each lane.
#[derive(Debug)]
struct Queues {
    fast: TurnQueue<Job>,
    medium: TurnQueue<Job>,
    slow: TurnQueue<Job>,
    last: TurnQueue<Job>,
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
    waits: Arc<Mutex<Option<Weak<()>>>>,
    background: Option<SyncSender<Work>>,
}

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
        // Those of the lanes, and of the reads in place.
        let connections = 3 * count + 2 * SLOW_THREADS + 1 + LONG_READS;
        let pool = pool(path, mode, connections, published.is_some())?;
        let queues = Arc::new(Queues {
            fast: TurnQueue::new(TurnLimits::NONE),
            medium: TurnQueue::new(TurnLimits::NONE),
            slow: TurnQueue::new(SLOW_LIMITS),
            last: TurnQueue::new(SLOW_LIMITS),
        });
        let (background, background_queue) = sync_channel::<Work>(BACKGROUND_QUEUE);
        let mut readers = Self {
            queues,
            background: Some(background),
            threads: Threads::default(),
            latest: latest.clone(),
            published: published.cloned(),
            pool,
            closing: Arc::new(AtomicBool::new(false)),
            in_place: InPlace::new(count),
        };
        for _ in 0..count {
            let (queues, source) = (readers.queues.clone(), readers.connections());
            readers.threads.fast.push(spawn("reader", move || {
                run_lane(&queues.fast, Limit::Fast, Some(&queues.medium), &source)
            })?);
            let (queues, source) = (readers.queues.clone(), readers.connections());
            readers.threads.medium.push(spawn("medium-reader", move || {
                lower_priority(MEDIUM_PRIORITY);
                run_lane(&queues.medium, Limit::Medium, Some(&queues.slow), &source)
            })?);
        }
        for _ in 0..SLOW_THREADS {
            let (queues, source) = (readers.queues.clone(), readers.connections());
            readers.threads.slow.push(spawn("slow-reader", move || {
                lower_priority(SLOW_PRIORITY);
                run_lane(&queues.slow, Limit::Slow, Some(&queues.last), &source)
            })?);
            let (queues, source) = (readers.queues.clone(), readers.connections());
            readers.threads.last.push(spawn("last-reader", move || {
                lower_priority(LAST_PRIORITY);
                run_lane(&queues.last, Limit::Last, None, &source)
            })?);
        }
        let source = ConnectionSource {
            // The queue could never be closed.
            background: None,
            ..readers.connections()
        };
        let run = move || run_background(&background_queue, &source);
        readers.threads.background.push(spawn("background", run)?);
        Ok(readers)
    }

    /// Runs a read of `caller` in place if no other one waits, else queues it for the fast lane.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Closed`] if the threads are ending.
    pub(in crate::store) fn submit(
        &self,
        caller: CallerKey,
        mut job: Job,
    ) -> Result<(), StoreError> {
        if self.queues.fast.waiting() == 0
            && let Some(Place(mut connection)) = self.in_place.take()
        {
            let source = self.connections();
            let ended = block_in_place(|| run(&mut connection, &source, &mut job, Limit::Fast));
            if ended == Ended::Interrupted {
                let medium = &self.queues.medium;
                pass_on(medium, caller, job, &mut connection, &source);
            }
            self.in_place.give_back(Place(connection));
            return Ok(());
        }
        let added = self.queues.fast.add(caller, job);
        added.map_err(|_| StoreError::Closed)
    }

    /// Returns how many reads wait.
    pub(in crate::store) fn waiting(&self) -> WaitingReads {
        WaitingReads {
            fast: self.queues.fast.waiting(),
            medium: self.queues.medium.waiting(),
            slow: self.queues.slow.waiting() + self.queues.last.waiting(),
        }
    }

    /// Runs `read` on the calling thread, without a limit, over a snapshot of a connection of its own.
    ///
    /// # Errors
    ///
    /// Fails if `read` fails, or if all connections are in use for longer than the busy time-out.
    pub(in crate::store) fn run_here<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connections().get()?;
        connection.limit(Limit::Unlimited);
        connection.snapshot(read)
    }

    fn connections(&self) -> ConnectionSource {
        ConnectionSource {
            pool: self.pool.clone(),
            latest: self.latest.clone(),
            published: self.published.clone(),
            background: self.background.clone(),
            closing: self.closing.clone(),
            queues: self.queues.clone(),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.background.take());
        // These hold senders of the background lane.
        self.in_place.close();
        let Threads {
            fast,
            medium,
            slow,
            last,
            background,
        } = std::mem::take(&mut self.threads);
        // A lane passes reads to the next one until its threads have ended.
        self.queues.fast.close();
        end(fast);
        self.queues.medium.close();
        end(medium);
        self.queues.slow.close();
        end(slow);
        self.queues.last.close();
        end(last);
        end(background);
    }
}

/// Waits for threads to end, and closes their connections, one after the other. Two that close at the same time each find
/// the other one still open, and neither removes `-wal` and `-shm`.
fn end(threads: Vec<ReaderThread>) {
    for thread in threads {
        // A thread cannot wait for itself. It drops the store if its last read held the last reference to it.
        if thread.thread().id() != thread::current().id() {
            drop(thread.join());
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
    queues: Arc<Queues>,
}

impl ConnectionSource {
    fn get(&self) -> Result<ReaderConnection, StoreError> {
        let connection = self.pool.get().map_err(|_| StoreError::Busy)?;
        let steps_left = Arc::new(AtomicI64::new(i64::MAX));
        let waits = Arc::new(Mutex::new(None::<Weak<()>>));
        let may_exceed = Arc::new(AtomicBool::new(false));
        let (left, closing) = (steps_left.clone(), self.closing.clone());
        let (request_waits, may_exceed_limit) = (waits.clone(), may_exceed.clone());
        let (queues, is_background) = (self.queues.clone(), self.background.is_none());
        connection.progress_handler(
            STEPS_PER_REPORT,
            Some(move || {
                let before = left.fetch_sub(STEPS_PER_REPORT.into(), Ordering::Relaxed);
                let is_over = before <= STEPS_PER_REPORT.into();
                let may_go_on = may_exceed_limit.load(Ordering::Relaxed)
                    && queues.fast.waiting() == 0
                    && before > FAST_STEPS - MEDIUM_STEPS;
                (is_over && !may_go_on)
                    || signals::received().is_some()
                    || has_gone(&request_waits)
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
            waits,
            background: self.background.clone(),
        })
    }
}

/// Whether the request of a read was broken off.
fn has_gone(waits: &Mutex<Option<Weak<()>>>) -> bool {
    let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
    waits
        .as_ref()
        .is_some_and(|waits| waits.strong_count() == 0)
}

impl ReaderConnection {
    /// Sets how many steps the next read may take.
    pub(in crate::store) fn limit(&self, limit: Limit) {
        let steps = match limit {
            Limit::Refused => 0,
            Limit::Fast => FAST_STEPS,
            Limit::Medium => MEDIUM_STEPS,
            Limit::Slow => SLOW_STEPS,
            Limit::Last => LAST_STEPS,
            Limit::Unlimited => i64::MAX,
        };
        self.steps_left.store(steps, Ordering::Relaxed);
        self.may_exceed
            .store(limit == Limit::Fast, Ordering::Relaxed);
    }

    /// Sets what a request holds as long as it waits for the next read, which is interrupted once the request is gone.
    pub(in crate::store) fn read_while(&self, waits: Weak<()>) {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(waits);
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

/// Runs the reads of a lane until its queue is closed and empty. Passes those that exceed `limit` to the `next` lane.
/// Returns the connection of this thread, still open.
fn run_lane(
    lane: &TurnQueue<Job>,
    limit: Limit,
    next: Option<&TurnQueue<Job>>,
    source: &ConnectionSource,
) -> Option<PooledConnection<ReaderConnections>> {
    let mut connection = None;
    lane.serve(|turn| match turn {
        Turn::Run(caller, mut job) => {
            if run(&mut connection, source, &mut job, limit) == Ended::Interrupted {
                let next = next.expect("a read fails if it exceeds the limit of the last lane");
                pass_on(next, caller, job, &mut connection, source);
            }
        }
        Turn::Refuse(mut job) => {
            run(&mut connection, source, &mut job, Limit::Refused);
        }
    });
    connection.map(|owned: ReaderConnection| owned.connection)
}

/// Queues a read for a lane, and refuses the one that has no room there.
fn pass_on(
    lane: &TurnQueue<Job>,
    caller: CallerKey,
    job: Job,
    connection: &mut Option<ReaderConnection>,
    source: &ConnectionSource,
) {
    if let Err(mut refused) = lane.add(caller, job) {
        run(connection, source, &mut refused, Limit::Refused);
    }
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
