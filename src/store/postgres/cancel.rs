//! How a statement is cancelled whose answer nobody needs: its client has gone, or the database is being closed.
//!
//! A server is asked on another connection (<https://www.postgresql.org/docs/current/protocol-flow.html>, "Canceling Requests
//! in Progress"). The question may come late, when the connection runs the statement of another read. So a connection for
//! which the server was asked is not used again.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_postgres::CancelToken;

use super::connect::ServerAddress;
use crate::store::StoreError;

/// How often the server is asked. A question between two statements has no effect.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// The statements of one read, which another thread can cancel.
pub(super) struct Cancellation {
    server: Arc<ServerAddress>,
    state: Mutex<State>,
    /// Notified when the read ends.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// What cancels the statement, while the read runs.
    running: Option<CancelToken>,
    is_cancelled: bool,
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellation").finish_non_exhaustive()
    }
}

impl Cancellation {
    pub(super) fn new(server: &Arc<ServerAddress>) -> Arc<Self> {
        Arc::new(Self {
            server: server.clone(),
            state: Mutex::default(),
            ended: Condvar::new(),
        })
    }

    /// Notes that the read runs on the connection of `token` from now on.
    ///
    /// # Errors
    ///
    /// Fails if the read was cancelled.
    pub(super) fn begin(&self, token: CancelToken) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.is_cancelled {
            return Err(StoreError::Closed);
        }
        state.running = Some(token);
        Ok(())
    }

    /// Returns what notes the end of the read when it is dropped, also by a panic.
    pub(super) fn until_end(&self) -> impl Drop {
        struct UntilEnd<'c>(&'c Cancellation);
        impl Drop for UntilEnd<'_> {
            fn drop(&mut self) {
                self.0.state().running = None;
                self.0.ended.notify_all();
            }
        }
        UntilEnd(self)
    }

    /// Whether the read was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.state().is_cancelled
    }

    /// Cancels the read: ends its statements if it runs, and keeps it from beginning otherwise. Does not wait.
    pub(super) fn cancel(self: &Arc<Self>) {
        let mut state = self.state();
        let was_cancelled = std::mem::replace(&mut state.is_cancelled, true);
        if was_cancelled || state.running.is_none() {
            return;
        }
        drop(state);
        let cancellation = self.clone();
        // The client blocks, which async threads may not. If no thread can be started, the limit of time ends the statement.
        let _ = std::thread::Builder::new()
            .name("cancel".into())
            .spawn(move || cancellation.ask_until_it_ends());
    }

    fn ask_until_it_ends(&self) {
        let mut state = self.state();
        while let Some(token) = state.running.clone() {
            drop(state);
            self.server.cancel(&token);
            state = self.state();
            if state.running.is_some() {
                let waited = self.ended.wait_timeout(state, ASK_EVERY);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caller of a read. The read is cancelled when this is dropped, unless it has ended.
#[derive(Debug)]
pub(super) struct WaitingCaller(pub Arc<Cancellation>);

impl Drop for WaitingCaller {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
