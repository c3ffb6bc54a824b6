//! The connections that are served at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::activity::Activity;

/// How long a client has to keep the server waiting before its connection may be closed for another one.
const EVICTABLE_AFTER: Duration = Duration::from_secs(2);

/// The places of connections.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    connections: HashMap<u64, Arc<Activity>>,
    next: u64,
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
        Arc::new(Self {
            limit,
            taken: Mutex::default(),
        })
    }

    /// Takes a place for a connection. If there is none, takes the place of the connection whose client has kept the
    /// server waiting the longest, and closes that one: it is idle, or its client does not read.
    pub fn take(self: &Arc<Self>, activity: &Arc<Activity>) -> Option<Slot> {
        let mut taken = self.lock();
        if taken.connections.len() >= self.limit {
            let waiting = taken
                .connections
                .iter()
                .map(|(number, activity)| (activity.waiting(), *number));
            let (_, longest) = waiting.max().filter(|(time, _)| *time >= EVICTABLE_AFTER)?;
            taken.connections.remove(&longest)?.evict();
        }
        let number = taken.next;
        taken.next += 1;
        taken.connections.insert(number, activity.clone());
        Some(Slot {
            slots: self.clone(),
            number,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().connections.remove(&self.number);
    }
}
