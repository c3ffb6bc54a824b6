//! Checks a database, without changing it.

use std::sync::Arc;

use super::connect::ServerAddress;
use super::create::{DatabaseState, identify};
use super::session::PostgresSession;
use super::values::text;
use crate::store::migrate::SCHEMA_VERSION;
use crate::store::sqlite::check::LABELLED;
use crate::store::{CheckReport, FindFaults, Snapshot, StoreError};

/// Checks a database: its schema, the rules that the schema cannot express, and the values with `find_faults`. The server
/// itself keeps its files and the foreign keys.
///
/// # Errors
///
/// Fails if the server cannot be reached, or if the database is none of this program.
pub(in crate::store) fn check(
    server: &Arc<ServerAddress>,
    find_faults: FindFaults,
) -> Result<CheckReport, StoreError> {
    let session = PostgresSession::connect(server)?;
    let DatabaseState::Ours { schema } = identify(&session)? else {
        return Err(StoreError::file(
            server.shown(),
            "holds no data of cf-packages; `cf-packages serve` or `seed` makes its tables",
        ));
    };
    let mut report = CheckReport {
        engine: format!("PostgreSQL {}", server_version(&session)?),
        schema,
        packages: None,
        faults: Vec::new(),
    };
    if schema != SCHEMA_VERSION {
        let text = format!("has schema {schema}; this release has schema {SCHEMA_VERSION}");
        report.faults.push(text);
        return Ok(report);
    }
    session.begin_read()?;
    let snapshot = Snapshot::of_session(&session, None);
    find_faults(&snapshot, &mut report.faults)?;
    for (kind, table) in LABELLED {
        find_label_faults(&session, kind, table, &mut report.faults)?;
    }
    report.packages = snapshot.int("select count(*) from packages", &[])?;
    StoreError::require_no_signal()?;
    Ok(report)
}

/// Adds the rows whose labels the index lacks, or that it finds by labels that they do not have.
fn find_label_faults(
    session: &PostgresSession,
    kind: &str,
    table: &str,
    faults: &mut Vec<String>,
) -> Result<(), StoreError> {
    let article = if kind.starts_with(['a', 'o']) {
        "an"
    } else {
        "a"
    };
    let not_indexed = format!(
        "select p.guid from {table} p where exists (
             select 1 from json_each_text(p.labels::json) j where not exists (
                 select 1 from {kind}_labels l
                 where l.key = j.key and l.value = j.value and l.{kind}_id = p.id))
         order by p.id"
    );
    let only_indexed = format!(
        "select p.guid from {table} p where exists (
             select 1 from {kind}_labels l where l.{kind}_id = p.id and not exists (
                 select 1 from json_each_text(p.labels::json) j where j.key = l.key and j.value = l.value))
         order by p.id"
    );
    for (sql, fault) in [
        (not_indexed, "has labels that selectors do not find"),
        (only_indexed, "is found by labels that it does not have"),
    ] {
        for row in session.rows_of(&sql)? {
            let guid = text(&row, 0)?;
            faults.push(format!("has {article} {kind} `{guid}` that {fault}"));
        }
    }
    Ok(())
}

fn server_version(session: &PostgresSession) -> Result<String, StoreError> {
    let rows = session.rows_of("select current_setting('server_version')")?;
    let version = rows.first().map(|row| text(row, 0)).transpose()?;
    // Debian adds its own version after a space.
    let version = version.and_then(|version| version.split(' ').next());
    Ok(version.unwrap_or_default().to_owned())
}
