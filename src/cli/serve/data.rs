//! The database that is served: made if it is not there, copied if it is not to be touched, seeded, opened.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Settings;
use super::flags::Data;
use crate::cli::Failure;
use crate::http::Admin;
use crate::seed::{self, SeedError};
use crate::store::{Db, Durability, Opened, Store};

/// What the folders of ephemeral servers are called, before a random part.
const PREFIX: &str = "cf-packages-";
/// Locked by the server that lives in the folder, as long as it lives.
const LOCK: &str = "lock";

/// The database of a server.
pub(super) struct Served {
    pub store: Store,
    pub admin: Admin,
    /// The folder of an ephemeral server; gone when this is dropped, after the store is closed.
    pub folder: Option<Folder>,
}

/// A private folder that is removed with everything in it.
pub(super) struct Folder {
    folder: TempDir,
    _lock: File,
}

/// Opens the database with its seeds applied: all of them, or nothing is changed and nothing is made.
pub(super) fn open(settings: &Settings, now: i64) -> Result<Served, Failure> {
    let admin = if settings.admin_api {
        Admin::On
    } else {
        Admin::Off
    };
    match &settings.data {
        Data::File(file) => Ok(Served {
            store: seeded(file, settings, now, Durability::Full)?,
            admin,
            folder: None,
        }),
        Data::ReadOnly(file) => Ok(Served {
            store: Store::open(file, Opened::Immutable, Durability::Full)?,
            admin,
            folder: None,
        }),
        Data::Ephemeral(from) => ephemeral(from.as_deref(), settings, now),
    }
}

fn ephemeral(from: Option<&Path>, settings: &Settings, now: i64) -> Result<Served, Failure> {
    remove_abandoned();
    let folder = Folder::new()?;
    let file = folder.folder.path().join("packages.db");
    if let Some(from) = from {
        Store::copy(from, &file)?;
    }
    let store = seeded(&file, settings, now, Durability::Off)?;
    // What `reset` goes back to. The store was closed in between, so that the file is all there is.
    store.close()?;
    let start = folder.folder.path().join("start.db");
    fs::copy(&file, &start).map_err(|error| temporary(&error))?;
    Ok(Served {
        store: Store::open(&file, Opened::ReadWrite, Durability::Off)?,
        admin: Admin::Ephemeral { start },
        folder: Some(folder),
    })
}

fn seeded(
    file: &Path,
    settings: &Settings,
    now: i64,
    durability: Durability,
) -> Result<Store, Failure> {
    let mut applied = settings.seeds.is_empty();
    let mut apply = |db: &Db<'_>| {
        if !std::mem::replace(&mut applied, true) {
            seed::apply(db, &settings.seeds, now)?;
        }
        Ok::<_, SeedError>(())
    };
    Store::create(file, &mut apply)?;
    let store = Store::open(file, Opened::ReadWrite, durability)?;
    if !applied {
        store.write(|db| seed::apply(db, &settings.seeds, now))?;
    }
    Ok(store)
}

impl Folder {
    /// A new folder, 0700, whose lock tells that its server lives.
    fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir()
            .map_err(|error| temporary(&error))?;
        // Locked before it has its name: nobody meets a lock of ours that nobody holds.
        let draft = folder.path().join("lock.new");
        let lock = File::create(&draft)
            .and_then(|lock| lock.lock().map(|()| lock))
            .and_then(|lock| fs::rename(&draft, folder.path().join(LOCK)).map(|()| lock))
            .map_err(|error| temporary(&error))?;
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

fn temporary(error: &io::Error) -> Failure {
    Failure::Failed(format!(
        "no temporary folder in `{}`: {}; set TMPDIR to one that can be written",
        std::env::temp_dir().display(),
        crate::store::plain_error(error)
    ))
}
