//! The list cache: remembered ids of lists, so that any page of a list costs what the page costs.
//!
//! A list in stored order is a set of ids. It is kept as a compressed bitmap (at most 125 KB for a million rows), which
//! finds its n-th member in a microsecond. A list in another order is kept as its ids, one after the other. Each entry
//! holds the data version that it is true of. When packages were stored, updated or deleted since, a list in stored
//! order is repaired; any other list is read again.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
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

/// The size of the cache, in bytes.
const CAPACITY: u64 = 64 << 20;
/// The number of entries that the cache makes room for at first.
const EXPECTED_ENTRIES: usize = 4096;
/// The number of callers whose visibility is remembered.
const MOST_VISIBILITIES: usize = 1024;
/// The number of ids that one row of `package_changes` stands for.
const IDS_PER_BLOCK: i64 = 512;
/// If more blocks changed than this, the whole list is read again.
const MOST_REPAIRED_BLOCKS: usize = 256;
/// A page that ends within this many rows is found by `OFFSET` while its list is not remembered, so that the first
/// request for a list is not slower than that.
const SHALLOW_ROWS: u64 = 10_000;
/// Locks that keep a list from being read twice at the same time. Lists share them by their hash.
const LOCKS: usize = 64;

/// Remembered lists, bounded in bytes, and the remembered visibility of callers.
#[derive(Debug)]
pub struct ListCache {
    lists: Cache<ListKey, Arc<CachedList>, ListWeight>,
    visibilities: Cache<(Caller, &'static Scope), (i64, Visibility)>,
    building: [Mutex<()>; LOCKS],
    hasher: RandomState,
    hits: AtomicU64,
    misses: AtomicU64,
    builds: AtomicU64,
    repairs: AtomicU64,
}

/// How the list cache was used since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListCacheCounters {
    /// Pages found in a remembered list.
    pub hits: u64,
    /// Pages found by counting and skipping rows.
    pub misses: u64,
    /// Lists that were read as a whole.
    pub builds: u64,
    /// Lists in stored order that were repaired.
    pub repairs: u64,
}

/// What two requests share if they are about the same list.
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
    ids: CachedIds,
}

#[derive(Clone, Debug)]
enum CachedIds {
    /// The ids of a list in stored order.
    Stored(RoaringBitmap),
    /// The ids of a list in another order, in that order.
    Ordered(Vec<u32>),
}

#[derive(Clone, Debug)]
struct ListWeight;

impl Weighter<ListKey, Arc<CachedList>> for ListWeight {
    /// Returns the approximate size of an entry, in bytes.
    fn weight(&self, key: &ListKey, list: &Arc<CachedList>) -> u64 {
        let ids = match &list.ids {
            CachedIds::Stored(ids) => ids.serialized_size(),
            CachedIds::Ordered(ids) => 4 * ids.len(),
        };
        (key.bytes() + ids) as u64
    }
}

impl ListKey {
    /// Returns the approximate size, in bytes. The constants stand for the fixed parts of the types.
    fn bytes(&self) -> usize {
        let values = |condition: &Condition| match condition {
            Condition::OneOf(_, values) => values.iter().map(|value| 32 + value.len()).sum(),
            Condition::Label(label) => {
                let values = label.values.iter().flatten();
                64 + values.map(String::len).sum::<usize>()
            }
            Condition::At(_, times) => 8 * times.len(),
            Condition::Nothing | Condition::Time(..) => 0,
        };
        let conditions = self.conditions.iter();
        256 + conditions
            .map(|condition| 64 + values(condition))
            .sum::<usize>()
    }
}

impl Default for ListCache {
    fn default() -> Self {
        Self {
            lists: Cache::with_weighter(EXPECTED_ENTRIES, CAPACITY, ListWeight),
            visibilities: Cache::new(MOST_VISIBILITIES),
            building: [const { Mutex::new(()) }; LOCKS],
            hasher: RandomState::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            builds: AtomicU64::new(0),
            repairs: AtomicU64::new(0),
        }
    }
}

