//! The copy of a file that is kept when the file is migrated.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::identify::beside;
use super::reserved_name::UNFINISHED;
use crate::error_text::os_error;
use crate::signals;
use crate::store::StoreError;

/// Copies `file` to `path`, with mode 0600. The copy is whole and on the disk before it has this name.
///
/// A file at `path` is never overwritten. If it holds the same bytes, as after a migration that failed or was killed,
/// it counts as the copy. No other program may make this copy at the same time.
///
/// # Errors
///
/// Fails if another file is at `path`, or if a file cannot be read or written.
pub(in crate::store) fn keep(file: &File, path: &Path) -> Result<(), StoreError> {
    let failed = |error: io::Error| {
        StoreError::file(
            path,
            format!(
                "cannot be made, and the database is not migrated without this copy: {}",
                os_error(&error)
            ),
        )
    };
    // A program that was killed may have left its draft.
    match fs::remove_file(draft_name(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let is_kept = match open_regular(path) {
        Ok(None) => false,
        Ok(Some(existing)) => is_equal(file, &existing).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => copy(file, path).map_err(failed)?,
        Err(error) => return Err(failed(error)),
    };
    if is_kept {
        return Ok(());
    }
    Err(StoreError::file(
        path,
        "already exists, and the migration needs this name for a copy of the database; move the file to another place",
    ))
}

/// Opens a regular file. Returns `None` for anything else: opening a pipe could wait without end.
fn open_regular(path: &Path) -> io::Result<Option<File>> {
    if fs::metadata(path)?.is_file() {
        File::open(path).map(Some)
    } else {
        Ok(None)
    }
}

fn draft_name(path: &Path) -> PathBuf {
    beside(path, UNFINISHED)
}

/// Copies the file. Returns `false` if `path` already exists.
fn copy(mut file: &File, path: &Path) -> io::Result<bool> {
    let draft = Draft::create(draft_name(path))?;
    file.rewind()?;
    signals::copy(&mut file, &mut draft.file())?;
    draft.publish(path)
}

fn is_equal(mut one: &File, mut other: &File) -> io::Result<bool> {
    let mut length = one.metadata()?.len();
    if length != other.metadata()?.len() {
        return Ok(false);
    }
    one.rewind()?;
    let (mut ours, mut theirs) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    while length > 0 {
        let piece = usize::try_from(length).map_or(ours.len(), |length| length.min(ours.len()));
        one.read_exact(&mut ours[..piece])?;
        other.read_exact(&mut theirs[..piece])?;
        if ours[..piece] != theirs[..piece] {
            return Ok(false);
        }
        length -= piece as u64;
    }
    Ok(true)
}
