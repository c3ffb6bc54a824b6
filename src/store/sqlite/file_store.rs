//! An open database file: its readers, its writer, and the watch over it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::close::{self, Closed};
use super::identify::{FileState, identify, missing_file_error};
use super::latest_version::LatestVersion;
use super::open::{self, Opened};
use super::open_file::{OpenFile, Stamps, changed_meanwhile};
use super::published::PublishedFile;
use super::readers::{Ended, Job, Limit, Readers};
use super::writer::Writer;
use super::{log_size, readers::WaitingReads};
use crate::caller::CallerKey;
use crate::store::file_watch::{Current, FileWatch, OpenReaders};
use crate::store::{
    Commit, Durability, Migrated, OpenMode, QueuedWrite, Snapshot, StoreError, Transaction, Version,
};

/// An open database file.
#[derive(Debug)]
pub(in crate::store) struct FileStore {
    path: PathBuf,
    mode: OpenMode,
    given: PathBuf,
    migrated: Option<Migrated>,
    // Dropped in this order, because the connection that closes last removes `-wal` and `-shm`, and a reader's connection
    // cannot.
    watch: Option<FileWatch>,
    current: Arc<Current>,
    writer: Option<Writer>,
    latest: Arc<LatestVersion>,
    file: Arc<OpenFile>,
}

impl FileStore {
    /// Opens the file at `real`, which was given as `given`. See [`Store::open`](crate::store::Store::open).
    pub(in crate::store) fn open(
        given: &Path,
        real: &Path,
        mode: OpenMode,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let (readers, connection, migrated) =
            Self::open_readers(given, real, mode, durability, &Arc::default())?;
        Ok(Self {
            path: real.to_owned(),
            given: given.to_owned(),
            mode,
            migrated,
            watch: None,
            writer: (mode == OpenMode::ReadWrite).then(|| Writer::new(real, connection)),
            latest: readers.latest.clone(),
            file: readers.file.clone(),
            current: Arc::new(Current::new(readers)),
        })
    }

    /// Opens the file at `real` and starts its readers. `numbers` counts the databases that the store opened before.
    pub(in crate::store) fn open_readers(
        given: &Path,
        real: &Path,
        mode: OpenMode,
        durability: Durability,
        numbers: &Arc<AtomicU32>,
    ) -> Result<(OpenReaders, Connection, Option<Migrated>), StoreError> {
        let FileState::Ours { schema } = identify(real)? else {
            return Err(missing_file_error(real));
        };
        let stamps = Stamps::of(real).ok();
        let file = OpenFile::open(given, real)?;
        let is_wal = file.header().is_some_and(|header| header.is_wal());
        let Opened {
            connection,
            reader_mode,
            migrated,
        } = open::open(real, schema, mode, durability, is_wal)?;
        // In the mode for reading no connection stays open, and `-wal` and `-shm` come and go with those of the reads.
        let keeps_side_files = !matches!(mode, OpenMode::ReadOnly | OpenMode::Published);
        let file = Arc::new(file.opened_by(&connection, keeps_side_files)?);
        let stamps = stamps.filter(|_| reader_mode.is_immutable());
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut published = None;
        let latest = if mode == OpenMode::Published {
            let immutable = stamps.map(|stamps| stamps.file);
            let opened = PublishedFile::new(&file, immutable, &connection, number, numbers)?;
            published = Some(Arc::new(opened));
            LatestVersion::of_published(&file, immutable, number)
        } else {
            LatestVersion::new(real, mode, number)
        };
        let latest = Arc::new(latest);
        // The first look records what the file holds.
        let _ = file.loss(&latest);
        let readers = OpenReaders {
            readers: Readers::start(real, reader_mode, &latest, published.as_ref())?,
            latest,
            file,
            stamps,
            published,
        };
        // The connections must all be to this file.
        if readers.published.is_some() {
            readers.file.require_unmoved()?;
        }
        Ok((readers, connection, migrated))
    }

    /// Returns the path of the file. If it was opened through a symbolic link, this is the path that the link leads to.
    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the migration that opening the file carried out, if it had an earlier schema.
    pub(in crate::store) fn migrated(&self) -> Option<&Migrated> {
        self.migrated.as_ref()
    }

    /// Returns how the file was opened.
    pub(in crate::store) fn opened(&self) -> OpenMode {
        self.mode
    }

    /// Watches the file from now on. See [`Store::watch`](crate::store::Store::watch).
    pub(in crate::store) fn watch(&mut self) -> Result<(), StoreError> {
        self.watch = Some(FileWatch::start(&self.given, self.mode, &self.current)?);
        Ok(())
    }

