//! What is at a path, found out before SQLite opens it: by its kind and by its header, the first 100 bytes
//! (<https://sqlite.org/fileformat2.html#the_database_header>).
//!
//! Must be called before this process has a connection to the file: to close another descriptor of the file drops
//! SQLite's locks on it (<https://sqlite.org/howtocorrupt.html>, §2.2).

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::draft::drafts_of_same_file;
use super::header::Header;
use super::rollback_journal::{RollbackJournal, refuse_foreign_journal};
use crate::error_text::os_error;
use crate::store::StoreError;
use crate::store::migrate::{self, SCHEMA_VERSION};

/// The first bytes of a database.
pub(in crate::store) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The first bytes of a file that is being filled with a database, instead of [`MAGIC`].
pub(in crate::store) const BEING_FILLED: &[u8; 16] = b"cf-packages new\0";
/// The files that SQLite keeps beside a database.
pub(in crate::store) const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What is at a path that this program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum FileState {
    /// No file.
    Absent,
    /// An empty file, as container runtimes create it for a mount, or a file that was not filled to the end.
    Empty,
    /// A database of this program.
    Ours {
        /// The version of its schema, from 1 to the current one. The write-ahead log may hold a later one.
        schema: u32,
    },
}

/// Returns what is at `path`. Does not change it.
///
/// # Errors
///
/// Fails if it is not a database of this program or of this schema, cannot be read, or has a second hard link.
pub(in crate::store) fn identify(path: &Path) -> Result<FileState, StoreError> {
    let state = read_state(path)?;
    if state != FileState::Absent {
        refuse_second_link(path)?;
    }
    Ok(state)
}

/// Fails if the file has another name than `path` and those of its drafts. SQLite keeps a `-wal` and a `-shm` for each name,
/// and programs that use two names do not see each other's commits (<https://sqlite.org/howtocorrupt.html>, §2.6).
fn refuse_second_link(path: &Path) -> Result<(), StoreError> {
    let links = || fs::metadata(path).map_or(1, |metadata| metadata.nlink());
    if links() == 1 {
        return Ok(());
    }
    // A program may be removing the draft: it is counted before the links are.
    let drafts = drafts_of_same_file(path);
    let links = links();
    if links <= 1 + drafts {
        return Ok(());
    }
    Err(StoreError::file(
        path,
        format!(
            "is one of {links} hard links to one file, and SQLite keeps a `-wal` for each name, so that commits get lost; keep one name, the one with a `-wal` if there is any, and replace the others by symbolic links to it"
        ),
    ))
}

