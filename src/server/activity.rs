//! What the accept loop and one connection know of each other.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The moment from which [`Activity`] counts milliseconds.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The state of one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// When the server began to wait for the client to send or to read: milliseconds after [`START`], plus one. 0 if it
    /// does not wait.
    waiting_since: AtomicU64,
    in_request: AtomicBool,
    /// The requests whose heads have arrived, and those that were begun.
    arrived: AtomicU64,
    begun: AtomicU64,
    /// Whether bytes that were not read had arrived when that was last looked for.
    has_more: AtomicBool,
    has_unread: AtomicBool,
    sends_bytes: AtomicBool,
    stopping: AtomicBool,
    evicted: AtomicBool,
    eviction: Notify,
}

impl Activity {
    /// Records that the server waits for the client.
    pub fn wait(&self) {
        if self.waiting_since.load(Ordering::Relaxed) == 0 {
            let since = u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.waiting_since.store(since + 1, Ordering::Relaxed);
        }
    }

    /// Records that the client has sent or read something.
    pub fn proceed(&self) {
        self.waiting_since.store(0, Ordering::Relaxed);
    }

    /// Returns how long the server has waited for the client.
    pub fn waiting(&self) -> Duration {
        match self.waiting_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => START
                .elapsed()
                .saturating_sub(Duration::from_millis(since - 1)),
        }
    }

    /// Records that bytes have arrived. Unless they belong to the request that is being answered, they begin another, for
    /// the rest of whose head the server waits on.
    pub fn receive(&self) {
        if self.in_request() {
            self.proceed();
        } else {
            self.has_unread.store(true, Ordering::Relaxed);
        }
    }

    /// Records that a request is being answered.
    pub fn begin_request(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_request.store(true, Ordering::Relaxed);
        self.proceed();
        self.has_unread.store(false, Ordering::Relaxed);
    }

    /// Returns whether the client has sent the head of a request.
    pub fn has_requested(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    /// Records how many requests have arrived in all, as far as their heads.
    pub fn arrive(&self, requests: u64) {
        self.arrived.store(requests, Ordering::Relaxed);
    }

    /// Records whether there are bytes that were not read.
    pub fn set_more(&self, has_more: bool) {
        self.has_more.store(has_more, Ordering::Relaxed);
    }

    /// Returns whether a request may have arrived behind the one that is being answered.
    pub fn is_followed(&self) -> bool {
        self.has_more.load(Ordering::Relaxed)
            || self.arrived.load(Ordering::Relaxed) > self.begun.load(Ordering::Relaxed)
    }

    /// Records that a request is answered. `has_unread` means that its body was not read to the end.
    pub fn end_request(&self, has_unread: bool) {
        self.in_request.store(false, Ordering::Relaxed);
        self.has_unread.store(has_unread, Ordering::Relaxed);
    }

    /// Records that a response is not JSON, so that its body can hold any bytes.
    pub fn send_bytes(&self) {
        self.sends_bytes.store(true, Ordering::Relaxed);
    }

    /// Returns whether a response of this connection was not JSON.
    pub fn sends_bytes(&self) -> bool {
        self.sends_bytes.load(Ordering::Relaxed)
    }

    /// Returns whether a request is being answered.
    pub fn in_request(&self) -> bool {
        self.in_request.load(Ordering::Relaxed)
    }

    /// Returns whether the client may be sending bytes that are not read any more.
    pub fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }

    /// Records that the server stops. The connection has to be polled after that.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Ends the connection, because another one needs its place.
    pub fn evict(&self) {
        self.eviction.notify_one();
    }

    /// Completes when the connection is evicted. It has to be polled after that.
    pub async fn eviction(&self) {
        self.eviction.notified().await;
        self.evicted.store(true, Ordering::Relaxed);
    }

    /// Returns whether the server stops.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Returns whether the connection has to end although the client has not read its response.
    pub fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Relaxed)
    }
}
