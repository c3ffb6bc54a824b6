//! Entries into rows: each is added, changed in place, or left. What is equal is never written again,
//! since every update tells the programs that remember listings to forget.

mod displaced;
mod neighbours;
mod packages;
mod references;
mod seen;
mod users;

use std::collections::HashMap;

use super::entry::Entry;
use super::fault::{Fault, Stop, quoted};
use super::field::Time;
use super::kind::{Kind, Place};
use super::report::{Outcome, Report};
use crate::store::{Row, StoreError, Transaction, Value};
use displaced::Displaced;
use references::References;
use seen::Seen;

/// Whose is this guid?
const OWNER: &str = "\
select 0, id from organizations where guid = $1 union all \
select 1, id from spaces where guid = $1 union all \
select 2, id from apps where guid = $1 union all \
select 3, id from users where guid = $1 union all \
select 4, id from packages where guid = $1";

/// The namespace of the guids that entries without one get. It never changes: the same seed, the same guids.
const NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x0d1c_6f3e_52b7_4b6c_9a5e_cf9a_c6a6_e501);

/// Applies entries in one transaction.
#[derive(Debug)]
pub(super) struct Applier<'d, 'c> {
    transaction: &'d Transaction<'c>,
    times: NewTimes,
    report: Report,
    /// What this seed touched, by kind.
    seen: [Seen; 5],
    references: References,
    /// How many packages of each app this seed had so far.
    packages_by_app: HashMap<i64, u64>,
    displaced: Vec<Displaced>,
}

/// The times of an entry that is new and gives none itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewTimes {
    pub(super) created_at: i64,
    pub(super) updated_at: Option<i64>,
}

/// How a kind is stored. The statements name the same columns in the same order: the fields, then the times
/// (`created_at`, `updated_at`), at the end, in `insert` and `update`, the guid. An `update` leaves a time that is null.
struct Table {
    kind: Kind,
    select: &'static str,
    insert: &'static str,
    update: &'static str,
    times: usize,
}

impl<'d, 'c> Applier<'d, 'c> {
    pub(super) fn new(transaction: &'d Transaction<'c>, times: NewTimes) -> Self {
        Self {
            transaction,
            times,
            report: Report::default(),
            seen: Default::default(),
            references: References::default(),
            packages_by_app: HashMap::new(),
            displaced: Vec::new(),
        }
    }

    /// The times of what is added from here on.
    pub(super) fn set_times(&mut self, times: NewTimes) {
        self.times = times;
    }

    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// Adds, changes or leaves what the entry names.
    pub(super) fn apply(&mut self, place: Place, entry: Entry<'_>) -> Result<(), Stop> {
        let kind = entry.kind();
        let outcome = match entry {
            Entry::Organization(organization) => self.organization(place, organization)?,
            Entry::Space(space) => self.space(place, space)?,
            Entry::App(app) => self.app(place, app)?,
            Entry::User(user) => self.user(place, user)?,
            Entry::Package(package) => self.package(place, *package)?,
        };
        self.report.count(kind, outcome);
        Ok(())
    }

    /// Brings the row of `guid` to `values` (the fields and times of `table`).
    fn store(
        &mut self,
        table: &Table,
        place: Place,
        guid: String,
        mut values: Vec<Value>,
    ) -> Result<(i64, Outcome), Stop> {
        let found = match self.owner(&guid)? {
            None => None,
            Some((kind, id)) => {
                let first = self.seen[kind.index()].place_of(id);
                if kind != table.kind || first.is_some() {
                    return Err(guid_taken(&guid, kind, first, place).into());
                }
                Some(id)
            }
        };
        let (id, outcome) = if let Some(id) = found {
            if self.equal(table, id, &values)? {
                (id, Outcome::Left)
            } else {
                values.push(guid.into());
                self.transaction.execute(table.update, &values)?;
                (id, Outcome::Changed)
            }
        } else {
            let times = values.len() - table.times;
            let new = [
                Value::from(self.times.created_at),
                self.times.updated_at.into(),
            ];
            for (time, new) in values[times..].iter_mut().zip(new) {
                if *time == Value::Null {
                    *time = new;
                }
            }
            values.push(guid.into());
            self.transaction.execute(table.insert, &values)?;
            (self.transaction.last_id(), Outcome::Added)
        };
        self.seen[table.kind.index()].note(id, place.number);
        if outcome != Outcome::Left {
            self.references.forget(table.kind);
        }
        Ok((id, outcome))
    }

    fn owner(&self, guid: &str) -> Result<Option<(Kind, i64)>, StoreError> {
        let mut owner = None;
        self.transaction.rows(OWNER, &[guid.into()], |columns| {
            let kind = usize::try_from(columns.int(0)?).unwrap_or(0);
            owner = Some((Kind::ALL[kind.min(4)], columns.int(1)?));
            Ok::<_, StoreError>(())
        })?;
        Ok(owner)
    }

    /// Whether the row has these values; a time that is not given is any.
    fn equal(&self, table: &Table, id: i64, values: &[Value]) -> Result<bool, StoreError> {
        let times = values.len() - table.times;
        let mut equal = true;
        self.transaction
            .rows(table.select, &[id.into()], |columns| {
                for (index, value) in values.iter().enumerate() {
                    let kept = index >= times && *value == Value::Null;
                    if !kept && !same(columns, index, value)? {
                        equal = false;
                        break;
                    }
                }
                Ok::<_, StoreError>(())
            })?;
        Ok(equal)
    }
}

fn same(columns: &Row<'_>, index: usize, value: &Value) -> Result<bool, StoreError> {
    Ok(match value {
        // A number is not text: then it is not null either.
        Value::Null => matches!(columns.optional_text(index), Ok(None)),
        Value::Int(number) => columns.optional_int(index)? == Some(*number),
        Value::Text(text) => columns.optional_text(index)? == Some(text.as_str()),
        Value::Bytes(bytes) => columns.bytes(index)? == bytes.as_slice(),
    })
}

fn guid_taken(guid: &str, kind: Kind, first: Option<u64>, place: Place) -> Fault {
    let guid = quoted(guid);
    Fault::new(
        "guid",
        match first {
            Some(number) => {
                let first = Place {
                    kind,
                    number,
                    ..place
                };
                format!(
                    "the guid {guid} stands twice: here and in {}",
                    first.named()
                )
            }
            None => format!(
                "the guid {guid} is that of {} in the database; each guid names one thing",
                kind.with_article()
            ),
        },
    )
}

/// A time as it is stored; null: not given.
fn time(time: Option<Time>) -> Value {
    time.map(|time| time.0).into()
}

/// The guid of an entry that gives none: a UUID v5 of what names it.
fn derived_guid(kind: Kind, names: &[&str]) -> String {
    let mut text = kind.singular().to_owned();
    for name in names {
        // No name holds a control character, so no two entries give the same text.
        text.push('\n');
        text.push_str(name);
    }
    uuid::Uuid::new_v5(&NAMESPACE, text.as_bytes())
        .hyphenated()
        .to_string()
}
