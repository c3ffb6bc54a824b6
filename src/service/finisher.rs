//! The task that finishes what is due: uploads, copies, jobs and builds that take some time, also those of another server
//! over the same file, which was perhaps stopped meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Service;
use crate::caller::CallerKey;
use crate::changes;
use crate::clock::{later, system_now_in_milliseconds};
use crate::store::{Commit, OpenMode, Snapshot, StoreError};

/// How long to wait after a failure, as when the disk is full.
const PAUSE: Duration = Duration::from_secs(1);
/// How often to look whether another program has written to the file.
const LOOK: Duration = Duration::from_millis(500);

/// What became of what was due.
struct Finished {
    /// How long to wait for what is due next.
    wait: Option<Duration>,
    /// What is wrong with the outcomes of packages that are damaged, which stay as they are.
    faults: Vec<String>,
}

impl Service {
    /// Finishes what became due while no server ran, so that the first request finds it finished. A server that may only read
    /// leaves it to others.
    pub async fn finish_what_was_due(self: &Arc<Self>) {
        if self.store.opened() != OpenMode::ReadWrite {
            return;
        }
        if let Err(error) = self.finish().await {
            warn_of(&error);
        }
    }

    /// Finishes what is due, until the store is closed. A server that may only read leaves it to others.
    pub async fn finish_what_is_due(self: Arc<Self>) {
        if self.store.opened() != OpenMode::ReadWrite {
            return;
        }
        let mut is_first = true;
        // Each failure is tried again soon. The log shows it again only once another one, or a success, came between.
        let mut logged = None;
        let mut logged_faults: Vec<String> = Vec::new();
        loop {
            let seen = self.store.last_commit();
            let finished = match self.staging.filter(|_| is_first) {
                Some(staging) => self.write_what_is_due(Some(staging)).await,
                None => self.finish().await,
            };
            is_first &= finished.is_err();
            match finished {
                Ok(Finished { wait, faults }) => {
                    logged = None;
                    for fault in faults.iter().filter(|fault| !logged_faults.contains(fault)) {
                        tracing::warn!("a package stays as it is: {fault}");
                    }
                    logged_faults = faults;
                    self.wait_for_work(wait, seen).await;
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    let text = error.to_string();
                    if logged.as_ref() != Some(&text) {
                        warn_of(&error);
                        logged = Some(text);
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Waits for that long, or until something else may be due: when this server says so, or when any program has written
    /// to the file since `seen`.
    async fn wait_for_work(&self, wait: Option<Duration>, seen: Option<Commit>) {
        let due = wait.map(|wait| Instant::now() + wait);
        loop {
            let left = due.map_or(LOOK, |due| due.duration_since(Instant::now()).min(LOOK));
            tokio::select! {
                () = sleep(left) => {}
                () = self.something_is_due.notified() => return,
            }
            let is_due = due.is_some_and(|due| due <= Instant::now());
            // The state is unknown while a commit changes it, and if SQLite keeps it elsewhere.
            if is_due || seen.is_none() || self.store.last_commit() != seen {
                return;
            }
        }
    }

    /// Finishes what is due now.
    async fn finish(self: &Arc<Self>) -> Result<Finished, StoreError> {
        let next_due = |snapshot: &Snapshot<'_>| changes::next_due(snapshot, i64::MIN);
        let due = self.store.read(CallerKey::SERVER, next_due).await?;
        match due.map(wait_for) {
            Some(Duration::ZERO) => self.write_what_is_due(None).await,
            wait => Ok(Finished {
                wait,
                faults: Vec::new(),
            }),
        }
    }

    /// Does the same in any case with a write. With `staging`, the builds that wait for the admin API are staged after that
    /// time.
    async fn write_what_is_due(
        self: &Arc<Self>,
        staging: Option<Duration>,
    ) -> Result<Finished, StoreError> {
        let service = self.clone();
        let turn = self.writes.clone().acquire_owned().await;
        let finished = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let (at, now) = (system_now_in_milliseconds(), service.clock.now());
            service.store.write(|transaction| {
                if let Some(staging) = staging {
                    changes::stage_waiting(transaction, later(at, staging))?;
                }
                let faults = changes::finish_due(transaction, at, now)?;
                let wait = changes::next_due(transaction, at)?.map(wait_for);
                Ok(Finished { wait, faults })
            })
        });
        finished.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn warn_of(error: &StoreError) {
    tracing::warn!("what is due could not be finished: {error}");
}

/// Returns how long it is until `due`, in milliseconds since 1970.
fn wait_for(due: i64) -> Duration {
    let wait = due.saturating_sub(system_now_in_milliseconds());
    Duration::from_millis(u64::try_from(wait).unwrap_or(0))
}
