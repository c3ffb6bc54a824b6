//! The product without HTTP: what a page costs in process, and what all of them do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cf_packages::caller::Caller;
use cf_packages::edition::{BaseUrl, RecordSink};
use cf_packages::listing::request::ListRequest;
use cf_packages::listing::{self, ListCache};
use cf_packages::records::{Package, Table};
use cf_packages::store::{Store, StoreError};

use crate::Result;
use crate::client::{HOST, together};
use crate::data::{Data, EDITION};
use crate::measure::{Meter, Rounds};

/// Threads that ask for pages: more than there are readers, so that none of these waits.
const ASKING: usize = 4;
/// So many bytes of a dump are held at a time.
const HELD: usize = 1 << 20;

/// How a page is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As the product does.
    Remembered,
    /// By `count` and `offset`.
    Plain,
}

/// An open database, and what is remembered of its lists.
pub struct Product {
    store: Store,
    list_cache: Arc<ListCache>,
}

impl Product {
    /// Opens the database for reading.
    pub fn open(data: &Data) -> Result<Self> {
        Ok(Self {
            store: Store::open_for_reading(&data.file)?,
            list_cache: Arc::new(ListCache::default()),
        })
    }

    /// An admin's page, response_cache.
    pub fn page(&self, query: &str, way: Way) -> Result<Vec<u8>> {
        let request = request(query)?;
        self.render(&request, way)
    }

    /// An admin's page, again and again from several threads; pages a second.
    pub fn rate(&self, query: &str, way: Way, rounds: &Rounds) -> Result<f64> {
        let request = request(query)?;
        let rates = together(ASKING, |_| {
            let mut meter = Meter::start(rounds);
            loop {
                self.render(&request, way)?;
                if !meter.tick() {
                    return Ok(meter.rate());
                }
            }
        })?;
        Ok(rates.iter().sum())
    }

    fn render(&self, request: &ListRequest, way: Way) -> Result<Vec<u8>> {
        let (list_cache, request) = (self.list_cache.clone(), request.clone());
        Ok(self.store.read_blocking(move |db| {
            let admin = Caller::Everything;
            let found = match way {
                Way::Remembered => listing::find::<Package>(db, &list_cache, &admin, &request)?,
                Way::Plain => listing::find_without_cache::<Package>(db, &admin, &request)?,
            };
            let rows = |each: &mut RecordSink<'_, Package>| {
                listing::rows::<Package, _>(db, &found.ids, each)
            };
            EDITION.package_list(&site(), &request, found.total, rows)
        })?)
    }

    /// Every package in stored order, response_cache in one pass over the table by one thread; what that took, and how many
    /// bytes it gave.
    pub fn dump(&self) -> Result<(Duration, usize)> {
        let started = Instant::now();
        let length = self.store.read_blocking(|db| {
            let site = site();
            let mut document = Vec::with_capacity(2 * HELD);
            let mut length = 0;
            Package::for_each(db, |record| {
                EDITION.package(&site, &record, &mut document)?;
                document.push(b',');
                if document.len() > HELD {
                    length += document.len();
                    document.clear();
                }
                Ok::<_, StoreError>(())
            })?;
            Ok::<_, StoreError>(length + document.len())
        })?;
        Ok((started.elapsed(), length))
    }
}

fn request(query: &str) -> Result<ListRequest> {
    let request = EDITION.parse_package_list(None, query);
    Ok(request.map_err(|error| format!("{query}: {error:?}"))?.list)
}

fn site() -> BaseUrl {
    BaseUrl(format!("http://{HOST}"))
}
