//! Applies entries to the database: each is added, changed in place, or found unchanged.
//!
//! An unchanged row is not written, because each update makes the caches check their lists again.

mod known_keys;
mod references;
mod touched_rows;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::bits::{BitsSource, SeedBits, StoredBits};
use super::bits_state::BitsState;
use super::entry::{
    AppEntry, ByKind, Entry, EntryKind, OrganizationEntry, PackageEntry, Position, SeedFormat,
    SpaceEntry, UserEntry, required,
};
use super::fault::{ApplyError, EntryError};
use super::field::{Annotations, Guid, Labels, Name, Reference, Text, Time};
use super::messages;
use super::report::{Outcome, Progress, Report};
use crate::records::user::{RoleScope, RoleSet, add_roles, set_roles};
use crate::records::{
    App, AppRecord, Metadata, Organization, OrganizationRecord, Package, PackageRecord, Space,
    SpaceRecord, Table, User, UserRecord, package, rules,
};
use crate::store::{StoreError, Transaction};
use known_keys::{Key, KnownKeys};
use references::{NamedTable, ReferencedRow, References};
use touched_rows::TouchedRows;

/// The namespace of the guids of entries that give none. It never changes, so that the same seed always gets the same
/// guids.
const NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x0d1c_6f3e_52b7_4b6c_9a5e_cf9a_c6a6_e501);

/// How many rows may wait for a new name at the same time (see [`PendingRename`]).
const MOST_PENDING_RENAMES: usize = 1 << 12;

/// Selects the id of the row with the guid `$1`.
static SELECT_IDS: LazyLock<ByKind<String>> = LazyLock::new(|| {
    let mut statements = ByKind::default();
    for kind in EntryKind::ALL {
        statements[*kind] = format!("select id from {} where guid = $1", kind.table());
    }
    statements
});

/// Applies entries in one transaction.
#[derive(Debug)]
pub(super) struct Applier<'t, 'c> {
    transaction: &'t Transaction<'c>,
    times: NewTimes,
    report: Report,
    /// The rows that entries of this seed were applied to.
    touched: ByKind<TouchedRows>,
    references: References,
    known: KnownKeys,
    /// How many packages this seed has had so far for each app, by the id of the app.
    packages_per_app: HashMap<i64, u64>,
    pending_renames: Vec<PendingRename>,
    /// The files that this seed names.
    bits: SeedBits<'t>,
    progress: Progress,
}

/// The times of a new entry that gives none, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewTimes {
    pub(super) created_at: i64,
    pub(super) updated_at: Option<i64>,
}

/// A row that must be renamed, because another entry of this seed uses its name, as when two apps swap their names. The
/// row's own entry, later in the seed, must rename it.
#[derive(Debug)]
struct PendingRename {
    /// The entry that uses the name.
    position: Position,
    /// The row that must be renamed.
    id: i64,
    guid: String,
    /// The error if the seed ends without another name for the row.
    error: EntryError,
}

/// The name of an entry, which must be unique within its parent, and the guid, which may be derived from it.
struct NewName<'e> {
    position: Position,
    name: &'e str,
    folded_name: String,
    guid: Cow<'e, str>,
    is_guid_derived: bool,
}

impl<'t, 'c> Applier<'t, 'c> {
    /// With `prune`, the entries may refer only to each other, and [`prune`](Self::prune) can be called at the end.
    pub(super) fn new(
        transaction: &'t Transaction<'c>,
        times: NewTimes,
        prune: bool,
        progress: Progress,
    ) -> Self {
        Self {
            transaction,
            times,
            report: Report::default(),
            touched: ByKind::default(),
            references: References::new(prune),
            known: KnownKeys::default(),
            packages_per_app: HashMap::new(),
            pending_renames: Vec::new(),
            bits: SeedBits::new(BitsSource::None),
            progress,
        }
    }

    /// Begins a seed whose files are in `bits`.
    pub(super) fn begin_seed(&mut self, bits: BitsSource<'t>) {
        self.bits = SeedBits::new(bits);
    }

