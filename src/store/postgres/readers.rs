//! The reader threads, in three lanes, so that a long read does not delay short ones.
//!
//! | lane | threads | runs | limit of a statement |
//! | --- | --- | --- | --- |
//! | fast | [`FAST_THREADS`] | every read first | [`FAST_TIME`] |
//! | slow | [`SLOW_THREADS`] | reads that exceeded the limit of the fast lane, again | [`SLOW_TIME`] |
//! | background | one | work that nothing waits for, such as building list caches | none |
//!
//! Each thread owns one connection, which it makes at its first read. A read whose caller has gone is cancelled, and so is
//! the background work when the threads end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::cancel::Cancellation;
use super::connect::ServerAddress;
use super::link::Link;
use crate::store::sqlite::readers::{WaitingReads, Work};
use crate::store::{Snapshot, StoreError};

/// The connections for short reads. A thread waits for the server most of the time.
const FAST_THREADS: usize = 8;
/// The connections for long reads.
const SLOW_THREADS: usize = 2;
/// How long a statement may take in the fast lane.
pub(super) const FAST_TIME: Duration = Duration::from_millis(500);
/// How long a statement may take in the slow lane.
const SLOW_TIME: Duration = Duration::from_secs(10);
/// The reads that may wait for the slow lane. Further ones are refused.
const SLOW_QUEUE: usize = 256;
/// The background work that may wait. Further work is dropped; it is queued again when it is needed again.
const BACKGROUND_QUEUE: usize = 1_024;

/// A read that can be run again.
pub(super) type Job = Box<dyn FnMut(&mut Reader, Lane) -> Ended + Send>;

/// Where a read runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Fast,
    Slow,
    /// None: too many reads wait for the slow lane.
    Refused,
}

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The answer was passed on.
    Answered,
    /// It took too long for the fast lane, and must be run again in the slow one.
    TooSlow,
}

/// The connection of a thread.
#[derive(Debug)]
pub(super) struct Reader {
    link: Link,
    background: Option<SyncSender<Work>>,
}

impl Reader {
    /// Runs `read` over one snapshot, and once more on a new connection if the first one was lost: the server was perhaps
    /// restarted.
    pub(super) fn read<T, E: From<StoreError>>(
        &mut self,
        cancellation: &Cancellation,
        read: &impl Fn(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let background = self.background.as_ref();
        let link = &mut self.link;
        let answer = link.read_unless_cancelled(cancellation, background, read);
        if answer.is_err() && link.is_lost() {
            return link.read_unless_cancelled(cancellation, background, read);
        }
        answer
    }

    /// Whether a statement of the last read took longer than it may.
    pub(super) fn is_over_time(&self) -> bool {
        self.link.is_over_time()
    }
}

/// The lanes. Dropping them runs the queued reads, ends the threads and closes their connections.
#[derive(Debug)]
pub(super) struct Readers {
    queues: Option<Queues>,
    threads: Vec<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
    /// That of the background work, for the time when the threads end.
    background_work: Arc<Cancellation>,
    waiting: Arc<Waiting>,
}

#[derive(Debug)]
struct Queues {
    fast: Sender<Job>,
    background: SyncSender<Work>,
}

/// How many reads wait for a thread of each lane.
#[derive(Debug, Default)]
struct Waiting {
    fast: AtomicUsize,
    slow: AtomicUsize,
}

impl Readers {
    /// Starts the threads.
    pub(super) fn start(server: &Arc<ServerAddress>) -> Result<Self, StoreError> {
        let (fast, fast_queue) = channel::<Job>();
        let (slow, slow_queue) = sync_channel::<Job>(SLOW_QUEUE);
        let (background, background_queue) = sync_channel::<Work>(BACKGROUND_QUEUE);
        let (fast_queue, slow_queue) = (
            Arc::new(Mutex::new(fast_queue)),
            Arc::new(Mutex::new(slow_queue)),
        );
        let waiting = Arc::new(Waiting::default());
        let closing = Arc::new(AtomicBool::new(false));
        let reader = |time| Reader {
            link: Link::new(server, Some(time)),
            background: Some(background.clone()),
        };
        let mut threads = Vec::new();
        for _ in 0..FAST_THREADS {
            let (queue, slow, waiting) = (fast_queue.clone(), slow.clone(), waiting.clone());
            let reader = reader(FAST_TIME);
            threads.push(spawn("reader", move || {
                run_fast(&queue, &slow, &waiting, reader);
            })?);
        }
        // The lane ends when the last thread of the fast one has dropped its sender.
        drop(slow);
        for _ in 0..SLOW_THREADS {
            let (queue, waiting) = (slow_queue.clone(), waiting.clone());
            let reader = reader(SLOW_TIME);
            threads.push(spawn("slow-reader", move || {
                run_slow(&queue, &waiting, reader);
            })?);
        }
        let background_work = Cancellation::new(server);
        let (link, ending) = (Link::new(server, None), closing.clone());
        let cancellation = background_work.clone();
        threads.push(spawn("background", move || {
            run_background(&background_queue, &ending, &cancellation, link);
        })?);
        Ok(Self {
            queues: Some(Queues { fast, background }),
            threads,
            closing,
            background_work,
            waiting,
        })
    }

