//! Organizations, spaces and apps.

use super::super::entry::{App, Organization, Space};
use super::super::fault::{Fault, Stop, quoted};
use super::super::field::{Guid, Name};
use super::super::kind::{Kind, Place};
use super::super::report::Outcome;
use super::{Applier, Table, derived_guid, time};
use crate::store::{StoreError, Value};

const ORGANIZATIONS: Table = Table {
    kind: Kind::Organization,
    select: "select name, folded_name, suspended, created_at from organizations where id = $1",
    insert: "insert into organizations (name, folded_name, suspended, created_at, guid) \
             values ($1, $2, $3, $4, $5)",
    update: "update organizations set name = $1, folded_name = $2, suspended = $3, \
             created_at = coalesce($4, created_at) where guid = $5",
    times: 1,
};

const SPACES: Table = Table {
    kind: Kind::Space,
    select: "select name, folded_name, organization_id, created_at from spaces where id = $1",
    insert: "insert into spaces (name, folded_name, organization_id, created_at, guid) \
             values ($1, $2, $3, $4, $5)",
    update: "update spaces set name = $1, folded_name = $2, organization_id = $3, \
             created_at = coalesce($4, created_at) where guid = $5",
    times: 1,
};

/// A package's `space_id` follows its app by the foreign key.
const APPS: Table = Table {
    kind: Kind::App,
    select: "select name, folded_name, space_id, lifecycle, created_at from apps where id = $1",
    insert: "insert into apps (name, folded_name, space_id, lifecycle, created_at, guid) \
             values ($1, $2, $3, $4, $5, $6)",
    update: "update apps set name = $1, folded_name = $2, space_id = $3, lifecycle = $4, \
             created_at = coalesce($5, created_at) where guid = $6",
    times: 1,
};

impl Applier<'_, '_> {
    pub(super) fn organization(
        &mut self,
        place: Place,
        entry: Organization<'_>,
    ) -> Result<Outcome, Stop> {
        let folded = entry.name.0.to_lowercase();
        let (guid, given) = guid_or(entry.guid, || {
            derived_guid(Kind::Organization, &[folded.as_str()])
        });
        let name = Value::from(&*folded);
        self.claim_name(
            "select id, guid from organizations where folded_name = $1",
            std::slice::from_ref(&name),
            Named {
                kind: Kind::Organization,
                place,
                name: &entry.name,
                guid: &guid,
                given,
            },
        )?;
        let values = vec![
            entry.name.0.into_owned().into(),
            name,
            entry.suspended.into(),
            time(entry.created_at),
        ];
        Ok(self.store(&ORGANIZATIONS, place, guid, values)?.1)
    }

    pub(super) fn space(&mut self, place: Place, entry: Space<'_>) -> Result<Outcome, Stop> {
        let parent = self.references.find(
            self.transaction,
            Kind::Organization,
            &entry.organization,
            "organization",
            place,
        )?;
        let parent_id = Value::from(parent.id);
        let folded = entry.name.0.to_lowercase();
        let (guid, given) = guid_or(entry.guid, || {
            derived_guid(Kind::Space, &[&parent.guid, &folded])
        });
        let name = Value::from(folded);
        self.claim_name(
            "select id, guid from spaces where organization_id = $1 and folded_name = $2",
            &[parent_id.clone(), name.clone()],
            Named {
                kind: Kind::Space,
                place,
                name: &entry.name,
                guid: &guid,
                given,
            },
        )?;
        let values = vec![
            entry.name.0.into_owned().into(),
            name,
            parent_id,
            time(entry.created_at),
        ];
        Ok(self.store(&SPACES, place, guid, values)?.1)
    }

    pub(super) fn app(&mut self, place: Place, entry: App<'_>) -> Result<Outcome, Stop> {
        let parent =
            self.references
                .find(self.transaction, Kind::Space, &entry.space, "space", place)?;
        let parent_id = Value::from(parent.id);
        let folded = entry.name.0.to_lowercase();
        let (guid, given) = guid_or(entry.guid, || {
            derived_guid(Kind::App, &[&parent.guid, &folded])
        });
        let name = Value::from(folded);
        self.claim_name(
            "select id, guid from apps where space_id = $1 and folded_name = $2",
            &[parent_id.clone(), name.clone()],
            Named {
                kind: Kind::App,
                place,
                name: &entry.name,
                guid: &guid,
                given,
            },
        )?;
        let values = vec![
            entry.name.0.into_owned().into(),
            name,
            parent_id,
            entry.lifecycle.0.into(),
            time(entry.created_at),
        ];
        Ok(self.store(&APPS, place, guid, values)?.1)
    }

    /// Sees to it that nothing else in the same parent has the name: what this seed gave it to keeps it, and what
    /// has it from before must get another by the end of the seed.
    fn claim_name(&mut self, sql: &str, values: &[Value], named: Named<'_>) -> Result<(), Stop> {
        let mut holder = None;
        self.transaction.rows(sql, values, |columns| {
            let guid = columns.text(1)?;
            holder = Some((columns.int(0)?, guid.to_owned(), guid == named.guid));
            Ok::<_, StoreError>(())
        })?;
        let Some((id, guid, same)) = holder else {
            return Ok(());
        };
        let first = self.seen[named.kind.index()].place_of(id);
        let name = quoted(&named.name.0);
        let kind = named.kind.singular();
        match first {
            // Without guids, the same name twice is the same guid twice; the seed knows only the name.
            Some(number) if !same || !named.given => {
                let first = Place {
                    number,
                    ..named.place
                };
                Err(Fault::new(
                    "name",
                    format!(
                        "the {kind} name {name} stands twice: here and in {}",
                        first.named()
                    ),
                )
                .into())
            }
            None if !same => {
                let fault = Fault::new(
                    "name",
                    format!(
                        "the name {name} is taken by the {kind} {} in the database",
                        quoted(&guid)
                    ),
                );
                self.displace(named.kind, id, named.place, fault)
            }
            _ => Ok(()),
        }
    }
}

/// An entry whose name must be its own.
struct Named<'a> {
    kind: Kind,
    place: Place,
    name: &'a Name<'a>,
    guid: &'a str,
    /// Whether the seed gave the guid.
    given: bool,
}

/// The guid, and whether it was given.
fn guid_or(guid: Option<Guid<'_>>, derive: impl FnOnce() -> String) -> (String, bool) {
    match guid {
        Some(guid) => (guid.0.into_owned(), true),
        None => (derive(), false),
    }
}