    /// Sets the times of the entries that follow.
    pub(super) fn set_times(&mut self, times: NewTimes) {
        self.times = times;
    }

    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// Applies one entry and counts its outcome. Entries that refer to a refused one are refused without a fault of
    /// their own. Fails if the transaction is to end.
    pub(super) fn apply(
        &mut self,
        position: Position,
        entry: &Entry<'_>,
    ) -> Result<(), ApplyError> {
        // An entry that changes nothing only reads.
        self.transaction.require_going_on()?;
        let applied = match entry {
            Entry::Organization(entry) => self.organization(position, entry),
            Entry::Space(entry) => self.space(position, entry),
            Entry::App(entry) => self.app(position, entry),
            Entry::User(entry) => self.user(position, entry),
            Entry::Package(entry) => self.package(position, entry),
        };
        self.progress.step();
        match applied {
            Ok(outcome) => self.report.count(position.kind, outcome),
            Err(error) => {
                for name in entry.names() {
                    self.refuse(name);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Remembers the name or the guid of an entry that was refused.
    pub(super) fn refuse(&mut self, name: &str) {
        self.references.refuse(name);
    }

    /// Remembers that entries were refused whose names are not known.
    pub(super) fn refuse_any(&mut self) {
        self.references.refuse_any();
    }

    /// Whether there is a row of the kind with that guid, or an entry that was refused had it.
    pub(super) fn has(&self, kind: EntryKind, guid: &str) -> Result<bool, StoreError> {
        let id = self.id_of(kind, guid)?;
        let is_there = id.is_some_and(|id| self.references.remains(kind, id));
        Ok(is_there || self.references.is_refused(guid))
    }

    /// Returns the guid of the organization or space with that name or path, if there is exactly one.
    pub(super) fn guid_of(
        &mut self,
        kind: EntryKind,
        path: &str,
    ) -> Result<Option<String>, StoreError> {
        let (reference, format) = (Reference::trusted(path), SeedFormat::Json);
        let found = match kind {
            EntryKind::Organization => self.references.find::<Organization>(
                self.transaction,
                &reference,
                "organization",
                format,
            ),
            _ => self
                .references
                .find::<Space>(self.transaction, &reference, "space", format),
        };
        match found {
            Ok(row) => Ok(Some(row.guid.clone())),
            Err(ApplyError::Store(error)) => Err(error),
            Err(ApplyError::Entry(_) | ApplyError::Dependent) => Ok(None),
        }
    }

    /// Counts an entry that was made up, because answers refer to it and do not hold it.
    pub(super) fn count_made_up(&mut self, kind: EntryKind) {
        self.report.count_made_up(kind);
    }

    /// Notes that saved answers hold only a part of a list.
    pub(super) fn note_incomplete(&mut self, list: &'static str, held: u64, total: u64) {
        self.report.note_incomplete(list, held, total);
    }

    /// Ends a seed. An entry of the next seed may have the guid of an entry of this one: then it changes that row.
    ///
    /// Returns the entries whose names another row has.
    pub(super) fn end_seed(&mut self) -> Vec<(Position, EntryError)> {
        let mut faults = Vec::new();
        for rename in std::mem::take(&mut self.pending_renames) {
            let is_renamed = self.touched[rename.position.kind]
                .position_of(rename.id)
                .is_some();
            if !is_renamed && !self.references.is_refused(&rename.guid) {
                faults.push((rename.position, rename.error));
            }
        }
        self.touched = ByKind::default();
        self.packages_per_app.clear();
        faults
    }

    /// Deletes every row to which no entry was applied, and counts them.
    pub(super) fn prune(&mut self) -> Result<(), StoreError> {
        // Children before their parents.
        for kind in EntryKind::ALL.iter().rev() {
            let removed = self.references.delete_others(self.transaction, *kind)?;
            self.report.count_removed(*kind, removed);
        }
        Ok(())
    }

    fn organization(
        &mut self,
        position: Position,
        entry: &OrganizationEntry<'_>,
    ) -> Result<Outcome, ApplyError> {
        let record = entry.to_record()?;
        let new = NewName::new(position, record.name, entry.guid.as_ref(), None);
        self.claim_name::<Organization>(None, &new)?;
        let times = self.times;
        let labels = labels_json(entry.labels.as_ref());
        let annotations = annotations_json(entry.annotations.as_ref());
        let (_, outcome) =
            self.store::<Organization>(position, &new.guid, |stored| OrganizationRecord {
                guid: &new.guid,
                folded_name: &new.folded_name,
                created_at: times.created_at(entry.created_at, stored.map(|old| old.created_at)),
                labels: &labels,
                annotations: &annotations,
                ..record
            })?;
        Ok(outcome)
    }

    fn space(&mut self, position: Position, entry: &SpaceEntry<'_>) -> Result<Outcome, ApplyError> {
        let record = entry.to_record()?;
        let organization = required("organization", entry.organization.as_ref())?;
        let parent = self.references.find::<Organization>(
            self.transaction,
            organization,
            "organization",
            position.format,
        )?;
        let organization_id = parent.id;
        let new = NewName::new(
            position,
            record.name,
            entry.guid.as_ref(),
            Some(&parent.guid),
        );
        self.claim_name::<Space>(Some(organization_id), &new)?;
        let times = self.times;
        let labels = labels_json(entry.labels.as_ref());
        let annotations = annotations_json(entry.annotations.as_ref());
        let (id, outcome) = self.store::<Space>(position, &new.guid, |stored| SpaceRecord {
            guid: &new.guid,
            folded_name: &new.folded_name,
            organization_id,
            created_at: times.created_at(entry.created_at, stored.map(|old| old.created_at)),
            labels: &labels,
            annotations: &annotations,
            ..record
        })?;
        self.note_parent(position.kind, outcome, id, organization_id, &new.guid);
        Ok(outcome)
    }

    /// The `space_id` of the app's packages follows by the foreign key.
    fn app(&mut self, position: Position, entry: &AppEntry<'_>) -> Result<Outcome, ApplyError> {
        let record = entry.to_record()?;
        let space = required("space", entry.space.as_ref())?;
        let parent =
            self.references
                .find::<Space>(self.transaction, space, "space", position.format)?;
        let space_id = parent.id;
        let new = NewName::new(
            position,
            record.name,
            entry.guid.as_ref(),
            Some(&parent.guid),
        );
        self.claim_name::<App>(Some(space_id), &new)?;
        let times = self.times;
        let labels = labels_json(entry.labels.as_ref());
        let annotations = annotations_json(entry.annotations.as_ref());
        let (id, outcome) = self.store::<App>(position, &new.guid, |stored| AppRecord {
            guid: &new.guid,
            folded_name: &new.folded_name,
            space_id,
            created_at: times.created_at(entry.created_at, stored.map(|old| old.created_at)),
            labels: &labels,
            annotations: &annotations,
            ..record
        })?;
        self.note_parent(position.kind, outcome, id, space_id, &new.guid);
        Ok(outcome)
    }

    /// Makes the roles of the entry the user's only roles.
    fn user(&mut self, position: Position, entry: &UserEntry<'_>) -> Result<Outcome, ApplyError> {
        let record = entry.to_record()?;
        let roles = entry.checked_roles()?;
        let (mut in_organizations, mut in_spaces) = (RoleSet::new(), RoleSet::new());
        for (n, role) in roles.iter().enumerate() {
            let format = position.format;
            let found = match role.scope {
                RoleScope::Organization => self.references.find::<Organization>(
                    self.transaction,
                    role.parent,
                    "organization",
                    format,
                ),
                RoleScope::Space => {
                    self.references
                        .find::<Space>(self.transaction, role.parent, "space", format)
                }
            };
            let parent = found.map_err(|error| error.within(&format!("roles[{n}]")))?;
            let roles_of_scope = match role.scope {
                RoleScope::Organization => &mut in_organizations,
                RoleScope::Space => &mut in_spaces,
            };
            roles_of_scope.insert((parent.id, role.role));
        }
        let guid = self.guid_of_user(position, entry)?;
        let (id, outcome) = self.store::<User>(position, &guid, |_| UserRecord {
            guid: &guid,
            ..record
        })?;
        let mut roles_changed = false;
        for (scope, roles) in [
            (RoleScope::Organization, &in_organizations),
            (RoleScope::Space, &in_spaces),
        ] {
            roles_changed |= if outcome == Outcome::Added {
                add_roles(self.transaction, id, scope, roles)?
            } else {
                set_roles(self.transaction, id, scope, roles)?
            };
        }
        Ok(match outcome {
            Outcome::Unchanged if roles_changed => Outcome::Changed,
            outcome => outcome,
        })
    }

    /// Returns the guid of a user, which follows from the name if the entry has none. Fails if an earlier entry of this
    /// seed has the same name and no guid either.
    fn guid_of_user<'e>(
        &self,
        position: Position,
        entry: &'e UserEntry<'_>,
    ) -> Result<Cow<'e, str>, ApplyError> {
        let name = entry.name.as_ref().map_or("", Name::as_str);
        let guid = guid_or(entry.guid.as_ref(), || {
            derived_guid(position.kind, &[&name.to_lowercase()])
        });
        // The message must name what the seed contains, which is the name.
        if entry.guid.is_none()
            && let Some(id) = self.id_of(position.kind, &guid)?
            && let Some(first) = self.earlier_entry(position, id)
        {
            let text = messages::name_twice(name, first);
            return Err(EntryError::new("name", text).into());
        }
        Ok(guid)
    }

    fn package(
        &mut self,
        position: Position,
        entry: &PackageEntry<'_>,
    ) -> Result<Outcome, ApplyError> {
        let app = required("app", entry.app.as_ref())?;
        let record = entry.to_record()?;
        let app = self
            .references
            .find::<App>(self.transaction, app, "app", position.format)?;
        let (app_id, app_guid, space_id) = (app.id, app.guid.clone(), app.parent_id);
        let count = self.packages_per_app.entry(app_id).or_default();
        let guid = guid_or(entry.guid.as_ref(), || {
            derived_guid(position.kind, &[&app_guid, &count.to_string()])
        });
        *count += 1;
        let bits = match &entry.bits {
            None => None,
            Some(name) => Some(self.bits.store(self.transaction, name.as_str())?),
        };
        let may_be_stored = self
            .known
            .may_be_stored(self.transaction, Key::Guid(position.kind, &guid))?;
        let kept = if may_be_stored && entry.leaves_bits_open() {
            BitsState::stored(self.transaction, &guid)?
        } else {
            None
        };
        let record = match &kept {
            Some(kept) => PackageRecord {
                error: record.error.or(kept.error.as_deref()),
                ..kept.of(record)
            },
            None => with_checksums(entry, record, bits.as_ref())?,
        };
        let labels = labels_json(entry.labels.as_ref());
        let annotations = annotations_json(entry.annotations.as_ref());
        let times = self.times;
        let (_, outcome) = self.store::<Package>(position, &guid, |stored| PackageRecord {
            guid: &guid,
            app_id,
            app_guid: &app_guid,
            space_id,
            labels: &labels,
            annotations: &annotations,
            created_at: times.created_at(entry.created_at, stored.map(|old| old.created_at)),
            updated_at: times.updated_at(entry.updated_at, stored.map(|old| old.updated_at)),
            blob_id: match &bits {
                Some(bits) => Some(bits.blob_id),
                None => stored.and_then(|old| blob_of_same_content(old, &record)),
            },
            ..record
        })?;
        Ok(outcome)
    }

    /// Remembers an added row to which later entries may refer.
    fn note_parent(
        &mut self,
        kind: EntryKind,
        outcome: Outcome,
        id: i64,
        parent_id: i64,
        guid: &str,
    ) {
        if outcome == Outcome::Added {
            let guid = guid.to_owned();
            let row = ReferencedRow {
                id,
                parent_id,
                guid,
            };
            self.references.note_added(kind, row);
        }
    }

    /// Inserts the row of `guid`, or updates it if it is different. `complete` returns the record, given the stored one if
    /// there is one.
    fn store<'r, T: Table>(
        &mut self,
        position: Position,
        guid: &str,
        complete: impl Fn(Option<&T::Record<'_>>) -> T::Record<'r>,
    ) -> Result<(i64, Outcome), ApplyError> {
        let (id, outcome) = match self.find_row(position, guid)? {
            None => (
                T::insert(self.transaction, &complete(None))?,
                Outcome::Added,
            ),
            Some(id) => {
                let mut changed = None;
                T::with_own_columns(self.transaction, id, |stored| {
                    let record = complete(Some(&stored));
                    if !T::is_equal(&stored, &record) {
                        changed = Some(record);
                    }
                    Ok::<_, StoreError>(())
                })?;
                match changed {
                    None => (id, Outcome::Unchanged),
                    Some(record) => {
                        T::update(self.transaction, id, &record)?;
                        (id, Outcome::Changed)
                    }
                }
            }
        };
        match outcome {
            Outcome::Added => self.known.note(Key::Guid(position.kind, guid)),
            Outcome::Changed => self.references.forget_added(position.kind),
            Outcome::Unchanged => {}
        }
        self.touched[position.kind].insert(id, position.number);
        self.references
            .note_stored(position.kind, id, outcome != Outcome::Unchanged);
        Ok((id, outcome))
    }

    /// Returns the id of the row of the kind with that guid. Fails if an earlier entry of this seed has the same guid.
    fn find_row(&self, position: Position, guid: &str) -> Result<Option<i64>, ApplyError> {
        let Some(id) = self.id_of(position.kind, guid)? else {
            return Ok(None);
        };
        if let Some(first) = self.earlier_entry(position, id) {
            return Err(EntryError::new("guid", messages::guid_twice(guid, first)).into());
        }
        Ok(Some(id))
    }

    /// Returns the id of the row of a kind with that guid. Rows of other kinds may have the same guid.
    fn id_of(&self, kind: EntryKind, guid: &str) -> Result<Option<i64>, StoreError> {
        let key = Key::Guid(kind, guid);
        if !self.known.may_be_stored(self.transaction, key)? {
            return Ok(None);
        }
        let sql = &SELECT_IDS[kind];
        self.transaction.int(sql, &[guid.into()])
    }

    /// Returns the position of the entry of this seed that was applied to that row of the same kind.
    fn earlier_entry(&self, position: Position, id: i64) -> Option<Position> {
        let number = self.touched[position.kind].position_of(id)?;
        Some(Position { number, ..position })
    }

    /// Makes a name free for an entry. If another row of the same parent has the name, that row must get a new one later in
    /// this seed. Fails if an earlier entry of this seed has the name.
    fn claim_name<T: NamedTable>(
        &mut self,
        parent_id: Option<i64>,
        new: &NewName<'_>,
    ) -> Result<(), ApplyError> {
        let key = Key::Name(T::TABLE, parent_id, &new.folded_name);
        let may_be_stored = self.known.may_be_stored(self.transaction, key)?;
        self.known.note(key);
        if !may_be_stored {
            return Ok(());
        }
        let mut sql = format!("select id, guid from {} where folded_name = $1", T::TABLE);
        let mut values = vec![new.folded_name.as_str().into()];
        if let Some(parent_id) = parent_id {
            sql.push_str(&format!(" and {} = $2", T::PARENT_ID));
            values.push(parent_id.into());
        }
        let mut holder = None;
        self.transaction.rows(&sql, &values, |row| {
            holder = Some((row.int(0)?, row.text(1)?.to_owned()));
            Ok::<_, StoreError>(())
        })?;
        let Some((id, guid)) = holder else {
            return Ok(());
        };
        let is_same_row = guid == new.guid;
        match self.touched[T::KIND].position_of(id) {
            // Two entries with the same name and derived guids have the same guid. The message must name what the seed
            // contains, which is the name.
            Some(number) if !is_same_row || new.is_guid_derived => {
                let first = Position {
                    number,
                    ..new.position
                };
                Err(EntryError::new("name", messages::name_twice(new.name, first)).into())
            }
            None if !is_same_row => {
                if self.references.remains(T::KIND, id) {
                    let text = messages::name_taken(new.name, T::KIND, &guid);
                    self.expect_rename(PendingRename {
                        position: new.position,
                        id,
                        guid,
                        error: EntryError::new("name", text),
                    })?;
                }
                Ok(self.set_placeholder_name::<T>(id)?)
            }
            _ => Ok(()),
        }
    }

    fn expect_rename(&mut self, rename: PendingRename) -> Result<(), EntryError> {
        if self.pending_renames.len() >= MOST_PENDING_RENAMES {
            return Err(rename.error);
        }
        self.pending_renames.push(rename);
        Ok(())
    }

    /// Gives a row a placeholder as its name, until its own entry renames it or it is deleted. No seed can contain the
    /// placeholder.
    fn set_placeholder_name<T: NamedTable>(&mut self, id: i64) -> Result<(), StoreError> {
        let sql = format!("update {} set folded_name = $1 where id = $2", T::TABLE);
        // A name in a seed contains no control character.
        let placeholder = format!("\u{1}{id}");
        self.transaction
            .execute(&sql, &[placeholder.into(), id.into()])?;
        Ok(())
    }
}

impl<'e> NewName<'e> {
    /// `parent_guid` is that of the entry's parent, if it has one.
    fn new(
        position: Position,
        name: &'e str,
        guid: Option<&'e Guid<'_>>,
        parent_guid: Option<&str>,
    ) -> Self {
        let folded_name = rules::folded_name(name);
        let names: Vec<_> = parent_guid.into_iter().chain([&*folded_name]).collect();
        Self {
            position,
            name,
            guid: guid_or(guid, || derived_guid(position.kind, &names)),
            is_guid_derived: guid.is_none(),
            folded_name,
        }
    }
}

impl NewTimes {
    /// Returns the time that the entry gives, or else the stored time, or else the time of a new entry.
    fn created_at(self, given: Option<Time>, stored: Option<i64>) -> i64 {
        let given = given.map(|time| time.0);
        given.or(stored).unwrap_or(self.created_at)
    }

    /// Like `created_at`. A stored row may have no time.
    fn updated_at(self, given: Option<Time>, stored: Option<Option<i64>>) -> Option<i64> {
        let given = given.map(|time| time.0);
        given.or(stored.unwrap_or(self.updated_at))
    }
}

/// Returns the record with the checksums of its file, if it is `READY`. Checksums in the entry must be those of the file.
fn with_checksums<'r>(
    entry: &PackageEntry<'_>,
    record: PackageRecord<'r>,
    bits: Option<&'r StoredBits>,
) -> Result<PackageRecord<'r>, EntryError> {
    let Some(StoredBits { checksums, .. }) = bits else {
        return Ok(record);
    };
    let name = entry.bits.as_ref().map_or("", Text::as_str);
    for (field, given, actual) in [
        ("sha1", record.sha1, &checksums.sha1),
        ("sha256", record.sha256, &checksums.sha256),
    ] {
        if given.is_some_and(|given| given != actual) {
            let text = messages::other_checksum(name, field, actual);
            return Err(EntryError::new(field, text));
        }
    }
    if record.state != package::READY {
        return Ok(record);
    }
    Ok(PackageRecord {
        sha1: Some(&checksums.sha1),
        sha256: Some(&checksums.sha256),
        ..record
    })
}

