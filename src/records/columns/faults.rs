//! What is wrong with the stored values of a row, for `check`.

use std::convert::Infallible;

use super::{
    ColumnFault, ColumnRole, ColumnValue, ColumnVisitor, Record, Table, Valid, column_fault,
    read_column, row_name,
};
use crate::records::Metadata;
use crate::store::{BorrowedValue, Row};

/// Returns what is wrong with a row that was selected without joined columns, one clause each, which follows the path of
/// the file.
pub(super) fn of_row<T: Table + ?Sized>(row: &Row<'_>) -> Vec<String> {
    let mut found = FindFaults {
        row,
        position: 0,
        faults: Vec::new(),
    };
    let mut record = T::Record::default();
    let Ok(()) = record.visit_columns(&mut found);
    let mut faults = found.faults;
    if faults.is_empty() {
        faults.extend(record.fault().map(str::to_owned));
    }
    let row = row_name::<T>(row);
    faults
        .iter()
        .map(|fault| format!("has {row} {fault}"))
        .collect()
}

/// Reads each column of a row without joined columns, and collects why columns are not valid.
struct FindFaults<'a, 'r> {
    row: &'a Row<'r>,
    position: usize,
    faults: Vec<String>,
}

impl<'r> ColumnVisitor<'r> for FindFaults<'_, 'r> {
    type Error = Infallible;

    fn visit<T: ColumnValue<'r>>(
        &mut self,
        role: ColumnRole,
        name: &'static str,
        valid: Valid,
        field: &mut T,
    ) -> Result<(), Infallible> {
        if role == ColumnRole::Joined {
            return Ok(());
        }
        let read = read_column::<T>(self.row, self.position, name, valid);
        self.position += 1;
        let fault = match read {
            Ok(read) => {
                *field = read;
                match (valid, read.value()) {
                    (Valid::Metadata, BorrowedValue::Text(json))
                        if Metadata::parse(json).is_err() =>
                    {
                        Some(column_fault(name, "the text is no JSON object of text"))
                    }
                    _ => None,
                }
            }
            Err(fault) => Some(fault),
        };
        self.faults.extend(fault.map(|fault| match fault {
            ColumnFault::Damaged(text) => text,
            ColumnFault::Other(error) => error.to_string(),
        }));
        Ok(())
    }
}
