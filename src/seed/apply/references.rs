//! Looks up parents by guid, or by a name that only one row has.

use std::collections::HashMap;

use super::super::entry::{ByKind, EntryKind, SeedFormat};
use super::super::field::Reference;
use super::super::messages::{self, ApplyError, EntryError};
use crate::records::{App, Organization, Space, Table};
use crate::store::{StoreError, Transaction};

/// How many parents of each kind are cached.
const CAPACITY: usize = 1 << 16;

/// A table whose rows have names that are unique within their parent, and to which other entries refer.
pub(super) trait NamedTable: Table {
    const KIND: EntryKind;
    /// The column with the id of the parent. A row without a parent is its own.
    const PARENT_ID: &'static str;
}

impl NamedTable for Organization {
    const KIND: EntryKind = EntryKind::Organization;
    const PARENT_ID: &'static str = "id";
}

impl NamedTable for Space {
    const KIND: EntryKind = EntryKind::Space;
    const PARENT_ID: &'static str = "organization_id";
}

impl NamedTable for App {
    const KIND: EntryKind = EntryKind::App;
    const PARENT_ID: &'static str = "space_id";
}

/// The parents found so far, by kind and reference.
#[derive(Debug, Default)]
pub(super) struct References {
    found: ByKind<HashMap<String, ReferencedRow>>,
}

/// A row that a reference names.
#[derive(Debug)]
pub(super) struct ReferencedRow {
    pub(super) id: i64,
    /// The id of the row's own parent.
    pub(super) parent_id: i64,
    pub(super) guid: String,
}

impl References {
    /// Removes a kind from the cache, because a row of it was added or changed.
    pub(super) fn forget(&mut self, kind: EntryKind) {
        self.found[kind].clear();
    }

    /// Returns the row of `T` that a reference names. `field` is the field with the reference, and `format` the format
    /// of the seed, for messages.
    pub(super) fn find<T: NamedTable>(
        &mut self,
        transaction: &Transaction<'_>,
        reference: &Reference<'_>,
        field: &'static str,
        format: SeedFormat,
    ) -> Result<&ReferencedRow, ApplyError> {
        let found = &mut self.found[T::KIND];
        let text = reference.as_str();
        if !found.contains_key(text) {
            let parent = look_up::<T>(transaction, text, field, format)?;
            if found.len() >= CAPACITY {
                found.clear();
            }
            found.insert(text.to_owned(), parent);
        }
        let parent = found.get(text).expect("it was found or inserted above");
        Ok(parent)
    }
}

fn look_up<T: NamedTable>(
    transaction: &Transaction<'_>,
    text: &str,
    field: &'static str,
    format: SeedFormat,
) -> Result<ReferencedRow, ApplyError> {
    let select = format!("select id, {}, guid from {}", T::PARENT_ID, T::TABLE);
    let mut parent = None;
    let mut count = 0_u64;
    for (sql, value) in [
        (format!("{select} where guid = $1"), text.to_owned()),
        (
            format!("{select} where folded_name = $1"),
            text.to_lowercase(),
        ),
    ] {
        transaction.rows(&sql, &[value.into()], |row| {
            count += 1;
            if count == 1 {
                parent = Some(ReferencedRow {
                    id: row.int(0)?,
                    parent_id: row.int(1)?,
                    guid: row.text(2)?.to_owned(),
                });
            }
            Ok::<_, StoreError>(())
        })?;
        if count > 0 {
            break;
        }
    }
    let error = match (parent, count) {
        (Some(parent), 1) => return Ok(parent),
        (Some(_), count) => messages::ambiguous_name(text, count, T::KIND),
        (None, _) => messages::unknown_reference(text, T::KIND, format),
    };
    Err(EntryError::new(field, error).into())
}
