//! The SQLite file: told, made, opened; its readers and its one writer. Only this room names rusqlite.

mod error;
mod snapshot;
mod sqlite;
mod transaction;
mod version;

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, MAIN_DB, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error_text::os_error;
pub use error::StoreError;
pub use snapshot::{Row, Snapshot, Value};
pub use sqlite::check::{CheckReport, check, sqlite_version};
use sqlite::connect::{connect, pool, refuse_wal, watcher};
use sqlite::identify::{FileState, beside, identify};
use sqlite::readers::{self, Readers};
use sqlite::wal_index::WalIndex;
use sqlite::{create, read_only, schema};
pub use transaction::Transaction;
pub use version::Version;
use version::VersionCache;

/// Every table, index, trigger and check, as a new file gets them.
const SCHEMA: &str = include_str!("../schema.sql");
/// `CFpk`: marks a file as ours.
const APPLICATION_ID: u32 = 0x4346_706B;
/// The version of `schema.sql`.
const SCHEMA_VERSION: u32 = 1;
/// How often, and after how many milliseconds at least, a closed file is looked at again for what it should not have left.
const SWEEPS: u32 = 3;
const SWEEP_PAUSE: u64 = 5;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading and writing.
    ReadWrite,
    /// For reading, beside others who may write.
    ReadOnly,
    /// For reading a file that nobody writes: no locks, no `-wal`, no `-shm`; works on a read-only file system.
    Immutable,
}

/// How much a commit is worth once it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power cut (`synchronous=FULL`).
    Full,
    /// It need not survive the process: for private temporary files (`synchronous=OFF`).
    Off,
}

/// An open database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    opened: OpenMode,
    // Dropped in this order: the readers end before the writer checkpoints.
    readers: Option<Readers>,
    watchers: Vec<Mutex<(Connection, VersionCache)>>,
    writer: Option<Mutex<Connection>>,
    /// Reads nothing; its end removes what reading made beside the file.
    keeper: Option<Mutex<Connection>>,
    wal_index: WalIndex,
}

impl Store {
    /// Makes the database at `path` if nothing (or an empty file) is there, filled by `fill`, which may refuse:
    /// then nothing is left. Answers whether it was made; a database that is there, or that another process made while
    /// this one was filled, is left as it is.
    pub fn create<E: From<StoreError>>(
        path: &Path,
        fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        match identify(path)? {
            FileState::Ours => Ok(false),
            FileState::Empty => create::fill_empty(path, fill),
            FileState::Absent => create::create(path, fill),
        }
    }

