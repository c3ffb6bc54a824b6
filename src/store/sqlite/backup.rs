//! A backup of a database, which gets its name only after it was checked.

use std::path::Path;

use super::check::{CheckReport, FindFaults, check};
use super::close;
use super::connect::connect;
use super::copy::copy_into;
use super::create::{cannot_be_made, may_create};
use super::draft::{Draft, remove_left_over};
use super::identify::FileState;
use crate::store::{OpenMode, StoreError};

/// Copies the database at `from` to `to`. See [`Store::backup`](crate::store::Store::backup).
pub(in crate::store) fn backup(
    from: &Path,
    to: &Path,
    find_faults: FindFaults,
) -> Result<CheckReport, StoreError> {
    if to.symlink_metadata().is_ok() || !may_create(to, FileState::Absent)? {
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

fn exists(path: &Path) -> StoreError {
    StoreError::file(
        path,
        "already exists, and a backup replaces no file; name another file, or remove this one",
    )
}
