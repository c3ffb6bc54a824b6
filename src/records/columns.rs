//! How a record declares its columns, and what follows from the declaration: SQL statements, reading, writing,
//! comparing.
//!
//! A record passes each of its columns to a [`ColumnVisitor`], once and always in the same order. Positions in a
//! statement's result and the numbers of its parameters are counted while the columns are visited.

mod faults;
mod valid;
mod value;

use std::convert::Infallible;

use super::{LabelIndex, Metadata};
use crate::store::{BorrowedValue, Row, Snapshot, StoreError, Transaction, dialect};
pub use valid::Valid;
pub use value::ColumnValue;

/// A row of a table, with borrowed text.
pub trait Record<'r>: Copy + Default {
    /// Passes each column to `visitor`, always in the same order.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `visitor`.
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error>;

    /// Returns the labels, a JSON object of text, if the table has labels.
    fn labels(&self) -> Option<&'r str> {
        None
    }

    /// Returns what is wrong with the columns together, each of which is valid: a clause that follows the name of the row.
    fn fault(&self) -> Option<&'static str> {
        None
    }

    /// Returns the same for a column that follows from another one and that no document shows. Reading a row does not check
    /// it, `check` does.
    fn derived_fault(&self) -> Option<&'static str> {
        None
    }
}

/// How a column is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// The primary key. The database assigns it.
    Id,
    /// Set by an insert and never changed.
    Fixed,
    /// Set by an insert and by an update.
    Changeable,
    /// A column of another table. It is read and never written.
    Joined,
}

/// The roles of the columns that an insert sets.
const WRITTEN: &[ColumnRole] = &[ColumnRole::Fixed, ColumnRole::Changeable];

/// An operation on each column of a record.
pub trait ColumnVisitor<'r> {
    /// Why a visit failed.
    type Error;

    /// Visits one column: its name, or the table and the name of a joined one, its valid values, and its field in the
    /// record.
    ///
    /// # Errors
    ///
    /// Depends on the visitor.
    fn visit<T: ColumnValue<'r>>(
        &mut self,
        role: ColumnRole,
        name: &'static str,
        valid: Valid,
        field: &mut T,
    ) -> Result<(), Self::Error>;

    /// Visits the primary key.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn id(&mut self, field: &mut i64) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Id, "id", Valid::All, field)
    }

    /// Visits a column that holds a guid and never changes.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn guid(&mut self, name: &'static str, field: &mut &'r str) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Fixed, name, Valid::Guid, field)
    }

    /// Visits a column that never changes.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn fixed<T: ColumnValue<'r>>(
        &mut self,
        name: &'static str,
        field: &mut T,
    ) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Fixed, name, Valid::All, field)
    }

    /// Visits a column that never changes and in which only some values of its type are valid.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn fixed_limited<T: ColumnValue<'r>>(
        &mut self,
        name: &'static str,
        valid: Valid,
        field: &mut T,
    ) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Fixed, name, valid, field)
    }

    /// Visits a column that can change.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn column<T: ColumnValue<'r>>(
        &mut self,
        name: &'static str,
        field: &mut T,
    ) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Changeable, name, Valid::All, field)
    }

    /// Visits a column that can change and in which only some values of its type are valid.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn limited<T: ColumnValue<'r>>(
        &mut self,
        name: &'static str,
        valid: Valid,
        field: &mut T,
    ) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Changeable, name, valid, field)
    }

    /// Visits a column of a table in `Table::JOINS` that holds a guid.
    ///
    /// # Errors
    ///
    /// Fails like [`visit`](Self::visit).
    #[inline]
    fn joined(&mut self, name: &'static str, field: &mut &'r str) -> Result<(), Self::Error> {
        self.visit(ColumnRole::Joined, name, Valid::Guid, field)
    }
}

/// How many rows of a whole table are in memory at the same time, if the engine sends them.
const ROWS_AT_ONCE: u32 = 2_000;

