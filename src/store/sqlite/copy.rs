//! A private copy of a database file, for `--ephemeral --from`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::connect::refuse_journal;
use super::identify::{FileState, beside, identify};
use crate::error_text::os_error;
use crate::store::StoreError;

/// Copies the database at `from`, with its write-ahead log if there is one, to `to`, with mode 0600.
///
/// SQLite does not open `from`, so that nothing of it changes. No program may write to it at the same time.
pub(in crate::store) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let FileState::Ours { .. } = identify(from)? else {
        return Err(StoreError::file(
            from,
            "holds nothing to copy; name a database",
        ));
    };
    refuse_journal(from)?;
    let has_wal = beside(from, "-wal").exists();
    let suffixes = if has_wal { &["", "-wal"][..] } else { &[""] };
    for suffix in suffixes {
        copy_file(&beside(from, suffix), &beside(to, suffix)).map_err(|error| {
            StoreError::file(from, format!("cannot be copied: {}", os_error(&error)))
        })?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    io::copy(&mut from, &mut to).map(drop)
}
