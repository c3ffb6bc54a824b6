//! A file that is written under another name first, so that no program sees half of it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::folder_lock::{folder_of, sync_folder};
use super::identify::{BEING_FILLED, MAGIC, SIDE_FILES, beside};
use super::open_file::Stamp;

/// How long ago an empty draft must have been made to count as left over: a program locks it a moment after it made it.
const LOCKED_WITHIN: Duration = Duration::from_secs(3600);

/// A file of mode 0600 that is removed when this is dropped, together with what SQLite keeps beside it.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    /// Locked, so that other programs know that this one is alive. Must be closed after SQLite has closed the file.
    file: File,
}

impl Draft {
    /// Creates an empty file with that path. The path must not exist.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let draft = Self { path, file };
        // Where there are no such locks, no program can lock the draft, and none takes it for left over.
        let _ = draft.file.lock();
        Ok(draft)
    }

    /// Returns the path of the draft.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the file and renames it to `path`. Returns `false` and changes nothing if `path` exists.
    pub(super) fn publish(self, path: &Path) -> io::Result<bool> {
        self.file.sync_all()?;
        match fs::hard_link(&self.path, path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            // The file system has no hard links. Another program could create the file between these two steps.
            Err(_) if !path.exists() => fs::rename(&self.path, path)?,
            Err(error) => return Err(error),
        }
        sync_folder(path)?;
        Ok(true)
    }

    /// Overwrites `file` with the draft. The file gets the header of a database last, so that after a crash it still
    /// counts as one that is to be filled.
    pub(super) fn copy_into(&self, mut file: &File) -> io::Result<()> {
        let mut draft = File::open(&self.path)?;
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

/// Removes the drafts of the file at `path` that programs left which were killed. What cannot be read or removed is left.
pub(in crate::store) fn remove_left_over(path: &Path) {
    let (Some(name), Ok(entries)) = (path.file_name(), fs::read_dir(folder_of(path))) else {
        return;
    };
    for entry in entries.flatten() {
        let entry_name = entry.file_name();
        let (draft, is_side_file) = without_suffix(entry_name.as_bytes());
        if !is_draft_name(draft, name.as_bytes()) {
            continue;
        }
        let draft = folder_of(path).join(OsStr::from_bytes(draft));
        // SQLite makes its files beside a draft only while the draft is there.
        let is_left_over = match draft.symlink_metadata() {
            Ok(_) => is_left_over(&draft, path).unwrap_or(false),
            Err(error) => is_side_file && error.kind() == ErrorKind::NotFound,
        };
        if is_left_over {
            remove(&draft);
        }
    }
}

/// Returns whether no program works on the draft of the file at `path`: the one that made it holds a lock on it, and
/// writes nothing to it before.
fn is_left_over(draft: &Path, path: &Path) -> io::Result<bool> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let stamp = Stamp::of(draft)?;
    if Stamp::of(path).is_ok_and(|published| published.is_same_file(&stamp)) {
        // The program was killed after it gave the file its name. To close the draft would drop locks on the file.
        return Ok(true);
    }
    let file = File::from(rustix::fs::open(draft, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    let is_written = metadata.len() > 0
        || SIDE_FILES
            .iter()
            .any(|suffix| beside(draft, suffix).exists());
    Ok(metadata.is_file()
        && file.try_lock().is_ok()
        && (is_written || stamp.is_older_than(LOCKED_WITHIN)))
}

/// Removes a draft and the files that SQLite keeps beside it.
fn remove(draft: &Path) {
    let _ = fs::remove_file(draft);
    for suffix in SIDE_FILES {
        let _ = fs::remove_file(beside(draft, suffix));
    }
}

/// Returns whether a file of that name belongs to the database `database`: the database itself, a draft of it, or a file
/// that SQLite keeps beside either.
pub fn is_file_of(name: &[u8], database: &[u8]) -> bool {
    let (name, _) = without_suffix(name);
    name == database || is_draft_name(name, database)
}

/// Returns the name without the suffix of a file that SQLite keeps beside a database, and whether it had one.
fn without_suffix(name: &[u8]) -> (&[u8], bool) {
    SIDE_FILES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix.as_bytes()))
        .map_or((name, false), |name| (name, true))
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
        remove(&self.path);
    }
}
