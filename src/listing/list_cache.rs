//! What is remembered of lists: which rows each has, so that any page of it costs what the page costs.
//!
//! A list in stored order is a set of ids, kept as a compressed bitmap (a million rows: 125 KB at most) that finds its
//! n-th member in a microsecond. Other orders are the ids one after the other. Each is true of one version of the
//! data: a list in stored order is mended where packages were stored, updated or deleted since, any other is made anew.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use roaring::RoaringBitmap;

use super::PageIds;
use super::conditions::{self, Sql};
use super::page_query::page_query;
use super::request::{Condition, ListRequest, OrderBy, Page};
use super::visibility::Visibility;
use crate::caller::Caller;
use crate::records::{Resource, Scope};
use crate::store::{Snapshot, StoreError, Version};

/// Memory for the lists that are remembered, in bytes.
const MEMORY: u64 = 64 << 20;
/// Callers whose visibility is remembered.
const VISIBILITIES: usize = 1024;
/// `package_changes` speaks of blocks of this many ids.
const BLOCK: i64 = 512;
/// If more blocks changed than this, the whole list is scanned again.
const MENDED_BLOCKS: usize = 256;
/// Up to this many rows are found by skipping before a list is known; its first visibility is then no slower than that.
const SHALLOW: u64 = 10_000;
/// Locks that keep a list from being made twice at the same time; lists share them by chance.
const LOCKS: usize = 64;

/// The lists that are remembered.
#[derive(Debug)]
pub struct ListCache {
    lists: Cache<ListKey, Arc<CachedList>, ListWeight>,
    visibilities: Cache<(Caller, &'static Scope), (i64, Visibility)>,
    making: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// What makes two requests ask for the same list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ListKey {
    table: &'static str,
    caller: Caller,
    conditions: Vec<Condition>,
    order: Option<OrderBy>,
}

#[derive(Debug)]
struct CachedList {
    version: Version,
    rows: CachedIds,
}

#[derive(Clone, Debug)]
enum CachedIds {
    Stored(RoaringBitmap),
    Ordered(Vec<u32>),
}

#[derive(Clone, Debug)]
struct ListWeight;

impl Weighter<ListKey, Arc<CachedList>> for ListWeight {
    fn weight(&self, key: &ListKey, list: &Arc<CachedList>) -> u64 {
        let values = |condition: &Condition| match condition {
            Condition::OneOf(_, values) => values.iter().map(|value| 32 + value.len()).sum(),
            Condition::Label(label) => {
                64 + label
                    .values
                    .iter()
                    .flatten()
                    .map(String::len)
                    .sum::<usize>()
            }
            Condition::At(_, times) => 8 * times.len(),
            Condition::Nothing | Condition::Time(..) => 0,
        };
        let key: usize = 256 + key.conditions.iter().map(|c| 64 + values(c)).sum::<usize>();
        let rows = match &list.rows {
            CachedIds::Stored(ids) => ids.serialized_size(),
            CachedIds::Ordered(ids) => 4 * ids.len(),
        };
        (key + rows) as u64
    }
}

impl Default for ListCache {
    fn default() -> Self {
        Self {
            lists: Cache::with_weighter(4096, MEMORY, ListWeight),
            visibilities: Cache::new(VISIBILITIES),
            making: [const { Mutex::new(()) }; LOCKS],
            hasher: RandomState::new(),
        }
    }
}

impl ListCache {
    /// The page, from what is remembered where that is true of this snapshot; otherwise it will be the next time.
    pub(super) fn find<R: Resource>(
        self: &Arc<Self>,
        snapshot: &Snapshot<'_>,
        caller: &Caller,
        request: &ListRequest,
    ) -> Result<PageIds, StoreError> {
        let version = snapshot.version()?;
        let visibility = self.visibility(snapshot, caller, &R::SCOPE, version)?;
        let key = ListKey {
            table: R::TABLE,
            caller: caller.clone(),
            conditions: request.conditions.clone(),
            order: request.order,
        };
        let known = self.lists.get(&key);
        let plain = || super::find_plainly::<R>(snapshot, &visibility, request);
        match &known {
            Some(list) if list.is_of::<R>(&version) => return Ok(list.page(request.page)),
            // Another snapshot was newer than this one: what is known is not taken back for it.
            Some(list) if list.version.is_after(&version) => return plain(),
            _ if u32::try_from(version.last_package).is_err() => return plain(),
            _ => {}
        }
        let mendable = R::TRACKED && request.order.is_none() && known.is_some();
        let shallow = request.page.offset() + u64::from(request.page.per_page()) <= SHALLOW;
        if R::TRACKED && shallow && !mendable {
            let found = plain()?;
            let (list_cache, visibility, request) =
                (self.clone(), visibility.clone(), request.clone());
            snapshot.later(move |snapshot| {
                // A list that cannot be learnt is found plainly again the next time.
                let _ = list_cache.learn::<R>(snapshot, key, &visibility, &request, version);
            });
            return Ok(found);
        }
        match self.learn::<R>(snapshot, key, &visibility, request, version)? {
            Some(list) => Ok(list.page(request.page)),
            None => plain(),
        }
    }

