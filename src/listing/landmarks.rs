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

use super::Found;
use super::query::{self, Sql};
use super::request::{Condition, ListRequest, OrderBy, Page};
use super::sight::Sight;
use super::walk::walk;
use crate::caller::Caller;
use crate::resource::{Resource, Scope};
use crate::store::{Db, StoreError, Version};

/// Memory for the lists that are remembered, in bytes.
const MEMORY: u64 = 64 << 20;
/// Callers whose sight is remembered.
const SIGHTS: usize = 1024;
/// `package_changes` speaks of blocks of this many ids.
const BLOCK: i64 = 512;
/// If more blocks changed than this, the whole list is scanned again.
const MENDED_BLOCKS: usize = 256;
/// Up to this many rows are found by skipping before a list is known; its first sight is then no slower than that.
const SHALLOW: u64 = 10_000;
/// Locks that keep a list from being made twice at the same time; lists share them by chance.
const LOCKS: usize = 64;

/// The lists that are remembered.
#[derive(Debug)]
pub struct Landmarks {
    lists: Cache<Key, Arc<List>, Bytes>,
    sights: Cache<(Caller, &'static Scope), (i64, Sight)>,
    making: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// What makes two requests ask for the same list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    table: &'static str,
    caller: Caller,
    conditions: Vec<Condition>,
    order: Option<OrderBy>,
}

#[derive(Debug)]
struct List {
    version: Version,
    rows: Rows,
}

#[derive(Clone, Debug)]
enum Rows {
    Stored(RoaringBitmap),
    Ordered(Vec<u32>),
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Key, Arc<List>> for Bytes {
    fn weight(&self, key: &Key, list: &Arc<List>) -> u64 {
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
            Rows::Stored(ids) => ids.serialized_size(),
            Rows::Ordered(ids) => 4 * ids.len(),
        };
        (key + rows) as u64
    }
}

impl Default for Landmarks {
    fn default() -> Self {
        Self {
            lists: Cache::with_weighter(4096, MEMORY, Bytes),
            sights: Cache::new(SIGHTS),
            making: [const { Mutex::new(()) }; LOCKS],
            hasher: RandomState::new(),
        }
    }
}

impl Landmarks {
    /// The page, from what is remembered where that is true of this snapshot; otherwise it will be the next time.
    pub(super) fn find<R: Resource>(
        self: &Arc<Self>,
        db: &Db<'_>,
        caller: &Caller,
        request: &ListRequest,
    ) -> Result<Found, StoreError> {
        let version = db.version()?;
        let sight = self.sight(db, caller, &R::SCOPE, version)?;
        let key = Key {
            table: R::TABLE,
            caller: caller.clone(),
            conditions: request.conditions.clone(),
            order: request.order,
        };
        let known = self.lists.get(&key);
        let plain = || super::find_plainly::<R>(db, &sight, request);
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
            let (landmarks, sight, request) = (self.clone(), sight.clone(), request.clone());
            db.later(move |db| {
                // A list that cannot be learnt is found plainly again the next time.
                let _ = landmarks.learn::<R>(db, key, &sight, &request, version);
            });
            return Ok(found);
        }
        match self.learn::<R>(db, key, &sight, request, version)? {
            Some(list) => Ok(list.page(request.page)),
            None => plain(),
        }
    }

    /// What the caller may see; roles and what they speak of change `access`.
    pub(super) fn sight(
        &self,
        db: &Db<'_>,
        caller: &Caller,
        scope: &'static Scope,
        version: Version,
    ) -> Result<Sight, StoreError> {
        if *caller == Caller::Everything {
            return Ok(Sight::All);
        }
        let key = (caller.clone(), scope);
        if let Some((access, sight)) = self.sights.get(&key)
            && access == version.access
        {
            return Ok(sight);
        }
        let sight = Sight::of(db, caller, scope)?;
        self.sights.insert(key, (version.access, sight.clone()));
        Ok(sight)
    }

