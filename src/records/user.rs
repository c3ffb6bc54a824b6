//! Users and their roles in organizations and spaces.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::{
    By, ColumnVisitor, Filter, Join, Record, SortColumn, Statements, Table, Valid, filter, order,
    selective,
};
use crate::store::{Row, Snapshot, StoreError, Transaction};

/// The roles in an organization.
pub const ORGANIZATION_ROLES: &[&str] = &[
    "organization_user",
    "organization_auditor",
    "organization_manager",
    "organization_billing_manager",
];

/// The roles in a space.
pub const SPACE_ROLES: &[&str] = &[
    "space_auditor",
    "space_developer",
    "space_manager",
    "space_supporter",
];

/// The users.
#[derive(Debug)]
pub struct User;

/// One user, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid: the `user_id` of the user's tokens.
    pub guid: &'r str,
    /// The name: the `user_name` of the user's tokens. Several users may have the same name.
    pub name: Option<&'r str>,
}

/// A user, as clients list them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUser {
    /// The guid.
    pub guid: String,
    /// The name, if it is known.
    pub name: Option<String>,
}

/// The filters of the list of users. Upper and lower case of ASCII letters in names are the same.
pub const FILTERS: &[Filter] = &[
    selective("guids", "r.guid", By::Value),
    filter("usernames", "r.name collate nocase", By::Value),
    filter("partial_usernames", "r.name", By::Part),
    filter("origins", "r.origin", By::Value),
];
/// The orders of the list of users.
pub const SORT_COLUMNS: &[SortColumn] = &[
    order("created_at", "r.created_at"),
    order("updated_at", "r.created_at"),
];

impl<'r> Record<'r> for UserRecord<'r> {
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.limited("name", Valid::Name, &mut self.name)
    }
}

impl Table for User {
    type Record<'r> = UserRecord<'r>;

    const TABLE: &'static str = "users";
    const JOINS: &'static [Join] = &[];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<User>);
        &STATEMENTS
    }

    fn delete_all(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        // One statement per table is faster than the cascade, which deletes the roles user by user.
        for scope in RoleScope::ALL {
            transaction.execute(&scope.statements().delete_all, &[])?;
        }
        Ok(transaction.execute("delete from users", &[])? as u64)
    }
}

/// What a role is held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleScope {
    /// An organization.
    Organization,
    /// A space.
    Space,
}

impl RoleScope {
    /// Both scopes.
    pub const ALL: &'static [Self] = &[Self::Organization, Self::Space];

    /// Returns the names of the roles that are held in it.
    pub fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Organization => ORGANIZATION_ROLES,
            Self::Space => SPACE_ROLES,
        }
    }

    /// Reads the name of a role.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if the column holds anything else.
    pub fn read_role<'r>(self, row: &Row<'r>, position: usize) -> Result<&'r str, StoreError> {
        let role = row.text(position)?;
        if self.roles().contains(&role) {
            return Ok(role);
        }
        Err(StoreError::Damaged(format!(
            "the text is none of `{}`",
            self.roles().join("`, `")
        )))
    }

    fn statements(self) -> &'static RoleStatements {
        static IN_ORGANIZATIONS: LazyLock<RoleStatements> = LazyLock::new(|| {
            RoleStatements::new("organization_roles", "organization_id", "organizations")
        });
        static IN_SPACES: LazyLock<RoleStatements> =
            LazyLock::new(|| RoleStatements::new("space_roles", "space_id", "spaces"));
        match self {
            Self::Organization => &IN_ORGANIZATIONS,
            Self::Space => &IN_SPACES,
        }
    }
}

/// One role of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleRecord<'r> {
    /// The name of the role.
    pub role: &'r str,
    /// What the role is held in.
    pub scope: RoleScope,
    /// The guid of the organization or space.
    pub parent_guid: &'r str,
}

/// The roles of one user in one scope: the id of the organization or space, and the name of the role.
pub type RoleSet<'a> = BTreeSet<(i64, &'a str)>;

/// The SQL of one of the two tables of roles. `$1` is always the id of the user.
struct RoleStatements {
    table: &'static str,
    /// What the roles are held in.
    parent: &'static str,
    /// Takes no parameter.
    select_all: String,
    select_ids: String,
    select_guids: String,
    /// `$2` is the id of the organization or space, `$3` the role.
    insert: String,
    /// Like `insert`.
    delete: String,
    /// Takes no parameter.
    delete_all: String,
}

