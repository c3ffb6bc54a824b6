//! Migrates the tables of an earlier schema, in one transaction.
//!
//! The steps are those of `migrations/`, translated. For a step that only SQLite can run, such as one that makes a table anew
//! because SQLite cannot alter it, [`step`] has to return a text for PostgreSQL instead.

use std::sync::Arc;

use super::connect::ServerAddress;
use super::create::{DatabaseState, LOCK, PATIENCE, identify};
use super::schema;
use super::session::PostgresSession;
use super::writer::cause;
use crate::store::migrate::{Migrated, SCHEMA_VERSION, sql_of_step};
use crate::store::{BorrowedValue, StoreError};

/// The earliest schema that the steps begin at. No release made an earlier one on a server.
pub(super) const FIRST_SCHEMA: u32 = 4;
/// Waits until the running transactions of all servers have ended, and keeps later ones waiting.
const KEEP_OTHERS_OUT: &str = "lock table cf_packages_schema in access exclusive mode";

/// Migrates the tables to the current schema if they have an earlier one. Of several programs that start at the same time,
/// one migrates them and the others wait, and find them migrated: `None`.
///
/// # Errors
///
/// Fails if the server cannot be reached, if the schema is too old, or if a step fails. The tables are then as they were.
pub(super) fn migrate(server: &Arc<ServerAddress>) -> Result<Option<Migrated>, StoreError> {
    let session = PostgresSession::connect(server)?;
    if !is_older(identify(&session)?) {
        return Ok(None);
    }
    session.begin_schema_change(PATIENCE)?;
    session.run(LOCK)?;
    session.run(KEEP_OTHERS_OUT)?;
    let DatabaseState::Ours { schema: from } = identify(&session)? else {
        return Ok(None);
    };
    if !is_older(DatabaseState::Ours { schema: from }) {
        return Ok(None);
    }
    if from < FIRST_SCHEMA {
        return Err(StoreError::file(server.shown(), too_old(from)));
    }
    for version in from..SCHEMA_VERSION {
        session.run(&step(version)).map_err(|error| {
            let text = format!(
                "cannot be migrated from schema {from}: {}; nothing was changed",
                error.fault()
            );
            StoreError::file(server.shown(), text)
        })?;
    }
    session.execute(
        "update cf_packages_schema set number = $1",
        &[BorrowedValue::Int(SCHEMA_VERSION.into())],
    )?;
    match session.commit() {
        Err(error) if session.is_lost() => Err(StoreError::OutcomeUnknown(cause(&error))),
        committed => committed.map(|()| Some(Migrated::of_server(server.shown(), from))),
    }
}

fn is_older(state: DatabaseState) -> bool {
    matches!(state, DatabaseState::Ours { schema } if schema < SCHEMA_VERSION)
}

/// Returns the statements that lead from that schema to the next one.
fn step(version: u32) -> String {
    schema::step_to_postgres(sql_of_step(version))
}

/// Returns what is wrong with tables of a schema that no step begins at: a clause that follows the address.
pub(super) fn too_old(schema: u32) -> String {
    format!(
        "has schema {schema}, which no release of cf-packages made on a server (this program migrates schema {FIRST_SCHEMA} and later ones); `seed` an empty database from an export"
    )
}
