//! The database: one SQLite file or a database of a PostgreSQL server, its reader connections, and the one connection that
//! writes.
//!
//! Only this module names a database crate, and only [`dialect`] writes SQL that differs between engines.

pub mod dialect;
mod error;
mod file_watch;
mod location;
mod migrate;
#[cfg(feature = "postgres")]
mod postgres;
mod snapshot;
mod sqlite;
#[cfg(test)]
mod tests;
mod transaction;
mod turn_queue;
mod version;
mod write_queue;

use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use crate::caller::CallerKey;
pub use error::StoreError;
pub use location::{Location, LocationError};
pub use migrate::Migrated;
use migrate::SCHEMA_VERSION;
#[cfg(feature = "postgres")]
use postgres::{Position, PostgresStore};
pub use snapshot::{BorrowedValue, Row, Snapshot, Value};
use sqlite::busy::Patience;
pub use sqlite::check::{CheckReport, FindFaults, check};
pub use sqlite::close::Closed;
use sqlite::connect::refuse_journal;
pub use sqlite::draft::is_file_of;
use sqlite::file_store::FileStore;
use sqlite::identify::{FileState, at_real_path, identify, real_path};
use sqlite::latest_version::Head;
pub use sqlite::readers::WaitingReads;
pub use sqlite::reserved_name::{refuse_database, refuse_reserved_name};
use sqlite::{backup, carried, copy, create, draft, read_only, schema};
pub use transaction::Transaction;
pub use version::Version;
use write_queue::WriteQueue;
pub use write_queue::{QueuedWrite, WriterCounters};

/// The current schema, as a new file gets it.
const SCHEMA: &str = include_str!("../schema.sql");
/// Marks a file as a database of this program: `CFpk` (<https://sqlite.org/pragma.html#pragma_application_id>).
const APPLICATION_ID: u32 = 0x4346_706B;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading and writing.
    ReadWrite,
    /// For reading, while other programs may write.
    ReadOnly,
    /// For reading a file that no program writes: without locks, `-wal` and `-shm`, so that it can lie on a read-only
    /// file system (<https://sqlite.org/uri.html#uriimmutable>).
    Immutable,
    /// For reading a file and its `-wal` that no program writes, since there is no `-shm`: without locks, and without
    /// creating `-shm`.
    ImmutableWithLog,
    /// For serving a file that only other programs change, in place or by renaming another file to its path. A file with a
    /// write-ahead log is taken as immutable, and so is one that cannot be locked.
    Published,
}

impl OpenMode {
    /// Whether what is read is right only if no program writes meanwhile.
    fn is_immutable(self) -> bool {
        matches!(self, Self::Immutable | Self::ImmutableWithLog)
    }
}

/// How durable a commit is once it returned (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power failure (`synchronous=FULL`).
    Full,
    /// A power failure may lose or damage it (`synchronous=OFF`). For private temporary files.
    Off,
}

/// What an open database is doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreActivity {
    /// The reads that wait.
    pub waiting_reads: WaitingReads,
    /// How writes waited; all zero if the database is open for reading only.
    pub writer: WriterCounters,
    /// The size of the write-ahead log, in bytes.
    pub log_bytes: u64,
    /// Where pages were read, if there are replicas.
    pub replicas: ReplicaCounters,
}

/// How many pages were read where.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplicaCounters {
    /// From a replica.
    pub served: u64,
    /// From the primary, since the replica showed another state or did not answer.
    pub refused: u64,
}

/// The last commit to a file by any program. Two are equal if nothing was committed in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit(Head);

/// An open database.
#[derive(Debug)]
pub struct Store {
    engine: Engine,
    writes: Arc<WriteQueue>,
    /// Whether reads are broken off.
    ending: watch::Sender<bool>,
}

/// What holds the data. Only this module asks which one it is.
#[derive(Debug)]
// There is one value of it in a process.
#[allow(clippy::large_enum_variant)]
enum Engine {
    /// A file of SQLite.
    File(FileStore),
    /// A database of a PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(PostgresStore),
}

/// The version that [`Store::version_of_request`] returns.
#[derive(Debug)]
pub struct RequestVersion<'s>(Known<'s>);

