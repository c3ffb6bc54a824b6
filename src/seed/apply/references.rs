//! Looks up parents by guid, by a name that only one row has, or by path, as `acme/dev/shop`.

mod near_miss;

use std::collections::{HashMap, HashSet};

use roaring::RoaringTreemap;

use super::super::entry::{ByKind, EntryKind, SeedFormat};
use super::super::fault::{ApplyError, EntryError};
use super::super::field::Reference;
use super::super::messages;
use crate::records::{App, Organization, Space, Table, rules};
use crate::store::{StoreError, Transaction, Value};

/// How many parents of each kind are cached, and how many names of refused entries are remembered.
const CAPACITY: usize = 1 << 16;
/// How many added rows are remembered for each kind.
const ADDED_CAPACITY: usize = 1 << 18;
/// The longest path that is looked up, in bytes: more than three names of 250 characters.
const LONGEST_PATH: usize = 1 << 12;
/// How many rows are read before those of them that have to be deleted are.
const READ_AT_ONCE: i64 = 1 << 12;

/// A table whose rows have names that are unique within their parent, and to which other entries refer.
pub(super) trait NamedTable: Table {
    const KIND: EntryKind;
    /// The column with the id of the parent. A row without a parent is its own.
    const PARENT_ID: &'static str;
    /// The tables of a path, from the organization down to this table.
    const PATH: &'static [Level];
}

impl NamedTable for Organization {
    const KIND: EntryKind = EntryKind::Organization;
    const PARENT_ID: &'static str = "id";
    const PATH: &'static [Level] = &[Level::of::<Self>()];
}

impl NamedTable for Space {
    const KIND: EntryKind = EntryKind::Space;
    const PARENT_ID: &'static str = "organization_id";
    const PATH: &'static [Level] = &[Level::of::<Organization>(), Level::of::<Self>()];
}

impl NamedTable for App {
    const KIND: EntryKind = EntryKind::App;
    const PARENT_ID: &'static str = "space_id";
    const PATH: &'static [Level] = &[
        Level::of::<Organization>(),
        Level::of::<Space>(),
        Level::of::<Self>(),
    ];
}

/// One table of a path.
#[derive(Debug)]
pub(super) struct Level {
    kind: EntryKind,
    table: &'static str,
    parent_id: &'static str,
}

impl Level {
    const fn of<T: NamedTable>() -> Self {
        Self {
            kind: T::KIND,
            table: T::TABLE,
            parent_id: T::PARENT_ID,
        }
    }
}

/// The rows to which entries may refer.
#[derive(Debug)]
pub(super) struct References {
    /// The parents found so far, by kind and reference.
    found: ByKind<HashMap<String, ReferencedRow>>,
    /// The rows that the seeds added, by kind and guid, as long as no row of the kind or above it was changed.
    added: ByKind<HashMap<String, ReferencedRow>>,
    /// With `prune`: the ids of the rows that the seeds have had so far. The other rows will be deleted.
    stored: Option<ByKind<RoaringTreemap>>,
    /// The names in lower case and the guids of entries that were refused.
    refused: HashSet<String>,
    /// Whether entries were refused whose names are not in `refused`.
    is_any_refused: bool,
}

/// A row that a reference names.
#[derive(Clone, Debug)]
pub(super) struct ReferencedRow {
    pub(super) id: i64,
    /// The id of the row's own parent.
    pub(super) parent_id: i64,
    pub(super) guid: String,
}

impl References {
    pub(super) fn new(prune: bool) -> Self {
        Self {
            found: ByKind::default(),
            added: ByKind::default(),
            stored: prune.then(ByKind::default),
            refused: HashSet::new(),
            is_any_refused: false,
        }
    }

    /// Remembers that an entry was applied to a row, which may be a new one, or changed.
    pub(super) fn note_stored(&mut self, kind: EntryKind, id: i64, is_changed: bool) {
        let mut is_new = is_changed;
        if let Some(stored) = &mut self.stored {
            is_new |= stored[kind].insert(id.unsigned_abs());
        }
        if is_new {
            // A path leads through the rows above.
            for found in EntryKind::ALL.iter().skip_while(|other| **other != kind) {
                self.found[*found].clear();
            }
        }
    }

