//! How values are bound to parameters, and how columns are read.

use std::error::Error;

use ::postgres::Row;
use ::postgres::types::private::BytesMut;
use ::postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::{BorrowedValue, StoreError, Version};

/// A value, bound to a parameter of whatever type the server expects there.
#[derive(Debug)]
pub(super) struct Bound<'v>(pub BorrowedValue<'v>);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        expected: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (&self.0, expected) {
            (BorrowedValue::Null, _) => Ok(IsNull::Yes),
            (BorrowedValue::Int(number), &Type::INT8) => number.to_sql(expected, out),
            (BorrowedValue::Int(number), &Type::INT4) => {
                i32::try_from(*number)?.to_sql(expected, out)
            }
            (BorrowedValue::Text(text), &Type::INT8_ARRAY) => {
                serde_json::from_str::<Vec<i64>>(text)?.to_sql(expected, out)
            }
            (BorrowedValue::Text(text), &Type::TEXT_ARRAY) => {
                let texts = serde_json::from_str::<Vec<String>>(text)?;
                let texts: Vec<_> = texts.iter().map(|text| without_nul(text)).collect();
                texts.to_sql(expected, out)
            }
            (BorrowedValue::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::UNKNOWN) => {
                without_nul(text).to_sql(expected, out)
            }
            (BorrowedValue::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(expected, out),
            (_, other) => {
                Err(format!("a parameter of the type `{other}` got another value").into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Returns the text with U+0001 instead of U+0000, which PostgreSQL cannot hold. No stored text contains a control
/// character that a request compares with it, so that the text is found nowhere.
fn without_nul(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{1}").into()
    } else {
        text.into()
    }
}

/// Returns the text in a column.
pub(in crate::store) fn text(row: &Row, index: usize) -> Result<&str, StoreError> {
    get(row, index)
}

/// Returns the text in a column, or `None` for null.
pub(in crate::store) fn optional_text(row: &Row, index: usize) -> Result<Option<&str>, StoreError> {
    get(row, index)
}

/// Returns the bytes in a column.
pub(in crate::store) fn bytes(row: &Row, index: usize) -> Result<&[u8], StoreError> {
    get(row, index)
}

/// Returns the number in a column.
pub(in crate::store) fn int(row: &Row, index: usize) -> Result<i64, StoreError> {
    optional_int(row, index)?
        .ok_or_else(|| StoreError::Damaged(format!("column {index}: it is null, and no number")))
}

/// Returns the number in a column, or `None` for null. A literal is an `int4`, and a condition a `bool`.
pub(in crate::store) fn optional_int(row: &Row, index: usize) -> Result<Option<i64>, StoreError> {
    let column = row.columns().get(index);
    match column.map(|column| column.type_()) {
        Some(&Type::INT4) => Ok(get::<Option<i32>>(row, index)?.map(i64::from)),
        Some(&Type::BOOL) => Ok(get::<Option<bool>>(row, index)?.map(i64::from)),
        _ => get(row, index),
    }
}

/// Returns the version in a row of [`Version::SQL`].
pub(super) fn version(row: &Row) -> Result<Version, StoreError> {
    Ok(Version::from_numbers([
        int(row, 0)?,
        int(row, 1)?,
        int(row, 2)?,
        int(row, 3)?,
    ]))
}

fn get<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index)
        .map_err(|error| StoreError::Damaged(format!("column {index}: {error}")))
}