    /// What the caller may see; roles and what they speak of change `access`.
    pub(super) fn visibility(
        &self,
        snapshot: &Snapshot<'_>,
        caller: &Caller,
        scope: &'static Scope,
        version: Version,
    ) -> Result<Visibility, StoreError> {
        if *caller == Caller::Everything {
            return Ok(Visibility::All);
        }
        let key = (caller.clone(), scope);
        if let Some((access, visibility)) = self.visibilities.get(&key)
            && access == version.access
        {
            return Ok(visibility);
        }
        let visibility = Visibility::of(snapshot, caller, scope)?;
        self.visibilities
            .insert(key, (version.access, visibility.clone()));
        Ok(visibility)
    }

    /// Makes or mends the list, once however many ask for it. `None`: another made it of a newer snapshot.
    fn learn<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        key: ListKey,
        visibility: &Visibility,
        request: &ListRequest,
        version: Version,
    ) -> Result<Option<Arc<CachedList>>, StoreError> {
        let lock = usize::try_from(self.hasher.hash_one(&key) % LOCKS as u64).unwrap_or(0);
        let _making = self.making[lock]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = self.lists.get(&key);
        let rows = match known {
            Some(list) if list.is_of::<R>(&version) => return Ok(Some(list)),
            Some(list) if list.version.is_after(&version) => return Ok(None),
            Some(list) if R::TRACKED && list.version.access == version.access => match &list.rows {
                CachedIds::Stored(ids) => {
                    mend::<R>(snapshot, visibility, request, ids, list.version, version)?
                }
                CachedIds::Ordered(_) => make::<R>(snapshot, visibility, request)?,
            },
            _ => make::<R>(snapshot, visibility, request)?,
        };
        let list = Arc::new(CachedList { version, rows });
        self.lists.insert(key, list.clone());
        Ok(Some(list))
    }
}

impl CachedList {
    /// Whether what is known is true of that snapshot.
    fn is_of<R: Resource>(&self, version: &Version) -> bool {
        let own = &self.version;
        if R::TRACKED {
            own.packages == version.packages
                && own.last_package == version.last_package
                && own.access == version.access
        } else {
            own.neighbours == version.neighbours && own.access == version.access
        }
    }

    fn page(&self, page: Page) -> PageIds {
        let per_page = usize::try_from(page.per_page()).unwrap_or(usize::MAX);
        match &self.rows {
            CachedIds::Stored(rows) => {
                let first = u32::try_from(page.offset())
                    .ok()
                    .and_then(|offset| rows.select(offset));
                let ids = match first {
                    Some(first) => rows.range(first..).take(per_page).map(i64::from).collect(),
                    None => Vec::new(),
                };
                PageIds {
                    total: rows.len(),
                    ids,
                }
            }
            CachedIds::Ordered(rows) => {
                let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
                let ids = rows.iter().skip(offset).take(per_page);
                PageIds {
                    total: rows.len() as u64,
                    ids: ids.map(|id| i64::from(*id)).collect(),
                }
            }
        }
    }
}

/// One scan of the whole list.
fn make<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
) -> Result<CachedIds, StoreError> {
    if request.order.is_none() {
        let sql = conditions::scan::<R>("r.id", visibility, request);
        let mut ids = RoaringBitmap::new();
        each_id(snapshot, &sql, |id| {
            ids.insert(id);
        })?;
        Ok(CachedIds::Stored(ids))
    } else {
        let sql = page_query::<R>(snapshot, visibility, request, None)?;
        let mut ids = Vec::new();
        each_id(snapshot, &sql, |id| ids.push(id))?;
        ids.shrink_to_fit();
        Ok(CachedIds::Ordered(ids))
    }
}

/// Looks again at the blocks in which packages changed since `old`, and at the packages stored since.
fn mend<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
    ids: &RoaringBitmap,
    old: Version,
    new: Version,
) -> Result<CachedIds, StoreError> {
    let mut blocks = Vec::new();
    if old.packages != new.packages {
        let changed = "select block from package_changes where version > $1";
        snapshot.rows(changed, &[old.packages.into()], |columns| {
            blocks.push(columns.int(0)?);
            Ok::<_, StoreError>(())
        })?;
    }
    if blocks.len() > MENDED_BLOCKS {
        return make::<R>(snapshot, visibility, request);
    }
    let mut ids = ids.clone();
    let mut look_again = |low: i64, high: i64| {
        if let (Ok(low), Ok(high)) = (u32::try_from(low), u32::try_from(high)) {
            ids.remove_range(low..=high);
        }
        let sql = conditions::scan_between::<R>("r.id", visibility, request, low, high);
        each_id(snapshot, &sql, |id| {
            ids.insert(id);
        })
    };
    for block in blocks {
        look_again(block * BLOCK, block * BLOCK + (BLOCK - 1))?;
    }
    if new.last_package > old.last_package {
        look_again(old.last_package + 1, new.last_package)?;
    }
    Ok(CachedIds::Stored(ids))
}

fn each_id(
    snapshot: &Snapshot<'_>,
    sql: &Sql,
    mut each: impl FnMut(u32),
) -> Result<(), StoreError> {
    snapshot.rows(&sql.text, &sql.values, |columns| {
        let id = columns.int(0)?;
        let id = u32::try_from(id)
            .map_err(|_| StoreError::Damaged(format!("the id {id} is out of range")))?;
        each(id);
        Ok(())
    })
}
