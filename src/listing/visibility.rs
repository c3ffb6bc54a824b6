//! What a caller may see, as the ids of spaces or organizations that the list's SQL then names.

use std::sync::Arc;

use crate::caller::{Caller, Member};
use crate::records::Scope;
use crate::store::{Snapshot, StoreError, Value};

/// The rows of a list that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Visibility {
    /// All of them.
    All,
    /// Those whose column holds one of these ids, ascending.
    Of(&'static str, Arc<[i64]>),
}

impl Visibility {
    pub(super) fn of(
        snapshot: &Snapshot<'_>,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<Self, StoreError> {
        Ok(match (caller, scope) {
            (Caller::Everything, _) => Self::All,
            (Caller::Member(member), Scope::Spaces(column)) => {
                Self::Of(column, spaces(snapshot, member)?)
            }
            (Caller::Member(member), Scope::Organizations(column)) => {
                Self::Of(column, organizations(snapshot, member)?)
            }
        })
    }
}

impl Visibility {
    /// The same but for the spaces of suspended organizations.
    pub(super) fn without_suspended(self, snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let Self::Of(column, spaces) = self else {
            return Ok(self);
        };
        let sql = format!(
            "select s.id from spaces s join organizations o on o.id = s.organization_id
             where {} and o.suspended = 0 order by 1",
            Snapshot::one_of("s.id", 1)
        );
        let spaces = super::conditions::json_numbers(&spaces);
        Ok(Self::Of(column, ids(snapshot, &sql, &[spaces.into()])?))
    }
}

/// The spaces whose apps and packages the user reads: by a role there, or as manager of the organization.
fn spaces(snapshot: &Snapshot<'_>, member: &Member) -> Result<Arc<[i64]>, StoreError> {
    let sql = format!(
        "select r.space_id from users u join space_roles r on r.user_id = u.id
         where u.guid = $1 and {}
         union
         select s.id from users u join organization_roles r on r.user_id = u.id
         join spaces s on s.organization_id = r.organization_id
         where u.guid = $1 and r.role = 'organization_manager'
         order by 1",
        Snapshot::one_of("r.role", 2)
    );
    ids(
        snapshot,
        &sql,
        &[member.user.as_str().into(), role_list(member)],
    )
}

/// The organizations to which the user belongs: by any role there, or by any role in one of its spaces
/// (a controller lets nobody hold the one without the other, neighbours.md §5).
fn organizations(snapshot: &Snapshot<'_>, member: &Member) -> Result<Arc<[i64]>, StoreError> {
    let sql = "select r.organization_id from users u join organization_roles r on r.user_id = u.id
               where u.guid = $1
               union
               select s.organization_id from users u join space_roles r on r.user_id = u.id
               join spaces s on s.id = r.space_id
               where u.guid = $1
               order by 1";
    ids(snapshot, sql, &[member.user.as_str().into()])
}

fn role_list(member: &Member) -> Value {
    super::conditions::json_list(member.rules.reading_roles.iter().copied()).into()
}

fn ids(snapshot: &Snapshot<'_>, sql: &str, values: &[Value]) -> Result<Arc<[i64]>, StoreError> {
    let mut ids = Vec::new();
    snapshot.rows(sql, values, |columns| {
        ids.push(columns.int(0)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids.into())
}
