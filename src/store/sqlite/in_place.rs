//! Reads on the thread of the request.
//!
//! To wake a reader thread, and to be woken by it, takes longer than to read a page. As long as a connection is free here,
//! a read needs neither: it runs in a blocking region of its own thread
//! ([`block_in_place`](tokio::task::block_in_place)), whose other requests another thread takes over.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::readers::ReaderConnection;

/// The connections for reads on the threads of requests.
#[derive(Debug)]
pub(super) struct InPlace(Mutex<Connections>);

#[derive(Debug)]
struct Connections {
    /// Those that no read uses.
    free: Vec<ReaderConnection>,
    /// How many more may be opened.
    unopened: u32,
}

/// The right to read with one connection, which is `None` until the first read opens it.
#[derive(Debug)]
pub(super) struct Place(pub Option<ReaderConnection>);

impl InPlace {
    /// Returns `count` connections, none of them open.
    pub fn new(count: u32) -> Self {
        Self(Mutex::new(Connections {
            free: Vec::new(),
            unopened: count,
        }))
    }

    /// Takes a connection. Returns `None` if all are in use, or if the calling thread has no blocking regions because it
    /// belongs to no runtime with several threads.
    pub fn take(&self) -> Option<Place> {
        let runtime = Handle::try_current().ok()?;
        if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.free.pop() {
            return Some(Place(Some(connection)));
        }
        connections.unopened = connections.unopened.checked_sub(1)?;
        Some(Place(None))
    }

    /// Gives a connection back. One that is `None` can be opened by a later read.
    pub fn give_back(&self, place: Place) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match place.0 {
            Some(connection) => connections.free.push(connection),
            None => connections.unopened += 1,
        }
    }

    /// Closes the connections that no read uses.
    pub fn close(&self) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.free.clear();
    }
}
