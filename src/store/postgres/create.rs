//! How the tables are made, by the first server that starts.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::connect::ServerAddress;
use super::migrate::{FIRST_SCHEMA, too_old};
use super::schema;
use super::session::PostgresSession;
use super::values::{int, optional_text, text};
use super::writer::{cause, require_no_failure};
use crate::store::migrate::{SCHEMA_VERSION, newer};
use crate::store::sqlite::create::{random_key, schema_parts};
use crate::store::{BorrowedValue, StoreError, Transaction};

/// The advisory lock of programs that make or migrate the tables: `CFpk` and a number.
pub(super) const LOCK: &str = "select pg_advisory_xact_lock(1128689771, 1)";
/// How long a program waits for another one that makes or migrates the tables.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// The table that marks a database of this program, and says which schema it has.
const MARK: &str = "
    create table cf_packages_schema (id bigint primary key check (id = 1), number bigint not null);
    insert into cf_packages_schema (id, number) values (1, 0);";

/// What a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseState {
    /// No table of this program.
    Empty,
    /// The tables of this schema.
    Ours {
        /// The version of the schema.
        schema: u32,
    },
}

/// Makes the tables if the database is empty, with the data that `fill` stores.
///
/// Returns whether they were made by this call. Of several programs that start at the same time, one makes them and the
/// others wait. Tables of an earlier schema stay as they are.
///
/// # Errors
///
/// Fails if the server cannot be reached, if the database holds other tables of the same names, or if `fill` fails; then
/// nothing is made.
pub(in crate::store) fn create<E: From<StoreError>>(
    server: &Arc<ServerAddress>,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let connected = PostgresSession::connect(server);
    let session = connected.map_err(|error| error.at(server.shown()))?;
    session.begin_schema_change(PATIENCE)?;
    session.run(LOCK)?;
    if matches!(identify(&session)?, DatabaseState::Ours { .. }) {
        session.roll_back()?;
        return Ok(false);
    }
    refuse_other_tables(server, &session)?;
    let (first, last) = schema_parts();
    session.run(&schema::to_postgres(first, &[]))?;
    session.run(MARK)?;
    session.execute(
        "update cf_packages_schema set number = $1",
        &[BorrowedValue::Int(SCHEMA_VERSION.into())],
    )?;
    let key = random_key();
    session.execute(
        "insert into token_keys (secret) values ($1)",
        &[BorrowedValue::Bytes(&key)],
    )?;
    session.send_rows_together();
    fill(&Transaction::of_session(&session, None))?;
    session.send_rows()?;
    require_no_failure(&session)?;
    session.run(&schema::to_postgres(last, &["packages"]))?;
    // The server plans by what the tables hold, and would look at them only minutes later. Tables of other programs may be
    // locked for long.
    let tables = [schema::tables(first), schema::tables(last)].concat();
    session.run(&format!("analyze {}", tables.join(", ")))?;
    match session.commit() {
        Err(error) if session.is_lost() => Err(StoreError::OutcomeUnknown(cause(&error)).into()),
        committed => Ok(committed.map(|()| true)?),
    }
}

/// Returns what the database holds. `session` is in a transaction, or not.
pub(super) fn identify(session: &PostgresSession) -> Result<DatabaseState, StoreError> {
    let rows = session.rows_of(
        "select to_regclass('cf_packages_schema') is not null, current_setting('server_encoding'),
                current_schema()::text",
    )?;
    let row = rows.first();
    let row = row.ok_or_else(|| StoreError::Postgres("a question has no answer".into()))?;
    let encoding = text(row, 1)?;
    if encoding != "UTF8" {
        return Err(StoreError::Unusable(format!(
            "its encoding is `{encoding}` and must be `UTF8`; `create database NAME encoding 'UTF8' template template0` makes such a database"
        )));
    }
    if optional_text(row, 2)?.is_none() {
        return Err(StoreError::Unusable(
            "none of the schemas in its `search_path` exists and may be used; create one, or name another with `?options=-csearch_path%3DNAME`"
                .into(),
        ));
    }
    if int(row, 0)? != 1 {
        return Ok(DatabaseState::Empty);
    }
    let rows = session.rows_of("select number from cf_packages_schema")?;
    let number = rows.first().map(|row| int(row, 0)).transpose()?;
    match number.map(u32::try_from) {
        Some(Ok(schema)) => Ok(DatabaseState::Ours { schema }),
        _ => Err(StoreError::Damaged(
            "the table `cf_packages_schema` holds no number of a schema".into(),
        )),
    }
}

/// Fails if the database holds tables of the names that this program needs.
fn refuse_other_tables(
    server: &ServerAddress,
    session: &PostgresSession,
) -> Result<(), StoreError> {
    let rows = session.rows_of(
        "select tablename::text from pg_tables
         where schemaname = current_schema()
           and tablename in ('organizations', 'spaces', 'apps', 'packages', 'users', 'versions', 'blobs') limit 1",
    )?;
    match rows.first() {
        None => Ok(()),
        Some(row) => Err(StoreError::file(
            server.shown(),
            format!(
                "has a table `{}` of another program; name an empty database, or an empty schema with `?options=-csearch_path%3DNAME`",
                text(row, 0)?
            ),
        )),
    }
}

/// Fails if the database has no tables of this program, or those of another schema.
///
/// # Errors
///
/// Fails also if the server cannot be reached.
pub(super) fn require_ours(
    server: &ServerAddress,
    session: &PostgresSession,
) -> Result<(), StoreError> {
    match identify(session)? {
        DatabaseState::Ours { schema } => require_current(server, schema),
        DatabaseState::Empty => Err(StoreError::file(
            server.shown(),
            "holds no data of cf-packages; `cf-packages serve` or `seed` makes its tables",
        )),
    }
}

/// Fails unless that is the version of the current schema.
fn require_current(server: &ServerAddress, schema: u32) -> Result<(), StoreError> {
    let fault = match schema.cmp(&SCHEMA_VERSION) {
        Ordering::Equal => return Ok(()),
        Ordering::Greater => newer(schema),
        Ordering::Less if schema < FIRST_SCHEMA => too_old(schema),
        Ordering::Less => format!(
            "has schema {schema}, and this program needs {SCHEMA_VERSION}; `cf-packages serve` or `seed` migrates it; `pg_dump` it before"
        ),
    };
    Err(StoreError::file(server.shown(), fault))
}

/// Fails if the database has tables of another schema. An empty database passes.
///
/// # Errors
///
/// Fails also if the server cannot be reached.
pub(in crate::store) fn refuse_older(server: &Arc<ServerAddress>) -> Result<(), StoreError> {
    let session = PostgresSession::connect(server)?;
    match identify(&session)? {
        DatabaseState::Ours { schema } => require_current(server, schema),
        DatabaseState::Empty => Ok(()),
    }
}
