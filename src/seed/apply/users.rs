//! Users and their roles: those that the entry says, and no others.

use std::collections::BTreeSet;

use super::super::entry::User;
use super::super::fault::Stop;
use super::super::field::Role;
use super::super::kind::{Kind, Place};
use super::super::report::Outcome;
use super::{Applier, Table};
use crate::store::StoreError;

const USERS: Table = Table {
    kind: Kind::User,
    select: "select name from users where id = $1",
    insert: "insert into users (name, guid) values ($1, $2)",
    update: "update users set name = $1 where guid = $2",
    times: 0,
};

/// Roles in one kind of place.
struct Roles {
    select: &'static str,
    insert: &'static str,
    delete: &'static str,
}

const ORGANIZATION_ROLES: Roles = Roles {
    select: "select organization_id, role from organization_roles where user_id = $1",
    insert: "insert into organization_roles (user_id, organization_id, role) values ($1, $2, $3)",
    delete: "delete from organization_roles where user_id = $1 and organization_id = $2 and role = $3",
};

const SPACE_ROLES: Roles = Roles {
    select: "select space_id, role from space_roles where user_id = $1",
    insert: "insert into space_roles (user_id, space_id, role) values ($1, $2, $3)",
    delete: "delete from space_roles where user_id = $1 and space_id = $2 and role = $3",
};

/// Where a role is held, and its name.
type Held = BTreeSet<(i64, String)>;

impl Applier<'_, '_> {
    pub(super) fn user(&mut self, place: Place, entry: User<'_>) -> Result<Outcome, Stop> {
        let mut in_organizations = Held::new();
        let mut in_spaces = Held::new();
        for (number, (role, reference)) in entry.roles.iter().enumerate() {
            let (kind, field, held) = match role {
                Role::Organization(_) => {
                    (Kind::Organization, "organization", &mut in_organizations)
                }
                Role::Space(_) => (Kind::Space, "space", &mut in_spaces),
            };
            let target = self
                .references
                .find(self.transaction, kind, reference, field, place)
                .map_err(|stop| match stop {
                    Stop::Fault(fault) => Stop::Fault(fault.within(&format!("roles[{number}]"))),
                    other => other,
                })?;
            held.insert((target.id, role.name().to_owned()));
        }
        let values = vec![entry.name.map(|name| name.0.into_owned()).into()];
        let (id, outcome) = self.store(&USERS, place, entry.guid.0.into_owned(), values)?;
        let changed = [
            self.hold(&ORGANIZATION_ROLES, id, &in_organizations)?,
            self.hold(&SPACE_ROLES, id, &in_spaces)?,
        ];
        Ok(match outcome {
            Outcome::Left if changed.contains(&true) => Outcome::Changed,
            outcome => outcome,
        })
    }

    /// Brings the roles of a user to `wanted`; answers whether they were others.
    fn hold(&self, roles: &Roles, user_id: i64, wanted: &Held) -> Result<bool, StoreError> {
        let mut held = Held::new();
        self.transaction
            .rows(roles.select, &[user_id.into()], |columns| {
                held.insert((columns.int(0)?, columns.text(1)?.to_owned()));
                Ok::<_, StoreError>(())
            })?;
        let writes = [
            (roles.delete, held.difference(wanted)),
            (roles.insert, wanted.difference(&held)),
        ];
        for (sql, differences) in writes {
            for (at, role) in differences {
                self.transaction
                    .execute(sql, &[user_id.into(), (*at).into(), role.as_str().into()])?;
            }
        }
        Ok(held != *wanted)
    }
}
