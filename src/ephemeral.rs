//! Databases that are gone at exit: each in a private temporary folder that tells whether its server still lives.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::seed::{self, SeedError, Source};
use crate::store::{Durability, OpenMode, Store, StoreError};

/// What the folders are called, before a random part.
const PREFIX: &str = "cf-packages-";
/// Locked by the server that lives in the folder, as long as it lives.
const LOCK: &str = "lock";

/// A private database: drop the store, or close it, before the folder.
#[derive(Debug)]
pub struct Ephemeral {
    /// The database.
    pub store: Store,
    /// A copy of it as it was at the start.
    pub start: PathBuf,
    /// Where both are; removed with everything in it when this is dropped.
    pub folder: Folder,
}

/// A private folder, 0700.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Ephemeral {
    /// A new database, empty or a copy of `from`, with the seeds applied. `now` is the time of what gives none.
    pub fn new(from: Option<&Path>, seeds: &[Source], now: i64) -> Result<Self, SeedError> {
        remove_abandoned();
        let folder = Folder::new()?;
        let file = folder.folder.path().join("packages.db");
        if let Some(from) = from {
            Store::copy(from, &file)?;
        }
        let store = seeded(&file, seeds, now, Durability::Off)?;
        // Closed in between, so that the file is all there is to copy.
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

/// Opens the database at `file`, made if it is not there, with the seeds applied: all of them, or nothing is changed
/// and nothing is made.
pub fn seeded(
    file: &Path,
    seeds: &[Source],
    now: i64,
    durability: Durability,
) -> Result<Store, SeedError> {
    let mut tried = false;
    let created = Store::create(file, |transaction| {
        tried = true;
        seed::apply(transaction, seeds, now).map(drop)
    })?;
    // Another program was faster: what was filled is gone, and standard input with it.
    if tried && !created && seeds.iter().any(Source::is_read_once) {
        return Err(StoreError::made_meanwhile(file).into());
    }
    let store = Store::open(file, OpenMode::ReadWrite, durability)?;
    if !created && !seeds.is_empty() {
        store.write(|transaction| seed::apply(transaction, seeds, now))?;
    }
    Ok(store)
}

impl Folder {
    /// A new folder, 0700, whose lock tells that its server lives.
    fn new() -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| no_folder(&error))?;
        // Locked before it has its name: nobody meets a lock of ours that nobody holds.
        let draft = folder.path().join("lock.new");
        let lock = File::create(&draft)
            .and_then(|lock| lock.lock().map(|()| lock))
            .and_then(|lock| fs::rename(&draft, folder.path().join(LOCK)).map(|()| lock))
            .map_err(|error| no_folder(&error))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }
}

/// Removes the folders of servers that were killed: those of our name whose lock nobody holds.
fn remove_abandoned() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if ours && is_folder && abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A folder without a lock is only just being made, and somebody else's file is not ours to open.
fn abandoned(folder: &Path) -> bool {
    let lock: PathBuf = folder.join(LOCK);
    File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok())
}

fn no_folder(error: &io::Error) -> StoreError {
    StoreError::file(
        &std::env::temp_dir(),
        format!(
            "holds no temporary folder: {}; set TMPDIR to a folder that can be written",
            crate::error_text::os_error(error)
        ),
    )
}
