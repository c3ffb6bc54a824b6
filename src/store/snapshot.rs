//! One read transaction: SQL text, values and rows, without a name of the engine.

use std::sync::mpsc::SyncSender;

use rusqlite::Connection;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use super::StoreError;
#[cfg(feature = "postgres")]
use super::postgres::{self, PostgresSession};
use super::sqlite::readers::Work;
use super::version::{Version, VersionCache};

/// A value that is bound to a parameter. Other types are not used, so that each engine has them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Null.
    Null,
    /// A number, a time in seconds since 1970, or a flag (0 or 1).
    Int(i64),
    /// Text in UTF-8.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// Returns the same value, which borrows its text or bytes from this one.
    pub fn borrowed(&self) -> BorrowedValue<'_> {
        match self {
            Self::Null => BorrowedValue::Null,
            Self::Int(number) => BorrowedValue::Int(*number),
            Self::Text(text) => BorrowedValue::Text(text),
            Self::Bytes(bytes) => BorrowedValue::Bytes(bytes),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A value like [`Value`] that borrows its text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BorrowedValue<'v> {
    /// Null.
    Null,
    /// A number, a time in seconds since 1970, or a flag (0 or 1).
    Int(i64),
    /// Text in UTF-8.
    Text(&'v str),
    /// Bytes.
    Bytes(&'v [u8]),
}

impl ToSql for BorrowedValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// One read transaction, passed to the closure of [`Store::read`](super::Store::read). All reads through it see the
/// same state of the data.
///
/// Prepared statements are cached by their text. Parameters are `$1 $2 …` in the order of their first appearance:
/// SQLite takes `$n` as a name, and counts appearances (<https://sqlite.org/lang_expr.html#parameters>). Statements are
/// written as SQLite takes them; for another engine, `store` translates what [`dialect`](super::dialect) writes.
pub struct Snapshot<'c>(Source<'c>);

/// Where a snapshot reads.
enum Source<'c> {
    Sqlite {
        connection: &'c Connection,
        /// `None` in a write transaction, whose version changes with what it writes.
        versions: Option<&'c VersionCache>,
        /// The queue of the background lane. `None` in a write transaction, and in the background lane itself.
        background: Option<&'c SyncSender<Work>>,
    },
    #[cfg(feature = "postgres")]
    Postgres {
        session: &'c PostgresSession,
        /// The queue of the background lane, as above.
        background: Option<&'c SyncSender<Work>>,
    },
}

impl std::fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl<'c> Snapshot<'c> {
    /// Returns a snapshot over a read transaction of a reader's connection.
    pub(super) fn of_reader(
        connection: &'c Connection,
        versions: &'c VersionCache,
        background: Option<&'c SyncSender<Work>>,
    ) -> Self {
        Self(Source::Sqlite {
            connection,
            versions: Some(versions),
            background,
        })
    }

    /// Returns a snapshot over a write transaction.
    pub(super) fn of_writer(connection: &'c Connection) -> Self {
        Self(Source::Sqlite {
            connection,
            versions: None,
            background: None,
        })
    }

    /// Returns a snapshot over a transaction of a PostgreSQL server.
    #[cfg(feature = "postgres")]
    pub(super) fn of_session(
        session: &'c PostgresSession,
        background: Option<&'c SyncSender<Work>>,
    ) -> Self {
        Self(Source::Postgres {
            session,
            background,
        })
    }

