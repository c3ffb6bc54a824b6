//! What a database on another machine holds, so that an entry that is new is found to be new without asking for each one.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::records::Table;
use crate::records::{App, Organization, Space};
use crate::seed::entry::EntryKind;
use crate::store::{StoreError, Transaction};

/// How many look-ups are made before all guids and names are read.
const LOOK_UPS: u32 = 500;
/// How many rows of a table are read at the same time.
const ROWS_AT_ONCE: u32 = 20_000;

/// The hashes of the guids and names that are stored, once they were read. Two keys with the same hash only cost a
/// look-up.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    looked_up: Cell<u32>,
    keys: RefCell<Option<HashSet<u64>>>,
    hasher: RandomState,
}

/// What is unique: a guid among the rows of a kind, or a name in lower case among the rows of a table with the same parent.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Key<'k> {
    Guid(EntryKind, &'k str),
    Name(&'static str, Option<i64>, &'k str),
}

impl KnownKeys {
    /// Whether a row with that key may be stored. If not, none is.
    ///
    /// # Errors
    ///
    /// Fails if the keys cannot be read.
    pub(super) fn may_be_stored(
        &self,
        transaction: &Transaction<'_>,
        key: Key<'_>,
    ) -> Result<bool, StoreError> {
        if !transaction.sends_rows_together() {
            return Ok(true);
        }
        if self.keys.borrow().is_none() {
            self.looked_up.set(self.looked_up.get() + 1);
            if self.looked_up.get() <= LOOK_UPS {
                return Ok(true);
            }
            let keys = self.read(transaction)?;
            *self.keys.borrow_mut() = Some(keys);
        }
        let keys = self.keys.borrow();
        Ok(keys
            .as_ref()
            .is_none_or(|keys| keys.contains(&self.hasher.hash_one(key))))
    }

    /// Adds the key of a row that is stored now.
    pub(super) fn note(&self, key: Key<'_>) {
        if let Some(keys) = self.keys.borrow_mut().as_mut() {
            keys.insert(self.hasher.hash_one(key));
        }
    }

    fn read(&self, transaction: &Transaction<'_>) -> Result<HashSet<u64>, StoreError> {
        let mut keys = HashSet::new();
        for kind in EntryKind::ALL {
            let sql = format!("select guid from {}", kind.table());
            transaction.many_rows(&sql, &[], ROWS_AT_ONCE, |row| {
                keys.insert(self.hasher.hash_one(Key::Guid(*kind, row.text(0)?)));
                Ok::<_, StoreError>(())
            })?;
        }
        for (table, parent) in [
            (Organization::TABLE, None),
            (Space::TABLE, Some("organization_id")),
            (App::TABLE, Some("space_id")),
        ] {
            let columns = parent.map_or_else(String::new, |parent| format!(", {parent}"));
            let sql = format!("select folded_name{columns} from {table}");
            transaction.many_rows(&sql, &[], ROWS_AT_ONCE, |row| {
                let parent_id = parent.map(|_| row.int(1)).transpose()?;
                let key = Key::Name(table, parent_id, row.text(0)?);
                keys.insert(self.hasher.hash_one(key));
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(keys)
    }
}
