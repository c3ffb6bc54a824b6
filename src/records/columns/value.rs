//! How a column of each type is read and bound.

use crate::store::{BorrowedValue, Row, StoreError};

/// A type that a column can have.
pub trait ColumnValue<'r>: Copy {
    /// Reads the column at `position`.
    ///
    /// # Errors
    ///
    /// Fails if it holds a value of another type.
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError>;

    /// Returns the value to bind to a parameter.
    fn value(self) -> BorrowedValue<'r>;
}

impl<'r> ColumnValue<'r> for &'r str {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        row.text(position)
    }

    fn value(self) -> BorrowedValue<'r> {
        BorrowedValue::Text(self)
    }
}

impl<'r> ColumnValue<'r> for Option<&'r str> {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        row.optional_text(position)
    }

    fn value(self) -> BorrowedValue<'r> {
        self.map_or(BorrowedValue::Null, BorrowedValue::Text)
    }
}

impl<'r> ColumnValue<'r> for i64 {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        row.int(position)
    }

    fn value(self) -> BorrowedValue<'r> {
        BorrowedValue::Int(self)
    }
}

impl<'r> ColumnValue<'r> for Option<i64> {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        row.optional_int(position)
    }

    fn value(self) -> BorrowedValue<'r> {
        self.map_or(BorrowedValue::Null, BorrowedValue::Int)
    }
}

impl<'r> ColumnValue<'r> for bool {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        flag(row.int(position)?)
    }

    fn value(self) -> BorrowedValue<'r> {
        BorrowedValue::Int(self.into())
    }
}

impl<'r> ColumnValue<'r> for Option<bool> {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        row.optional_int(position)?.map(flag).transpose()
    }

    fn value(self) -> BorrowedValue<'r> {
        self.map(i64::from).value()
    }
}

/// Returns a stored flag.
#[inline]
fn flag(number: i64) -> Result<bool, StoreError> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(StoreError::Damaged(format!("{number} is no flag, 0 or 1"))),
    }
}
