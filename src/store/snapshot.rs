//! One read transaction: SQL text, values and rows, without a name of the engine.

use std::sync::mpsc::SyncSender;

use rusqlite::Connection;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use super::StoreError;
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
/// SQLite takes `$n` as a name, and counts appearances (<https://sqlite.org/lang_expr.html#parameters>).
pub struct Snapshot<'c> {
    connection: &'c Connection,
    /// `None` in a write transaction, whose version changes with what it writes.
    versions: Option<&'c VersionCache>,
    /// The queue of the background lane. `None` in a write transaction, and in the background lane itself.
    background: Option<&'c SyncSender<Work>>,
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
        Self {
            connection,
            versions: Some(versions),
            background,
        }
    }

    /// Returns a snapshot over a write transaction.
    pub(super) fn of_writer(connection: &'c Connection) -> Self {
        Self {
            connection,
            versions: None,
            background: None,
        }
    }

    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// Queues `work` for the background lane, which runs it over a snapshot of its own. Returns whether it was queued:
    /// it is dropped if too much work waits.
    pub fn in_background(&self, work: impl FnOnce(&Snapshot<'_>) + Send + 'static) -> bool {
        self.background
            .is_some_and(|background| background.try_send(Box::new(work)).is_ok())
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
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(StoreError::from)?;
        let mut rows = statement
            .query(rusqlite::params_from_iter(values))
            .map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            each(&Row(row))?;
        }
        Ok(())
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
        match self.versions {
            Some(versions) => versions.version(self.connection),
            None => Version::read(self.connection),
        }
    }

    /// Returns how many virtual machine steps SQLite took for `sql` since the last call, and how many of them moved
    /// forward in a scan of a whole table (<https://sqlite.org/c3ref/c_stmtstatus_counter.html>). For tests.
    ///
    /// # Errors
    ///
    /// Fails if the statement cannot be prepared.
    pub fn work(&self, sql: &str) -> Result<(i32, i32), StoreError> {
        use rusqlite::StatementStatus::{FullscanStep, VmStep};
        let statement = self.connection.prepare_cached(sql)?;
        Ok((
            statement.reset_status(VmStep),
            statement.reset_status(FullscanStep),
        ))
    }
}

/// One row, valid until the next one is read. Columns are numbered from 0.
///
/// Each method fails with [`StoreError::Damaged`] if the column holds another type.
#[derive(Debug)]
pub struct Row<'r>(&'r rusqlite::Row<'r>);

impl<'r> Row<'r> {
    /// Returns text.
    pub fn text(&self, index: usize) -> Result<&'r str, StoreError> {
        let value = self.0.get_ref(index)?;
        value.as_str().map_err(|error| unexpected(index, &error))
    }

    /// Returns text, or `None` for null.
    pub fn optional_text(&self, index: usize) -> Result<Option<&'r str>, StoreError> {
        let value = self.0.get_ref(index)?;
        value
            .as_str_or_null()
            .map_err(|error| unexpected(index, &error))
    }

    /// Returns a number.
    pub fn int(&self, index: usize) -> Result<i64, StoreError> {
        let value = self.0.get_ref(index)?;
        value.as_i64().map_err(|error| unexpected(index, &error))
    }

    /// Returns a number, or `None` for null.
    pub fn optional_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        let value = self.0.get_ref(index)?;
        value
            .as_i64_or_null()
            .map_err(|error| unexpected(index, &error))
    }

    /// Returns bytes.
    pub fn bytes(&self, index: usize) -> Result<&'r [u8], StoreError> {
        let value = self.0.get_ref(index)?;
        value.as_blob().map_err(|error| unexpected(index, &error))
    }
}

fn unexpected(index: usize, error: &rusqlite::types::FromSqlError) -> StoreError {
    StoreError::Damaged(format!("column {index}: {error}"))
}
