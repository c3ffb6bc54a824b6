//! The watch over the served file: reads and writes are refused once its path leads elsewhere, or once another program
//! overwrote it. Of a file that only other programs change, each state is served instead.

use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::sqlite::file_store::FileStore;
use super::sqlite::identify::{at_real_path, says_its_length};
use super::sqlite::latest_version::LatestVersion;
use super::sqlite::open_file::{OpenFile, Stamp, Stamps};
use super::sqlite::published::PublishedFile;
use super::sqlite::readers::Readers;
use super::{Durability, OpenMode, StoreError};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often a file is opened that is replaced meanwhile.
const TRIES: u32 = 3;

/// The readers of a file, and what is needed to tell whether it is still the same file.
#[derive(Debug)]
pub(super) struct OpenReaders {
    // Dropped in this order: closing the files drops SQLite's locks.
    pub readers: Readers,
    pub latest: Arc<LatestVersion>,
    pub file: Arc<OpenFile>,
    /// What the file and its log looked like, if they are taken as immutable.
    pub stamps: Option<Stamps>,
    /// What is known of the file, if other programs change it.
    pub published: Option<Arc<PublishedFile>>,
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

    /// Whether reads are refused.
    fn is_refused(&self) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.refusal.is_some()
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
                OpenMode::Published => follow(&path, &current, &stopped),
                _ => guard(&current, &stopped),
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

/// Serves the file that replaces the open one: the open one is served on until the new one is open. Opens the file again when
/// it was overwritten, and refuses reads until that succeeds.
fn follow(path: &Path, current: &Current, stopped: &Receiver<()>) {
    let mut last_seen = None;
    let mut reported = None;
    while wait(stopped) {
        let Some(readers) = current.last() else {
            return;
        };
        let Some(published) = &readers.published else {
            return;
        };
        let seen = Stamp::of(path).ok();
        // A file that changed since the last look is perhaps still being written.
        let is_steady = seen == last_seen;
        last_seen = seen;
        let Some(seen) = seen else {
            current.refuse(Some(format!(
                "`{}` was removed while it was served",
                path.display()
            )));
            continue;
        };
        let is_replaced = !published.is_same_file(&seen);
        if !is_replaced {
            let fault = published.fault();
            if fault.is_none() {
                reported = None;
            }
            if fault.is_none() || !is_steady || !current.is_refused() {
                current.refuse(fault);
                continue;
            }
        }
        if !(is_steady || is_replaced && says_its_length(path)) {
            continue;
        }
        match open_published(path, published.numbers()) {
            Ok(None) => {}
            Ok(Some(opened)) => {
                tracing::info!(
                    "`{}` was replaced; the new file is served. Tokens are still verified with the keys from the start",
                    path.display()
                );
                current.replace(opened);
                reported = None;
            }
            Err(error) if is_replaced => {
                let error = error.to_string();
                if reported.as_ref() != Some(&error) {
                    let result = if current.is_refused() {
                        "requests are answered with 503"
                    } else {
                        "the former file is served on"
                    };
                    tracing::error!("{error}; {result}");
                    reported = Some(error);
                }
            }
            Err(error) => current.refuse(Some(error.to_string())),
        }
    }
}

/// Opens the file that `path` leads to. Returns `None` if it was replaced or changed meanwhile, each time that it was tried.
fn open_published(
    path: &Path,
    numbers: &Arc<AtomicU32>,
) -> Result<Option<OpenReaders>, StoreError> {
    for _ in 0..TRIES {
        let before = Stamp::of(path).ok();
        let opened = at_real_path(path, |real| {
            FileStore::open_readers(path, real, OpenMode::Published, Durability::Full, numbers)
        });
        match opened {
            Ok((readers, ..)) => return Ok(Some(readers)),
            Err(error) if Stamp::of(path).ok() == before => return Err(error),
            Err(_) => {}
        }
    }
    Ok(None)
}