#[derive(Debug)]
enum Known<'s> {
    /// It is looked up when it is needed.
    Lazily(&'s FileStore),
    /// It was looked up, if it was needed and could be.
    #[cfg(feature = "postgres")]
    Already(Option<Position>),
}

impl RequestVersion<'_> {
    /// Returns the version. `None`: only a snapshot can tell.
    pub fn get(&self) -> Option<Version> {
        match self.0 {
            Known::Lazily(file) => file.version_now(),
            #[cfg(feature = "postgres")]
            Known::Already(position) => position.map(|position| position.version),
        }
    }
}

impl Store {
    /// Creates the database at `path` if there is no file, or an empty one, with the data that `fill` stores.
    ///
    /// Returns whether it was created by this call. A database that exists, or that another process created while
    /// `fill` ran, is left unchanged. Removes first what programs left that were killed while they created it.
    ///
    /// # Errors
    ///
    /// Fails if the file is not a database of this program, if it cannot be written, if a `-wal`, `-shm` or `-journal`
    /// of a former database lies beside it, if it has the name of such a file, or if `fill` fails; then no file is left.
    pub fn create<E: From<StoreError>>(
        path: &Path,
        fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let real = &real_path(path);
        let identify = || identify(real).map_err(|error| error.at_given(path, real));
        let state = identify()?;
        draft::remove_left_over(real);
        if matches!(state, FileState::Ours { .. }) {
            return Ok(false);
        }
        refuse_reserved_name(real).map_err(|error| error.at_given(path, real))?;
        if !create::may_create(real, state).map_err(|error| error.at_given(path, real))? {
            return Ok(false);
        }
        if state == FileState::Empty {
            create::fill_empty(real, fill)
        } else {
            create::create(real, fill)
        }
    }

