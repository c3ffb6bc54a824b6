//! The writes that wait for their transaction to begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::sqlite::busy::Patience;

/// Counts the writes of one store.
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    waiting: AtomicUsize,
    ended: AtomicU64,
    waited_micros: AtomicU64,
}

/// How the writes of a store waited since it was opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriterCounters {
    /// The writes that wait for their transaction to begin.
    pub waiting: usize,
    /// The writes that no longer wait: their transaction has begun, or they were refused.
    pub ended: u64,
    /// How long those waited together: for other writes, also of other processes, and for the write-ahead log to be cut.
    pub waited: Duration,
}

/// A write that waits for its transaction to begin. It no longer waits when this is dropped.
#[derive(Debug)]
pub struct QueuedWrite {
    queue: Arc<WriteQueue>,
    since: Instant,
    deadline: Instant,
    #[cfg(feature = "postgres")]
    patience: Patience,
}

impl WriteQueue {
    /// Returns how the writes waited.
    pub(super) fn counters(&self) -> WriterCounters {
        WriterCounters {
            waiting: self.waiting.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            waited: Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)),
        }
    }
}

impl QueuedWrite {
    /// Adds a write that waits that long in all.
    pub(super) fn new(queue: &Arc<WriteQueue>, patience: Patience) -> Self {
        queue.waiting.fetch_add(1, Ordering::Relaxed);
        let since = Instant::now();
        Self {
            queue: queue.clone(),
            since,
            deadline: since + patience.duration(),
            #[cfg(feature = "postgres")]
            patience,
        }
    }

    /// Whether it is the write of a command, which may store many rows.
    #[cfg(feature = "postgres")]
    pub(super) fn is_of_command(&self) -> bool {
        self.patience == Patience::Command
    }

    /// Returns when the write is refused unless its transaction has begun.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Drop for QueuedWrite {
    fn drop(&mut self) {
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.queue
            .waited_micros
            .fetch_add(micros, Ordering::Relaxed);
        self.queue.ended.fetch_add(1, Ordering::Relaxed);
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
