//! The users who can log in: those of the database, and the admin.

use crate::auth::tokens::{self, ADMIN_USER};
use crate::records::{Table, User};
use crate::store::{Snapshot, StoreError, Value};

/// A user who can log in.
pub(crate) struct LoginUser {
    pub guid: String,
    pub name: String,
}

impl LoginUser {
    /// Returns all scopes that the user's tokens can have.
    pub fn scopes(&self) -> Vec<String> {
        if self.guid == ADMIN_USER {
            tokens::admin_scopes()
        } else {
            tokens::user_scopes()
        }
    }
}

/// Returns the user with this guid.
pub(super) fn by_guid(
    snapshot: &Snapshot<'_>,
    guid: &str,
) -> Result<Option<LoginUser>, StoreError> {
    let users = select(
        snapshot,
        "select id, guid, name from users where guid = $1 limit 2",
        guid,
    )?;
    Ok(admin_or_only(guid, users))
}

/// Returns the user with this guid, or else the only user with this name. The same queries run for every name, so that
/// the time does not show whether the user exists.
pub(crate) fn by_name(
    snapshot: &Snapshot<'_>,
    name: &str,
) -> Result<Option<LoginUser>, StoreError> {
    let by_guid = by_guid(snapshot, name)?;
    let by_name = select(
        snapshot,
        "select id, guid, name from users where name = $1 limit 2",
        name,
    )?;
    Ok(by_guid.or_else(|| {
        // A seeded user with the admin's guid and another name must not become the admin.
        only(by_name).filter(|user| user.guid != ADMIN_USER)
    }))
}

/// Returns the admin for the admin's guid, which does not depend on the database, or else the only user.
fn admin_or_only(guid: &str, users: Vec<LoginUser>) -> Option<LoginUser> {
    if guid == ADMIN_USER {
        return Some(LoginUser {
            guid: ADMIN_USER.to_owned(),
            name: ADMIN_USER.to_owned(),
        });
    }
    only(users)
}

/// Returns the user if there is exactly one, because a name that two users have names neither.
fn only(mut users: Vec<LoginUser>) -> Option<LoginUser> {
    let user = users.pop();
    user.filter(|_| users.is_empty())
}

/// Returns the users of a query that selects the columns of [`User`].
fn select(snapshot: &Snapshot<'_>, sql: &str, wanted: &str) -> Result<Vec<LoginUser>, StoreError> {
    let mut users = Vec::new();
    snapshot.rows(sql, &[Value::from(wanted)], |row| {
        let user = User::read(row)?;
        users.push(LoginUser {
            guid: user.guid.to_owned(),
            name: user.name.unwrap_or(user.guid).to_owned(),
        });
        Ok::<_, StoreError>(())
    })?;
    Ok(users)
}