    /// Copies the database at `from`, which nobody writes meanwhile, to `to`, where nothing is; `from` is not opened
    /// by SQLite, so that nothing of it changes. What still lies in a write-ahead log beside it comes along.
    pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
        if identify(from)? != FileState::Ours {
            return Err(StoreError::file(
                from,
                "holds nothing to copy; name a database",
            ));
        }
        let copy = |suffix: &str| -> std::io::Result<()> {
            let (from, to) = (beside(from, suffix), beside(to, suffix));
            let mut to = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(to)?;
            std::io::copy(&mut std::fs::File::open(from)?, &mut to).map(|_| ())
        };
        let wal = beside(from, "-wal").exists().then_some("-wal");
        std::iter::once("")
            .chain(wal)
            .try_for_each(copy)
            .map_err(|error| {
                StoreError::file(from, format!("cannot be copied: {}", os_error(&error)))
            })
    }

    /// Opens the database at `path`, which must be there and ours.
    pub fn open(path: &Path, opened: OpenMode, durability: Durability) -> Result<Self, StoreError> {
        Self::try_open(path, opened, durability).map_err(|error| error.at(path))
    }

    /// Opens for reading beside others; where that cannot be done (a read-only file system), as an immutable file.
    pub fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        // SQLite needs to make `-shm` beside a file in WAL mode; where it cannot, nobody else can write either.
        match Self::try_open(path, OpenMode::ReadOnly, Durability::Full) {
            Err(StoreError::CannotOpen(_)) => {
                Self::open(path, OpenMode::Immutable, Durability::Full)
            }
            other => other.map_err(|error| error.at(path)),
        }
    }

    fn try_open(path: &Path, opened: OpenMode, durability: Durability) -> Result<Self, StoreError> {
        if identify(path)? != FileState::Ours {
            return Err(nothing_there(path));
        }
        let first = match opened {
            OpenMode::ReadWrite => {
                let connection = connect(path, opened)?;
                // SQLite is content to read where it may not write.
                if connection.is_readonly(MAIN_DB)? {
                    return Err(StoreError::CannotOpen("it cannot be written".into()));
                }
                connection
            }
            OpenMode::ReadOnly => read_only::beside_others(path)?,
            OpenMode::Immutable => {
                refuse_wal(path)?;
                connect(path, opened)?
            }
        };
        let faults = schema::differences(&first)?;
        if let Some(fault) = faults.first() {
            return Err(StoreError::file(
                path,
                format!("has {fault}; `cf-packages check` names every difference"),
            ));
        }
        let (mut writer, mut keeper) = (None, None);
        if opened == OpenMode::ReadWrite {
            let synchronous = match durability {
                Durability::Full => "full",
                Durability::Off => "off",
            };
            first.execute_batch(&format!("pragma synchronous = {synchronous}"))?;
            writer = Some(Mutex::new(first));
        } else {
            keeper = Some(Mutex::new(first));
        }
        let wal_index = WalIndex::of(path);
        let readers = Readers::start(&pool(path, opened))?;
        let watchers = (0..readers::count())
            .map(|_| watcher(path, opened).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            opened,
            readers: Some(readers),
            watchers,
            wal_index,
            writer,
            keeper,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it was opened.
    pub fn opened(&self) -> OpenMode {
        self.opened
    }

    /// Runs `read` over one snapshot, on a thread that may block.
    pub async fn read<T, E>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.submit(read, move |result| {
            let _ = answer.send(result);
        })?;
        answered.await.unwrap_or_else(|_| Err(lost().into()))
    }

    /// Runs `read` over one snapshot and waits for it. For programs without an async runtime.
    pub fn read_blocking<T, E>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = std::sync::mpsc::channel();
        self.submit(read, move |result| {
            let _ = answer.send(result);
        })?;
        answered.recv().unwrap_or_else(|_| Err(lost().into()))
    }

    fn submit<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
        answer: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.readers
            .as_ref()
            .ok_or(StoreError::Closed)?
            .submit(Box::new(move |connection, version_cache| {
                readers::snapshot(connection, version_cache, read, answer);
            }))
    }

    /// What the data is of at this moment, told in microseconds on the thread that asks; `None` if that needs waiting.
    pub fn version_now(&self) -> Option<Version> {
        self.wal_index.version(|| {
            let watcher = self
                .watchers
                .iter()
                .find_map(|watcher| watcher.try_lock().ok())?;
            let (connection, version_cache) = &*watcher;
            version_cache.version(connection).ok()
        })
    }

    /// Runs `write` in one transaction, committed if it succeeds and undone if it does not. Blocks.
    pub fn write<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let writer = self.writer.as_ref().ok_or_else(|| {
            StoreError::file(&self.path, "is open for reading only; nothing was written")
        })?;
        let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let answer = write(&Transaction::new(&transaction, &VersionCache::default()))?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(answer)
    }

    /// Ends the readers, moves the write-ahead log into the file, closes it.
    pub fn close(mut self) -> Result<(), StoreError> {
        drop(self.readers.take());
        self.watchers.clear();
        if let Some(writer) = self.writer.take() {
            let connection = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Beside other programs that read, SQLite would wait for a moment without any of them, and keep all who
            // write waiting too. Whoever closes last does what is left over.
            connection.busy_timeout(Duration::ZERO)?;
            connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
            connection
                .close()
                .map_err(|(_, error)| StoreError::from(error))?;
            self.sweep()?;
        }
        if let Some(keeper) = self.keeper.take() {
            let connection = keeper.into_inner().unwrap_or_else(PoisonError::into_inner);
            connection
                .close()
                .map_err(|(_, error)| StoreError::from(error))?;
        }
        Ok(())
    }
}

impl Store {
    /// Two programs that close the file at the same moment may each take the other for the last one, and leave an
    /// empty `-wal` behind: looks again, as if it had only been open for a moment.
    fn sweep(&self) -> Result<(), StoreError> {
        let real = self
            .path
            .canonicalize()
            .unwrap_or_else(|_| self.path.clone());
        for _ in 0..SWEEPS {
            if !beside(&real, "-wal").exists() {
                break;
            }
            // Programs that meet here must not meet again.
            let apart = u64::from(std::process::id() % 13);
            std::thread::sleep(Duration::from_millis(SWEEP_PAUSE + apart));
            let connection = connect(&self.path, OpenMode::ReadWrite)?;
            connection.busy_timeout(Duration::ZERO)?;
            // Whether it can be read now is not the question; that it was opened is what its end cleans up.
            let _ = connection.query_row("select id from versions", [], |_| Ok(()));
            drop(connection);
        }
        Ok(())
    }
}

/// A fault in the closure itself: a bug, told as an error so that one request fails and not the server.
fn lost() -> StoreError {
    StoreError::Sqlite("a read ended without an answer".into())
}

/// What a file says that was to be there, and is not, or is empty.
fn nothing_there(path: &Path) -> StoreError {
    let state = match std::fs::metadata(path) {
        Ok(_) => "is empty; `cf-packages seed` or `serve` fills it",
        Err(_) => "does not exist; `cf-packages seed` or `serve` creates it",
    };
    StoreError::file(path, state)
}