    /// Remembers a row that an entry added, which its guid names from now on.
    pub(super) fn note_added(&mut self, kind: EntryKind, row: ReferencedRow) {
        let added = &mut self.added[kind];
        if added.len() >= ADDED_CAPACITY {
            added.clear();
        }
        added.insert(row.guid.clone(), row);
    }

    /// Forgets the rows that were added, after one of this kind was changed: it or those below it may have moved.
    pub(super) fn forget_added(&mut self, kind: EntryKind) {
        for below in EntryKind::ALL.iter().skip_while(|other| **other != kind) {
            self.added[*below].clear();
        }
    }

    /// Whether the row will not be deleted, as far as is known now.
    pub(super) fn remains(&self, kind: EntryKind, id: i64) -> bool {
        let stored = self.stored.as_ref();
        stored.is_none_or(|stored| stored[kind].contains(id.unsigned_abs()))
    }

    /// Deletes the rows of a kind to which no entry was applied, and returns their number.
    pub(super) fn delete_others(
        &self,
        transaction: &Transaction<'_>,
        kind: EntryKind,
    ) -> Result<u64, StoreError> {
        let table = kind.table();
        let select = format!("select id from {table} where id > $1 order by id limit $2");
        let delete = format!("delete from {table} where id = $1");
        let (mut last_id, mut removed) = (0, 0);
        loop {
            let mut ids = Vec::new();
            transaction.rows(&select, &[last_id.into(), READ_AT_ONCE.into()], |row| {
                ids.push(row.int(0)?);
                Ok::<_, StoreError>(())
            })?;
            let Some(last) = ids.last() else {
                return Ok(removed);
            };
            last_id = *last;
            for id in ids {
                if !self.remains(kind, id) {
                    transaction.execute(&delete, &[id.into()])?;
                    removed += 1;
                }
            }
        }
    }

    /// Remembers the name or the guid of an entry that was refused.
    pub(super) fn refuse(&mut self, name: &str) {
        if self.refused.len() < CAPACITY {
            self.refused.insert(name.to_lowercase());
        } else {
            self.is_any_refused = true;
        }
    }

    /// Remembers that entries were refused whose names are not known.
    pub(super) fn refuse_any(&mut self) {
        self.is_any_refused = true;
    }

    /// Whether a reference may name an entry that was refused, or one within it.
    pub(super) fn is_refused(&self, reference: &str) -> bool {
        let is_refused = |name: &str| self.refused.contains(name);
        let folded = reference.to_lowercase();
        self.is_any_refused || is_refused(&folded) || folded.split('/').any(is_refused)
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
        let text = reference.as_str();
        if let Some(added) = self.added[T::KIND].get(text) {
            return Ok(added);
        }
        if !self.found[T::KIND].contains_key(text) {
            let parent = self.look_up::<T>(transaction, text, field, format)?;
            let found = &mut self.found[T::KIND];
            if found.len() >= CAPACITY {
                found.clear();
            }
            found.insert(text.to_owned(), parent);
        }
        let parent = self.found[T::KIND].get(text);
        Ok(parent.expect("it was found or inserted above"))
    }

    fn look_up<T: NamedTable>(
        &self,
        transaction: &Transaction<'_>,
        text: &str,
        field: &'static str,
        format: SeedFormat,
    ) -> Result<ReferencedRow, ApplyError> {
        let all = rows_named::<T>(transaction, text, |_, _| true)?;
        let is_there = !all.is_empty();
        let mut rows = match self.stored {
            None => all,
            Some(_) => rows_named::<T>(transaction, text, |kind, id| self.remains(kind, id))?,
        };
        let error = match rows.len() {
            1 => return Ok(rows.remove(0)),
            0 if self.is_refused(text) => return Err(ApplyError::Dependent),
            0 if is_there => messages::pruned_reference(text, T::KIND, format),
            0 => {
                let is_known = |id| self.remains(T::KIND, id);
                let nearest = near_miss::find::<T>(transaction, text, is_known)?;
                messages::unknown_reference(text, T::KIND, format, nearest.as_deref())
            }
            count => {
                let path = path_of::<T>(transaction, &rows[0])?;
                messages::ambiguous_name(text, count, T::KIND, &path)
            }
        };
        Err(EntryError::new(field, error).into())
    }
}

