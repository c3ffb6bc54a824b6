//! The first connection to a database, in each mode.

use std::path::Path;

use rusqlite::{Connection, MAIN_DB};
use rustix::fs::Access;

use super::connect::{changed_log, connect, refuse_journal, refuse_unread_changes};
use super::identify::beside;
use super::{bookkeeping, read_only, schema};
use crate::store::migrate::{self, Migrated, SCHEMA_VERSION};
use crate::store::{Durability, OpenMode, StoreError};

/// The first connection to a database.
#[derive(Debug)]
pub(in crate::store) struct Opened {
    /// The connection.
    pub connection: Connection,
    /// The mode in which the readers' connections are to be opened.
    pub reader_mode: OpenMode,
    /// The migration that was carried out, if the file had an earlier schema.
    pub migrated: Option<Migrated>,
}

/// Opens the database at `path`, whose header names `schema`, and compares its schema with the current one before any
/// of it is used. A file of an earlier schema is migrated if it is opened for writing, and refused otherwise. `is_wal` is
/// whether the header says that the file is in the WAL mode.
pub(in crate::store) fn open(
    path: &Path,
    schema: u32,
    mode: OpenMode,
    durability: Durability,
    is_wal: bool,
) -> Result<Opened, StoreError> {
    match try_open(path, schema, mode, durability, is_wal) {
        Err(StoreError::CannotOpen(text)) if mode == OpenMode::ReadWrite => {
            // SQLite needs to write only to undo a transaction.
            Err(refuse_journal(path)
                .err()
                .unwrap_or_else(|| not_writable(path, &text)))
        }
        other => other,
    }
}

/// Returns the error for a file that this user, or a program on this file system, can at most read.
fn not_writable(path: &Path, text: &str) -> StoreError {
    let index = beside(path, "-shm");
    let can_write = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_ok();
    let reason = if can_write(path) && index.is_file() && !can_write(&index) {
        // An earlier release left it when another user read the file.
        return StoreError::file(
            path,
            format!(
                "cannot be opened: `{}` cannot be written; end the programs that have the file open, and remove that file",
                index.display()
            ),
        );
    } else if can_write(path) {
        format!("`-wal` and `-shm` cannot be made or written beside it ({text})")
    } else {
        text.to_owned()
    };
    let instead = match changed_log(path) {
        None => "serve it as it is with `--read-only`".to_owned(),
        Some(log) => format!(
            "serve a copy, with the changes that are still in `{}`, with `--ephemeral --from`",
            log.display()
        ),
    };
    StoreError::file(
        path,
        format!(
            "cannot be opened: {reason}; let this user write the file and its folder, or {instead}"
        ),
    )
}

fn try_open(
    path: &Path,
    schema: u32,
    mode: OpenMode,
    durability: Durability,
    is_wal: bool,
) -> Result<Opened, StoreError> {
    let mut migrated = None;
    let (connection, reader_mode) = match mode {
        OpenMode::ReadWrite => {
            if schema < SCHEMA_VERSION {
                migrated = migrate::migrate(path, durability)?;
            }
            (for_writing(path, durability)?, OpenMode::ReadOnly)
        }
        OpenMode::ReadOnly => {
            let reader_mode = read_only::mode_beside_others(path);
            (read_only::beside_others(path, reader_mode)?, reader_mode)
        }
        OpenMode::Immutable => {
            refuse_unread_changes(path)?;
            (connect(path, mode)?, mode)
        }
        OpenMode::ImmutableWithLog => (read_only::beside_others(path, mode)?, mode),
        OpenMode::Published => published(path, is_wal)?,
    };
    check_contents(path, &connection)?;
    if mode == OpenMode::ReadWrite {
        if !is_wal {
            use_log(&connection)?;
        }
        // What a program left in the log that was killed. Nothing waits for it: if others use the file, it is done later.
        connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))?;
    }
    Ok(Opened {
        connection,
        reader_mode,
        migrated,
    })
}

/// Fails unless the schema is the current one, and the rows that this program depends on are valid.
pub(super) fn check_contents(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    migrate::require_current(path, schema::version(connection)?)?;
    let differences = schema::differences(connection, SCHEMA_VERSION)?;
    if let Some(difference) = differences.first() {
        return Err(StoreError::file(
            path,
            format!("has {difference}; `cf-packages check` names every difference"),
        ));
    }
    if let Some(fault) = bookkeeping::faults(connection)?.first() {
        return Err(StoreError::file(
            path,
            format!("has {fault}; restore it from a copy or an export"),
        ));
    }
    Ok(())
}

/// Connects to a file that only other programs change. With a rollback journal, a connection that cannot write creates no
/// file. Where it cannot lock the file, as on some network file systems, the file is taken as immutable.
fn published(path: &Path, is_wal: bool) -> Result<(Connection, OpenMode), StoreError> {
    if !is_wal && changed_log(path).is_none() {
        match read_only::beside_others(path, OpenMode::ReadOnly) {
            Ok(connection) => return Ok((connection, OpenMode::ReadOnly)),
            Err(error @ (StoreError::Busy | StoreError::Stopped(_))) => return Err(error),
            Err(_) => {}
        }
    }
    refuse_unread_changes(path)?;
    Ok((connect(path, OpenMode::Immutable)?, OpenMode::Immutable))
}

fn for_writing(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let connection = connect_for_writing(path)?;
    connection.execute_batch(match durability {
        Durability::Full => "pragma synchronous = full",
        Durability::Off => "pragma synchronous = off",
    })?;
    Ok(connection)
}

/// Puts a file that another program left with a rollback journal into the WAL mode
/// (<https://sqlite.org/wal.html#activating_and_configuring_wal_mode>), in which readers do not delay writers.
fn use_log(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.query_row("pragma journal_mode = wal", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(StoreError::CannotOpen(
        "its file system has no shared memory for a write-ahead log".into(),
    ))
}

/// Connects to a file that must be writable. SQLite opens an unwritable file read-only and reports no error.
pub(in crate::store) fn connect_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenMode::ReadWrite)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(StoreError::CannotOpen("it cannot be written".into()));
    }
    Ok(connection)
}