impl RoleStatements {
    fn new(table: &'static str, parent_id: &str, parents: &'static str) -> Self {
        Self {
            table,
            parent: parents.trim_end_matches('s'),
            select_all: format!("select user_id, {parent_id}, role from {table}"),
            select_ids: format!("select {parent_id}, role from {table} where user_id = $1"),
            select_guids: format!(
                "select p.guid, r.role from {table} r join {parents} p on p.id = r.{parent_id} \
                 where r.user_id = $1 order by r.{parent_id}, r.role"
            ),
            insert: format!("insert into {table} (user_id, {parent_id}, role) values ($1, $2, $3)"),
            delete: format!(
                "delete from {table} where user_id = $1 and {parent_id} = $2 and role = $3"
            ),
            delete_all: format!("delete from {table}"),
        }
    }
}

/// Passes the roles of a user to `each`: those in organizations first, then those in spaces.
///
/// # Errors
///
/// Fails if the tables cannot be read.
pub fn for_each_role(
    snapshot: &Snapshot<'_>,
    user_id: i64,
    mut each: impl FnMut(RoleRecord<'_>),
) -> Result<(), StoreError> {
    for scope in RoleScope::ALL {
        snapshot.rows(&scope.statements().select_guids, &[user_id.into()], |row| {
            each(RoleRecord {
                parent_guid: row.text(0)?,
                role: scope.read_role(row, 1)?,
                scope: *scope,
            });
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}

/// How many roles are in memory at the same time, if the engine sends them.
const ROLES_AT_ONCE: u32 = 10_000;

/// Adds what is wrong with the stored roles to `faults`, like [`Table::find_faults`].
///
/// # Errors
///
/// Fails if the tables cannot be read.
pub(super) fn find_role_faults(
    snapshot: &Snapshot<'_>,
    faults: &mut Vec<String>,
) -> Result<(), StoreError> {
    for scope in RoleScope::ALL {
        let statements = scope.statements();
        snapshot.many_rows(&statements.select_all, &[], ROLES_AT_ONCE, |row| {
            let (user, parent) = (row.int(0)?, row.int(1)?);
            match scope.read_role(row, 2) {
                Err(StoreError::Damaged(text)) => faults.push(format!(
                    "has a row in `{}` (user {user}, {} {parent}) with a damaged `role`: {text}",
                    statements.table, statements.parent
                )),
                read => drop(read?),
            }
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}

/// Gives a new user, who has no role yet, these roles in `scope`. Returns whether there are any.
///
/// # Errors
///
/// Fails if a role or an id does not exist, or if the database cannot be written.
pub fn add_roles(
    transaction: &Transaction<'_>,
    user_id: i64,
    scope: RoleScope,
    roles: &RoleSet<'_>,
) -> Result<bool, StoreError> {
    for (parent_id, role) in roles {
        let values = [user_id.into(), (*parent_id).into(), (*role).into()];
        transaction.execute(&scope.statements().insert, &values)?;
    }
    Ok(!roles.is_empty())
}

/// Makes `roles` the only roles of a user in `scope`. Returns whether they were different before.
///
/// # Errors
///
/// Fails if a role or an id does not exist, or if the database cannot be written.
pub fn set_roles(
    transaction: &Transaction<'_>,
    user_id: i64,
    scope: RoleScope,
    roles: &RoleSet<'_>,
) -> Result<bool, StoreError> {
    let statements = scope.statements();
    let mut stored = BTreeSet::new();
    transaction.rows(&statements.select_ids, &[user_id.into()], |row| {
        stored.insert((row.int(0)?, row.text(1)?.to_owned()));
        Ok::<_, StoreError>(())
    })?;
    let stored: RoleSet<'_> = stored.iter().map(|(id, role)| (*id, &**role)).collect();
    for (sql, differences) in [
        (&statements.delete, stored.difference(roles)),
        (&statements.insert, roles.difference(&stored)),
    ] {
        for (parent_id, role) in differences {
            let values = [user_id.into(), (*parent_id).into(), (*role).into()];
            transaction.execute(sql, &values)?;
        }
    }
    Ok(stored != *roles)
}
