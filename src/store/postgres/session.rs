//! One connection to a server: transactions, and statements that are prepared once.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::postgres::types::ToSql;
use ::postgres::{Row, Statement};
use tokio_postgres::CancelToken;

use super::bulk::{Batch, Bulk};
use super::client::Client;
use super::connect::ServerAddress;
use super::cursor::Cursor;
use super::errors::{Failure, Meaning};
use super::history::{StoredVersion, require_schema};
use super::origin::Origin;
use super::values::{Bound, int};
use crate::store::dialect;
use crate::store::version::Version;
use crate::store::{BorrowedValue, StoreError, Value};

/// How many prepared statements a connection keeps. Composed lists have many texts.
const KEPT_STATEMENTS: usize = 256;
/// Keeps a migration out until the transaction ends, or waits for one. It takes no snapshot, so that the statements after
/// it see what a migration committed (<https://www.postgresql.org/docs/current/sql-lock.html>).
const KEEP_SCHEMA: &str = "lock table cf_packages_schema in access share mode";

/// One connection. It is in at most one transaction.
pub(in crate::store) struct PostgresSession {
    server: Arc<ServerAddress>,
    client: Client,
    /// The prepared statements, by their texts for SQLite.
    statements: RefCell<HashMap<Box<str>, Statement>>,
    /// The version of the current read transaction, once it was read.
    version: Cell<Option<Version>>,
    is_writing: Cell<bool>,
    /// What the last error of the current transaction means.
    failure: Cell<Option<Meaning>>,
    /// The id of the row that was inserted last.
    last_id: Cell<Option<i64>>,
    /// The rows that wait to be sent together, if the transaction sends them so.
    bulk: RefCell<Option<Bulk>>,
    /// How many cursors were opened.
    cursors: Cell<u64>,
}

impl fmt::Debug for PostgresSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSession").finish_non_exhaustive()
    }
}

impl PostgresSession {
    /// Connects to a server.
    pub(super) fn connect(server: &Arc<ServerAddress>) -> Result<Self, StoreError> {
        Ok(Self {
            server: server.clone(),
            client: server.connect()?,
            statements: RefCell::default(),
            version: Cell::default(),
            is_writing: Cell::default(),
            failure: Cell::default(),
            last_id: Cell::default(),
            bulk: RefCell::default(),
            cursors: Cell::default(),
        })
    }

    /// Notes how long the server lets a statement run.
    pub(super) fn set_limit(&self, limit: Duration) {
        self.client.set_limit(limit);
    }

    /// Begins a transaction that only reads, and sees one state of the data: that of its first statement, which begins
    /// after this returns.
    pub(super) fn begin_read(&self) -> Result<(), StoreError> {
        self.begin(false);
        self.run(&format!(
            "begin isolation level repeatable read read only; {KEEP_SCHEMA}"
        ))
    }

    /// Begins a transaction that makes or changes the schema. It waits that long for a lock.
    pub(super) fn begin_schema_change(&self, patience: Duration) -> Result<(), StoreError> {
        self.begin(true);
        let milliseconds = patience.as_millis().max(1);
        self.run(&format!(
            "begin isolation level read committed; set local lock_timeout = {milliseconds}"
        ))
    }

    /// Begins a transaction that writes, with the lock of writers: the row of the version. It waits that long for a lock.
    ///
    /// No index is read as a bitmap. To check the foreign key of an app that is deleted, the server would read all packages
    /// of its space that way, also those that the transaction has deleted: a minute more for a million packages.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Lost`] if a program of another release migrated the database.
    pub(super) fn begin_write(&self, patience: Duration) -> Result<(), StoreError> {
        self.begin(true);
        let milliseconds = patience.as_millis().max(1);
        self.run(&format!(
            "begin isolation level read committed; set local lock_timeout = {milliseconds}; \
             set local enable_bitmapscan = off; {KEEP_SCHEMA}"
        ))?;
        let sql = "select (select number from cf_packages_schema) from versions for update";
        let rows = self.query(&self.prepared(sql, str::to_owned)?, &[])?;
        require_schema(int(rows.first().ok_or_else(no_version)?, 0)?)
    }

    fn begin(&self, is_writing: bool) {
        self.version.set(None);
        self.failure.set(None);
        self.last_id.set(None);
        self.is_writing.set(is_writing);
        self.bulk.replace(None);
    }

    /// Makes the current transaction send the rows that it inserts together. Only the holder of the lock of writers may.
    pub(super) fn send_rows_together(&self) {
        self.bulk.replace(Some(Bulk::default()));
    }

    /// Whether the current transaction sends the rows that it inserts together.
    pub(in crate::store) fn sends_rows_together(&self) -> bool {
        self.bulk.borrow().is_some()
    }

