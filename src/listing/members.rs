//! Users and roles, as clients list them. Names of users have no data version, so that these lists are neither cached nor
//! found by the list cache: each request reads them.

use super::conditions::{Index, Sql, add_condition};
use super::request::ListRequest;
use super::visibility::{readable_organizations, readable_spaces};
use crate::caller::{Caller, Member};
use crate::records::role::{HeldRole, SEPARATOR};
use crate::records::user::NamedUser;
use crate::store::dialect::{self, TRUE};
use crate::store::{Row, Snapshot, StoreError};

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
    let from = visible_users(snapshot, caller)?;
    page(snapshot, from, request, USER, "r.id", |row| user_of(row, 0))
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
    let from = visible_users(snapshot, caller)?;
    one(snapshot, from, guid, USER, |row| user_of(row, 0))
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
        users.push(user_of(row, 0)?);
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
    let from = visible_roles(snapshot, caller)?;
    page(snapshot, from, request, ROLE, "r.guid", role_of)
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
    let from = visible_roles(snapshot, caller)?;
    one(snapshot, from, guid, ROLE, role_of)
}

/// The columns of a user.
const USER: &str = "r.guid, r.name";
/// The columns of a role.
const ROLE: &str = "r.guid, r.role, r.user_id, r.user_guid, r.parent_id, r.organization_guid, \
                    r.space_guid";

fn user_of(row: &Row<'_>, position: usize) -> Result<NamedUser, StoreError> {
    Ok(NamedUser {
        guid: row.text(position)?.to_owned(),
        name: row.optional_text(position + 1)?.map(str::to_owned),
    })
}

fn role_of(row: &Row<'_>) -> Result<HeldRole, StoreError> {
    Ok(HeldRole {
        guid: row.text(0)?.to_owned(),
        role: row.text(1)?.to_owned(),
        user_id: row.int(2)?,
        user_guid: row.text(3)?.to_owned(),
        parent_id: row.int(4)?,
        organization_guid: row.optional_text(5)?.map(str::to_owned),
        space_guid: row.optional_text(6)?.map(str::to_owned),
    })
}

/// Returns `from` the visible users, named `r`, and the beginning of a `where`.
fn visible_users(snapshot: &Snapshot<'_>, caller: &Caller) -> Result<Sql, StoreError> {
    let mut sql = Sql::default();
    sql.push(
        "from (select u.id, u.guid, u.name, 0 as created_at,
                      case when u.name is not null then 'uaa' end as origin
               from users u where ",
    );
    match caller {
        Caller::Everything => sql.push(TRUE),
        Caller::Member(member) => {
            let own = sql.bind(member.user.as_str());
            let n = sql.bind(dialect::number_list(&readable_organizations(
                snapshot, member,
            )?));
            sql.append(format_args!(
                "u.guid = ${own}
                 or exists (select 1 from organization_roles x where x.user_id = u.id and {})
                 or exists (select 1 from space_roles x join spaces s on s.id = x.space_id
                            where x.user_id = u.id and {})",
                dialect::one_of("x.organization_id", n),
                dialect::one_of("s.organization_id", n),
            ));
        }
    }
    sql.append(format_args!(") r where {TRUE}"));
    Ok(sql)
}

/// Returns `from` the visible roles, named `r`, and the beginning of a `where`.
fn visible_roles(snapshot: &Snapshot<'_>, caller: &Caller) -> Result<Sql, StoreError> {
    let mut sql = Sql::default();
    sql.append(format_args!(
        "from (select u.guid || '{SEPARATOR}' || x.role || '{SEPARATOR}' || p.guid as guid, x.role,
                      x.user_id, u.guid as user_guid, p.id as parent_id,
                      p.guid as organization_guid, null as space_guid, 0 as created_at
               from organization_roles x join users u on u.id = x.user_id
               join organizations p on p.id = x.organization_id where "
    ));
    add_scope(
        &mut sql,
        snapshot,
        caller,
        "x.organization_id",
        readable_organizations,
    )?;
    sql.append(format_args!(
        " union all
               select u.guid || '{SEPARATOR}' || x.role || '{SEPARATOR}' || p.guid, x.role,
                      x.user_id, u.guid, p.id, null, p.guid, 0
               from space_roles x join users u on u.id = x.user_id
               join spaces p on p.id = x.space_id where "
    ));
    add_scope(&mut sql, snapshot, caller, "x.space_id", readable_spaces)?;
    sql.append(format_args!(") r where {TRUE}"));
    Ok(sql)
}

/// Restricts a statement to the rows whose column is one of the ids that `readable` returns for a member.
fn add_scope(
    sql: &mut Sql,
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    column: &str,
    readable: impl Fn(&Snapshot<'_>, &Member) -> Result<std::sync::Arc<[i64]>, StoreError>,
) -> Result<(), StoreError> {
    match caller {
        Caller::Everything => sql.push(TRUE),
        Caller::Member(member) => {
            let n = sql.bind(dialect::number_list(&readable(snapshot, member)?));
            sql.push(&dialect::one_of(column, n));
        }
    }
    Ok(())
}

/// Returns the page of `request`. `stored` is the column of the order if the request names none.
fn page<T>(
    snapshot: &Snapshot<'_>,
    mut from: Sql,
    request: &ListRequest,
    columns: &str,
    stored: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Members<T>, StoreError> {
    for condition in &request.conditions {
        add_condition(&mut from, condition, Index::Allowed);
    }
    let count = format!("select count(*) {}", from.text);
    let count = snapshot.int(&count, &from.values)?;
    let total = u64::try_from(count.unwrap_or_default()).expect("a count is never negative");
    match request.order {
        None => from.append(format_args!(" order by {stored}")),
        Some(order) => {
            let direction = if order.descending { "desc" } else { "asc" };
            let column = order.order.column;
            from.append(format_args!(
                " order by {column} {direction}, r.guid {direction}"
            ));
        }
    }
    let limit = from.bind(i64::from(request.page.per_page()));
    let offset = i64::try_from(request.page.offset()).expect("`Page` holds only offsets that fit");
    let offset = from.bind(offset);
    from.append(format_args!(" limit ${limit} offset ${offset}"));
    let page = select(snapshot, &from, columns, read)?;
    Ok(Members { total, page })
}

fn one<T>(
    snapshot: &Snapshot<'_>,
    mut from: Sql,
    guid: &str,
    columns: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let n = from.bind(guid);
    from.append(format_args!(" and r.guid = ${n}"));
    Ok(select(snapshot, &from, columns, read)?.pop())
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
