//! The task that finishes what is due: uploads, copies, jobs and builds that take some time, also those that a server left
//! which was stopped before.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Service;
use crate::changes;
use crate::clock::system_now_in_milliseconds;
use crate::store::{OpenMode, StoreError};

/// How long to wait after a failure, as when the disk is full.
const PAUSE: Duration = Duration::from_secs(1);

impl Service {
    /// Finishes what is due, until the store is closed. A server that may only read leaves it to others.
    pub async fn finish_what_is_due(self: Arc<Self>) {
        if self.store.opened() != OpenMode::ReadWrite {
            return;
        }
        loop {
            match self.finish().await {
                Ok(None) => self.something_is_due.notified().await,
                Ok(Some(wait)) => {
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.something_is_due.notified() => {}
                    }
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!("what is due could not be finished: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Finishes what is due now. Returns how long to wait for what is due next.
    async fn finish(self: &Arc<Self>) -> Result<Option<Duration>, StoreError> {
        let next = |due: i64| {
            let wait = due - system_now_in_milliseconds();
            Duration::from_millis(u64::try_from(wait).unwrap_or(0))
        };
        let due = self.store.read(changes::next_due).await?;
        match due.map(next) {
            Some(Duration::ZERO) => {}
            wait => return Ok(wait),
        }
        let service = self.clone();
        let turn = self.writes.clone().acquire_owned().await;
        let finished = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let now = service.clock.now();
            service.store.write(|transaction| {
                changes::finish_due(transaction, system_now_in_milliseconds(), now)?;
                changes::next_due(transaction)
            })
        });
        let due = finished.await.unwrap_or(Err(StoreError::Closed))?;
        Ok(due.map(next))
    }
}