/// Returns the rows that a reference names: the one with that guid, or else those with that name, or else those at that
/// path. Only rows for which `is_known` holds count.
fn rows_named<T: NamedTable>(
    transaction: &Transaction<'_>,
    text: &str,
    is_known: impl Fn(EntryKind, i64) -> bool,
) -> Result<Vec<ReferencedRow>, StoreError> {
    let is_known: &dyn Fn(EntryKind, i64) -> bool = &is_known;
    let level = Level::of::<T>();
    let folded = rules::folded_name(text);
    let mut rows = level.rows(transaction, "guid = $1", &[text.into()], is_known)?;
    if rows.is_empty() {
        let name = [folded.as_str().into()];
        rows = level.rows(transaction, "folded_name = $1", &name, is_known)?;
    }
    if rows.is_empty() && T::PATH.len() > 1 && folded.len() <= LONGEST_PATH {
        rows = rows_at_path(transaction, T::PATH, None, &folded, is_known)?;
    }
    Ok(rows)
}

/// Returns the rows at a path of names in lower case. `parent_id` is the parent of the rows of the first level. A name
/// may contain a slash, so that several rows may have the same path.
fn rows_at_path(
    transaction: &Transaction<'_>,
    levels: &[Level],
    parent_id: Option<i64>,
    path: &str,
    is_known: &dyn Fn(EntryKind, i64) -> bool,
) -> Result<Vec<ReferencedRow>, StoreError> {
    let Some((level, below)) = levels.split_first() else {
        return Ok(Vec::new());
    };
    if below.is_empty() {
        return level.rows_with_name(transaction, parent_id, path, is_known);
    }
    let mut found = Vec::new();
    for (slash, _) in path.match_indices('/') {
        let (name, rest) = (&path[..slash], &path[slash + 1..]);
        for row in level.rows_with_name(transaction, parent_id, name, is_known)? {
            found.extend(rows_at_path(
                transaction,
                below,
                Some(row.id),
                rest,
                is_known,
            )?);
        }
    }
    Ok(found)
}

impl Level {
    fn rows_with_name(
        &self,
        transaction: &Transaction<'_>,
        parent_id: Option<i64>,
        folded_name: &str,
        is_known: &dyn Fn(EntryKind, i64) -> bool,
    ) -> Result<Vec<ReferencedRow>, StoreError> {
        let mut condition = "folded_name = $1".to_owned();
        let mut values = vec![folded_name.into()];
        if let Some(parent_id) = parent_id {
            condition.push_str(&format!(" and {} = $2", self.parent_id));
            values.push(parent_id.into());
        }
        self.rows(transaction, &condition, &values, is_known)
    }

    fn rows(
        &self,
        transaction: &Transaction<'_>,
        condition: &str,
        values: &[Value],
        is_known: &dyn Fn(EntryKind, i64) -> bool,
    ) -> Result<Vec<ReferencedRow>, StoreError> {
        let (table, parent_id) = (self.table, self.parent_id);
        let sql = format!("select id, {parent_id}, guid from {table} where {condition}");
        let mut rows = Vec::new();
        transaction.rows(&sql, values, |row| {
            let id = row.int(0)?;
            if is_known(self.kind, id) {
                rows.push(ReferencedRow {
                    id,
                    parent_id: row.int(1)?,
                    guid: row.text(2)?.to_owned(),
                });
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(rows)
    }
}

/// Returns the path of a row, as `acme/dev/shop`.
fn path_of<T: NamedTable>(
    transaction: &Transaction<'_>,
    row: &ReferencedRow,
) -> Result<String, StoreError> {
    let mut names = Vec::new();
    let mut id = row.id;
    for level in T::PATH.iter().rev() {
        let sql = format!(
            "select name, {} from {} where id = $1",
            level.parent_id, level.table
        );
        transaction.rows(&sql, &[id.into()], |row| {
            names.push(row.text(0)?.to_owned());
            id = row.int(1)?;
            Ok::<_, StoreError>(())
        })?;
    }
    names.reverse();
    Ok(names.join("/"))
}
