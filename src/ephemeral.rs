//! Temporary databases that are removed at exit, each in a private folder, and databases with seeds applied.
//!
//! A server holds a lock on a file in its folder. A later server removes the folders whose lock is free: their servers
//! were killed. The folder for temporary files is shared with other programs and users, so nothing is removed that is
//! not provably such a folder.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::error_text::os_error;
use crate::seed::{self, OtherRows, SeedError, Source};
use crate::signals;
use crate::store::{Closed, Durability, Location, OpenMode, Store, StoreError, is_file_of};

/// The beginning of the folders' names; a random part follows.
const PREFIX: &str = "cf-packages-";
/// The mode of the folders.
const MODE: u32 = 0o700;
/// The set-group-ID bit. On Linux a new folder inherits it from its parent. It grants no access.
const SET_GROUP: u32 = 0o2000;
/// The file in each folder that its server keeps locked.
const LOCK: &str = "lock";
/// The name of that file until it is locked.
const UNLOCKED: &str = "lock.new";
/// What that file holds: it marks the folder as one of this program.
const MARKER: &str =
    "The folder of a cf-packages server, which removes it with all of these files.\n";
/// The database that is served.
const DATABASE: &str = "packages.db";
/// The copy of the database as it was at the start.
const START: &str = "start.db";

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
        let folder = Folder::new()?;
        if let Some(from) = from {
            Store::copy(from, &folder.database())?;
        }
        Self::in_folder(folder, from, seeds, now)
    }

    /// Creates a temporary database as a copy of what `bundle` carries, with a new token key, and applies the seeds as
    /// [`new`](Self::new) does.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be created, if the data is damaged, or if a seed is refused.
    pub fn of_bundle(bundle: &Bundle, seeds: &[Source], now: i64) -> Result<Self, SeedError> {
        Self::in_folder(Folder::of_bundle(bundle)?, None, seeds, now)
    }

    /// Opens the database in `folder`, which is perhaps a copy of `from`.
    fn in_folder(
        folder: Folder,
        from: Option<&Path>,
        seeds: &[Source],
        now: i64,
    ) -> Result<Self, SeedError> {
        let file = folder.database();
        let location = Location::File(file.clone());
        let store = open_seeded(&location, seeds, now, Durability::Off)
            .map_err(|error| at_source(error, &file, from))?;
        // Closing moves everything into the file itself, so that copying it copies all data.
        if let Closed::LogKept { cause, .. } = store.close()? {
            return Err(StoreError::CannotWrite(cause).into());
        }
        let start = folder.folder.path().join(START);
        copy(&file, &start).map_err(|error| no_folder(&error))?;
        Ok(Self {
            store: Store::open(&file, OpenMode::ReadWrite, Durability::Off)?,
            start,
            folder,
        })
    }
}