fn read_state(path: &Path) -> Result<FileState, StoreError> {
    let fault = |text: String| Err(StoreError::file(path, text));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return absent(path),
        Err(error) => return fault(format!("cannot be read: {}", os_error(&error))),
    };
    if metadata.is_dir() {
        return fault("is a directory; name a file in it".into());
    }
    if is_special(&metadata) {
        return fault("is not a regular file; name a file that can hold a database".into());
    }
    for suffix in SIDE_FILES {
        let beside = beside(path, suffix);
        if fs::metadata(&beside).is_ok_and(|metadata| is_special(&metadata)) {
            return fault(format!(
                "cannot be opened while `{}` is not a regular file; remove that",
                beside.display()
            ));
        }
    }
    if metadata.len() == 0 {
        return Ok(FileState::Empty);
    }
    let mut header = [0; 100];
    let unreadable = |error: std::io::Error| {
        StoreError::file(path, format!("cannot be read: {}", os_error(&error)))
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut length = 0;
    while length < header.len() {
        match file.read(&mut header[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    if header.starts_with(BEING_FILLED)
        || (header == [0; 100] && is_journal_of_nothing(&beside(path, "-journal")))
    {
        return Ok(FileState::Empty);
    }
    if !header[..length].starts_with(MAGIC) {
        return fault("is not an SQLite database; name another file".into());
    }
    if length < header.len() {
        return fault("is cut short; restore it from a copy or an export".into());
    }
    let header = Header(header);
    if !header.is_ours() {
        return fault(format!(
            "belongs to another program (application id 0x{:08x}); name another file",
            header.application()
        ));
    }
    let version = header.schema();
    if !(1..=SCHEMA_VERSION).contains(&version) {
        migrate::require_current(path, version)?;
    }
    // A journal holds pages that the file lacks.
    let has_journal = refuse_foreign_journal(path)?;
    let needed = header.page_size() * u64::from(header.pages().unwrap_or(0));
    if !has_journal && metadata.len() < needed && !is_being_filled(path, needed) {
        return fault(format!(
            "is cut short ({} of {needed} bytes); restore it from a copy or an export",
            metadata.len()
        ));
    }
    Ok(FileState::Ours { schema: version })
}

/// Returns whether it is a pipe, a socket or a device. To open one could wait without end.
fn is_special(metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device()
}

/// Returns whether the file is the rollback journal of a transaction before which the database had 0 pages
/// (<https://sqlite.org/fileformat2.html#the_rollback_journal>). Release 0.1.0, when it was killed while it filled an
/// empty file, left such a journal, and a file whose first page was not written yet.
pub(in crate::store) fn is_journal_of_nothing(journal: &Path) -> bool {
    RollbackJournal::open(journal).is_some_and(|journal| journal.pages_before() == 0)
}

/// Returns whether the header of the file says how long the file is. If so, [`identify`] refuses a part of it.
pub(in crate::store) fn says_its_length(path: &Path) -> bool {
    let mut header = [0; 100];
    // The open of a pipe would wait.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut read = || File::open(path).and_then(|mut file| file.read_exact(&mut header));
    is_file && read().is_ok() && Header(header).pages().is_some()
}

/// Returns whether the pages that are missing in the file are in its write-ahead log. Pages are copied to the file one
/// by one, the header first: the file is shorter than its header says while another program does this, and after a
/// crash.
fn is_being_filled(path: &Path, needed: u64) -> bool {
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    length(&beside(path, "-wal")) > 0 || length(path) >= needed
}

/// Checks that a file can be created at `path`, where none is.
fn absent(path: &Path) -> Result<FileState, StoreError> {
    if path.symlink_metadata().is_ok() {
        return Err(StoreError::file(
            path,
            "is a symbolic link to a file that is not there; make that file, or name it",
        ));
    }
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() || parent.is_dir() => Ok(FileState::Absent),
        Some(parent) => Err(StoreError::file(
            path,
            format!(
                "cannot be made: there is no folder `{}`; make it first",
                parent.display()
            ),
        )),
        None => Err(StoreError::file(path, "names no file")),
    }
}

/// Calls `use_file` with the path of the file that `path` leads to, which is another one if it is a symbolic link.
/// SQLite keeps its files beside that file. Errors name `path`.
pub(in crate::store) fn at_real_path<T>(
    path: &Path,
    use_file: impl FnOnce(&Path) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let real = real_path(path);
    use_file(&real).map_err(|error| error.at_given(path, &real))
}

/// Returns the path of the file that `path` leads to. A link that leads nowhere is returned as it is; [`identify`]
/// refuses it.
pub(in crate::store) fn real_path(path: &Path) -> PathBuf {
    if path.is_symlink() {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    } else {
        path.to_owned()
    }
}

/// Returns the path of a file beside the file at `path`, as those that SQLite keeps there: `-wal`, `-shm`.
pub(in crate::store) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the error for a path where a database must be, and there is no file or an empty one.
pub(in crate::store) fn missing_file_error(path: &Path) -> StoreError {
    let state = match fs::metadata(path) {
        Ok(_) => "is empty; `cf-packages seed` or `serve` fills it",
        Err(_) => "does not exist; `cf-packages seed` or `serve` creates it",
    };
    StoreError::file(path, state)
}