/// A table and its record. SQL calls the table `r`.
pub trait Table: Send + Sync + 'static {
    /// One row, borrowed until the next row is read.
    type Record<'r>: Record<'r>;

    /// The name of the table.
    const TABLE: &'static str;
    /// The column of the primary key, which is a number. Only a table that no client lists may name another one.
    const ID: &'static str = "id";
    /// The index of the labels, if the table has labels. An insert or an update also writes it.
    const LABELS: Option<LabelIndex> = None;
    /// The tables from which the record has joined columns.
    const JOINS: &'static [Join];

    /// Returns the table's statements, which are built once.
    fn statements() -> &'static Statements;

    /// Reads the record from a row of one of the select statements.
    ///
    /// # Errors
    ///
    /// Fails if a column holds a value that is not valid.
    #[inline]
    fn read<'r>(row: &Row<'r>) -> Result<Self::Record<'r>, StoreError> {
        read::<Self>(row, true)
    }

    /// Whether two records have the same values. The ids and the joined columns are not compared.
    fn is_equal(one: &Self::Record<'_>, other: &Self::Record<'_>) -> bool {
        values::<Self>(one, WRITTEN) == values::<Self>(other, WRITTEN)
    }

    /// Passes every record to `each`, in the order in which they were inserted.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `each`, or if the table cannot be read.
    fn for_each<E: From<StoreError>>(
        snapshot: &Snapshot<'_>,
        mut each: impl FnMut(Self::Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = &Self::statements().select_all;
        snapshot.many_rows(sql, &[], ROWS_AT_ONCE, |row| each(Self::read(row)?))
    }

    /// Passes the record with that id, if there is one, to `with`. The joined columns are not read: an update does not
    /// need them, and the look-up in the other table costs 0.4 µs per record.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `with`, or if the table cannot be read.
    fn with_own_columns<E: From<StoreError>>(
        snapshot: &Snapshot<'_>,
        id: i64,
        mut with: impl FnMut(Self::Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = &Self::statements().select_own_by_id;
        snapshot.rows(sql, &[id.into()], |row| with(read::<Self>(row, false)?))
    }

    /// Adds what is wrong with the stored values of the table to `faults`, one clause each, which follows the path of the
    /// file.
    ///
    /// # Errors
    ///
    /// Fails if the table cannot be read.
    fn find_faults(snapshot: &Snapshot<'_>, faults: &mut Vec<String>) -> Result<(), StoreError> {
        let sql = &Self::statements().select_own;
        snapshot.many_rows(sql, &[], ROWS_AT_ONCE, |row| {
            faults.extend(faults::of_row::<Self>(row));
            Ok(())
        })
    }

    /// Inserts a record and returns its id. The id and the joined columns of `record` are ignored.
    ///
    /// # Errors
    ///
    /// Fails if a constraint of the table is violated, or if the database cannot be written.
    fn insert(transaction: &Transaction<'_>, record: &Self::Record<'_>) -> Result<i64, StoreError> {
        let id = insert::<Self>(transaction, record)?;
        if let Some((index, labels)) = labels::<Self>(record)? {
            index.insert(transaction, id, &labels)?;
        }
        Ok(id)
    }

    /// Sets the changeable columns of the row `id` to those of `record`.
    ///
    /// # Errors
    ///
    /// Fails if a constraint of the table is violated, or if the database cannot be written.
    fn update(
        transaction: &Transaction<'_>,
        id: i64,
        record: &Self::Record<'_>,
    ) -> Result<(), StoreError> {
        update::<Self>(transaction, id, record)?;
        if let Some((index, labels)) = labels::<Self>(record)? {
            index.replace(transaction, id, &labels)?;
        }
        Ok(())
    }

    /// Deletes every row, and the rows of other tables that only describe those of this one. Returns how many rows this
    /// table had.
    ///
    /// # Errors
    ///
    /// Fails if rows of another table refer to a row, or if the database cannot be written.
    fn delete_all(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        if let Some(LabelIndex { table, .. }) = Self::LABELS {
            // This is faster than the cascade, which deletes the labels row by row.
            transaction.execute(&format!("delete from {table}"), &[])?;
        }
        let deleted = transaction.execute(&format!("delete from {}", Self::TABLE), &[])?;
        Ok(deleted as u64)
    }
}

/// A table that is joined to `r`.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    /// The name of the table, and its name in the names of joined columns: `apps a`.
    pub table: &'static str,
    /// The condition: `a.id = r.app_id`.
    pub on: &'static str,
}

/// The SQL of one table. Each `select` returns the columns of the record in their order.
#[derive(Debug)]
pub struct Statements {
    /// The number of columns of the record.
    columns: usize,
    /// Every row, by id.
    pub select_all: String,
    /// Every row, by id, without its joined columns.
    select_own: String,
    /// The row whose id is `$1`, without its joined columns.
    pub select_own_by_id: String,
    /// The rows whose ids are `$1` to `$2`, by id.
    pub select_by_id_range: String,
    /// The rows whose ids are in the list `$1` (`dialect::number_list`), in the order of the list.
    pub select_by_id_list: String,
    /// Inserts a row. The parameters are the fixed and the changeable columns in their order.
    pub insert: String,
    /// Updates a row. The parameters are the changeable columns in their order, then the id.
    pub update: String,
}