/// Returns an error about what is in `file`, a copy of `from`, as one about `from`, which is to be mended. That the copy
/// cannot be made, opened or written remains an error about `file`.
fn at_source(error: SeedError, file: &Path, from: Option<&Path>) -> SeedError {
    match (error, from) {
        (SeedError::Store(StoreError::File { path, fault }), Some(from))
            if path == file && !fault.starts_with("cannot be ") =>
        {
            StoreError::file(from, fault).into()
        }
        (error, _) => error,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    signals::copy(&mut File::open(from)?, &mut new_file(to)?)
}

/// Creates an empty file of mode 0600.
fn new_file(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Opens the database at `location`, which is created if it does not exist, and applies the seeds. `now` is the time of
/// entries without one, in seconds since 1970.
///
/// # Errors
///
/// Fails if it cannot be opened, or if a seed is refused. Then nothing is changed, and no database is created.
pub fn open_seeded(
    location: &Location,
    seeds: &[Source],
    now: i64,
    durability: Durability,
) -> Result<Store, SeedError> {
    try_open_seeded(location, seeds, now, durability).map_err(|error| error.at(location.shown()))
}

fn try_open_seeded(
    location: &Location,
    seeds: &[Source],
    now: i64,
    durability: Durability,
) -> Result<Store, SeedError> {
    let mut has_read_seeds = false;
    let created = location.create(|transaction| {
        has_read_seeds = true;
        seed::apply(transaction, seeds, OtherRows::Keep, now).map(drop)
    })?;
    // Another program created the file at the same time. Standard input cannot be read a second time.
    if has_read_seeds && !created && seeds.iter().any(Source::is_read_once) {
        return Err(StoreError::made_meanwhile(location.shown()).into());
    }
    let store = location.open(durability)?;
    if !created && !seeds.is_empty() {
        store
            .write_patiently(|transaction| seed::apply(transaction, seeds, OtherRows::Keep, now))?;
    }
    Ok(store)
}

impl Folder {
    /// Creates a folder without a database. Removes the folders of programs that were killed.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be created.
    pub fn new() -> Result<Self, StoreError> {
        remove_abandoned_folders();
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(MODE))
            .tempdir()
            .map_err(|error| no_folder(&error))?;
        // The file gets its name after it is locked, so that no other server finds it unlocked.
        let lock = locked_file(folder.path()).map_err(|error| no_folder(&error))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Creates a folder with the database that `bundle` carries, which gets a new token key.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be created, or if the data is damaged.
    pub fn of_bundle(bundle: &Bundle) -> Result<Self, StoreError> {
        let folder = Self::new()?;
        let database = folder.database();
        let file = new_file(&database).map_err(|error| no_folder(&error))?;
        bundle
            .write_database(&file)
            .map_err(|error| error.at(&database))?;
        Store::add_token_key(&database)?;
        Ok(folder)
    }

    /// Returns the path of the database in the folder.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE)
    }
}

fn locked_file(folder: &Path) -> io::Result<File> {
    let unlocked = folder.join(UNLOCKED);
    let mut lock = File::create_new(&unlocked)?;
    lock.lock()?;
    lock.write_all(MARKER.as_bytes())?;
    fs::rename(&unlocked, folder.join(LOCK))?;
    Ok(lock)
}

/// Removes the folders of servers that were killed.
fn remove_abandoned_folders() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            // What cannot be read or removed is left.
            let _ = remove_if_abandoned(&entry.path());
        }
    }
}

/// Removes a folder of a server of this user that has ended. Leaves every other file and folder as it is, and follows no
/// symbolic link.
fn remove_if_abandoned(path: &Path) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags | OFlags::DIRECTORY, Mode::empty())?;
    let folder = File::from(folder);
    let user = rustix::process::geteuid().as_raw();
    let metadata = folder.metadata()?;
    if metadata.uid() != user || metadata.mode() & !SET_GROUP & 0o7777 != MODE {
        return Ok(());
    }
    let open = |name| rustix::fs::openat(&folder, name, flags, Mode::empty());
    // A server that was killed before it renamed the file has made no other one. It wrote the marker with the lock held.
    let (lock_name, lock) = match open(LOCK) {
        Err(Errno::NOENT) => (UNLOCKED, open(UNLOCKED)?),
        opened => (LOCK, opened?),
    };
    let lock = File::from(lock);
    let metadata = lock.metadata()?;
    if !metadata.is_file() || metadata.uid() != user || !is_marker(&lock)? {
        return Ok(());
    }
    let folder_of_names = OwnedFd::from(folder.try_clone()?);
    let Some(names) = known_files(&folder_of_names, lock_name)? else {
        return Ok(());
    };
    if lock_name == UNLOCKED && !names.is_empty() {
        return Ok(());
    }
    if lock.try_lock().is_err() {
        return Ok(());
    }
    for name in &names {
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
    }
    // Last: a folder without it would not be removed if this program is killed now.
    rustix::fs::unlinkat(&folder, lock_name, AtFlags::empty())?;
    fs::remove_dir(path)
}

fn is_marker(lock: &File) -> io::Result<bool> {
    let mut text = Vec::new();
    lock.take(MARKER.len() as u64 + 1).read_to_end(&mut text)?;
    Ok(text == MARKER.as_bytes())
}

/// Returns the names of the files in the folder, other than that of the lock. `None` if there is one that a server does not
/// make.
fn known_files(folder: &OwnedFd, lock: &str) -> io::Result<Option<Vec<CString>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        let bytes = name.as_bytes();
        if matches!(bytes, b"." | b"..") || bytes == lock.as_bytes() {
            continue;
        }
        let status = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_known = bytes == UNLOCKED.as_bytes()
            || is_file_of(bytes, DATABASE.as_bytes())
            || is_file_of(bytes, START.as_bytes());
        if !is_known || FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        names.push(name);
    }
    Ok(Some(names))
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