    /// Queues a read for the fast lane.
    pub(super) fn submit(&self, job: Job) -> Result<(), StoreError> {
        let queues = self.queues.as_ref().ok_or(StoreError::Closed)?;
        self.waiting.fast.fetch_add(1, Ordering::Relaxed);
        // Fails only if all threads have ended.
        queues.fast.send(job).map_err(|_| StoreError::Closed)
    }

    /// Returns the queue of the background lane.
    pub(super) fn background(&self) -> Option<SyncSender<Work>> {
        self.queues.as_ref().map(|queues| queues.background.clone())
    }

    /// Returns how many reads wait.
    pub(super) fn waiting(&self) -> WaitingReads {
        WaitingReads {
            fast: self.waiting.fast.load(Ordering::Relaxed),
            slow: self.waiting.slow.load(Ordering::Relaxed),
            ..WaitingReads::default()
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.background_work.cancel();
        drop(self.queues.take());
        for thread in self.threads.drain(..) {
            // A thread cannot wait for itself. It drops the store if its last read held the last reference to it.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

/// Starts a thread.
pub(super) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| StoreError::Postgres(format!("a thread cannot be started: {error}")))
}

/// Returns the next read, or `None` when the queue is closed and empty. The threads of a lane wait here in turn.
pub(super) fn next<J>(queue: &Mutex<Receiver<J>>) -> Option<J> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok()
}

fn run_fast(
    queue: &Mutex<Receiver<Job>>,
    slow: &SyncSender<Job>,
    waiting: &Waiting,
    mut reader: Reader,
) {
    while let Some(mut job) = next(queue) {
        waiting.fast.fetch_sub(1, Ordering::Relaxed);
        if run(&mut reader, &mut job, Lane::Fast) == Ended::Answered {
            continue;
        }
        waiting.slow.fetch_add(1, Ordering::Relaxed);
        if let Err(TrySendError::Full(mut job) | TrySendError::Disconnected(mut job)) =
            slow.try_send(job)
        {
            waiting.slow.fetch_sub(1, Ordering::Relaxed);
            run(&mut reader, &mut job, Lane::Refused);
        }
    }
}

fn run_slow(queue: &Mutex<Receiver<Job>>, waiting: &Waiting, mut reader: Reader) {
    while let Some(mut job) = next(queue) {
        waiting.slow.fetch_sub(1, Ordering::Relaxed);
        run(&mut reader, &mut job, Lane::Slow);
    }
}

/// Runs a job, and ends its transaction after it has passed on its answer.
fn run(reader: &mut Reader, job: &mut Job, lane: Lane) -> Ended {
    let ended = catch_unwind(AssertUnwindSafe(|| job(reader, lane)));
    if ended.is_err() {
        reader.link.drop_connection();
    }
    reader.link.finish();
    // The sender of a job that panicked is dropped with it: its caller learns that there is no answer.
    ended.unwrap_or(Ended::Answered)
}

fn run_background(
    queue: &Receiver<Work>,
    closing: &AtomicBool,
    cancellation: &Cancellation,
    mut link: Link,
) {
    while let Ok(work) = queue.recv() {
        if closing.load(Ordering::Relaxed) {
            continue;
        }
        let done = catch_unwind(AssertUnwindSafe(|| {
            // If this fails, the next request that needs the work queues it again.
            let _ = link.read_unless_cancelled(cancellation, None, |snapshot| {
                work(snapshot);
                Ok::<_, StoreError>(())
            });
        }));
        if done.is_err() {
            link.drop_connection();
        }
        link.finish();
    }
}
