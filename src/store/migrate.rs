//! Migrates a file of an earlier schema to the current one.
//!
//! `migrations/NNN_name.sql` migrates from schema NNN - 1 to schema NNN. The first one creates schema 1.
//! To change the schema: change `schema.sql`, add a file there, and add it to [`MIGRATIONS`]. The database of a server is
//! migrated by `postgres/migrate.rs`, with a translation of the same steps.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::sqlite::close::close;
use super::sqlite::create::LARGE_CACHE;
use super::sqlite::identify::beside;
use super::sqlite::open::connect_for_writing;
use super::sqlite::reserved_name::KEPT_COPY;
use super::sqlite::{folder_lock, kept_copy, read_only, schema};
use super::{Durability, SCHEMA, StoreError};
use crate::error_text::os_error;

/// A step from one schema to the next.
#[derive(Debug)]
struct Migration {
    sql: &'static str,
    /// Selects a phrase about the data that the next schema does not allow, if there is such data.
    obstacle: Option<&'static str>,
}

/// The steps in order: the first one makes schema 1.
const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("../../migrations/001_initial.sql"),
        obstacle: None,
    },
    Migration {
        sql: include_str!("../../migrations/002_json_checks_and_role_updates.sql"),
        obstacle: Some(
            "select 'the labels or annotations of the package `' || guid || '` are not JSON' from packages
             where not (json_valid(labels) and json_valid(annotations)) order by id limit 1",
        ),
    },
    Migration {
        sql: include_str!("../../migrations/003_blobs_jobs_builds.sql"),
        obstacle: None,
    },
    Migration {
        sql: include_str!("../../migrations/004_app_guids_and_unfinished_blobs.sql"),
        obstacle: None,
    },
    Migration {
        sql: include_str!("../../migrations/005_labels_of_parents.sql"),
        obstacle: None,
    },
];

/// The version of `schema.sql`.
#[expect(clippy::cast_possible_truncation, reason = "the list is short")]
pub(super) const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// A migration that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    file: PathBuf,
    from: u32,
    copy: Option<PathBuf>,
}

impl Migrated {
    /// Returns the migration of the database of a server, of which no copy is made.
    #[cfg(feature = "postgres")]
    pub(super) fn of_server(address: &Path, from: u32) -> Self {
        Self {
            file: address.to_owned(),
            from,
            copy: None,
        }
    }
}

/// Returns the statements for SQLite that lead from that schema to the next one.
#[cfg(feature = "postgres")]
pub(super) fn sql_of_step(version: u32) -> &'static str {
    steps(version, version + 1)
        .map(|step| step.sql)
        .next()
        .unwrap_or_default()
}

impl fmt::Display for Migrated {
    /// Writes one sentence about the file and the copy of the former file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, from, copy } = self;
        write!(
            f,
            "`{}` was migrated from schema {from} to {SCHEMA_VERSION}",
            file.display()
        )?;
        match copy {
            Some(copy) => write!(f, "; the former file is kept as `{}`", copy.display()),
            None => Ok(()),
        }
    }
}

/// Makes the schema of that version in an empty database.
pub(super) fn build_schema(connection: &Connection, version: u32) -> Result<(), StoreError> {
    if version == SCHEMA_VERSION {
        return Ok(connection.execute_batch(SCHEMA)?);
    }
    connection.execute_batch("pragma foreign_keys = off")?;
    run_steps(connection, 0, version)
}

/// Fails unless `version` is the version of the current schema.
pub(super) fn require_current(path: &Path, version: u32) -> Result<(), StoreError> {
    if version < SCHEMA_VERSION {
        return Err(StoreError::file(path, older(path, version)));
    }
    if version > SCHEMA_VERSION {
        return Err(StoreError::file(path, newer(version)));
    }
    Ok(())
}

/// Returns what is wrong with a file of an earlier schema, and what to do: a clause that follows the file's name.
pub(super) fn older(path: &Path, version: u32) -> String {
    if version == 0 {
        return format!(
            "has schema 0, which no release of cf-packages made (this program knows {SCHEMA_VERSION}); restore it from a copy or an export"
        );
    }
    format!(
        "has schema {version}, and this program needs {SCHEMA_VERSION}; `cf-packages serve` or `seed` migrates it and keeps the present file as `{}`",
        copy_name(path, version).display()
    )
}