impl Statements {
    /// Builds the statements of a table.
    pub fn of<T: Table>() -> Self {
        let mut visited = ListColumns::default();
        let Ok(()) = T::Record::default().visit_columns(&mut visited);
        let columns = visited.0;
        let names = |roles: &[ColumnRole]| {
            let chosen = columns.iter().filter(|(role, _)| roles.contains(role));
            chosen.map(|(_, name)| *name).collect::<Vec<_>>()
        };
        let selection = |with_joined: bool| {
            let chosen = columns.iter().filter_map(|(role, name)| match role {
                ColumnRole::Joined => with_joined.then(|| (*name).to_owned()),
                _ => Some(format!("r.{name}")),
            });
            chosen.collect::<Vec<_>>().join(", ")
        };
        let (own, selected) = (selection(false), selection(true));
        let (table, id) = (T::TABLE, T::ID);
        // Every row has its parents, so that the order of the tables only decides the speed: `r` is read first.
        let joins = T::JOINS.iter().map(|Join { table, on }| {
            let join = dialect::JOIN_IN_ORDER;
            format!("{join} {table} on {on}")
        });
        let joins = joins.collect::<Vec<_>>().join(" ");
        let inserted = names(WRITTEN);
        let parameters = (1..=inserted.len()).map(|n| format!("${n}"));
        let updated = names(&[ColumnRole::Changeable]);
        let assignments = updated
            .iter()
            .zip(1..)
            .map(|(name, n)| format!("{name} = ${n}"));
        Self {
            columns: columns.len(),
            select_all: format!("select {selected} from {table} r {joins} order by r.{id}"),
            select_own: format!("select {own} from {table} r order by r.{id}"),
            select_own_by_id: format!("select {own} from {table} r where r.{id} = $1"),
            select_by_id_range: format!(
                "select {selected} from {table} r {joins} where r.{id} between $1 and $2 order by r.{id}"
            ),
            select_by_id_list: format!(
                "select {selected} {} {joins}",
                dialect::from_in_list_order(table, 1)
            ),
            insert: format!(
                "insert into {table} ({}) values ({})",
                inserted.join(", "),
                parameters.collect::<Vec<_>>().join(", ")
            ),
            update: format!(
                "update {table} set {} where {id} = ${}",
                assignments.collect::<Vec<_>>().join(", "),
                updated.len() + 1
            ),
        }
    }
}

/// The default of [`Table::insert`], for tables that write more than their own row.
pub(super) fn insert<T: Table + ?Sized>(
    transaction: &Transaction<'_>,
    record: &T::Record<'_>,
) -> Result<i64, StoreError> {
    let values = values::<T>(record, WRITTEN);
    transaction.insert(&T::statements().insert, &values)
}

/// The default of [`Table::update`], for tables that write more than their own row.
pub(super) fn update<T: Table + ?Sized>(
    transaction: &Transaction<'_>,
    id: i64,
    record: &T::Record<'_>,
) -> Result<(), StoreError> {
    let mut values = values::<T>(record, &[ColumnRole::Changeable]);
    values.push(BorrowedValue::Int(id));
    transaction.execute_borrowed(&T::statements().update, &values)?;
    Ok(())
}

/// Returns the labels of a record and their index, if the table has labels.
fn labels<'r, T: Table + ?Sized>(
    record: &T::Record<'r>,
) -> Result<Option<(LabelIndex, Metadata<'r>)>, StoreError> {
    let (Some(index), Some(stored)) = (T::LABELS, record.labels()) else {
        return Ok(None);
    };
    let labels = Metadata::parse(stored).map_err(|error| {
        StoreError::Damaged(format!("the labels of a row in `{}`: {error}", T::TABLE))
    })?;
    Ok(Some((index, labels)))
}

/// Returns the values of the columns with one of these roles, in their order.
fn values<'r, T: Table + ?Sized>(
    record: &T::Record<'r>,
    roles: &[ColumnRole],
) -> Vec<BorrowedValue<'r>> {
    let mut collected = CollectValues {
        roles,
        values: Vec::with_capacity(T::statements().columns),
    };
    let mut record = *record;
    let Ok(()) = record.visit_columns(&mut collected);
    collected.values
}