    /// Makes or mends the list, once however many ask for it. `None`: another made it of a newer snapshot.
    fn learn<R: Resource>(
        &self,
        db: &Db<'_>,
        key: Key,
        sight: &Sight,
        request: &ListRequest,
        version: Version,
    ) -> Result<Option<Arc<List>>, StoreError> {
        let lock = usize::try_from(self.hasher.hash_one(&key) % LOCKS as u64).unwrap_or(0);
        let _making = self.making[lock]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = self.lists.get(&key);
        let rows = match known {
            Some(list) if list.is_of::<R>(&version) => return Ok(Some(list)),
            Some(list) if list.version.is_after(&version) => return Ok(None),
            Some(list) if R::TRACKED && list.version.access == version.access => match &list.rows {
                Rows::Stored(ids) => mend::<R>(db, sight, request, ids, list.version, version)?,
                Rows::Ordered(_) => make::<R>(db, sight, request)?,
            },
            _ => make::<R>(db, sight, request)?,
        };
        let list = Arc::new(List { version, rows });
        self.lists.insert(key, list.clone());
        Ok(Some(list))
    }
}

impl List {
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

    fn page(&self, page: Page) -> Found {
        let per_page = usize::try_from(page.per_page()).unwrap_or(usize::MAX);
        match &self.rows {
            Rows::Stored(rows) => {
                let first = u32::try_from(page.offset())
                    .ok()
                    .and_then(|offset| rows.select(offset));
                let ids = match first {
                    Some(first) => rows.range(first..).take(per_page).map(i64::from).collect(),
                    None => Vec::new(),
                };
                Found {
                    total: rows.len(),
                    ids,
                }
            }
            Rows::Ordered(rows) => {
                let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
                let ids = rows.iter().skip(offset).take(per_page);
                Found {
                    total: rows.len() as u64,
                    ids: ids.map(|id| i64::from(*id)).collect(),
                }
            }
        }
    }
}

/// One scan of the whole list.
fn make<R: Resource>(
    db: &Db<'_>,
    sight: &Sight,
    request: &ListRequest,
) -> Result<Rows, StoreError> {
    if request.order.is_none() {
        let sql = query::scan::<R>("r.id", sight, request);
        let mut ids = RoaringBitmap::new();
        each_id(db, &sql, |id| {
            ids.insert(id);
        })?;
        Ok(Rows::Stored(ids))
    } else {
        let sql = walk::<R>(db, sight, request, None)?;
        let mut ids = Vec::new();
        each_id(db, &sql, |id| ids.push(id))?;
        ids.shrink_to_fit();
        Ok(Rows::Ordered(ids))
    }
}

/// Looks again at the blocks in which packages changed since `old`, and at the packages stored since.
fn mend<R: Resource>(
    db: &Db<'_>,
    sight: &Sight,
    request: &ListRequest,
    ids: &RoaringBitmap,
    old: Version,
    new: Version,
) -> Result<Rows, StoreError> {
    let mut blocks = Vec::new();
    if old.packages != new.packages {
        let changed = "select block from package_changes where version > $1";
        db.rows(changed, &[old.packages.into()], |columns| {
            blocks.push(columns.int(0)?);
            Ok::<_, StoreError>(())
        })?;
    }
    if blocks.len() > MENDED_BLOCKS {
        return make::<R>(db, sight, request);
    }
    let mut ids = ids.clone();
    let mut look_again = |low: i64, high: i64| {
        if let (Ok(low), Ok(high)) = (u32::try_from(low), u32::try_from(high)) {
            ids.remove_range(low..=high);
        }
        let sql = query::scan_between::<R>("r.id", sight, request, low, high);
        each_id(db, &sql, |id| {
            ids.insert(id);
        })
    };
    for block in blocks {
        look_again(block * BLOCK, block * BLOCK + (BLOCK - 1))?;
    }
    if new.last_package > old.last_package {
        look_again(old.last_package + 1, new.last_package)?;
    }
    Ok(Rows::Stored(ids))
}

fn each_id(db: &Db<'_>, sql: &Sql, mut each: impl FnMut(u32)) -> Result<(), StoreError> {
    db.rows(&sql.text, &sql.values, |columns| {
        let id = columns.int(0)?;
        let id = u32::try_from(id)
            .map_err(|_| StoreError::Damaged(format!("the id {id} is out of range")))?;
        each(id);
        Ok(())
    })
}