/// Returns what is wrong with a file of a later schema: a clause that follows the file's name.
pub(super) fn newer(version: u32) -> String {
    format!(
        "was made by a newer cf-packages (schema {version}, this program knows {SCHEMA_VERSION}); upgrade the program"
    )
}

/// Migrates the file at `path` to the current schema, in one transaction, and closes it. A copy of the former file is
/// kept beside it as `FILE.before-N`, unless the file is a private temporary one (`Durability::Off`).
///
/// No other program may have the file open: one of an earlier release would not understand the new schema. Of two
/// programs that migrate the same file at the same time, the second one waits, and finds it migrated: `None`.
///
/// # Errors
///
/// Fails if another program has the file open, if the schema of the file is not that of its version, if its data does
/// not fit the next schema, or if the file or the copy cannot be written. The file is then as it was; a copy that was
/// made stays, and counts when the migration is tried again.
pub(super) fn migrate(path: &Path, durability: Durability) -> Result<Option<Migrated>, StoreError> {
    let file_error = |error: std::io::Error| {
        StoreError::file(path, format!("cannot be read: {}", os_error(&error)))
    };
    let _lock = folder_lock::lock_folder(path);
    // The header of the file may be older than what its log holds.
    let version = {
        let reading = read_only::connect_without_changes(path)?;
        schema::version(reading.connection())?
    };
    if version == SCHEMA_VERSION {
        return Ok(None);
    }
    // Read for the copy. Opened before the connection and closed after it, since closing it drops SQLite's locks on the
    // file (https://sqlite.org/howtocorrupt.html, §2.2).
    let bytes = File::open(path).map_err(file_error)?;
    let connection = connect_exclusively(path, durability)?;
    let migrated = migrate_locked(path, &bytes, &connection, durability);
    let closed = close(connection);
    drop(bytes);
    let migrated = migrated?;
    closed?;
    Ok(migrated)
}

/// Connects so that no other program has the file open until the connection is closed. Waits for the busy time-out.
fn connect_exclusively(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let connection = connect_for_writing(path)?;
    // A log that was left by a program that was killed stays as it is until the file is migrated.
    if std::fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.len() > 0) {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    // In the exclusive mode, set before the file is read, SQLite needs no `-shm`, and keeps the lock of a transaction
    // when the transaction ends (https://sqlite.org/wal.html#noshm).
    connection.execute_batch("pragma locking_mode = exclusive; begin exclusive; commit")?;
    connection.execute_batch(match durability {
        Durability::Full => "pragma synchronous = full",
        Durability::Off => "pragma synchronous = off",
    })?;
    // Must be off before a table is recreated, and cannot be switched in a transaction
    // (https://sqlite.org/lang_altertable.html#otheralter).
    connection.execute_batch("pragma foreign_keys = off")?;
    connection.execute_batch(LARGE_CACHE)?;
    Ok(connection)
}

fn migrate_locked(
    path: &Path,
    bytes: &File,
    connection: &Connection,
    durability: Durability,
) -> Result<Option<Migrated>, StoreError> {
    let from = schema::version(connection)?;
    if !(1..SCHEMA_VERSION).contains(&from) {
        // A program without the lock on the folder changed the file.
        return require_current(path, from).map(|()| None);
    }
    if let Some(difference) = schema::differences(connection, from)?.first() {
        return Err(StoreError::file(
            path,
            format!(
                "cannot be migrated from schema {from}: it has {difference}; `cf-packages check` names every difference"
            ),
        ));
    }
    // Before anything is written, so that a file that is refused stays as it is. The data may have been changed by
    // hand.
    refuse(path, from, obstacle(connection, from)?)?;
    refuse(path, from, dangling_reference(connection)?)?;
    refuse(path, from, damage(connection)?)?;
    let copy = match durability {
        Durability::Full => {
            // Moves the commits of the log into the file, so that the file alone is to be copied.
            connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
            let copy = copy_name(path, from);
            kept_copy::keep(bytes, &copy)?;
            Some(copy)
        }
        Durability::Off => None,
    };
    run(path, connection, from)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(Some(Migrated {
        file: path.to_owned(),
        from,
        copy,
    }))
}

