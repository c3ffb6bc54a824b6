//! A private copy of a database file, for `--ephemeral --from` and for `backup`.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::connect::{connect, refuse_journal};
use super::create::cannot_be_made;
use super::draft::new_file;
use super::identify::{FileState, beside, identify, missing_file_error};
use super::open_file::Stamps;
use super::read_only::{Reading, connect_without_changes};
use crate::error_text::os_error;
use crate::signals;
use crate::store::{OpenMode, StoreError};

/// How often a file that another program changes is copied again.
const TRIES: u32 = 10;
/// How many pages are copied between two looks for a signal.
const PAGES_PER_STEP: i32 = 10_000;
/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Copies the database at `from`, with the commits in its write-ahead log, to `to`, with mode 0600. Does not change `from`.
///
/// The copy is one state of the database, also while other programs write. It is a snapshot made by SQLite
/// (<https://sqlite.org/backup.html>) where SQLite can lock the file, and a copy of the bytes where nothing can be created
/// beside it. The latter counts only if the file did not change meanwhile.
pub(in crate::store) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let file = new_file(to).map_err(|error| cannot_be_made(to, &error))?;
    copy_into(from, to, &file)
}

/// Copies the database at `from` as [`copy`] does, into `file`, which is open and empty at the path `to`.
pub(super) fn copy_into(from: &Path, to: &Path, file: &File) -> Result<(), StoreError> {
    let FileState::Ours { .. } = identify(from)? else {
        return Err(missing_file_error(from));
    };
    refuse_journal(from)?;
    match connect_without_changes(from) {
        Ok(Reading::BesideOthers(source)) => copy_snapshot(&source, to),
        Ok(Reading::Immutable(_)) => copy_bytes(from, to, file),
        // A log that only a program with more permissions could read through SQLite.
        Err(StoreError::File { .. }) => copy_bytes(from, to, file),
        Err(error) => Err(error),
    }
}

fn copy_snapshot(source: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut copy = connect(to, OpenMode::ReadWrite)?;
    copy.execute_batch("pragma synchronous = off")?;
    // All steps see the state of one read transaction.
    let _snapshot = source.unchecked_transaction()?;
    // It begins with a read, which fails if the schema is damaged. Then the copy is damaged in the same way.
    let _ = source.query_row("select count(*) from sqlite_schema", [], |_| Ok(()));
    let backup = Backup::new(source, &mut copy)?;
    let copied = loop {
        StoreError::require_no_signal()?;
        match backup.step(PAGES_PER_STEP) {
            Ok(StepResult::More) => {}
            ended => break ended,
        }
    };
    match copied.map_err(StoreError::from) {
        Ok(StepResult::Done) => Ok(()),
        Ok(_) => Err(StoreError::Busy),
        // The source is only read.
        Err(error @ StoreError::CannotWrite(_)) => Err(error.at(to)),
        Err(error) => Err(error),
    }
}

fn copy_bytes(from: &Path, to: &Path, mut file: &File) -> Result<(), StoreError> {
    let log = beside(to, "-wal");
    let mut copy_files = || {
        file.set_len(0)?;
        file.rewind()?;
        signals::copy(&mut File::open(from)?, &mut file)?;
        copy_log(&beside(from, "-wal"), &log)
    };
    for _ in 0..TRIES {
        let before = still_files(from);
        StoreError::require_no_signal()?;
        copy_files().map_err(|error| {
            StoreError::file(from, format!("cannot be copied: {}", os_error(&error)))
        })?;
        if before.is_some() && before == still_files(from) {
            return Ok(());
        }
        let _ = fs::remove_file(&log);
        sleep(PAUSE);
    }
    Err(StoreError::file(
        from,
        "is being written by another program, and cannot be copied by this user meanwhile; let this user write its folder, or end that program",
    ))
}

/// Returns the stamps of the file and its log. `None` if they changed a moment ago: the times of files are too coarse to
/// show that they change again at once. `None` also if a rollback journal holds pages of the file: a transaction is under
/// way, and perhaps pauses.
fn still_files(path: &Path) -> Option<Stamps> {
    refuse_journal(path).ok()?;
    let stamps = Stamps::of(path).ok();
    stamps.filter(|stamps| stamps.are_older_than(PAUSE))
}

/// Copies a write-ahead log. One that does not exist is not copied.
fn copy_log(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = match File::open(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    signals::copy(&mut from, &mut new_file(to)?)
}
