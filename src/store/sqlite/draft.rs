//! A file that is written under another name first, so that no program sees half of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::folder_lock::sync_folder;
use super::identify::{BEING_FILLED, MAGIC, SIDE_FILES, beside};

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
        sync_folder(path)?;
        Ok(true)
    }

    /// Overwrites `file` with the draft. The file gets the header of a database last, so that after a crash it still
    /// counts as one that is to be filled.
    pub(super) fn copy_into(&self, mut file: &File) -> io::Result<()> {
        let mut draft = File::open(&self.0)?;
        file.set_len(0)?;
        file.write_all_at(BEING_FILLED, 0)?;
        let start = SeekFrom::Start(MAGIC.len() as u64);
        draft.seek(start)?;
        file.seek(start)?;
        io::copy(&mut draft, &mut file)?;
        file.sync_all()?;
        file.write_all_at(MAGIC, 0)?;
        file.sync_all()
    }
}

/// Returns whether a file of that name belongs to the database `database`: the database itself, a draft of it, or a file
/// that SQLite keeps beside either.
pub fn is_file_of(name: &[u8], database: &[u8]) -> bool {
    let without_suffix = SIDE_FILES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix.as_bytes()))
        .unwrap_or(name);
    without_suffix == database || is_draft_name(without_suffix, database)
}

/// Returns whether a draft of `database` has that name: `DATABASE.ID.new`, where `ID` is 32 hexadecimal digits.
fn is_draft_name(name: &[u8], database: &[u8]) -> bool {
    let id = name
        .strip_prefix(database)
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| rest.strip_suffix(b".new"));
    id.is_some_and(|id| {
        id.len() == 32
            && id
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        for suffix in SIDE_FILES {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}
