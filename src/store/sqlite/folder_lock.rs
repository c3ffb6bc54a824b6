//! A lock on the folder of a database, for steps that two programs must not do at the same time and for which SQLite
//! has no lock that waits.

use std::fs::File;
use std::io;
use std::path::Path;

/// Locks the folder of the file at `path` until the returned value is dropped. Waits while another program holds the
/// lock.
///
/// Returns `None` if the file system has no such locks. Then the steps are still safe, but one of two programs that
/// take them at the same time may fail.
pub(in crate::store) fn lock_folder(path: &Path) -> Option<File> {
    let folder = File::open(folder_of(path)).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// Waits until the names of the files in the folder of the file at `path` are on the disk.
pub(in crate::store) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Returns the folder of the file at `path`.
fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
