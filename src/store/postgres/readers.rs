//! The reader threads, in three lanes, so that a long read does not delay short ones.
//!
//! | lane | threads | runs | limit of a statement |
//! | --- | --- | --- | --- |
//! | fast | [`FAST_THREADS`] | every read first | [`FAST_TIME`] |
//! | slow | [`SLOW_THREADS`] | reads that exceeded the limit of the fast lane, or waited there for a lock, again | [`SLOW_TIME`] |
//! | background | one | work that nothing waits for, such as building list caches | none |
//!
//! In the first two, callers are served in turn: see [`TurnQueue`].
//!
//! Each thread owns one connection, which it makes at its first read. A read whose caller has gone is cancelled, and so is
//! the background work when the threads end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::cancel::Cancellation;
use super::connect::ServerAddress;
use super::link::Link;
use crate::caller::CallerKey;
use crate::store::sqlite::readers::{WaitingReads, Work};
use crate::store::turn_queue::{Turn, TurnLimits, TurnQueue};
use crate::store::{Snapshot, StoreError};

/// The connections for short reads. A thread waits for the server most of the time.
const FAST_THREADS: usize = 8;
/// The connections for long reads.
const SLOW_THREADS: usize = 2;
/// How long a statement may take in the fast lane.
pub(super) const FAST_TIME: Duration = Duration::from_millis(500);
/// How long a statement may take in the slow lane.
const SLOW_TIME: Duration = Duration::from_secs(10);
/// A caller does not use all threads of a lane, so that there is one for others.
const FAST_LIMITS: TurnLimits = TurnLimits {
    running: FAST_THREADS - 2,
    ..TurnLimits::NONE
};
const SLOW_LIMITS: TurnLimits = TurnLimits {
    running: SLOW_THREADS - 1,
    waiting: 256,
    patience: Duration::from_secs(10),
};
/// The background work that may wait. Further work is dropped; it is queued again when it is needed again.
const BACKGROUND_QUEUE: usize = 1_024;

/// A read that can be run again.
pub(super) type Job = Box<dyn FnMut(&mut Reader, Lane) -> Ended + Send>;

/// Where a read runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Fast,
    Slow,
    /// None: too many reads wait for the slow lane, or this one has waited for too long.
    Refused,
}

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The answer was passed on.
    Answered,
    /// It took too long for the fast lane, or waited there for a lock of another session, and must be run again in the slow one.
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

    /// Whether a statement of the last read waited for a lock of another session for longer than it may.
    pub(super) fn is_locked_out(&self) -> bool {
        self.link.is_locked_out()
    }
}

/// The lanes. Dropping them runs the queued reads, ends the threads and closes their connections.
#[derive(Debug)]
pub(super) struct Readers {
    queues: Arc<Queues>,
    /// `None` once the threads are ending.
    background: Option<SyncSender<Work>>,
    threads: Threads,
    closing: Arc<AtomicBool>,
    /// That of the background work, for the time when the threads end.
    background_work: Arc<Cancellation>,
}

#[derive(Debug, Default)]
struct Threads {
    fast: Vec<JoinHandle<()>>,
    slow: Vec<JoinHandle<()>>,
    background: Vec<JoinHandle<()>>,
}

/// The reads that wait for each lane.
#[derive(Debug)]
struct Queues {
    fast: TurnQueue<Job>,
    slow: TurnQueue<Job>,
}

impl Readers {
    /// Starts the threads.
    pub(super) fn start(server: &Arc<ServerAddress>) -> Result<Self, StoreError> {
        let queues = Arc::new(Queues {
            fast: TurnQueue::new(FAST_LIMITS),
            slow: TurnQueue::new(SLOW_LIMITS),
        });
        let (background, background_queue) = sync_channel::<Work>(BACKGROUND_QUEUE);
        let background_work = Cancellation::new(server);
        let mut readers = Self {
            queues,
            background: Some(background),
            threads: Threads::default(),
            closing: Arc::new(AtomicBool::new(false)),
            background_work: background_work.clone(),
        };
        for _ in 0..FAST_THREADS {
            let (queues, reader) = (readers.queues.clone(), readers.reader(server, FAST_TIME));
            readers.threads.fast.push(spawn("reader", move || {
                run_lane(&queues.fast, Lane::Fast, Some(&queues.slow), reader);
            })?);
        }
        for _ in 0..SLOW_THREADS {
            let (queues, reader) = (readers.queues.clone(), readers.reader(server, SLOW_TIME));
            readers.threads.slow.push(spawn("slow-reader", move || {
                run_lane(&queues.slow, Lane::Slow, None, reader);
            })?);
        }
        let (link, ending) = (Link::new(server, None), readers.closing.clone());
        readers
            .threads
            .background
            .push(spawn("background", move || {
                run_background(&background_queue, &ending, &background_work, link);
            })?);
        Ok(readers)
    }

    /// Returns the connection of a thread, whose statements may take that long.
    fn reader(&self, server: &Arc<ServerAddress>, time: Duration) -> Reader {
        Reader {
            link: Link::new(server, Some(time)),
            background: self.background.clone(),
        }
    }

    /// Queues a read of `caller` for the fast lane.
    pub(super) fn submit(&self, caller: CallerKey, job: Job) -> Result<(), StoreError> {
        let added = self.queues.fast.add(caller, job);
        added.map_err(|_| StoreError::Closed)
    }

    /// Returns the queue of the background lane.
    pub(super) fn background(&self) -> Option<SyncSender<Work>> {
        self.background.clone()
    }

    /// Returns how many reads wait.
    pub(super) fn waiting(&self) -> WaitingReads {
        WaitingReads {
            fast: self.queues.fast.waiting(),
            slow: self.queues.slow.waiting(),
            ..WaitingReads::default()
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.background_work.cancel();
        drop(self.background.take());
        let Threads {
            fast,
            slow,
            background,
        } = std::mem::take(&mut self.threads);
        // The fast lane passes reads to the slow one until its threads have ended.
        self.queues.fast.close();
        end(fast);
        self.queues.slow.close();
        end(slow);
        end(background);
    }
}

/// Waits for threads to end.
fn end(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A thread cannot wait for itself. It drops the store if its last read held the last reference to it.
        if thread.thread().id() != thread::current().id() {
            drop(thread.join());
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

/// Runs the reads of a lane until its queue is closed and empty. Passes those that take too long to the `next` lane.
fn run_lane(queue: &TurnQueue<Job>, lane: Lane, next: Option<&TurnQueue<Job>>, mut reader: Reader) {
    queue.serve(|turn| match turn {
        Turn::Run(caller, mut job) => {
            if run(&mut reader, &mut job, lane) == Ended::Answered {
                return;
            }
            let next = next.expect("a read fails if it takes too long for the last lane");
            if let Err(mut refused) = next.add(caller, job) {
                run(&mut reader, &mut refused, Lane::Refused);
            }
        }
        Turn::Refuse(mut job) => {
            run(&mut reader, &mut job, Lane::Refused);
        }
    });
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
