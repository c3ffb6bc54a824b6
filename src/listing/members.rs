//! Users and roles, as clients list them. Names of users have no data version, so that these lists are neither cached nor
//! found by the list cache: each request reads them.

use super::conditions::{Index, Sql, add_condition};
use super::request::{Condition, ListRequest, OrderBy};
use super::visibility::{readable_organizations, readable_spaces};
use crate::caller::{Caller, Member};
use crate::records::role::{HeldRole, SEPARATOR};
use crate::records::user::{NamedUser, RoleScope};
use crate::records::{Organization, Space, Table, User, read_guid};
use crate::store::dialect::{self, TRUE};
use crate::store::{Row, Snapshot, StoreError, Value};

/// One page of a list that is not cached.
#[derive(Debug)]
pub struct Members<T> {
    /// How many members of the list the caller may see.
    pub total: u64,
    /// Those of the page, in order.
    pub page: Vec<T>,
}

/// Returns one page of the users that the caller may see: all, or those who hold a role in an organization that the caller
/// sees, and the caller. A role in a space counts as one in its organization (`docs/reference/access.md`).
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn users(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<Members<NamedUser>, StoreError> {
    let visible = match caller {
        Caller::Everything => None,
        Caller::Member(member) => Some(visible_user_ids(snapshot, member)?),
    };
    // Without a condition, the ids are the list in stored order.
    if let (Some(ids), [], None) = (&visible, request.conditions.as_slice(), request.order) {
        let start = usize::try_from(request.page.offset()).unwrap_or(usize::MAX);
        let length = usize::try_from(request.page.per_page()).unwrap_or(usize::MAX);
        let page = ids.iter().copied().skip(start).take(length);
        return Ok(Members {
            total: ids.len() as u64,
            page: users_with_ids(snapshot, page)?,
        });
    }
    let mut from = all_users();
    if let Some(ids) = visible {
        let n = from.bind(dialect::number_list(&ids));
        from.append(format_args!(" and {}", dialect::one_of("r.id", n)));
    }
    for condition in &request.conditions {
        add_condition(&mut from, condition, Index::Allowed);
    }
    let total = count(snapshot, "", &from.text, &from.values)?;
    match request.order {
        None => from.push(" order by r.id"),
        // The time that the order names is the same for all users: only ties are left to order.
        Some(order) => from.append(format_args!(" order by r.guid {}", direction(order))),
    }
    let page = page(snapshot, from, request, USER, user_of)?;
    Ok(Members { total, page })
}

/// Returns the user with that guid, if the caller may see them.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn user(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    guid: &str,
) -> Result<Option<NamedUser>, StoreError> {
    let mut from = all_users();
    if let Caller::Member(member) = caller {
        from.push(" and r.id in (");
        add_visible_users(&mut from, snapshot, member, "x.user_id = r.id and ")?;
        from.push(")");
    }
    let n = from.bind(guid);
    from.append(format_args!(" and r.guid = ${n}"));
    Ok(select(snapshot, &from, USER, user_of)?.pop())
}