/// Lists the columns' roles and names.
#[derive(Default)]
struct ListColumns(Vec<(ColumnRole, &'static str)>);

impl<'r> ColumnVisitor<'r> for ListColumns {
    type Error = Infallible;

    fn visit<T: ColumnValue<'r>>(
        &mut self,
        role: ColumnRole,
        name: &'static str,
        _: Valid,
        _: &mut T,
    ) -> Result<(), Infallible> {
        self.0.push((role, name));
        Ok(())
    }
}

/// Reads a record, with its joined columns if the row has them.
#[inline]
fn read<'r, T: Table + ?Sized>(
    row: &Row<'r>,
    with_joined: bool,
) -> Result<T::Record<'r>, StoreError> {
    let mut record = T::Record::default();
    record
        .visit_columns(&mut ReadColumns {
            row,
            position: 0,
            skip_joined: !with_joined,
        })
        .map_err(|fault| damaged::<T>(row, fault))?;
    match record.fault() {
        None => Ok(record),
        Some(fault) => Err(damaged::<T>(row, ColumnFault::Damaged(fault.into()))),
    }
}

/// Reads the guid of a row of `table` as a column of a result that holds columns of several tables.
///
/// # Errors
///
/// Fails with [`StoreError::Damaged`] if the column does not hold a guid.
pub fn read_guid<'r>(row: &Row<'r>, position: usize, table: &str) -> Result<&'r str, StoreError> {
    read_column(row, position, "guid", Valid::Guid).map_err(|fault| match fault {
        ColumnFault::Damaged(text) => StoreError::Damaged(format!("a row in `{table}` {text}")),
        ColumnFault::Other(error) => error,
    })
}

/// Why a column cannot be read.
enum ColumnFault {
    /// It holds a value that is not valid. A clause that follows the name of the row.
    Damaged(String),
    /// The row cannot be read.
    Other(StoreError),
}

/// Reads a column.
#[inline]
fn read_column<'r, T: ColumnValue<'r>>(
    row: &Row<'r>,
    position: usize,
    name: &'static str,
    valid: Valid,
) -> Result<T, ColumnFault> {
    let read = T::read(row, position).map_err(|error| match error {
        StoreError::Damaged(text) => column_fault(name, &text),
        other => ColumnFault::Other(other),
    })?;
    match valid.fault(read.value()) {
        None => Ok(read),
        Some(text) => Err(column_fault(name, &text)),
    }
}

#[cold]
fn column_fault(name: &str, text: &str) -> ColumnFault {
    ColumnFault::Damaged(format!("with a damaged `{name}`: {text}"))
}

#[cold]
fn damaged<T: Table + ?Sized>(row: &Row<'_>, fault: ColumnFault) -> StoreError {
    match fault {
        ColumnFault::Damaged(text) => StoreError::Damaged(format!("{} {text}", row_name::<T>(row))),
        ColumnFault::Other(error) => error,
    }
}

/// Returns the name of a row for a message. Its id is its first column, its guid the second one.
fn row_name<T: Table + ?Sized>(row: &Row<'_>) -> String {
    let guid = row
        .text(1)
        .map(|guid| format!(", guid `{}`", guid.escape_debug()));
    format!(
        "a row in `{}` (id {}{})",
        T::TABLE,
        row.int(0).unwrap_or_default(),
        guid.unwrap_or_default()
    )
}

/// Sets each field to the column's value in a row.
struct ReadColumns<'a, 'r> {
    row: &'a Row<'r>,
    position: usize,
    /// Whether the row has no joined columns.
    skip_joined: bool,
}

impl<'r> ColumnVisitor<'r> for ReadColumns<'_, 'r> {
    type Error = ColumnFault;

    #[inline]
    fn visit<T: ColumnValue<'r>>(
        &mut self,
        role: ColumnRole,
        name: &'static str,
        valid: Valid,
        field: &mut T,
    ) -> Result<(), ColumnFault> {
        if self.skip_joined && role == ColumnRole::Joined {
            return Ok(());
        }
        *field = read_column(self.row, self.position, name, valid)?;
        self.position += 1;
        Ok(())
    }
}

/// Collects the values of the columns with one of these roles.
struct CollectValues<'a, 'r> {
    roles: &'a [ColumnRole],
    values: Vec<BorrowedValue<'r>>,
}

impl<'r> ColumnVisitor<'r> for CollectValues<'_, 'r> {
    type Error = Infallible;

    fn visit<T: ColumnValue<'r>>(
        &mut self,
        role: ColumnRole,
        _: &'static str,
        _: Valid,
        field: &mut T,
    ) -> Result<(), Infallible> {
        if self.roles.contains(&role) {
            self.values.push(field.value());
        }
        Ok(())
    }
}