    /// Commits the transaction.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.send_rows()?;
        self.run("commit")
    }

    /// Ends the transaction without its changes.
    pub(super) fn roll_back(&self) -> Result<(), StoreError> {
        self.run("rollback")
    }

    /// What the last error of the current transaction means, if a statement failed.
    pub(super) fn failure(&self) -> Option<Meaning> {
        self.failure.get()
    }

    /// Whether the connection is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.failure.get() == Some(Meaning::Lost) || self.client.is_closed()
    }

    /// Returns what cancels the running statement from another thread.
    pub(super) fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }

    /// Runs statements without parameters, and drops their results.
    pub(super) fn run(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.client.batch_execute(sql);
        done.map_err(|failure| self.failed(&failure))
    }

    /// Runs a statement and returns its rows.
    pub(in crate::store) fn rows(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        self.send_rows_for(sql)?;
        let values: Vec<_> = values.iter().map(Value::borrowed).collect();
        self.query(&self.prepared(sql, dialect::to_postgres)?, &values)
    }

    /// Opens a cursor over the rows of a statement.
    pub(in crate::store) fn open_cursor(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Cursor<'_>, StoreError> {
        self.send_rows_for(sql)?;
        let number = self.cursors.get() + 1;
        self.cursors.set(number);
        let name = format!("cursor_{number}");
        let sql = dialect::to_postgres(sql);
        let declare = format!("declare {name} no scroll cursor for {sql}");
        let declare = self.client.prepare(&declare);
        let declare = declare.map_err(|failure| self.failed(&failure))?;
        let values: Vec<_> = values.iter().map(Value::borrowed).collect();
        self.change(&declare, &values)?;
        Ok(Cursor::new(self, name))
    }

    /// Runs a statement of this engine, which is not kept, and returns its rows.
    pub(super) fn rows_of(&self, sql: &str) -> Result<Vec<Row>, StoreError> {
        let rows = self.client.query_once(sql);
        rows.map_err(|failure| self.failed(&failure))
    }

    /// Runs a statement that returns no rows, and returns how many rows it changed.
    pub(in crate::store) fn execute(
        &self,
        sql: &str,
        values: &[BorrowedValue<'_>],
    ) -> Result<usize, StoreError> {
        self.last_id.set(None);
        if self.waits(sql, values, false)?.is_some() {
            return Ok(1);
        }
        self.send_rows()?;
        self.forget_ids();
        let changed = self.change(&self.prepared(sql, dialect::to_postgres)?, values)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Inserts a row and returns its id.
    pub(in crate::store) fn insert(
        &self,
        sql: &str,
        values: &[BorrowedValue<'_>],
    ) -> Result<i64, StoreError> {
        if let Some(id) = self.waits(sql, values, true)? {
            self.last_id.set(Some(id));
            return Ok(id);
        }
        self.send_rows()?;
        self.forget_ids();
        let statement = self.prepared(sql, |sql| format!("{sql} returning id"))?;
        let rows = self.query(&statement, values)?;
        let id = match rows.first() {
            Some(row) => int(row, 0)?,
            None => return Err(StoreError::Postgres("an insertion added no row".into())),
        };
        self.last_id.set(Some(id));
        Ok(id)
    }

    /// Returns the id of the row that was inserted last in this session, or 0 if none was.
    pub(in crate::store) fn last_id(&self) -> i64 {
        let ask = || -> Option<i64> {
            let rows = self.rows_of("select lastval()").ok()?;
            int(rows.first()?, 0).ok()
        };
        self.last_id.get().or_else(ask).unwrap_or_default()
    }

    /// Returns the version of the data in the current transaction.
    pub(in crate::store) fn version(&self) -> Result<Version, StoreError> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        let sql = StoredVersion::SQL;
        self.send_rows_for(sql)?;
        let rows = self.query(&self.prepared(sql, str::to_owned)?, &[])?;
        let stored = StoredVersion::of_row(rows.first().ok_or_else(no_version)?)?;
        let version = self.server.histories().version(stored);
        if !self.is_writing.get() {
            self.version.set(Some(version));
        }
        Ok(version)
    }

    /// Sets the version of the current transaction, which only reads: the server shows the state of another one.
    pub(super) fn set_version(&self, version: Version) {
        self.version.set(Some(version));
    }

    /// Returns the version in the current transaction as the server holds it, and where its data comes from at this moment.
    pub(super) fn stored_version(&self) -> Result<(StoredVersion, Origin), StoreError> {
        let sql = format!(
            "select stored.*, {} from ({}) stored",
            Origin::COLUMNS,
            StoredVersion::SQL
        );
        let rows = self.query(&self.prepared(&sql, str::to_owned)?, &[])?;
        let row = rows.first().ok_or_else(no_version)?;
        let origin = Origin::of_row(row, StoredVersion::COLUMNS)?;
        Ok((StoredVersion::of_row(row)?, origin))
    }

    /// Returns where the data comes from.
    pub(super) fn origin(&self) -> Result<Origin, StoreError> {
        let rows = self.rows_of(&format!("select {}", Origin::COLUMNS))?;
        Origin::of_row(rows.first().ok_or_else(no_version)?, 0)
    }

    /// Lets the row of an insertion wait, if this transaction sends rows together. Returns its id, or 0 if it has none.
    fn waits(
        &self,
        sql: &str,
        values: &[BorrowedValue<'_>],
        has_id: bool,
    ) -> Result<Option<i64>, StoreError> {
        let insertion = match self.bulk.borrow_mut().as_mut() {
            Some(bulk) => bulk.insertion(sql),
            None => None,
        };
        let Some(insertion) = insertion else {
            return Ok(None);
        };
        let bulk = || self.bulk.borrow();
        if !bulk()
            .as_ref()
            .is_some_and(|bulk| bulk.takes(&insertion, has_id))
        {
            self.send_rows()?;
        }
        let known = bulk().as_ref().and_then(|bulk| bulk.next_id(&insertion));
        let id = match known {
            _ if !has_id => None,
            Some(id) => Some(id),
            None => Some(self.next_id_of(insertion.table())?),
        };
        let is_full = self.bulk.borrow_mut().as_mut().is_some_and(|bulk| {
            bulk.add(&insertion, id, values);
            bulk.is_full()
        });
        if is_full {
            self.send_rows()?;
        }
        Ok(Some(id.unwrap_or_default()))
    }

    fn next_id_of(&self, table: &str) -> Result<i64, StoreError> {
        let sql = format!("select nextval(pg_get_serial_sequence('{table}', 'id'))");
        let rows = self.rows_of(&sql)?;
        let row = rows.first();
        let row = row.ok_or_else(|| StoreError::Postgres("a sequence gave no number".into()))?;
        int(row, 0)
    }

    /// Sends the rows that wait, if a statement may see one of them.
    fn send_rows_for(&self, sql: &str) -> Result<(), StoreError> {
        let is_about = match self.bulk.borrow().as_ref() {
            Some(bulk) => bulk.is_about(sql),
            None => false,
        };
        if is_about { self.send_rows() } else { Ok(()) }
    }

    /// Sends the rows that wait.
    pub(super) fn send_rows(&self) -> Result<(), StoreError> {
        let batches = match self.bulk.borrow_mut().as_mut() {
            Some(bulk) => bulk.take(),
            None => return Ok(()),
        };
        batches.into_iter().try_for_each(|batch| self.send(batch))
    }

    fn send(&self, batch: Batch) -> Result<(), StoreError> {
        let copied = self.client.copy_in(&batch.statement, batch.input);
        copied.map_err(|failure| self.failed(&failure))?;
        if let Some(id) = batch.last_id {
            let table = batch.table;
            let sql = format!("select setval(pg_get_serial_sequence('{table}', 'id'), {id})");
            self.rows_of(&sql)?;
        }
        Ok(())
    }

    fn forget_ids(&self) {
        if let Some(bulk) = self.bulk.borrow_mut().as_mut() {
            bulk.forget_ids();
        }
    }

    /// Returns the prepared statement of a text, which `translate` turns into that for the server.
    fn prepared(
        &self,
        sql: &str,
        translate: impl FnOnce(&str) -> String,
    ) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&translate(sql));
        let statement = statement.map_err(|failure| self.failed(&failure))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= KEPT_STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    fn query(
        &self,
        statement: &Statement,
        values: &[BorrowedValue<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let bound: Vec<_> = values.iter().copied().map(Bound).collect();
        let rows = self.client.query(statement, &parameters(&bound));
        rows.map_err(|failure| self.failed(&failure))
    }

    fn change(
        &self,
        statement: &Statement,
        values: &[BorrowedValue<'_>],
    ) -> Result<u64, StoreError> {
        let bound: Vec<_> = values.iter().copied().map(Bound).collect();
        let changed = self.client.execute(statement, &parameters(&bound));
        changed.map_err(|failure| self.failed(&failure))
    }

    /// Remembers that a statement failed: the server takes no other one in this transaction.
    fn failed(&self, failure: &Failure) -> StoreError {
        self.failure.set(Some(failure.meaning()));
        failure.store_error()
    }
}

fn no_version() -> StoreError {
    StoreError::Unusable(
        "the table `versions` is empty; another program is restoring the data, or removed it"
            .into(),
    )
}

fn parameters<'b>(bound: &'b [Bound<'_>]) -> Vec<&'b (dyn ToSql + Sync)> {
    let bound = bound.iter();
    bound.map(|one| one as &'b (dyn ToSql + Sync)).collect()
}
