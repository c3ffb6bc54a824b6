//! Visibility: which records of a list a caller may see, as ids, which the SQL of the list uses.

use std::sync::Arc;

use crate::caller::{Caller, Member};
use crate::records::Scope;
use crate::store::{Snapshot, StoreError, Value, dialect};

/// The records of a list that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Visibility {
    /// Every record.
    All,
    /// The records whose column holds one of these ids. The ids ascend.
    Ids(&'static str, Arc<[i64]>),
}

impl Visibility {
    /// Reads what `caller` may see of a resource with that scope.
    pub(super) fn read(
        snapshot: &Snapshot<'_>,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<Self, StoreError> {
        Ok(match (caller, scope) {
            (Caller::Everything, _) => Self::All,
            (Caller::Member(member), Scope::Spaces(column)) => {
                Self::Ids(column, readable_spaces(snapshot, member)?)
            }
            (Caller::Member(member), Scope::Organizations(column)) => {
                Self::Ids(column, readable_organizations(snapshot, member)?)
            }
        })
    }

    /// Removes the spaces of suspended organizations.
    pub(super) fn without_suspended(self, snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let Self::Ids(column, spaces) = self else {
            return Ok(self);
        };
        let sql = format!(
            "select s.id from spaces s join organizations o on o.id = s.organization_id
             where {} and o.suspended = 0 order by 1",
            dialect::one_of("s.id", 1)
        );
        let spaces = dialect::number_list(&spaces);
        Ok(Self::Ids(column, ids(snapshot, &sql, &[spaces])?))
    }

    /// Returns the size of the ids, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Ids(_, ids) => size_of_val(&**ids),
        }
    }
}

/// Returns the spaces whose apps and packages the user reads: by a role in the space, or as manager of its organization.
pub(super) fn readable_spaces(
    snapshot: &Snapshot<'_>,
    member: &Member,
) -> Result<Arc<[i64]>, StoreError> {
    let sql = format!(
        "select r.space_id from users u join space_roles r on r.user_id = u.id
         where u.guid = $1 and {}
         union
         select s.id from users u join organization_roles r on r.user_id = u.id
         join spaces s on s.organization_id = r.organization_id
         where u.guid = $1 and r.role = 'organization_manager'
         order by 1",
        dialect::one_of("r.role", 2)
    );
    let roles = dialect::text_list(member.rules.reading_roles.iter().copied());
    ids(snapshot, &sql, &[member.user.as_str().into(), roles])
}

/// Returns the organizations in which the user holds a role, or holds a role in one of the spaces. A real controller
/// requires an organization role for each space role (`docs/reference/access.md`).
pub(super) fn readable_organizations(
    snapshot: &Snapshot<'_>,
    member: &Member,
) -> Result<Arc<[i64]>, StoreError> {
    let sql = "select r.organization_id from users u join organization_roles r on r.user_id = u.id
               where u.guid = $1
               union
               select s.organization_id from users u join space_roles r on r.user_id = u.id
               join spaces s on s.id = r.space_id
               where u.guid = $1
               order by 1";
    ids(snapshot, sql, &[member.user.as_str().into()])
}

/// Returns whether the user holds the role that writes the packages of the space.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn has_writing_role(
    snapshot: &Snapshot<'_>,
    member: &Member,
    space_id: i64,
) -> Result<bool, StoreError> {
    has_role(snapshot, member, space_id, member.rules.writing_role)
}

/// Returns whether the user holds a role that stages the packages of the space.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn has_staging_role(
    snapshot: &Snapshot<'_>,
    member: &Member,
    space_id: i64,
) -> Result<bool, StoreError> {
    for role in member.rules.staging_roles {
        if has_role(snapshot, member, space_id, role)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_role(
    snapshot: &Snapshot<'_>,
    member: &Member,
    space_id: i64,
    role: &str,
) -> Result<bool, StoreError> {
    let sql = "select 1 from users u join space_roles r on r.user_id = u.id
               where u.guid = $1 and r.space_id = $2 and r.role = $3";
    let values = [member.user.as_str().into(), space_id.into(), role.into()];
    Ok(snapshot.int(sql, &values)?.is_some())
}

fn ids(snapshot: &Snapshot<'_>, sql: &str, values: &[Value]) -> Result<Arc<[i64]>, StoreError> {
    Ok(super::ids(snapshot, sql, values)?.into())
}
