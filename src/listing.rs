//! Lists: the total of a list, the ids of one page, and the records themselves, all from one snapshot.
//!
//! A page is found in two steps: first its ids, then the records of those ids. The first step is a count and an
//! `OFFSET`, which is always right. The list cache only ever gives the same ids sooner.

mod conditions;
mod evictions;
mod list_cache;
pub mod members;
mod page_query;
pub mod request;
pub mod response_cache;
mod visibility;

use std::sync::Arc;

use crate::caller::Caller;
use crate::records::Resource;
use crate::store::{Snapshot, StoreError, Value, dialect};
pub use list_cache::{ListCache, ListCacheCounters};
use request::ListRequest;
use visibility::Visibility;
pub use visibility::{has_staging_role, has_writing_role};

/// The ids of one page, and how many rows the list has.
#[derive(Debug, PartialEq, Eq)]
pub struct PageIds {
    /// The number of rows of the list that the caller may see.
    pub total: u64,
    /// The ids of the page, in order. Empty beyond the last page.
    pub ids: Vec<i64>,
}

/// Whether the records of suspended organizations are found by guid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedOrganizations {
    /// They are found like any other.
    Shown,
    /// They are found only by callers who see every record.
    Hidden,
}

/// Finds a page, with the list cache.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find<R: Resource>(
    snapshot: &Snapshot<'_>,
    list_cache: &Arc<ListCache>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<PageIds, StoreError> {
    list_cache.find::<R>(snapshot, caller, request)
}

/// Finds a page by counting all rows and skipping those before it. The cost grows with the table. Tests compare the
/// list cache with it.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find_without_cache<R: Resource>(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<PageIds, StoreError> {
    let visibility = Visibility::read(snapshot, caller, &R::SCOPE)?;
    count_and_skip::<R>(snapshot, &visibility, request)
}

fn count_and_skip<R: Resource>(
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
    let sql = conditions::whole_list::<R>("count(*)", visibility, request);
    let count = snapshot
        .int(&sql.text, &sql.values)?
        .expect("`count(*)` always returns a number");
    Ok(u64::try_from(count).expect("a count is never negative"))
}

/// Returns the page query and the values bound to it. Tests measure its cost with `Snapshot::work`.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn page_statement<R: Resource>(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    request: &ListRequest,
) -> Result<(String, Vec<Value>), StoreError> {
    let visibility = Visibility::read(snapshot, caller, &R::SCOPE)?;
    let sql = page_query::page_query::<R>(snapshot, &visibility, request, Some(request.page))?;
    Ok((sql.text, sql.values))
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
    let mut visibility = Visibility::read(snapshot, caller, &R::SCOPE)?;
    if suspended == SuspendedOrganizations::Hidden {
        visibility = visibility.without_suspended(snapshot)?;
    }
    let sql = conditions::by_guid::<R>(&visibility, guid);
    snapshot.int(&sql.text, &sql.values)
}

/// Passes the records of `ids` to `each`, in the order of `ids`.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, or if `each` fails.
pub fn rows<R: Resource, E: From<StoreError>>(
    snapshot: &Snapshot<'_>,
    ids: &[i64],
    mut each: impl FnMut(R::Record<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let statements = R::statements();
    let (sql, values) = match consecutive(ids) {
        // Consecutive ids are read with one range of the table.
        Some((first, last)) => (
            &statements.select_by_id_range,
            vec![first.into(), last.into()],
        ),
        None => (
            &statements.select_by_id_list,
            vec![dialect::number_list(ids)],
        ),
    };
    snapshot.rows(sql, &values, |row| each(R::read(row)?))
}

/// Returns the first and the last id, if the ids are consecutive.
fn consecutive(ids: &[i64]) -> Option<(i64, i64)> {
    let (first, last) = (*ids.first()?, *ids.last()?);
    let are_consecutive = ids.windows(2).all(|pair| pair[1] == pair[0] + 1);
    are_consecutive.then_some((first, last))
}

/// Returns the ids in the order of `created_at` and then `guid`.
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
        dialect::one_of("r.id", 1)
    );
    let numbers: Vec<i64> = ids.collect();
    self::ids(snapshot, &sql, &[dialect::number_list(&numbers)])
}

fn ids(snapshot: &Snapshot<'_>, sql: &str, values: &[Value]) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::new();
    snapshot.rows(sql, values, |row| {
        ids.push(row.int(0)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids)
}
