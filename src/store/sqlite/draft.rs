//! A file that is written under another name first, so that no program sees half of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::folder_lock::folder_of;
use super::identify::beside;

/// A file of mode 0600 that is removed when this is dropped, together with what SQLite keeps beside it.
#[derive(Debug)]
pub(super) struct Draft(PathBuf);

impl Draft {
    /// Creates an empty file with that path. The path must not exist.
    pub(super) fn create(path: PathBuf) -> io::Result<(Self, File)> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((Self(path), file))
    }

    /// Returns the path of the draft.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Syncs the file and renames it to `path`. Returns `false` and changes nothing if `path` exists.
    pub(super) fn publish(self, path: &Path) -> io::Result<bool> {
        File::open(&self.0)?.sync_all()?;
        match fs::hard_link(&self.0, path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            // The file system has no hard links. Another program could create the file between these two steps.
            Err(_) if !path.exists() => fs::rename(&self.0, path)?,
            Err(error) => return Err(error),
        }
        File::open(folder_of(path))?.sync_all()?;
        Ok(true)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}