/// Runs the steps from schema `from` to the current one, in one transaction.
fn run(path: &Path, connection: &Connection, from: u32) -> Result<(), StoreError> {
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for version in from..SCHEMA_VERSION {
        refuse(path, from, obstacle(&transaction, version)?)?;
        run_steps(&transaction, version, version + 1)?;
    }
    refuse(path, from, dangling_reference(&transaction)?)?;
    // A bug in a migration, which a test would find.
    let differences = schema::differences(&transaction, SCHEMA_VERSION)?;
    let difference = differences.first();
    refuse(
        path,
        from,
        difference.map(|difference| format!("it would have {difference}")),
    )?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(transaction.commit()?)
}

/// Fails if there is a reason for which the file cannot be migrated.
fn refuse(path: &Path, from: u32, reason: Option<String>) -> Result<(), StoreError> {
    match reason {
        None => Ok(()),
        Some(reason) => Err(StoreError::file(
            path,
            format!(
                "cannot be migrated from schema {from}: {reason}; correct that with the release that made it, or restore the file from an export"
            ),
        )),
    }
}

/// Returns what in a file of schema `version` does not fit the next one.
fn obstacle(connection: &Connection, version: u32) -> Result<Option<String>, StoreError> {
    match steps(version, version + 1).find_map(|step| step.obstacle) {
        Some(sql) => first_text(connection, sql),
        None => Ok(None),
    }
}

/// Returns a foreign key that refers to no row (<https://sqlite.org/pragma.html#pragma_foreign_key_check>).
fn dangling_reference(connection: &Connection) -> Result<Option<String>, StoreError> {
    first_text(
        connection,
        r#"select 'a row in `' || "table" || '` refers to nothing in `' || "parent" || '`'
           from pragma_foreign_key_check limit 1"#,
    )
}

/// Returns the first fault that SQLite finds in the file (<https://sqlite.org/pragma.html#pragma_integrity_check>). A
/// migration would copy a damaged row into a table that looks sound.
fn damage(connection: &Connection) -> Result<Option<String>, StoreError> {
    let found = first_text(connection, "pragma integrity_check(1)")?;
    Ok(found
        .filter(|found| found != "ok")
        .map(|found| format!("it is damaged ({})", found.replace('\n', " "))))
}

fn first_text(connection: &Connection, sql: &str) -> Result<Option<String>, StoreError> {
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

/// Runs the steps from one version to another.
fn run_steps(connection: &Connection, from: u32, to: u32) -> Result<(), StoreError> {
    for step in steps(from, to) {
        connection.execute_batch(step.sql)?;
    }
    Ok(())
}

fn steps(from: u32, to: u32) -> impl Iterator<Item = &'static Migration> {
    let number = |version: u32| version as usize;
    MIGRATIONS
        .iter()
        .skip(number(from))
        .take(number(to) - number(from))
}

/// Returns the path of the copy that is kept of a file of that version.
fn copy_name(path: &Path, version: u32) -> PathBuf {
    beside(path, &format!("{KEPT_COPY}{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_memory() -> Connection {
        Connection::open_in_memory().expect("opens")
    }

    #[test]
    fn migrations_lead_to_the_current_schema() {
        let connection = in_memory();
        connection
            .execute_batch("pragma foreign_keys = off")
            .expect("a pragma");
        run_steps(&connection, 0, SCHEMA_VERSION).expect("the steps run");
        let differences = schema::differences(&connection, SCHEMA_VERSION).expect("compares");
        assert_eq!(differences, []);
    }

    #[test]
    fn each_version_has_a_schema_of_its_own() {
        for version in 1..=SCHEMA_VERSION {
            let connection = in_memory();
            build_schema(&connection, version).expect("the schema is made");
            for other in 1..=SCHEMA_VERSION {
                let differences = schema::differences(&connection, other).expect("compares");
                assert_eq!(
                    differences.is_empty(),
                    other == version,
                    "{version} {other}"
                );
            }
        }
    }
}
