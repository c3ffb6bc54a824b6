//! Users and their roles.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{Guid, Name, Reference, Role};
use super::{Object, not_with, required};
use crate::records::UserRecord;
use crate::records::user::{RoleRecord, RoleScope};

/// A user with all of the user's roles.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct UserEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) name: Option<Name<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) roles: Option<Vec<Object<RoleEntry<'a>>>>,
}

/// A role in a space or in an organization.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct RoleEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) role: Option<Role<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) space: Option<Reference<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) organization: Option<Reference<'a>>,
}

impl<'a> UserEntry<'a> {
    pub(in crate::seed) fn to_record(&self) -> Result<UserRecord<'_>, EntryError> {
        if self.guid.is_none() && self.name.is_none() {
            return Err(EntryError::missing_both("name", "guid"));
        }
        Ok(UserRecord {
            name: self.name.as_ref().map(Name::as_str),
            ..UserRecord::default()
        })
    }

    pub(in crate::seed) fn from_record(record: &UserRecord<'a>, roles: Vec<RoleEntry<'a>>) -> Self {
        let roles: Vec<_> = roles.into_iter().map(Object).collect();
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: record.name.map(Name::trusted),
            roles: (!roles.is_empty()).then_some(roles),
        }
    }

    /// Returns each role with the field that names its parent.
    pub(in crate::seed) fn checked_roles(&self) -> Result<Vec<CheckedRole<'_>>, EntryError> {
        let roles = self.roles.iter().flatten().enumerate();
        roles
            .map(|(n, Object(role))| {
                role.checked()
                    .map_err(|error| error.within(&format!("roles[{n}]")))
            })
            .collect()
    }
}

/// A role whose fields do not contradict each other.
#[derive(Clone, Copy)]
pub(in crate::seed) struct CheckedRole<'a> {
    pub(in crate::seed) role: &'a str,
    pub(in crate::seed) scope: RoleScope,
    pub(in crate::seed) parent: &'a Reference<'a>,
}

impl<'a> RoleEntry<'a> {
    fn checked(&self) -> Result<CheckedRole<'_>, EntryError> {
        let role = required("role", self.role.as_ref())?;
        let misplaced = |field: &'static str, value: Option<&Reference<'_>>| {
            not_with(field, "role", role.as_str(), value)
        };
        let (space, organization) = (self.space.as_ref(), self.organization.as_ref());
        let parent = match role.scope() {
            RoleScope::Space => {
                misplaced("organization", organization)?;
                required("space", space)?
            }
            RoleScope::Organization => {
                misplaced("space", space)?;
                required("organization", organization)?
            }
        };
        Ok(CheckedRole {
            role: role.as_str(),
            scope: role.scope(),
            parent,
        })
    }

    pub(in crate::seed) fn from_record(record: &RoleRecord<'_>) -> Self {
        let parent = Reference::trusted(record.parent_guid.to_owned());
        Self::held_in(Role::trusted(record.role.to_owned()), record.scope, parent)
    }

    /// Returns the role, held in the space or organization `parent`.
    pub(in crate::seed) fn held_in(
        role: Role<'a>,
        scope: RoleScope,
        parent: Reference<'a>,
    ) -> Self {
        let (space, organization) = match scope {
            RoleScope::Space => (Some(parent), None),
            RoleScope::Organization => (None, Some(parent)),
        };
        Self {
            role: Some(role),
            space,
            organization,
        }
    }
}
