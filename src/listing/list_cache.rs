//! The list cache: remembered ids of lists, so that any page of a list costs what the page costs.
//!
//! A list in stored order is a set of ids. It is kept as a compressed bitmap (at most 125 KB for a million rows), which
//! finds its n-th member in a microsecond. A list in another order is kept as its ids, one after the other. Each entry
//! holds the data version that it matches. When packages were stored, updated or deleted since, a list in stored
//! order is repaired; any other list is built again.
//!
//! Lists are built in the background, one at a time, and only if they are requested a second time. No request waits for
//! a list to be built, and a client that never repeats a list does not fill the cache.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use roaring::RoaringBitmap;

use super::PageIds;
use super::conditions::{self, Sql};
use super::evictions::Evictions;
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
/// The size of the remembered visibility of callers, in bytes.
const VISIBILITY_CAPACITY: u64 = 16 << 20;
/// The number of lists that were requested once and are built if they are requested again.
const REQUESTED_ONCE: usize = 16_384;
/// The number of ids that one row of `package_changes` stands for.
const IDS_PER_BLOCK: i64 = 512;
/// The most blocks that are read to repair a list while a request waits.
const MOST_BLOCKS: usize = 64;
/// The most blocks that are read to repair a list in the background. If more changed, the list is read as a whole.
const MOST_BACKGROUND_BLOCKS: usize = 1_024;
/// Locks that keep a list from being repaired twice at the same time. Lists share them by their hash.
const LOCKS: usize = 64;