/// Returns the users with these ids, in the order in which they were stored.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn users_with_ids(
    snapshot: &Snapshot<'_>,
    ids: impl Iterator<Item = i64>,
) -> Result<Vec<NamedUser>, StoreError> {
    let ids: Vec<i64> = ids.collect();
    let sql = format!(
        "select {USER} from users r where {} order by r.id",
        dialect::one_of("r.id", 1)
    );
    let mut users = Vec::with_capacity(ids.len());
    snapshot.rows(&sql, &[dialect::number_list(&ids)], |row| {
        users.push(user_of(row)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(users)
}

/// Returns one page of the roles that the caller may see: those in the spaces and organizations that they see.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn roles(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<Members<HeldRole>, StoreError> {
    let visible = VisibleParents::of(snapshot, caller)?;
    let names_users = request.conditions.iter().any(|condition| {
        matches!(condition, Condition::OneOf(filter, _)
            if ["r.guid", "r.user_guid"].contains(&filter.column))
    });
    let first = if names_users {
        ReadFirst::Users
    } else {
        ReadFirst::Parents
    };
    let mut from = visible.roles(first);
    add_role_conditions(&mut from, request);
    let total = if request.conditions.is_empty() {
        visible.count(snapshot)?
    } else {
        // Without this, SQLite does not look the conditions up in each of the two tables.
        let matching = format!(
            "with matching as materialized (select r.user_guid {}) ",
            from.text
        );
        count(snapshot, &matching, "from matching", &from.values)?
    };
    if total > SORTED_ROLES {
        from = visible.roles(ReadFirst::Users);
        add_role_conditions(&mut from, request);
    }
    // The time that an order names is the same for all roles: only ties are left to order.
    let direction = request.order.map_or("asc", direction);
    from.append(format_args!(
        " order by r.user_guid {direction}, r.role {direction}, r.parent_guid {direction}"
    ));
    let page = page(snapshot, from, request, ROLE, role_of)?;
    Ok(Members { total, page })
}

/// Returns the role with that guid, if the caller may see it.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn role(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    guid: &str,
) -> Result<Option<HeldRole>, StoreError> {
    let mut from = VisibleParents::of(snapshot, caller)?.roles(ReadFirst::Users);
    add_holders(&mut from, [guid].into_iter());
    let n = from.bind(guid);
    from.append(format_args!(" and r.guid = ${n}"));
    Ok(select(snapshot, &from, ROLE, role_of)?.pop())
}

/// The columns of a user: those of [`UserRecord`](crate::records::UserRecord).
const USER: &str = "r.id, r.guid, r.name";
/// The columns of a role. SQLite reads the two tables in the order of the list only if the columns of the order are among them.
const ROLE: &str = "r.guid, r.role, r.user_id, r.user_guid, r.parent_id, r.organization_guid, \
                    r.space_guid, r.parent_guid";
/// How many roles are sorted for a page. Of more, those before the page and of the page are read in order.
const SORTED_ROLES: u64 = 10_000;

fn user_of(row: &Row<'_>) -> Result<NamedUser, StoreError> {
    let user = User::read(row)?;
    Ok(NamedUser {
        guid: user.guid.to_owned(),
        name: user.name.map(str::to_owned),
    })
}

fn role_of(row: &Row<'_>) -> Result<HeldRole, StoreError> {
    let (scope, table, parents) = match row.optional_text(6)? {
        Some(_) => (RoleScope::Space, "space_roles", Space::TABLE),
        None => (
            RoleScope::Organization,
            "organization_roles",
            Organization::TABLE,
        ),
    };
    // First: the guid holds it.
    let role = scope.read_role(row, 1).map_err(|error| match error {
        StoreError::Damaged(cause) => {
            StoreError::Damaged(format!("a `role` in `{table}`: {cause}"))
        }
        other => other,
    })?;
    let user_guid = read_guid(row, 3, User::TABLE)?;
    read_guid(row, 7, parents)?;
    Ok(HeldRole {
        guid: row.text(0)?.to_owned(),
        role: role.to_owned(),
        user_id: row.int(2)?,
        user_guid: user_guid.to_owned(),
        parent_id: row.int(4)?,
        organization_guid: row.optional_text(5)?.map(str::to_owned),
        space_guid: row.optional_text(6)?.map(str::to_owned),
    })
}

/// Returns `from` all users, named `r`, and the beginning of a `where`.
fn all_users() -> Sql {
    let mut sql = Sql::default();
    sql.append(format_args!(
        "from (select id, guid, name, 0 as created_at,
                      case when name is not null then 'uaa' end as origin
               from users) r where {TRUE}"
    ));
    sql
}

/// Returns the ids of the users whom a member sees, in ascending order.
fn visible_user_ids(snapshot: &Snapshot<'_>, member: &Member) -> Result<Vec<i64>, StoreError> {
    let mut sql = Sql::default();
    add_visible_users(&mut sql, snapshot, member, "")?;
    sql.push(" order by 1");
    super::ids(snapshot, &sql.text, &sql.values)
}

/// Adds a `select` of the ids of the users whom a member sees. `also` is a condition on a role, named `x`, followed by `and`.
fn add_visible_users(
    sql: &mut Sql,
    snapshot: &Snapshot<'_>,
    member: &Member,
    also: &str,
) -> Result<(), StoreError> {
    let own = sql.bind(member.user.as_str());
    let organizations = readable_organizations(snapshot, member)?;
    let n = sql.bind(dialect::number_list(&organizations));
    sql.append(format_args!(
        "select id from users where guid = ${own}
         union select x.user_id from organization_roles x where {also}{}
         union select x.user_id from spaces s join space_roles x on x.space_id = s.id
               where {also}{}",
        dialect::one_of("x.organization_id", n),
        dialect::one_of("s.organization_id", n),
    ));
    Ok(())
}

/// The organizations and spaces whose roles a caller sees, as lists of ids; `None`: all.
struct VisibleParents(Option<[Value; 2]>);

/// What a statement over roles reads first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadFirst {
    /// What SQLite chooses: the organizations and spaces, if the caller sees only some or names some.
    Parents,
    /// The users, in the order of their guids: the order of the list. Only those that a condition names, if one does.
    Users,
}