    /// Runs `read` over one snapshot, on a reader thread. See [`Store::read`](crate::store::Store::read).
    pub(in crate::store) async fn read<T, E>(
        &self,
        caller: CallerKey,
        read: impl Fn(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let waiting = Arc::new(());
        let answer = self.submit(caller, read, Arc::downgrade(&waiting))?;
        let answer = answer.await;
        drop(waiting);
        answer.unwrap_or_else(|_| Err(unanswered().into()))
    }

    /// Queues a read of `caller`, which is interrupted once nothing holds `waiting`. The answer is not sent then, if the read panics, or if no
    /// connection can be opened.
    pub(in crate::store) fn submit<T, E>(
        &self,
        caller: CallerKey,
        read: impl Fn(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
        waiting: Weak<()>,
    ) -> Result<oneshot::Receiver<Result<T, E>>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let current = self.current.get()?;
        let (file, latest) = (current.file.clone(), current.latest.clone());
        let mut request = Some((read, sender));
        let job: Job = Box::new(move |connection, limit| {
            let Some((read, sender)) = request.take() else {
                return Ended::Answered;
            };
            if sender.is_closed() {
                // The client has gone.
                return Ended::Answered;
            }
            let answer = if limit == Limit::Refused {
                Err(StoreError::TooManyExpensive.into())
            } else {
                connection.limit(limit);
                connection.read_while(waiting.clone());
                match connection.snapshot(&read) {
                    Err(_) if connection.is_over_limit() && limit != Limit::Last => {
                        request = Some((read, sender));
                        return Ended::Interrupted;
                    }
                    Err(_) if connection.is_over_limit() => Err(StoreError::TooExpensive.into()),
                    // A published file was looked at before and after the read.
                    Err(error) if connection.is_published() => Err(error),
                    // What SQLite says about a file that is another one by now would be misleading.
                    Err(error) => match file.lost(&latest) {
                        Ok(()) => Err(error),
                        Err(lost) => Err(lost.into()),
                    },
                    answer => answer,
                }
            };
            // `read` may hold the last reference to this store, which the caller drops when it has the answer.
            drop(read);
            // Fails if the client went while the read ran.
            let _ = sender.send(answer);
            Ended::Answered
        });
        current.readers.submit(caller, job)?;
        Ok(receiver)
    }

    /// Runs `read` on the calling thread. See [`Store::read_blocking`](crate::store::Store::read_blocking).
    pub(in crate::store) fn read_blocking<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.current.get()?.readers.run_here(read)
    }

    /// Fails if the file was taken as immutable and has changed since it was opened.
    pub(in crate::store) fn require_unchanged(&self) -> Result<(), StoreError> {
        match self.current.get()?.stamps {
            Some(stamps) if Stamps::of(&self.path).ok() != Some(stamps) => {
                Err(changed_meanwhile(&self.given))
            }
            _ => Ok(()),
        }
    }

    /// Returns the version of the data at this moment, if a reader has seen it.
    pub(in crate::store) fn version_now(&self) -> Option<Version> {
        self.current.get().ok()?.latest.get()
    }

    /// Returns what identifies the last commit to the file by any program, if it is known.
    pub(in crate::store) fn last_commit(&self) -> Option<Commit> {
        self.current.last()?.latest.head().map(Commit)
    }

    /// Runs `write` in one transaction. See [`Store::write_queued`](crate::store::Store::write_queued).
    pub(in crate::store) fn write_queued<T, E: From<StoreError>>(
        &self,
        queued: QueuedWrite,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let writer = self.writer.as_ref().ok_or_else(|| {
            StoreError::file(&self.path, "is open for reading only; nothing was written")
        })?;
        self.file.lost(&self.latest)?;
        let answer = writer.write(queued, write)?;
        // A commit to a file that has no name any more is lost.
        self.file.lost(&self.latest)?;
        Ok(answer)
    }

    /// Returns whether the write-ahead log is half as long as it may be.
    pub(in crate::store) fn is_log_long(&self) -> bool {
        log_size::is_long(&self.path)
    }

    /// Returns the reads that wait.
    pub(in crate::store) fn waiting_reads(&self) -> WaitingReads {
        let readers = self.current.get().ok();
        readers.map_or_else(WaitingReads::default, |current| current.readers.waiting())
    }

    /// Returns the size of the write-ahead log, in bytes.
    pub(in crate::store) fn log_bytes(&self) -> u64 {
        log_size::bytes(&self.path)
    }

    /// Makes the running write and all later ones fail. See [`Store::interrupt_writes`](crate::store::Store::interrupt_writes).
    pub(in crate::store) fn interrupt_writes(&self) {
        if let Some(writer) = &self.writer {
            writer.interrupt();
        }
    }

    /// Closes the file. See [`Store::close`](crate::store::Store::close).
    pub(in crate::store) fn close(mut self) -> Result<Closed, StoreError> {
        drop(self.watch.take());
        drop(self.current.take());
        let Some(writer) = self.writer.take() else {
            return Ok(Closed::Whole);
        };
        let connection = writer.into_connection()?;
        // The log lies beside the file, wherever a link leads by now.
        match self.file.loss_behind_link(&self.latest) {
            None => close::close_writer(&self.path, connection),
            Some(loss) => {
                close::close_lost(&self.path, &self.file, loss, connection).map(|()| Closed::Whole)
            }
        }
    }
}

/// The error of a read that panicked, or for which no connection could be opened.
fn unanswered() -> StoreError {
    StoreError::Sqlite("a read ended without an answer".into())
}