/// Remembered lists, bounded in bytes, and the remembered visibility of callers.
#[derive(Debug)]
pub struct ListCache {
    lists: Cache<ListKey, Arc<CachedList>, ListWeight, DefaultHashBuilder, Evictions>,
    evictions: Evictions,
    visibilities: Cache<(Caller, &'static Scope), (i64, Visibility), VisibilityWeight>,
    /// The hashes of lists that were requested once.
    requested: Cache<u64, ()>,
    /// The lists that wait for the background lane, or are being built there.
    queued: Mutex<HashSet<ListKey>>,
    repairing: [Mutex<()>; LOCKS],
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
    /// Lists that were removed to make room.
    pub evictions: u64,
    /// The lists that are remembered.
    pub entries: u64,
    /// Their approximate size, in bytes.
    pub bytes: u64,
    /// The approximate size of the remembered visibility of callers, in bytes.
    pub visibility_bytes: u64,
}

/// The key of a list. Requests with equal keys have the same ids.
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

#[derive(Clone, Debug)]
struct VisibilityWeight;

impl Weighter<(Caller, &'static Scope), (i64, Visibility)> for VisibilityWeight {
    /// Returns the approximate size of an entry, in bytes.
    fn weight(&self, (caller, _): &(Caller, &Scope), (_, visibility): &(i64, Visibility)) -> u64 {
        let user = match caller {
            Caller::Everything => 0,
            Caller::Member(member) => member.user.len(),
        };
        (256 + user + visibility.bytes()) as u64
    }
}

impl ListKey {
    /// Returns the approximate size, in bytes. The constants stand for the fixed parts of the types.
    fn bytes(&self) -> usize {
        let values = |condition: &Condition| match condition {
            Condition::OneOf(_, values) => values.iter().map(|value| 32 + value.len()).sum(),
            Condition::Label(_, label) => {
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
        let evictions = Evictions::default();
        Self {
            lists: Cache::with(
                EXPECTED_ENTRIES,
                CAPACITY,
                ListWeight,
                DefaultHashBuilder::default(),
                evictions.clone(),
            ),
            evictions,
            visibilities: Cache::with_weighter(
                EXPECTED_ENTRIES,
                VISIBILITY_CAPACITY,
                VisibilityWeight,
            ),
            requested: Cache::new(REQUESTED_ONCE),
            queued: Mutex::default(),
            repairing: [const { Mutex::new(()) }; LOCKS],
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
            evictions: self.evictions.count(),
            entries: self.lists.len() as u64,
            bytes: self.lists.weight(),
            visibility_bytes: self.visibilities.weight(),
        }
    }

    /// Finds a page: in the remembered list if it matches this snapshot, or can be repaired at the cost of a page.
    /// Otherwise the page is read, and the list is built in the background if it was requested before.
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
        if let Some(list) = self.current::<R>(snapshot, &key, &visibility, request, version)? {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(list.page(request.page));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let page = super::count_and_skip::<R>(snapshot, &visibility, request)?;
        if fits_bitmap(version) {
            self.build_later::<R>(snapshot, key, request);
        }
        Ok(page)
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

    /// Returns the remembered list if it matches this snapshot, or can be repaired by reading few blocks.
    fn current<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        key: &ListKey,
        visibility: &Visibility,
        request: &ListRequest,
        version: Version,
    ) -> Result<Option<Arc<CachedList>>, StoreError> {
        match self.lists.get(key) {
            Some(list) if list.matches::<R>(&version) => return Ok(Some(list)),
            Some(_) => {}
            None => return Ok(None),
        }
        // Of several requests for the same list, one repairs it and the others wait for that.
        let lock = usize::try_from(self.hasher.hash_one(key) % LOCKS as u64)
            .expect("a number below `LOCKS` fits");
        let _repairing = self.repairing[lock]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(list) = self.lists.get(key) else {
            return Ok(None);
        };
        if list.matches::<R>(&version) {
            return Ok(Some(list));
        }
        // A later snapshot filled the cache. This snapshot must not overwrite its entry.
        if list.version.is_after(&version) {
            return Ok(None);
        }
        self.repaired::<R>(snapshot, &list, visibility, request, version, MOST_BLOCKS)
            .map(|list| list.inspect(|list| self.lists.insert(key.clone(), list.clone())))
    }

    /// Queues a list to be built in the background, if it was requested before.
    fn build_later<R: Resource>(
        self: &Arc<Self>,
        snapshot: &Snapshot<'_>,
        key: ListKey,
        request: &ListRequest,
    ) {
        let hash = self.hasher.hash_one(&key);
        if self.requested.get(&hash).is_none() {
            self.requested.insert(hash, ());
            return;
        }
        if !self.queue().insert(key.clone()) {
            return;
        }
        let (cache, request, queued) = (self.clone(), request.clone(), key.clone());
        let is_queued = snapshot.in_background(move |snapshot| {
            cache.queue().remove(&key);
            // If this fails, a later request reads its page again and reports the error.
            let _ = cache.build::<R>(snapshot, key, &request);
        });
        if !is_queued {
            self.queue().remove(&queued);
        }
    }

    fn queue(&self) -> MutexGuard<'_, HashSet<ListKey>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Builds a list, or repairs it, and remembers it. Runs in the background.
    fn build<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        key: ListKey,
        request: &ListRequest,
    ) -> Result<(), StoreError> {
        let version = snapshot.version()?;
        if !fits_bitmap(version) {
            return Ok(());
        }
        let visibility = self.visibility(snapshot, &key.caller, &R::SCOPE, version)?;
        let known = self.lists.get(&key);
        if let Some(list) = &known {
            if list.matches::<R>(&version) || list.version.is_after(&version) {
                return Ok(());
            }
            let most = MOST_BACKGROUND_BLOCKS;
            let repaired =
                self.repaired::<R>(snapshot, list, &visibility, request, version, most)?;
            if let Some(list) = repaired {
                self.lists.insert(key, list);
                return Ok(());
            }
        }
        let ids = read_list::<R>(snapshot, &visibility, request)?;
        self.builds.fetch_add(1, Ordering::Relaxed);
        self.lists
            .insert(key, Arc::new(CachedList { version, ids }));
        Ok(())
    }

    /// Returns the list as it is in this snapshot. Reads only the blocks in which packages were stored, updated or deleted
    /// since `list.version`. Returns `None` if there are more than `most` of them, or if the list is not in stored order.
    fn repaired<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        list: &CachedList,
        visibility: &Visibility,
        request: &ListRequest,
        version: Version,
        most: usize,
    ) -> Result<Option<Arc<CachedList>>, StoreError> {
        let (CachedIds::Stored(ids), old) = (&list.ids, list.version) else {
            return Ok(None);
        };
        if !R::TRACKED || old.access != version.access {
            return Ok(None);
        }
        let new_ids = version.last_package - old.last_package;
        let most_ids = i64::try_from(most).unwrap_or(i64::MAX) * IDS_PER_BLOCK;
        if new_ids > most_ids {
            return Ok(None);
        }
        let mut blocks = Vec::new();
        if old.packages != version.packages {
            let changed = "select block from package_changes where version > $1 limit $2";
            let limit = i64::try_from(most + 1).unwrap_or(i64::MAX);
            blocks = super::ids(snapshot, changed, &[old.packages.into(), limit.into()])?;
        }
        if blocks.len() > most {
            return Ok(None);
        }
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
        if new_ids > 0 {
            read_again(old.last_package + 1, version.last_package)?;
        }
        self.repairs.fetch_add(1, Ordering::Relaxed);
        let ids = CachedIds::Stored(ids);
        Ok(Some(Arc::new(CachedList { version, ids })))
    }
}

/// Whether a bitmap can hold all ids: it holds 32-bit numbers.
fn fits_bitmap(version: Version) -> bool {
    u32::try_from(version.last_package).is_ok()
}

/// Reads a whole list.
fn read_list<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
) -> Result<CachedIds, StoreError> {
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

impl CachedList {
    /// Whether the list matches a snapshot of that version.
    fn matches<R: Resource>(&self, version: &Version) -> bool {
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

/// How many ids of a list are in memory at the same time, beside the list, if the engine sends them.
const IDS_AT_ONCE: u32 = 50_000;

fn for_each_id(
    snapshot: &Snapshot<'_>,
    sql: &Sql,
    mut each: impl FnMut(u32),
) -> Result<(), StoreError> {
    snapshot.many_rows(&sql.text, &sql.values, IDS_AT_ONCE, |row| {
        each(bitmap_id(row.int(0)?)?);
        Ok(())
    })
}

fn bitmap_id(id: i64) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|_| StoreError::Damaged(format!("the id {id} is out of range")))
}