/// Returns the blob of the stored package if the checksums of the new record are still those of the blob.
fn blob_of_same_content(stored: &PackageRecord<'_>, new: &PackageRecord<'_>) -> Option<i64> {
    let is_same = (stored.sha1, stored.sha256) == (new.sha1, new.sha256);
    stored.blob_id.filter(|_| is_same)
}

/// Returns the JSON text for a column of labels.
fn labels_json(labels: Option<&Labels<'_>>) -> Cow<'static, str> {
    labels.map_or(Metadata::EMPTY.into(), |Labels(labels)| labels.to_json())
}

/// Returns the JSON text for a column of annotations.
fn annotations_json(annotations: Option<&Annotations<'_>>) -> Cow<'static, str> {
    annotations.map_or(Metadata::EMPTY.into(), |Annotations(pairs)| pairs.to_json())
}

/// Returns the guid of an entry, or else a derived one.
fn guid_or<'e>(given: Option<&'e Guid<'_>>, derive: impl FnOnce() -> String) -> Cow<'e, str> {
    match given {
        Some(guid) => Cow::Borrowed(guid.as_str()),
        None => Cow::Owned(derive()),
    }
}

/// Returns the UUID v5 of the names that identify an entry without a guid.
fn derived_guid(kind: EntryKind, names: &[&str]) -> String {
    let mut text = kind.singular().to_owned();
    for name in names {
        // A name contains no control character, so that two entries never have the same text.
        text.push('\n');
        text.push_str(name);
    }
    let guid = uuid::Uuid::new_v5(&NAMESPACE, text.as_bytes());
    guid.hyphenated().to_string()
}
