//! A backup of a database, which gets its name only after it was checked.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::check::{CheckReport, FindFaults, check};
use super::close;
use super::connect::connect;
use super::copy::copy_into;
use super::create::{cannot_be_made, may_create};
use super::draft::{Draft, remove_left_over};
use super::identify::FileState;
use super::reserved_name::refuse_reserved_name;
use crate::store::{OpenMode, StoreError};

/// The longest name of a database that SQLite opens, in bytes, where a name has at most 255: those of the files beside it are
/// longer.
const LONGEST_NAME: usize = 250;

/// Copies the database at `from` to `to`. See [`Store::backup`](crate::store::Store::backup).
pub(in crate::store) fn backup(
    from: &Path,
    to: &Path,
    find_faults: FindFaults,
) -> Result<CheckReport, StoreError> {
    refuse_reserved_name(to)?;
    refuse_long_name(to)?;
    refuse_existing(from, to)?;
    if !may_create(to, FileState::Absent)? {
        return Err(exists(to));
    }
    remove_left_over(to);
    let draft = Draft::of_database(to).map_err(|error| cannot_be_made(to, &error))?;
    let at_target = |error: StoreError| error.at_given(to, draft.path());
    copy_into(from, draft.path(), draft.file()).map_err(|error| match error {
        error @ StoreError::File { .. } => at_target(error),
        of_source => of_source,
    })?;
    // Moves a log that was copied into the file.
    let connection = connect(draft.path(), OpenMode::ReadWrite).map_err(at_target)?;
    close::close_writer(draft.path(), connection).map_err(at_target)?;
    let report = check(draft.path(), find_faults).map_err(at_target)?;
    let is_sound = report.faults.is_empty();
    if !is_sound {
        return Ok(report);
    }
    let published = may_create(to, FileState::Absent)?
        && draft
            .publish(to)
            .map_err(|error| cannot_be_made(to, &error))?;
    if published {
        Ok(report)
    } else {
        Err(exists(to))
    }
}

/// Fails if a database of that name could not be opened.
pub(super) fn refuse_long_name(to: &Path) -> Result<(), StoreError> {
    let length = to.file_name().unwrap_or_default().len();
    if length <= LONGEST_NAME {
        return Ok(());
    }
    Err(StoreError::file(
        to,
        format!(
            "has a name of {length} bytes, and that of a database has at most {LONGEST_NAME}, since the names of the files beside it are longer; choose a shorter name"
        ),
    ))
}

/// Fails if anything is at `to`.
fn refuse_existing(from: &Path, to: &Path) -> Result<(), StoreError> {
    match to.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot_be_made(to, &error)),
        Ok(_) => {}
    }
    let fault = match (fs::metadata(from), fs::metadata(to)) {
        (_, Ok(to)) if to.is_dir() => "is a directory; name a file in it",
        (Ok(from), Ok(to)) if (from.dev(), from.ino()) == (to.dev(), to.ino()) => {
            "is the database itself; name another file"
        }
        _ => return Err(exists(to)),
    };
    Err(StoreError::file(to, fault))
}

fn exists(path: &Path) -> StoreError {
    StoreError::file(
        path,
        "already exists, and a backup replaces no file; name another file, or remove this one",
    )
}
