//! What is asked, of whom, over one snapshot: the total, the page's ids, and the rows themselves.
//!
//! A page is found in two steps: which ids, then the rows of those ids. The first step is plain `count` and `offset`
//! here; what is remembered of it only ever gives the same ids sooner.

mod conditions;
mod list_cache;
mod page_query;
pub mod request;
pub mod response_cache;
mod visibility;

use std::sync::Arc;

use crate::caller::Caller;
use crate::records::Resource;
use crate::store::{Snapshot, StoreError, Value};
pub use list_cache::ListCache;
use request::ListRequest;
use visibility::Visibility;

/// One page of a list: how many rows the caller's list has in all, and which of them are on the page, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct PageIds {
    /// All rows of the list.
    pub total: u64,
    /// The page's rows.
    pub ids: Vec<i64>,
}

/// Finds a page.
pub fn find<R: Resource>(
    snapshot: &Snapshot<'_>,
    list_cache: &Arc<ListCache>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<PageIds, StoreError> {
    list_cache.find::<R>(snapshot, caller, request)
}

/// Finds a page by counting all rows and skipping those before it: always right, and as slow as the table is long.
pub fn find_without_cache<R: Resource>(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<PageIds, StoreError> {
    let visibility = Visibility::of(snapshot, caller, &R::SCOPE)?;
    find_plainly::<R>(snapshot, &visibility, request)
}

fn find_plainly<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
) -> Result<PageIds, StoreError> {
    let total = count::<R>(snapshot, visibility, request)?;
    let ids = if request.page.offset() < total {
        let sql = page_query::page_query::<R>(snapshot, visibility, request, Some(request.page))?;
        ids(snapshot, &sql.text, &sql.values)?
    } else {
        Vec::new()
    };
    Ok(PageIds { total, ids })
}

fn count<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
) -> Result<u64, StoreError> {
    let sql = conditions::scan::<R>("count(*)", visibility, request);
    let count = snapshot.int(&sql.text, &sql.values)?.unwrap_or(0);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The statement that finds a page's ids, and the values bound to it. For tests of the work done (`Snapshot::work`).
pub fn page_statement<R: Resource>(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<(String, Vec<Value>), StoreError> {
    let visibility = Visibility::of(snapshot, caller, &R::SCOPE)?;
    let sql = page_query::page_query::<R>(snapshot, &visibility, request, Some(request.page))?;
    Ok((sql.text, sql.values))
}

/// Whether the records of suspended organizations are found by guid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedOrganizations {
    /// They are found like any other.
    Shown,
    /// They are found only by callers who see every record.
    Hidden,
}

/// Returns the id of the record with that guid, if the caller may see it.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find_one<R: Resource>(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    guid: &str,
    suspended: SuspendedOrganizations,
) -> Result<Option<i64>, StoreError> {
    let mut visibility = Visibility::of(snapshot, caller, &R::SCOPE)?;
    if suspended == SuspendedOrganizations::Hidden {
        visibility = visibility.without_suspended(snapshot)?;
    }
    let sql = conditions::one::<R>(&visibility, guid);
    snapshot.int(&sql.text, &sql.values)
}

/// Passes the records with those ids to `each`, in the order of `ids`.
///
/// # Errors
///
/// Fails with the first error of `each`, or if the snapshot cannot be read.
pub fn rows<R: Resource, E: From<StoreError>>(
    snapshot: &Snapshot<'_>,
    ids: &[i64],
    mut each: impl FnMut(R::Record<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let statements = R::statements();
    let (sql, values) = match consecutive(ids) {
        Some((first, last)) => (
            &statements.select_by_id_range,
            vec![first.into(), last.into()],
        ),
        None => (
            &statements.select_by_id_list,
            vec![conditions::json_numbers(ids).into()],
        ),
    };
    snapshot.rows(sql, &values, |row| each(R::read(row)?))
}

/// Returns the first and the last id if each id is one more than the one before it.
fn consecutive(ids: &[i64]) -> Option<(i64, i64)> {
    let (first, last) = (*ids.first()?, *ids.last()?);
    let without_gap = ids.windows(2).all(|pair| pair[1] == pair[0] + 1);
    without_gap.then_some((first, last))
}

/// Returns the ids ordered by their records' `created_at`, then by guid.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn oldest_first<R: Resource>(
    snapshot: &Snapshot<'_>,
    ids: impl Iterator<Item = i64>,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "select r.id from {} r where {} order by r.created_at, r.guid",
        R::TABLE,
        Snapshot::one_of("r.id", 1)
    );
    let numbers: Vec<i64> = ids.collect();
    self::ids(
        snapshot,
        &sql,
        &[Value::Text(conditions::json_numbers(&numbers))],
    )
}

fn ids(snapshot: &Snapshot<'_>, sql: &str, values: &[Value]) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::new();
    snapshot.rows(sql, values, |columns| {
        ids.push(columns.int(0)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids)
}