    /// Queues `work` for the background lane, which runs it over a snapshot of its own. Returns whether it was queued:
    /// it is dropped if too much work waits.
    pub fn in_background(&self, work: impl FnOnce(&Snapshot<'_>) + Send + 'static) -> bool {
        let background = match self.0 {
            Source::Sqlite { background, .. } => background,
            #[cfg(feature = "postgres")]
            Source::Postgres { background, .. } => background,
        };
        background.is_some_and(|background| background.try_send(Box::new(work)).is_ok())
    }

    /// Runs `sql` and passes each row to `each`.
    ///
    /// # Errors
    ///
    /// Fails if the statement cannot be run, or with the first error of `each`, which ends it.
    pub fn rows<E: From<StoreError>>(
        &self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.0 {
            Source::Sqlite { connection, .. } => {
                let mut statement = connection.prepare_cached(sql).map_err(StoreError::from)?;
                let mut rows = statement
                    .query(rusqlite::params_from_iter(values))
                    .map_err(StoreError::from)?;
                while let Some(row) = rows.next().map_err(StoreError::from)? {
                    each(&Row(SourceRow::Sqlite(row)))?;
                }
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Source::Postgres { session, .. } => {
                for row in &session.rows(sql, values)? {
                    each(&Row(SourceRow::Postgres(row)))?;
                }
                Ok(())
            }
        }
    }

    /// Does the same as [`rows`](Self::rows) for a result that may not fit into memory: at most `at_once` rows of it are
    /// there at the same time.
    ///
    /// # Errors
    ///
    /// Fails like [`rows`](Self::rows).
    pub fn many_rows<E: From<StoreError>>(
        &self,
        sql: &str,
        values: &[Value],
        at_once: u32,
        each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.0 {
            Source::Sqlite { .. } => {
                // SQLite computes one row at a time.
                let _ = at_once;
                self.rows(sql, values, each)
            }
            #[cfg(feature = "postgres")]
            Source::Postgres { session, .. } => {
                let mut each = each;
                let cursor = session.open_cursor(sql, values)?;
                loop {
                    let rows = cursor.fetch(at_once)?;
                    for row in &rows {
                        each(&Row(SourceRow::Postgres(row)))?;
                    }
                    if rows.len() < at_once as usize {
                        return Ok(cursor.close()?);
                    }
                }
            }
        }
    }

    /// Runs `sql` and returns the number in the first column of the first row. `None`: there is no row, or it holds
    /// null.
    ///
    /// # Errors
    ///
    /// Fails if the statement cannot be run, or if the column holds another type.
    pub fn int(&self, sql: &str, values: &[Value]) -> Result<Option<i64>, StoreError> {
        let mut number = None;
        self.rows(sql, values, |columns| {
            if number.is_none() {
                number = columns.optional_int(0)?;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(number)
    }

    /// Returns the version of the data in this snapshot, whichever process wrote it.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub fn version(&self) -> Result<Version, StoreError> {
        match self.0 {
            Source::Sqlite {
                connection,
                versions: Some(versions),
                ..
            } => versions.version(connection),
            Source::Sqlite { connection, .. } => Version::read(connection),
            #[cfg(feature = "postgres")]
            Source::Postgres { session, .. } => session.version(),
        }
    }

    /// Returns how many virtual machine steps SQLite took for `sql` since the last call, and how many of them moved
    /// forward in a scan of a whole table (<https://sqlite.org/c3ref/c_stmtstatus_counter.html>). For tests. Other engines
    /// count none.
    ///
    /// # Errors
    ///
    /// Fails if the statement cannot be prepared.
    pub fn work(&self, sql: &str) -> Result<(i32, i32), StoreError> {
        use rusqlite::StatementStatus::{FullscanStep, VmStep};
        match self.0 {
            Source::Sqlite { connection, .. } => {
                let statement = connection.prepare_cached(sql)?;
                Ok((
                    statement.reset_status(VmStep),
                    statement.reset_status(FullscanStep),
                ))
            }
            #[cfg(feature = "postgres")]
            Source::Postgres { .. } => Ok((0, 0)),
        }
    }
}

/// One row, valid until the next one is read. Columns are numbered from 0.
///
/// Each method fails with [`StoreError::Damaged`] if the column holds another type.
#[derive(Debug)]
pub struct Row<'r>(SourceRow<'r>);

#[derive(Debug)]
enum SourceRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    #[cfg(feature = "postgres")]
    Postgres(&'r postgres::SqlRow),
}

impl<'r> Row<'r> {
    /// Returns text.
    pub fn text(&self, index: usize) -> Result<&'r str, StoreError> {
        match self.0 {
            SourceRow::Sqlite(row) => {
                let value = row.get_ref(index)?;
                value.as_str().map_err(|error| unexpected(index, &error))
            }
            #[cfg(feature = "postgres")]
            SourceRow::Postgres(row) => postgres::text(row, index),
        }
    }

    /// Returns text, or `None` for null.
    pub fn optional_text(&self, index: usize) -> Result<Option<&'r str>, StoreError> {
        match self.0 {
            SourceRow::Sqlite(row) => {
                let value = row.get_ref(index)?;
                value
                    .as_str_or_null()
                    .map_err(|error| unexpected(index, &error))
            }
            #[cfg(feature = "postgres")]
            SourceRow::Postgres(row) => postgres::optional_text(row, index),
        }
    }

    /// Returns a number.
    pub fn int(&self, index: usize) -> Result<i64, StoreError> {
        match self.0 {
            SourceRow::Sqlite(row) => {
                let value = row.get_ref(index)?;
                value.as_i64().map_err(|error| unexpected(index, &error))
            }
            #[cfg(feature = "postgres")]
            SourceRow::Postgres(row) => postgres::int(row, index),
        }
    }

    /// Returns a number, or `None` for null.
    pub fn optional_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        match self.0 {
            SourceRow::Sqlite(row) => {
                let value = row.get_ref(index)?;
                value
                    .as_i64_or_null()
                    .map_err(|error| unexpected(index, &error))
            }
            #[cfg(feature = "postgres")]
            SourceRow::Postgres(row) => postgres::optional_int(row, index),
        }
    }

    /// Returns bytes.
    pub fn bytes(&self, index: usize) -> Result<&'r [u8], StoreError> {
        match self.0 {
            SourceRow::Sqlite(row) => {
                let value = row.get_ref(index)?;
                value.as_blob().map_err(|error| unexpected(index, &error))
            }
            #[cfg(feature = "postgres")]
            SourceRow::Postgres(row) => postgres::bytes(row, index),
        }
    }
}

fn unexpected(index: usize, error: &rusqlite::types::FromSqlError) -> StoreError {
    StoreError::Damaged(format!("column {index}: {error}"))
}
