//! Temporary databases that are removed at exit, each in a private folder, and databases with seeds applied.
//!
//! A server holds a lock on a file in its folder. A later server removes the folders whose lock is free: their servers
//! were killed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error_text::os_error;
use crate::seed::{self, SeedError, Source};
use crate::store::{Durability, OpenMode, Store, StoreError};

/// The beginning of the folders' names; a random part follows.
const PREFIX: &str = "cf-packages-";
/// The file in each folder that its server keeps locked.
const LOCK: &str = "lock";

/// A temporary database. Close or drop the store before the folder.
#[derive(Debug)]
pub struct Ephemeral {
    /// The database.
    pub store: Store,
    /// A copy of the database as it was at the start.
    pub start: PathBuf,
    /// The folder of both; it is removed with everything in it when this is dropped.
    pub folder: Folder,
}

/// A private temporary folder (mode 0700) with a lock.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Ephemeral {
    /// Creates a temporary database, empty or as a copy of `from`, and applies the seeds. `now` is the time of entries
    /// without one, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be created, if `from` cannot be copied, or if a seed is refused.
    pub fn new(from: Option<&Path>, seeds: &[Source], now: i64) -> Result<Self, SeedError> {
        remove_abandoned_folders();
        let folder = Folder::new()?;
        let file = folder.folder.path().join("packages.db");
        if let Some(from) = from {
            Store::copy(from, &file)?;
        }
        let store = open_seeded(&file, seeds, now, Durability::Off)?;
        // Closing moves everything into the file itself, so that copying it copies all data.
        store.close()?;
        let start = folder.folder.path().join("start.db");
        fs::copy(&file, &start).map_err(|error| no_folder(&error))?;
        Ok(Self {
            store: Store::open(&file, OpenMode::ReadWrite, Durability::Off)?,
            start,
            folder,
        })
    }
}

/// Opens the database at `file`, which is created if it does not exist, and applies the seeds. `now` is the time of
/// entries without one, in seconds since 1970.
///
/// # Errors
///
/// Fails if the file cannot be opened, or if a seed is refused. Then nothing is changed, and no file is created.
pub fn open_seeded(
    file: &Path,
    seeds: &[Source],
    now: i64,
    durability: Durability,
) -> Result<Store, SeedError> {
    let mut has_read_seeds = false;
    let created = Store::create(file, |transaction| {
        has_read_seeds = true;
        seed::apply(transaction, seeds, now).map(drop)
    })?;
    // Another program created the file at the same time. Standard input cannot be read a second time.
    if has_read_seeds && !created && seeds.iter().any(Source::is_read_once) {
        return Err(StoreError::made_meanwhile(file).into());
    }
    let store = Store::open(file, OpenMode::ReadWrite, durability)?;
    if !created && !seeds.is_empty() {
        store.write(|transaction| seed::apply(transaction, seeds, now))?;
    }
    Ok(store)
}

impl Folder {
    fn new() -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| no_folder(&error))?;
        // The file gets its name after it is locked, so that no other server finds it unlocked.
        let unnamed = folder.path().join("lock.new");
        let lock = File::create(&unnamed)
            .and_then(|lock| lock.lock().map(|()| lock))
            .and_then(|lock| fs::rename(&unnamed, folder.path().join(LOCK)).map(|()| lock))
            .map_err(|error| no_folder(&error))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }
}

/// Removes the folders of servers that were killed.
fn remove_abandoned_folders() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let has_prefix = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if has_prefix && is_folder && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the server of a folder has ended. A folder without a lock file is being created; the lock file of another
/// user cannot be opened.
fn is_abandoned(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

fn no_folder(error: &io::Error) -> StoreError {
    let text = os_error(error);
    StoreError::file(
        &std::env::temp_dir(),
        format!(
            "cannot hold a temporary folder: {text}; set TMPDIR to a folder that can be written"
        ),
    )
}
