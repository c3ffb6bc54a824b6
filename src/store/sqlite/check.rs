//! Checks a database, without changing it or leaving files beside it.

use std::path::Path;

use rusqlite::Connection;

use super::identify::{FileState, at_real_path, beside, identify, missing_file_error};
use super::open_file::{Stamps, changed_meanwhile};
use super::read_only::Reading;
use super::{bookkeeping, read_only, schema};
use crate::store::migrate::{self, SCHEMA_VERSION};
use crate::store::{Snapshot, StoreError};

/// How often a file that is taken as immutable is checked.
const TRIES: u32 = 3;

/// Adds what is wrong with stored values, one clause each, which follows the path of the file.
pub type FindFaults = fn(&Snapshot<'_>, &mut Vec<String>) -> Result<(), StoreError>;

/// What [`check`] found.
#[derive(Debug)]
pub struct CheckReport {
    /// The engine that read the database, and its version.
    pub engine: String,
    /// The version of the file's schema.
    pub schema: u32,
    /// The number of packages; `None` if they cannot be counted.
    pub packages: Option<i64>,
    /// What is wrong, one clause each, which follows the path of the file. Empty if no fault was found.
    pub faults: Vec<String>,
}

/// Returns the name of this engine, and its version.
pub(in crate::store) fn engine() -> String {
    format!("SQLite {}", rusqlite::version())
}

/// Checks the database at `path`: schema, integrity, foreign keys, the rules that the schema cannot express, and the
/// values of the current schema with `find_faults`. A server may have it open.
///
/// # Errors
///
/// Fails if the file is not a database of this program, or cannot be read.
pub fn check(path: &Path, find_faults: FindFaults) -> Result<CheckReport, StoreError> {
    at_real_path(path, |path| check_file(path, find_faults))
}

/// A file that is taken as immutable is checked again if it changed meanwhile.
fn check_file(path: &Path, find_faults: FindFaults) -> Result<CheckReport, StoreError> {
    for _ in 0..TRIES {
        let before = Stamps::of(path).ok();
        let checked = check_once(path, find_faults);
        let (report, is_immutable) = checked.map_err(|error| with_log(path, error))?;
        if !is_immutable || before == Stamps::of(path).ok() {
            return Ok(report);
        }
    }
    Err(changed_meanwhile(path))
}

/// Returns a clause that names the write-ahead log of the file, if there is one, as a possible cause of damage: SQLite
/// cannot tell whether it belongs to the file.
fn possible_cause(path: &Path) -> Option<String> {
    let log = beside(path, "-wal");
    let has_changes = log.metadata().is_ok_and(|log| log.len() > 0);
    has_changes.then(|| {
        format!(
            "was read with the changes in `{}`; if that is the log of another file, these faults are in both together: move it away and check again",
            log.display()
        )
    })
}

/// Returns the error, which names the log if it says that the file is damaged.
fn with_log(path: &Path, error: StoreError) -> StoreError {
    let fault = error.fault();
    let cause = possible_cause(path).filter(|_| fault.starts_with("is damaged"));
    match cause {
        Some(cause) => StoreError::file(path, format!("{fault}; it {cause}")),
        None => error,
    }
}

/// Returns also whether the file was taken as immutable.
fn check_once(path: &Path, find_faults: FindFaults) -> Result<(CheckReport, bool), StoreError> {
    let FileState::Ours { .. } = identify(path)? else {
        return Err(missing_file_error(path));
    };
    let reading = read_only::connect_without_changes(path)?;
    // All checks see one snapshot: a server may write at the same time.
    let transaction = reading.connection().unchecked_transaction()?;
    let mut checked = CheckReport {
        engine: engine(),
        schema: SCHEMA_VERSION,
        packages: None,
        faults: Vec::new(),
    };
    let version = checked.try_all(schema::version(&transaction));
    checked.schema = version.unwrap_or(SCHEMA_VERSION);
    if checked.schema < SCHEMA_VERSION {
        checked.faults.push(migrate::older(path, checked.schema));
    }
    let differences = checked.try_all(schema::differences(&transaction, checked.schema));
    // What another table means is not known. Reading one of ours runs no trigger and no view of the file.
    let has_our_tables = differences
        .as_ref()
        .is_some_and(|found| found.iter().all(|difference| !difference.is_of_our_table));
    for difference in differences.into_iter().flatten() {
        checked.faults.push(format!("has {difference}"));
    }
    checked.integrity(&transaction);
    if has_our_tables {
        checked.foreign_keys(&transaction);
        if checked.schema == SCHEMA_VERSION {
            checked.data(&transaction);
            let snapshot = Snapshot::of_writer(&transaction);
            let found = find_faults(&snapshot, &mut checked.faults);
            checked.try_all(found);
        }
        checked.count_packages(&transaction);
    }
    let is_damage = |fault: &String| {
        fault.starts_with("is damaged") || fault.contains(" that refers to nothing in ")
    };
    if checked.faults.iter().any(is_damage) {
        checked.faults.extend(possible_cause(path));
    }
    // A check that a signal interrupted is no fault.
    StoreError::require_no_signal()?;
    Ok((checked, matches!(reading, Reading::Immutable(_))))
}

/// The kinds of rows that have labels, and their tables. The index of their labels is `KIND_labels`.
pub(in crate::store) const LABELLED: [(&str, &str); 4] = [
    ("organization", "organizations"),
    ("space", "spaces"),
    ("app", "apps"),
    ("package", "packages"),
];

/// Returns the query of the rows with a label that the index lacks.
fn not_indexed(kind: &str, table: &str) -> String {
    format!(
        "select distinct p.guid from {table} p, json_each(case when json_valid(p.labels) then p.labels else '{{}}' end) j
         where not exists (select 1 from {kind}_labels l
                           where l.key = j.key and l.value = j.value and l.{kind}_id = p.id)
         order by p.id"
    )
}

/// Returns the query of the rows that the index finds by a label that they do not have.
fn only_indexed(kind: &str, table: &str) -> String {
    format!(
        "select distinct p.guid from {kind}_labels l join {table} p on p.id = l.{kind}_id
         where json_valid(p.labels)
           and not exists (select 1 from json_each(p.labels) j where j.key = l.key and j.value = l.value)
         order by p.id"
    )
}

impl CheckReport {
    fn integrity(&mut self, connection: &Connection) {
        let found = texts(connection, "pragma integrity_check");
        for fault in self.try_all(found).into_iter().flatten() {
            // SQLite writes its name of the file as the first line.
            for line in fault
                .lines()
                .filter(|line| *line != "ok" && !line.starts_with("*** in database"))
            {
                self.faults.push(format!("is damaged: {line}"));
            }
        }
    }

    /// One foreign key requires that the space of a package is the space of its app.
    fn foreign_keys(&mut self, connection: &Connection) {
        let found = texts(
            connection,
            r#"select 'has a row' || coalesce(' ' || "rowid", '') || ' in `' || "table"
                      || '` that refers to nothing in `' || "parent" || '`'
               from pragma_foreign_key_check"#,
        );
        let found = self.try_all(found);
        self.faults.extend(found.into_iter().flatten());
    }

    fn data(&mut self, connection: &Connection) {
        for (kind, table) in LABELLED {
            let article = if kind.starts_with(['a', 'o']) {
                "an"
            } else {
                "a"
            };
            for (sql, fault) in [
                (
                    not_indexed(kind, table),
                    "has labels that selectors do not find",
                ),
                (
                    only_indexed(kind, table),
                    "is found by labels that it does not have",
                ),
            ] {
                let found = texts(connection, &sql);
                for guid in self.try_all(found).into_iter().flatten() {
                    self.faults
                        .push(format!("has {article} {kind} `{guid}` that {fault}"));
                }
            }
        }
        let found = bookkeeping::faults(connection);
        for fault in self.try_all(found).into_iter().flatten() {
            self.faults.push(format!("has {fault}"));
        }
    }

    fn count_packages(&mut self, connection: &Connection) {
        self.packages = self.try_all(bookkeeping::number(
            connection,
            "select count(*) from packages",
        ));
    }

    /// Returns the value, or records the error as a fault, unless it is recorded already.
    fn try_all<T>(&mut self, found: Result<T, StoreError>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                let fault = error.fault();
                if !self.faults.contains(&fault) {
                    self.faults.push(fault);
                }
                None
            }
        }
    }
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let texts = statement.query_map([], |row| row.get(0))?;
    Ok(texts.collect::<Result<_, _>>()?)
}
