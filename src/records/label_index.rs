//! The index of labels by which selectors find rows: a table with one row for each label.

use super::Metadata;
use crate::store::{BorrowedValue, StoreError, Transaction};

/// The label index of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LabelIndex {
    /// The name of the table of labels, with the columns `key` and `value`.
    pub table: &'static str,
    /// Its column that refers to the labelled row.
    pub owner: &'static str,
}

impl LabelIndex {
    /// Makes these labels the ones by which selectors find the row with that id.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written.
    pub fn replace(
        &self,
        transaction: &Transaction<'_>,
        id: i64,
        labels: &Metadata<'_>,
    ) -> Result<(), StoreError> {
        let Self { table, owner } = self;
        let sql = format!("delete from {table} where {owner} = $1");
        transaction.execute(&sql, &[id.into()])?;
        self.insert(transaction, id, labels)
    }

    /// Adds the labels of a new row.
    pub(super) fn insert(
        &self,
        transaction: &Transaction<'_>,
        id: i64,
        labels: &Metadata<'_>,
    ) -> Result<(), StoreError> {
        if labels.0.is_empty() {
            return Ok(());
        }
        let Self { table, owner } = self;
        let sql = format!("insert into {table} (key, value, {owner}) values ($1, $2, $3)");
        for (key, value) in &labels.0 {
            transaction.execute_borrowed(
                &sql,
                &[
                    BorrowedValue::Text(key),
                    BorrowedValue::Text(value),
                    BorrowedValue::Int(id),
                ],
            )?;
        }
        Ok(())
    }
}
