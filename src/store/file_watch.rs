//! The watch over the served file: reads and writes are refused once its path leads elsewhere, or once another program
//! overwrote it. A file that is only read is opened again instead.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::sqlite::file_store::FileStore;
use super::sqlite::identify::at_real_path;
use super::sqlite::latest_version::LatestVersion;
use super::sqlite::open_file::{OpenFile, Stamp, Stamps};
use super::sqlite::readers::Readers;
use super::{Durability, OpenMode, StoreError};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// The readers of a file, and what is needed to tell whether it is still the same file.
#[derive(Debug)]
pub(super) struct OpenReaders {
    // Dropped in this order: closing the files drops SQLite's locks.
    pub readers: Readers,
    pub latest: Arc<LatestVersion>,
    pub file: Arc<OpenFile>,
    /// What the file and its log looked like, if they are taken as immutable.
    pub stamps: Option<Stamps>,
}

/// The readers that serve requests at present.
#[derive(Debug, Default)]
pub(super) struct Current(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    /// `None` while the store is closing.
    readers: Option<Arc<OpenReaders>>,
    /// Why the file is not served, if it is not.
    refusal: Option<String>,
}

impl Current {
    pub fn new(readers: OpenReaders) -> Self {
        Self(RwLock::new(State {
            readers: Some(Arc::new(readers)),
            refusal: None,
        }))
    }

    /// Returns the readers.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Lost`] if the file is not served at present, or with [`StoreError::Closed`] while the store
    /// is closing.
    pub fn get(&self) -> Result<Arc<OpenReaders>, StoreError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match (&state.refusal, &state.readers) {
            (Some(refusal), _) => Err(StoreError::Lost(refusal.clone())),
            (None, Some(readers)) => Ok(readers.clone()),
            (None, None) => Err(StoreError::Closed),
        }
    }

    /// Returns the readers of the last file that was served, also while it is lost. `None` while the store is closing.
    pub fn last(&self) -> Option<Arc<OpenReaders>> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.readers.clone()
    }

    /// Removes the readers. Later reads fail.
    pub fn take(&self) -> Option<Arc<OpenReaders>> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.readers.take()
    }

    /// Serves the file of `readers`.
    fn replace(&self, readers: OpenReaders) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let former = state.readers.replace(Arc::new(readers));
        state.refusal = None;
        drop(state);
        // Waits for the reads that run, without keeping others waiting.
        drop(former);
    }

    /// Refuses reads with this reason, or allows them again if it is `None`. Logs only a change.
    fn refuse(&self, refusal: Option<String>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.refusal == refusal {
            return;
        }
        match &refusal {
            Some(refusal) => tracing::error!("{refusal}; requests are answered with 503"),
            None => tracing::info!("the database is back; requests are answered again"),
        }
        state.refusal = refusal;
    }
}

/// A thread that looks at the file until this is dropped.
#[derive(Debug)]
pub(super) struct FileWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FileWatch {
    /// Starts the thread. `path` is the path of the file as it was given.
    pub fn start(path: &Path, mode: OpenMode, current: &Arc<Current>) -> Result<Self, StoreError> {
        let (stop, stopped) = channel();
        let (path, current) = (path.to_owned(), current.clone());
        let thread = thread::Builder::new()
            .name("file-watch".into())
            .spawn(move || match mode {
                OpenMode::Immutable | OpenMode::ImmutableWithLog => {
                    follow(&path, &current, &stopped)
                }
                OpenMode::ReadWrite | OpenMode::ReadOnly => guard(&current, &stopped),
            })
            .map_err(|error| {
                StoreError::Sqlite(format!("the file watch cannot be started: {error}"))
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for the next look at the file. Returns `false` if the watch ends.
fn wait(stopped: &Receiver<()>) -> bool {
    stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout)
}

/// Refuses reads while the file is lost.
fn guard(current: &Current, stopped: &Receiver<()>) {
    while wait(stopped) {
        let Some(readers) = current.last() else {
            return;
        };
        let loss = readers.file.loss(&readers.latest);
        current.refuse(loss.map(|loss| readers.file.sentence(loss)));
    }
}

/// Opens the file again when it is replaced or overwritten. Refuses reads until that succeeds.
fn follow(path: &Path, current: &Current, stopped: &Receiver<()>) {
    let mut last_seen = None;
    let mut replaced = 0;
    while wait(stopped) {
        let Some(readers) = current.last() else {
            return;
        };
        let seen = Stamp::of(path).ok();
        if seen.is_some() && seen == readers.stamps.map(|stamps| stamps.file) {
            current.refuse(None);
            continue;
        }
        // A file that changed since the last look is perhaps still being written.
        if seen.is_none() || seen != last_seen {
            last_seen = seen;
            let change = match seen {
                None => "was removed while it was served",
                Some(_) => "was replaced or overwritten while it was served",
            };
            current.refuse(Some(format!("`{}` {change}", path.display())));
            continue;
        }
        replaced += 1;
        let opened = at_real_path(path, |real| {
            FileStore::open_readers(path, real, OpenMode::Immutable, Durability::Full, replaced)
        });
        match opened {
            Ok((opened, ..)) => {
                tracing::info!(
                    "`{}` was replaced; the new file is served. Tokens are still verified with the keys from the start",
                    path.display()
                );
                current.replace(opened);
            }
            Err(error) => current.refuse(Some(error.to_string())),
        }
    }
}