impl ListCache {
    /// Returns how the cache was used.
    pub fn counters(&self) -> ListCacheCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ListCacheCounters {
            hits: read(&self.hits),
            misses: read(&self.misses),
            builds: read(&self.builds),
            repairs: read(&self.repairs),
        }
    }

    /// Finds a page: in the remembered list if it is true of this snapshot, else by reading. A list that is not
    /// remembered yet is remembered for the next request.
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
        match &known {
            Some(list) if list.is_true_of::<R>(&version) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(list.page(request.page));
            }
            // A later snapshot filled the cache. This snapshot must not overwrite its entry.
            Some(list) if list.version.is_after(&version) => {
                return self.read_page::<R>(snapshot, &visibility, request);
            }
            // A bitmap holds 32-bit ids.
            _ if u32::try_from(version.last_package).is_err() => {
                return self.read_page::<R>(snapshot, &visibility, request);
            }
            _ => {}
        }
        let is_repairable = R::TRACKED && request.order.is_none() && known.is_some();
        let is_shallow = request.page.offset() + u64::from(request.page.per_page()) <= SHALLOW_ROWS;
        if R::TRACKED && is_shallow && !is_repairable {
            let page = self.read_page::<R>(snapshot, &visibility, request)?;
            let (cache, request) = (self.clone(), request.clone());
            snapshot.later(move |snapshot| {
                // If this fails, the next request reads the page again and reports the error.
                let _ = cache.list::<R>(snapshot, key, &visibility, &request, version);
            });
            return Ok(page);
        }
        match self.list::<R>(snapshot, key, &visibility, request, version)? {
            Some(list) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                Ok(list.page(request.page))
            }
            None => self.read_page::<R>(snapshot, &visibility, request),
        }
    }

    fn read_page<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        visibility: &Visibility,
        request: &ListRequest,
    ) -> Result<PageIds, StoreError> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        super::count_and_skip::<R>(snapshot, visibility, request)
    }

    /// Returns what the caller may see. It is remembered until `Version::access` changes.
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
        let visibility = Visibility::read(snapshot, caller, scope)?;
        self.visibilities
            .insert(key, (version.access, visibility.clone()));
        Ok(visibility)
    }

    /// Builds or repairs a list and remembers it. If several requests need it at the same time, it is built once.
    /// Returns `None` if another request built it from a later snapshot.
    fn list<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        key: ListKey,
        visibility: &Visibility,
        request: &ListRequest,
        version: Version,
    ) -> Result<Option<Arc<CachedList>>, StoreError> {
        let lock = usize::try_from(self.hasher.hash_one(&key) % LOCKS as u64)
            .expect("a number below `LOCKS` fits");
        let _building = self.building[lock]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ids = match self.lists.get(&key) {
            Some(list) if list.is_true_of::<R>(&version) => return Ok(Some(list)),
            Some(list) if list.version.is_after(&version) => return Ok(None),
            Some(list) if R::TRACKED && list.version.access == version.access => match &list.ids {
                CachedIds::Stored(ids) => {
                    self.repair::<R>(snapshot, visibility, request, ids, list.version, version)?
                }
                CachedIds::Ordered(_) => self.build::<R>(snapshot, visibility, request)?,
            },
            _ => self.build::<R>(snapshot, visibility, request)?,
        };
        let list = Arc::new(CachedList { version, ids });
        self.lists.insert(key, list.clone());
        Ok(Some(list))
    }

    /// Reads the whole list.
    fn build<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        visibility: &Visibility,
        request: &ListRequest,
    ) -> Result<CachedIds, StoreError> {
        self.builds.fetch_add(1, Ordering::Relaxed);
        if request.order.is_none() {
            let sql = conditions::whole_list::<R>("r.id", visibility, request);
            let mut ids = RoaringBitmap::new();
            for_each_id(snapshot, &sql, |id| {
                ids.insert(id);
            })?;
            Ok(CachedIds::Stored(ids))
        } else {
            let sql = page_query::<R>(snapshot, visibility, request, None)?;
            let mut ids = Vec::new();
            for_each_id(snapshot, &sql, |id| ids.push(id))?;
            ids.shrink_to_fit();
            Ok(CachedIds::Ordered(ids))
        }
    }

    /// Reads the blocks in which packages were updated or deleted since `old`, and the packages stored since.
    fn repair<R: Resource>(
        &self,
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
            blocks = super::ids(snapshot, changed, &[old.packages.into()])?;
        }
        if blocks.len() > MOST_REPAIRED_BLOCKS {
            return self.build::<R>(snapshot, visibility, request);
        }
        self.repairs.fetch_add(1, Ordering::Relaxed);
        let mut ids = ids.clone();
        let mut read_again = |low: i64, high: i64| {
            ids.remove_range(bitmap_id(low)?..=bitmap_id(high)?);
            let sql = conditions::id_range::<R>("r.id", visibility, request, low, high);
            for_each_id(snapshot, &sql, |id| {
                ids.insert(id);
            })
        };
        for block in blocks {
            let first = block * IDS_PER_BLOCK;
            read_again(first, first + (IDS_PER_BLOCK - 1))?;
        }
        if new.last_package > old.last_package {
            read_again(old.last_package + 1, new.last_package)?;
        }
        Ok(CachedIds::Stored(ids))
    }
}

impl CachedList {
    /// Whether the list is true of a snapshot of that version.
    fn is_true_of<R: Resource>(&self, version: &Version) -> bool {
        let own = &self.version;
        if R::TRACKED {
            own.packages == version.packages
                && own.last_package == version.last_package
                && own.access == version.access
        } else {
            own.parents == version.parents && own.access == version.access
        }
    }

    fn page(&self, page: Page) -> PageIds {
        let per_page = usize::try_from(page.per_page()).expect("a `usize` has 32 bits at least");
        match &self.ids {
            CachedIds::Stored(ids) => {
                let first = u32::try_from(page.offset())
                    .ok()
                    .and_then(|offset| ids.select(offset));
                PageIds {
                    total: ids.len(),
                    ids: first.map_or_else(Vec::new, |first| {
                        ids.range(first..).take(per_page).map(i64::from).collect()
                    }),
                }
            }
            CachedIds::Ordered(ids) => {
                let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
                let page = ids.iter().skip(offset).take(per_page);
                PageIds {
                    total: ids.len() as u64,
                    ids: page.map(|id| i64::from(*id)).collect(),
                }
            }
        }
    }
}

fn for_each_id(
    snapshot: &Snapshot<'_>,
    sql: &Sql,
    mut each: impl FnMut(u32),
) -> Result<(), StoreError> {
    snapshot.rows(&sql.text, &sql.values, |row| {
        each(bitmap_id(row.int(0)?)?);
        Ok(())
    })
}

fn bitmap_id(id: i64) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|_| StoreError::Damaged(format!("the id {id} is out of range")))
}
