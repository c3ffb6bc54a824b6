//! The connections that are served at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::activity::Activity;

/// How long a client has to keep the server waiting before its connection may be closed for another one.
const EVICTABLE_AFTER: Duration = Duration::from_secs(2);
/// How many milliseconds after a connection got no place the others end with their next response, so that all take turns.
const WANTED_FOR: u64 = 1_000;

/// The places of connections.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    /// Whether each connection gets one response only, and may lose its place while no request of it is being answered.
    is_reserve: bool,
    taken: Mutex<Taken>,
    /// Notified when a connection that had lost its place has ended.
    left: Notify,
    created: Instant,
    /// When a connection got no place last, in milliseconds after `created`. 0: none was refused.
    wanted_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Taken {
    /// By their numbers, which grow.
    connections: HashMap<u64, Arc<Activity>>,
    next: u64,
    /// How many connections have lost their place and not ended yet.
    leaving: usize,
}

/// The place of one connection, which dropping it frees.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    number: u64,
}

impl Slots {
    /// Returns `limit` free places.
    pub fn new(limit: usize) -> Arc<Self> {
        Self::with(limit, false)
    }

    /// Returns `limit` free places for connections that get one response.
    pub fn reserve(limit: usize) -> Arc<Self> {
        Self::with(limit, true)
    }

    fn with(limit: usize, is_reserve: bool) -> Arc<Self> {
        Arc::new(Self {
            limit,
            is_reserve,
            taken: Mutex::default(),
            left: Notify::new(),
            created: Instant::now(),
            wanted_at: AtomicU64::new(0),
        })
    }

    /// Takes a place for a connection. If there is none, takes the place of another connection, and closes that one.
    pub fn take(self: &Arc<Self>, activity: &Arc<Activity>) -> Option<Slot> {
        let mut taken = self.lock();
        if taken.connections.len() >= self.limit {
            let evicted = match self.is_reserve {
                true => taken.oldest_idle(),
                false => taken.longest_waiting(),
            };
            let Some(evicted) = evicted else {
                self.wanted_at.store(self.now().max(1), Ordering::Relaxed);
                return None;
            };
            taken.connections.remove(&evicted)?.evict();
            taken.leaving += 1;
        }
        let number = taken.next;
        taken.next += 1;
        taken.connections.insert(number, activity.clone());
        Some(Slot {
            slots: self.clone(),
            number,
        })
    }

    /// Whether a connection got no place a moment ago.
    pub fn are_wanted(&self) -> bool {
        match self.wanted_at.load(Ordering::Relaxed) {
            0 => false,
            wanted_at => self.now() < wanted_at + WANTED_FOR,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until the connections that have lost their place have ended, which is soon, so that they hold no descriptors
    /// that new ones need.
    pub async fn let_leave(&self) {
        while self.lock().leaving > 0 {
            self.left.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Returns the connection whose client has kept the server waiting the longest: it is idle, or its client does not
    /// read.
    fn longest_waiting(&self) -> Option<u64> {
        let waiting = self
            .connections
            .iter()
            .map(|(number, activity)| (activity.waiting(), *number));
        let (_, longest) = waiting.max().filter(|(time, _)| *time >= EVICTABLE_AFTER)?;
        Some(longest)
    }

    /// Returns the oldest connection of which no request is being answered: its client has sent no whole head, or still
    /// sends a body that is not read. What has arrived is still read, so that a request that was sent at once is answered
    /// however many other connections are opened.
    fn oldest_idle(&self) -> Option<u64> {
        let idle = self
            .connections
            .iter()
            .filter(|(_, activity)| !activity.in_request());
        idle.map(|(number, _)| *number).min()
    }
}

impl Slot {
    /// Returns the places of which it is one.
    pub fn slots(&self) -> &Arc<Slots> {
        &self.slots
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        if taken.connections.remove(&self.number).is_none() {
            taken.leaving -= 1;
            self.slots.left.notify_one();
        }
    }
}