    /// Copies the database at `from`, with the commits in its write-ahead log, to `to`, which must not exist. The copy is one
    /// state of it, also while other programs write. `from` is not changed.
    ///
    /// # Errors
    ///
    /// Fails if `from` is not a database of this program, if a file cannot be read or written, or if another program writes
    /// to `from` and this one may create no file beside it.
    pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
        at_real_path(from, |from| copy::copy(from, to))
    }

    /// Copies the database at `from` to `to`, with mode 0600, and checks the copy. The copy is one state of the database,
    /// with the commits in its write-ahead log, also while other programs write. `from` is not changed. `find_faults` is what
    /// [`check`] takes.
    ///
    /// If the report names a fault, nothing was written to `to`. Otherwise the copy is complete and synced before it has
    /// this name.
    ///
    /// # Errors
    ///
    /// Fails if `to` exists or has the name of a file beside a database, if files of a former database lie beside it, if `from` is not a database of this program, or
    /// has an earlier schema, or if a file cannot be read or written.
    pub fn backup(
        from: &Path,
        to: &Path,
        find_faults: FindFaults,
    ) -> Result<CheckReport, StoreError> {
        Self::refuse_changes_at_opening(from)?;
        at_real_path(from, |from| backup::backup(from, to, find_faults))
    }

    /// Removes the token keys from the database at `path`, and every trace of them, so that the file can be given to others.
    /// It cannot be opened until it has a key again. No other program may use the file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or written.
    pub fn remove_token_keys(path: &Path) -> Result<(), StoreError> {
        carried::remove_keys(path).map_err(|error| error.at(path))
    }

    /// Adds a new token key to the database at `path`, which has none. No other program may use the file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or written.
    pub fn add_token_key(path: &Path) -> Result<(), StoreError> {
        carried::add_key(path).map_err(|error| error.at(path))
    }

    /// Creates the database at `path` with mode 0600: `write` writes a database without token keys to a file, which gets a new
    /// key, and is complete and synced before it has this name. Returns whether it was created: a database that exists, or
    /// that another process created meanwhile, is left unchanged.
    ///
    /// # Errors
    ///
    /// Fails if `write` fails, if another file is at `path`, if the file cannot be written, or if it has the name of a file
    /// beside a database, or files of a former database beside it.
    pub fn restore<E: From<StoreError>>(
        path: &Path,
        write: impl FnOnce(&File) -> Result<(), E>,
    ) -> Result<bool, E> {
        carried::restore(&real_path(path), write)
    }

    /// Opens the database at `path`.
    ///
    /// A file of an earlier schema is migrated if it is opened for writing. A copy of it is kept beside it, as
    /// `FILE.before-N` (N: the earlier schema), unless `durability` says that the file is temporary.
    ///
    /// # Errors
    ///
    /// Fails if there is no file, if it is not a database of this program, if its schema is not the current one and it
    /// is opened for reading, if it cannot be migrated, or if it cannot be opened in that mode.
    pub fn open(path: &Path, mode: OpenMode, durability: Durability) -> Result<Self, StoreError> {
        at_real_path(path, |real| Self::open_file(path, real, mode, durability))
    }

    /// Fails if [`Store::open`] would change the database at `path`: migrate it from an earlier schema, or undo a transaction
    /// that did not end. For commands that must not change the file.
    ///
    /// # Errors
    ///
    /// Fails also if the file is not a database of this program, or cannot be read.
    pub fn refuse_changes_at_opening(path: &Path) -> Result<(), StoreError> {
        at_real_path(path, |path| match identify(path)? {
            FileState::Ours { schema } => {
                refuse_journal(path)?;
                if schema == SCHEMA_VERSION {
                    return Ok(());
                }
                let connection = read_only::connect_without_changes(path)?;
                migrate::require_current(path, schema::version(connection.connection())?)
            }
            FileState::Absent | FileState::Empty => Ok(()),
        })
    }

    /// Opens the database at `path` for reading while other programs may write. Where SQLite cannot create `-shm`, as
    /// on a read-only file system, opens it as an immutable file: there no other program can write either.
    ///
    /// # Errors
    ///
    /// Fails as [`Store::open`] does.
    pub fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        let open = |real: &Path, mode| Self::open_file(path, real, mode, Durability::Full);
        at_real_path(path, |real| match open(real, OpenMode::ReadOnly) {
            Err(StoreError::CannotOpen(_)) => open(real, OpenMode::Immutable),
            other => other,
        })
    }

    fn open_file(
        given: &Path,
        real: &Path,
        mode: OpenMode,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            engine: Engine::File(FileStore::open(given, real, mode, durability)?),
            writes: Arc::default(),
            ending: watch::Sender::new(false),
        })
    }

    /// Opens a database of a PostgreSQL server, which [`Location::create`] has prepared.
    #[cfg(feature = "postgres")]
    fn open_postgres(database: PostgresStore) -> Self {
        Self {
            engine: Engine::Postgres(database),
            writes: Arc::default(),
            ending: watch::Sender::new(false),
        }
    }

    /// Watches the file from now on, for a server: requests fail with [`StoreError::Lost`] once the file is removed,
    /// replaced or overwritten. If it is open as [`OpenMode::Published`], the new file is opened instead.
    ///
    /// # Errors
    ///
    /// Fails if the operating system starts no thread.
    pub fn watch(&mut self) -> Result<(), StoreError> {
        match &mut self.engine {
            Engine::File(file) => file.watch(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Returns the path of the file, or the address of the database without its password. If a file was opened through a
    /// symbolic link, this is the path that the link leads to.
    pub fn path(&self) -> &Path {
        match &self.engine {
            Engine::File(file) => file.path(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => database.address(),
        }
    }

    /// Returns the folder in which uploads are kept until they are stored: that of the file, or the one for temporary files.
    pub fn upload_folder(&self) -> PathBuf {
        match &self.engine {
            Engine::File(file) => match file.path().parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            },
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => std::env::temp_dir(),
        }
    }

    /// Returns the migration that opening the database carried out, if it had an earlier schema.
    pub fn migrated(&self) -> Option<&Migrated> {
        match &self.engine {
            Engine::File(file) => file.migrated(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => database.migrated(),
        }
    }

    /// Returns how the file was opened.
    pub fn opened(&self) -> OpenMode {
        match &self.engine {
            Engine::File(file) => file.opened(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => OpenMode::ReadWrite,
        }
    }

    /// Runs `read` for `caller` over one snapshot, on a reader thread. A read that takes many steps is interrupted and run
    /// again in a slower lane, where callers are served in turn, so that it does not delay others: it must have no effect
    /// except its result. It is interrupted for good if the returned future is dropped.
    ///
    /// # Errors
    ///
    /// Fails if `read` fails, if no snapshot can be taken, with [`StoreError::TooExpensive`] if `read` takes more steps
    /// than one read may take, with [`StoreError::TooManyExpensive`] if too many such reads wait, or this one waited for too
    /// long, or with [`StoreError::Closed`] while the store is closing or once reads are broken off.
    pub async fn read<T, E>(
        &self,
        caller: CallerKey,
        read: impl Fn(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = async {
            match &self.engine {
                Engine::File(file) => file.read(caller, read).await,
                #[cfg(feature = "postgres")]
                Engine::Postgres(database) => database.read(caller, read).await,
            }
        };
        self.unless_ending(answer).await
    }

    /// Returns what a read answers, or [`StoreError::Closed`] if reads are broken off first.
    async fn unless_ending<T, E: From<StoreError>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let ending = async {
            self.ending
                .subscribe()
                .wait_for(|ending| *ending)
                .await
                .is_ok()
        };
        tokio::select! {
            // Most reads have their answer at once.
            biased;
            answer = answer => answer,
            _ = ending => Err(StoreError::Closed.into()),
        }
    }

    /// Does the same as [`read`](Self::read) for a request to which `known` was given. The snapshot may be one of a replica, in
    /// which only the data is sure to be current whose changes the version counts.
    ///
    /// # Errors
    ///
    /// Fails like [`read`](Self::read).
    pub async fn read_of_request<T, E>(
        &self,
        known: &RequestVersion<'_>,
        caller: CallerKey,
        read: impl Fn(&Snapshot<'_>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match (&self.engine, &known.0) {
            #[cfg(feature = "postgres")]
            (Engine::Postgres(database), Known::Already(position)) => {
                let answer = database.read_at(*position, caller, read);
                self.unless_ending(answer).await
            }
            _ => self.read(caller, read).await,
        }
    }

    /// Runs `read` over one snapshot, on the calling thread and without a limit. For programs without an async runtime,
    /// and for reads that last as long as a client takes to receive them.
    ///
    /// # Errors
    ///
    /// Fails if `read` fails, if no snapshot can be taken, or with [`StoreError::Closed`] while the store is closing.
    pub fn read_blocking<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.engine {
            Engine::File(file) => file.read_blocking(read),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => database.read_blocking(read),
        }
    }

    /// Fails if the file was taken as immutable and has changed since it was opened, so that what was read may be wrong. For
    /// programs that read a file which they may not write.
    ///
    /// # Errors
    ///
    /// Fails also while the store is closing.
    pub fn require_unchanged(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::File(file) => file.require_unchanged(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Returns the version of the data at this moment, without a query and without waiting. `None` means that
    /// no snapshot of the current data has been read yet. Read one and call [`Snapshot::version`].
    pub fn version_now(&self) -> Option<Version> {
        match &self.engine {
            Engine::File(file) => file.version_now(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => None,
        }
    }

    /// Returns the version that a request which has come by now may take as the current one. It never shows a state before
    /// a commit that returned, in any server, before this was called.
    ///
    /// A database on another machine is asked at once if `is_needed`, or if it has replicas, together with the other requests that came before the
    /// question was sent.
    pub async fn version_of_request(&self, is_needed: impl FnOnce() -> bool) -> RequestVersion<'_> {
        match &self.engine {
            Engine::File(file) => {
                drop(is_needed);
                RequestVersion(Known::Lazily(file))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => {
                RequestVersion(Known::Already(if database.has_replicas() || is_needed() {
                    database.current_version().await
                } else {
                    None
                }))
            }
        }
    }

    /// Returns what identifies the last commit to the file by any program, without a query and without waiting. `None` if
    /// that is unknown, as while a commit is being made.
    pub fn last_commit(&self) -> Option<Commit> {
        match &self.engine {
            Engine::File(file) => file.last_commit(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => None,
        }
    }

    /// Runs `write` in one transaction, commits it if `write` succeeds, and rolls it back if it fails. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if `write` fails, if the store is open for reading only, if the transaction cannot begin or be committed, or
    /// with [`StoreError::Closed`] after [`Store::interrupt_writes`].
    pub fn write<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_queued(self.queue_write(), write)
    }

    /// Queues a write of a request, which waits for 5 seconds in all, from now on.
    pub fn queue_write(&self) -> QueuedWrite {
        QueuedWrite::new(&self.writes, Patience::Request)
    }

    /// Does the same as [`queue_write`](Self::queue_write) for a write that belongs to a large upload, whose client waits
    /// longer: it is refused after 30 seconds.
    pub fn queue_write_of_upload(&self) -> QueuedWrite {
        QueuedWrite::new(&self.writes, Patience::Upload)
    }

    /// Does the same as [`write`](Self::write) for a command whose user waits: beside programs that write without pause,
    /// the transaction begins after a minute at the latest, or fails.
    ///
    /// # Errors
    ///
    /// Fails like [`write`](Self::write).
    pub fn write_patiently<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let queued = QueuedWrite::new(&self.writes, Patience::Command);
        self.write_queued(queued, write)
    }

    /// Does the same as [`write`](Self::write) for a write that [`queue_write`](Self::queue_write) returned.
    ///
    /// # Errors
    ///
    /// Fails like [`write`](Self::write), and with [`StoreError::Busy`] if another program keeps the file locked until the
    /// deadline of `queued`.
    pub fn write_queued<T, E: From<StoreError>>(
        &self,
        queued: QueuedWrite,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.engine {
            Engine::File(file) => file.write_queued(queued, write),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => database.write(queued, write),
        }
    }

    /// Waits for a write that runs on another thread.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::OutcomeUnknown`] if the server of the database stops answering meanwhile.
    pub async fn while_it_answers<T>(
        &self,
        write: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        match &self.engine {
            Engine::File(_) => Ok(write.await),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => {
                let silent = || StoreError::OutcomeUnknown("its server does not answer".into());
                database.while_it_answers(write).await.ok_or_else(silent)
            }
        }
    }

    /// Returns whether the write-ahead log is half as long as it may be. A read that lasts long should end then: no write
    /// begins while the log has its largest size, and only the end of all older reads lets it be cut.
    pub fn is_log_long(&self) -> bool {
        match &self.engine {
            Engine::File(file) => file.is_log_long(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => false,
        }
    }

    /// Returns what the database is doing. Looks at the size of a file, which may block.
    pub fn activity(&self) -> StoreActivity {
        let writer = self.writes.counters();
        match &self.engine {
            Engine::File(file) => StoreActivity {
                waiting_reads: file.waiting_reads(),
                writer,
                log_bytes: file.log_bytes(),
                replicas: ReplicaCounters::default(),
            },
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => StoreActivity {
                waiting_reads: database.waiting_reads(),
                writer,
                log_bytes: 0,
                replicas: database.replica_counters(),
            },
        }
    }

    /// Breaks off the reads that have not ended, and all later ones: they fail with [`StoreError::Closed`].
    pub fn break_off_reads(&self) {
        self.ending.send_replace(true);
    }

    /// Makes the running write fail with [`StoreError::Closed`], and all later ones; what they wrote is rolled back. A
    /// commit that has begun may still succeed.
    ///
    /// A write that runs no statement at the moment, as while it parses a seed, fails at its next change. Call this again
    /// until the write has ended, so that a statement that only reads is interrupted too.
    pub fn interrupt_writes(&self) {
        match &self.engine {
            Engine::File(file) => file.interrupt_writes(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => database.interrupt_writes(),
        }
    }

    /// Returns what becomes of a write that has not ended when the process ends: a clause.
    pub fn outcome_of_unended_write(&self) -> &'static str {
        match &self.engine {
            Engine::File(_) => "what it wrote is rolled back at the next start",
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => "it is unknown whether it was stored: look before you repeat it",
        }
    }

    /// Runs the reads that are queued, moves the write-ahead log into the file, and closes the file. On a full disk the log
    /// stays beside the file, and the next program that opens the file moves it.
    ///
    /// # Errors
    ///
    /// Fails if the log cannot be moved for another reason, or the file cannot be closed.
    pub fn close(self) -> Result<Closed, StoreError> {
        match self.engine {
            Engine::File(file) => file.close(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(database) => {
                database.close();
                Ok(Closed::Whole)
            }
        }
    }
}
