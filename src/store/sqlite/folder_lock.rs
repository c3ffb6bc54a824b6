//! A lock on the folder of a database, for steps that two programs must not do at the same time and for which SQLite
//! has no lock that waits.

use std::fs::File;
use std::io::{self, ErrorKind};
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

/// Waits until the name of the file at `path` is on the disk.
pub(in crate::store) fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder_of(path)) {
        // A folder can be writable and not readable.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => sync_file_system(path),
        folder => folder?.sync_all(),
    }
}

#[cfg(target_os = "linux")]
fn sync_file_system(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// Returns the folder of the file at `path`.
pub(in crate::store) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
