//! What is wrong with the stored values of a row, for `check`.

use std::borrow::Cow;
use std::convert::Infallible;

use super::valid::{NO_GUID, no_json};
use super::{
    ColumnFault, ColumnRole, ColumnValue, ColumnVisitor, Record, Table, Valid, column_fault,
    read_column, row_name,
};
use crate::labels::{ANNOTATIONS, LABELS, PairRules};
use crate::log::printable;
use crate::records::{Metadata, rules};
use crate::store::{BorrowedValue, Row};

/// Returns what is wrong with a row that was selected without joined columns, one clause each, which follows the path of
/// the file.
pub(super) fn of_row<T: Table + ?Sized>(row: &Row<'_>) -> Vec<String> {
    let mut found = FindFaults {
        row,
        position: 0,
        is_read: true,
        faults: Vec::new(),
    };
    let mut record = T::Record::default();
    let Ok(()) = record.visit_columns(&mut found);
    let mut faults = found.faults;
    if found.is_read {
        let found = [record.fault(), record.derived_fault()];
        faults.extend(found.into_iter().flatten().map(str::to_owned));
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
    /// Whether each column so far has a value of its type.
    is_read: bool,
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
                let fault = match read.value() {
                    BorrowedValue::Text(text) => text_fault(valid, text),
                    _ => None,
                };
                fault.map(|text| column_fault(name, &text))
            }
            Err(fault) => {
                self.is_read = false;
                Some(fault)
            }
        };
        self.faults.extend(fault.map(|fault| match fault {
            ColumnFault::Damaged(text) => text,
            ColumnFault::Other(error) => error.to_string(),
        }));
        Ok(())
    }
}

/// Returns why a text that can be read is not valid.
fn text_fault(valid: Valid, text: &str) -> Option<Cow<'static, str>> {
    let (is_valid, fault) = match valid {
        Valid::Labels => return pairs_fault(LABELS, text),
        Valid::Annotations => return pairs_fault(ANNOTATIONS, text),
        Valid::Guid if rules::names_format(text) => (false, "the guid ends in `.json`"),
        Valid::Guid => (rules::is_guid(text), NO_GUID),
        Valid::Name => (
            rules::is_name(text),
            "the text is no name, 1 to 250 characters without control characters",
        ),
        // Reading the row checks all of it.
        Valid::All
        | Valid::Time
        | Valid::OneOf(_)
        | Valid::Hex(_)
        | Valid::Texts
        | Valid::Object => return None,
    };
    (!is_valid).then_some(Cow::Borrowed(fault))
}

/// Returns what is wrong with labels or annotations.
fn pairs_fault(rules: PairRules, json: &str) -> Option<Cow<'static, str>> {
    let pairs = match Metadata::parse(json) {
        Ok(Metadata(pairs)) => pairs,
        Err(error) => return Some(no_json("object of text", &error).into()),
    };
    let mut pairs = pairs.iter();
    let fault = pairs.find_map(|(key, value)| {
        rules
            .key_fault(key, value)
            .or_else(|| (rules.value_fault)(value))
    })?;
    Some(printable(&fault).into_owned().into())
}
