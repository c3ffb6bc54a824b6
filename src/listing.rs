//! What is asked, of whom, over one snapshot: the total, the page's ids, and the rows themselves.
//!
//! A page is found in two steps: which ids, then the rows of those ids. The first step is plain `count` and `offset`
//! here; what is remembered of it only ever gives the same ids sooner.

mod landmarks;
mod query;
pub mod rendered;
pub mod request;
mod sight;
mod walk;

use std::sync::Arc;

use crate::caller::Caller;
use crate::resource::Resource;
use crate::store::{Db, StoreError, Value};
pub use landmarks::Landmarks;
use request::ListRequest;
use sight::Sight;

/// One page of a list: how many rows the caller's list has in all, and which of them are on the page, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// All rows of the list.
    pub total: u64,
    /// The page's rows.
    pub ids: Vec<i64>,
}

/// Finds a page.
pub fn find<R: Resource>(
    db: &Db<'_>,
    landmarks: &Arc<Landmarks>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<Found, StoreError> {
    landmarks.find::<R>(db, caller, request)
}

/// Finds a page by counting all rows and skipping those before it: always right, and as slow as the table is long.
pub fn find_without_landmarks<R: Resource>(
    db: &Db<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<Found, StoreError> {
    let sight = Sight::of(db, caller, &R::SCOPE)?;
    find_plainly::<R>(db, &sight, request)
}

fn find_plainly<R: Resource>(
    db: &Db<'_>,
    sight: &Sight,
    request: &ListRequest,
) -> Result<Found, StoreError> {
    let total = count::<R>(db, sight, request)?;
    let ids = if request.page.offset() < total {
        let sql = walk::walk::<R>(db, sight, request, Some(request.page))?;
        ids(db, &sql.text, &sql.values)?
    } else {
        Vec::new()
    };
    Ok(Found { total, ids })
}

fn count<R: Resource>(
    db: &Db<'_>,
    sight: &Sight,
    request: &ListRequest,
) -> Result<u64, StoreError> {
    let sql = query::scan::<R>("count(*)", sight, request);
    let count = db.int(&sql.text, &sql.values)?.unwrap_or(0);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The statement that finds a page's ids, and the values bound to it. For tests of the work done (`Db::work`).
pub fn page_statement<R: Resource>(
    db: &Db<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<(String, Vec<Value>), StoreError> {
    let sight = Sight::of(db, caller, &R::SCOPE)?;
    let sql = walk::walk::<R>(db, &sight, request, Some(request.page))?;
    Ok((sql.text, sql.values))
}

/// The id of the row with that guid, if the caller may see it.
pub fn find_one<R: Resource>(
    db: &Db<'_>,
    caller: &Caller,
    guid: &str,
) -> Result<Option<i64>, StoreError> {
    let mut sight = Sight::of(db, caller, &R::SCOPE)?;
    if let Caller::Member(member) = caller
        && member.rules.suspended_is_missing
    {
        sight = sight.without_suspended(db)?;
    }
    let sql = query::one::<R>(&sight, guid);
    db.int(&sql.text, &sql.values)
}

/// Lends the rows of those ids to `each`, in the order given.
pub fn rows<R: Resource, E: From<StoreError>>(
    db: &Db<'_>,
    ids: &[i64],
    mut each: impl FnMut(R::Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (columns, table, joins) = (R::COLUMNS, R::TABLE, R::JOINS);
    let (sql, values) = match run_of(ids) {
        // A run of ids is one walk along the table.
        Some((first, last)) => (
            format!(
                "select {columns} from {table} r {joins} where r.id between $1 and $2 order by r.id"
            ),
            vec![first.into(), last.into()],
        ),
        // `cross join` keeps SQLite to this order: the list's own.
        None => (
            format!(
                "select {columns} from json_each($1) k cross join {table} r on r.id = k.value {joins}"
            ),
            vec![query::json_numbers(ids).into()],
        ),
    };
    db.rows(&sql, &values, |columns| each(R::row(columns)?))
}

/// The first and the last of ids that follow each other without a gap.
fn run_of(ids: &[i64]) -> Option<(i64, i64)> {
    let (first, last) = (*ids.first()?, *ids.last()?);
    let without_gap = ids.windows(2).all(|pair| pair[1] == pair[0] + 1);
    without_gap.then_some((first, last))
}

/// Those ids again, by `created_at` and then `guid`.
pub fn oldest_first<R: Resource>(
    db: &Db<'_>,
    ids: impl Iterator<Item = i64>,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "select r.id from {} r where {} order by r.created_at, r.guid",
        R::TABLE,
        Db::one_of("r.id", 1)
    );
    let numbers: Vec<i64> = ids.collect();
    self::ids(db, &sql, &[Value::Text(query::json_numbers(&numbers))])
}

fn ids(db: &Db<'_>, sql: &str, values: &[Value]) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::new();
    db.rows(sql, values, |columns| {
        ids.push(columns.int(0)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids)
}