impl VisibleParents {
    fn of(snapshot: &Snapshot<'_>, caller: &Caller) -> Result<Self, StoreError> {
        Ok(Self(match caller {
            Caller::Everything => None,
            Caller::Member(member) => Some([
                dialect::number_list(&readable_organizations(snapshot, member)?),
                dialect::number_list(&readable_spaces(snapshot, member)?),
            ]),
        }))
    }

    /// Returns how many roles there are.
    fn count(&self, snapshot: &Snapshot<'_>) -> Result<u64, StoreError> {
        let mut total = 0;
        for (position, scope) in ["organization", "space"].into_iter().enumerate() {
            let mut from = Sql::default();
            from.append(format_args!("from {scope}_roles x where {TRUE}"));
            self.add(&mut from, position, &format!("x.{scope}_id"));
            total += count(snapshot, "", &from.text, &from.values)?;
        }
        Ok(total)
    }

    /// Returns `from` the roles, named `r`, and the beginning of a `where`.
    fn roles(&self, first: ReadFirst) -> Sql {
        let (join, prefix) = match first {
            ReadFirst::Parents => ("join", ""),
            ReadFirst::Users => (dialect::JOIN_IN_ORDER, dialect::NO_INDEX),
        };
        let mut sql = Sql::default();
        sql.push("from (");
        for (position, scope) in ["organization", "space"].into_iter().enumerate() {
            // The null has the type of the column in the other table: otherwise, SQLite would read both tables whole
            // (<https://sqlite.org/optoverview.html#flattening>, restriction 17h of the source).
            let (before, guids) = match scope {
                "organization" => (
                    "",
                    "p.guid as organization_guid, cast(null as text) as space_guid",
                ),
                _ => (" union all ", "cast(null as text), p.guid"),
            };
            sql.append(format_args!(
                "{before}select u.guid || '{SEPARATOR}' || x.role || '{SEPARATOR}' || p.guid as guid,
                        x.role, x.user_id, u.guid as user_guid, p.id as parent_id,
                        p.guid as parent_guid, {guids}, 0 as created_at
                 from users u {join} {scope}_roles x on x.user_id = u.id
                 {join} {scope}s p on p.id = x.{scope}_id where {TRUE}"
            ));
            self.add(&mut sql, position, &format!("{prefix}x.{scope}_id"));
        }
        sql.append(format_args!(") r where {TRUE}"));
        sql
    }

    /// Restricts a statement to the organizations (`position` 0) or spaces (1).
    fn add(&self, sql: &mut Sql, position: usize, column: &str) {
        if let Some(ids) = &self.0 {
            let n = sql.bind(ids[position].clone());
            sql.append(format_args!(" and {}", dialect::one_of(column, n)));
        }
    }
}

fn add_role_conditions(sql: &mut Sql, request: &ListRequest) {
    for condition in &request.conditions {
        if let Condition::OneOf(filter, guids) = condition
            && filter.column == "r.guid"
        {
            add_holders(sql, guids.iter().map(String::as_str));
        }
        add_condition(sql, condition, Index::Allowed);
    }
}

/// Restricts a statement to the users whom the guids of roles name, so that it does not read the roles of all others.
fn add_holders<'g>(sql: &mut Sql, guids: impl Iterator<Item = &'g str>) {
    let users = guids.map(|guid| guid.split(SEPARATOR).next().unwrap_or_default());
    let n = sql.bind(dialect::text_list(users));
    sql.append(format_args!(" and {}", dialect::one_of("r.user_guid", n)));
}

fn direction(order: OrderBy) -> &'static str {
    if order.descending { "desc" } else { "asc" }
}

/// Returns how many rows `from` has, after the common table expression `with`, which may be empty.
fn count(
    snapshot: &Snapshot<'_>,
    with: &str,
    from: &str,
    values: &[Value],
) -> Result<u64, StoreError> {
    let count = snapshot.int(&format!("{with}select count(*) {from}"), values)?;
    Ok(u64::try_from(count.unwrap_or_default()).expect("a count is never negative"))
}

/// Returns the page of `request` of the ordered rows of `from`.
fn page<T>(
    snapshot: &Snapshot<'_>,
    mut from: Sql,
    request: &ListRequest,
    columns: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let limit = from.bind(i64::from(request.page.per_page()));
    let offset = i64::try_from(request.page.offset()).expect("`Page` holds only offsets that fit");
    let offset = from.bind(offset);
    from.append(format_args!(" limit ${limit} offset ${offset}"));
    select(snapshot, &from, columns, read)
}

fn select<T>(
    snapshot: &Snapshot<'_>,
    from: &Sql,
    columns: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    let sql = format!("select {columns} {}", from.text);
    snapshot.rows(&sql, &from.values, |row| {
        found.push(read(row)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(found)
}
