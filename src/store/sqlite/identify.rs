//! What lies at a path, told from its first 100 bytes before SQLite ever opens it.
//!
//! Only called before the first connection to the file: closing a descriptor later would drop SQLite's locks.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::error_text::os_error;
use crate::store::{APPLICATION_ID, SCHEMA_VERSION, StoreError};

/// What lies at a path that we may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum FileState {
    /// Nothing.
    Absent,
    /// A regular file of 0 bytes, as a mounted volume makes it, or one whose filling was broken off.
    Empty,
    /// A database of this program and this schema version, as far as its header tells.
    Ours,
}

/// Tells what lies at `path`; anything that is not ours to use is an error, and left as it is.
pub(in crate::store) fn identify(path: &Path) -> Result<FileState, StoreError> {
    let fault = |text: String| Err(StoreError::file(path, text));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return absent(path),
        Err(error) => return fault(format!("cannot be read: {}", os_error(&error))),
    };
    let kind = metadata.file_type();
    if kind.is_dir() {
        return fault("is a directory; name a file in it".into());
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        return fault("is not a regular file; name a file that can hold a database".into());
    }
    if metadata.len() == 0 || was_never_filled(path) {
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
    const MAGIC: &[u8] = b"SQLite format 3\0";
    if !header[..length].starts_with(MAGIC) {
        return fault("is not an SQLite database; name another file".into());
    }
    if length < header.len() {
        return fault("is cut short; restore it from a copy or an export".into());
    }
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let application = number(68);
    if application != APPLICATION_ID {
        return fault(format!(
            "belongs to another program (application id 0x{application:08x}); name another file"
        ));
    }
    let version = number(60);
    if version > SCHEMA_VERSION {
        return fault(format!(
            "was made by a newer cf-packages (schema {version}, this program knows {SCHEMA_VERSION}); upgrade the program"
        ));
    }
    if version < SCHEMA_VERSION {
        return fault(format!(
            "has schema {version}, which no release of cf-packages made (this program knows {SCHEMA_VERSION}); restore it from a copy or an export"
        ));
    }
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // The page count in the header holds only when the two counters agree.
    let needed = page_size * u64::from(number(28));
    if number(24) == number(92) && metadata.len() < needed && !is_being_filled(path, needed) {
        return fault(format!(
            "is cut short ({} of {needed} bytes); restore it from a copy or an export",
            metadata.len()
        ));
    }
    Ok(FileState::Ours)
}

/// Whether the file's first transaction was broken off, so that nothing in it counts: the rollback journal that was
/// left beside it goes back to 0 pages. A later transaction of ours has no such journal.
fn was_never_filled(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let journal = beside(path, "-journal");
    let mut header = [0; 20];
    fs::metadata(&journal).is_ok_and(|metadata| metadata.is_file())
        && File::open(journal).is_ok_and(|mut journal| journal.read_exact(&mut header).is_ok())
        && header.starts_with(&MAGIC)
        && header[16..] == [0; 4]
}

/// Whether what a file lacks lies in its write-ahead log, from which it is moved page by page, the header first: while
/// another program does this, and after a crash in the midst of it. Once the log is empty, nothing is lacking.
fn is_being_filled(path: &Path, needed: u64) -> bool {
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    length(&beside(path, "-wal")) > 0 || length(path) >= needed
}

/// Nothing is there; but a folder must be, for a file to be made in.
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

/// The path of a file that SQLite keeps beside the database: `-wal`, `-shm`.
pub(in crate::store) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
