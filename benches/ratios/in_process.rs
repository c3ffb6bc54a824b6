//! The program without HTTP: pages and a dump of all packages, in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cf_packages::caller::Caller;
use cf_packages::edition::{BaseUrl, Edition, RecordSink};
use cf_packages::listing::request::ListRequest;
use cf_packages::listing::{self, ListCache};
use cf_packages::records::{Package, Table};
use cf_packages::store::{Store, StoreError};

use crate::Result;
use crate::client::{HOST, together};
use crate::databases::Database;
use crate::measure::{self, Meter, Rounds};

/// Threads that request pages. There are more than reader connections, so that each of those is always busy.
const THREADS: usize = 4;
/// Bytes of a dump in memory at a time.
const BUFFER: usize = 1 << 20;

/// How the ids of a page are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// With the list cache, as the server does.
    ListCache,
    /// With `count` and `offset`.
    CountAndOffset,
}

/// An open database and its list cache.
pub struct InProcess {
    edition: Edition,
    store: Store,
    list_cache: Arc<ListCache>,
}

impl InProcess {
    /// Opens the database for reading.
    pub fn open(database: &Database, edition: Edition) -> Result<Self> {
        Ok(Self {
            edition,
            store: Store::open_for_reading(&database.file)?,
            list_cache: Arc::new(ListCache::default()),
        })
    }

    /// Returns the page of an admin.
    pub fn page(&self, query: &str, method: Method) -> Result<Vec<u8>> {
        let request = self.request(query)?;
        self.render(&request, method)
    }

    /// Renders the page of an admin again and again on several threads. Returns pages per second.
    pub fn rate(&self, query: &str, method: Method, rounds: &Rounds) -> Result<f64> {
        let request = self.request(query)?;
        let rates = together(THREADS, |_| {
            let mut meter = Meter::start(rounds);
            loop {
                self.render(&request, method)?;
                if !meter.tick() {
                    return Ok(meter.rate());
                }
            }
        })?;
        Ok(rates.iter().sum())
    }

    fn render(&self, request: &ListRequest, method: Method) -> Result<Vec<u8>> {
        let (list_cache, request) = (self.list_cache.clone(), request.clone());
        let edition = self.edition;
        Ok(self.store.read_blocking(move |db| {
            let admin = Caller::Everything;
            let found = match method {
                Method::ListCache => listing::find::<Package>(db, &list_cache, &admin, &request)?,
                Method::CountAndOffset => {
                    listing::find_without_cache::<Package>(db, &admin, &request)?
                }
            };
            let rows = |each: &mut RecordSink<'_, Package>| {
                listing::rows::<Package, _>(db, &found.ids, each)
            };
            edition.package_list(&base_url(), &request, found.total, rows)
        })?)
    }

    /// Renders the page of an admin `count` times, one after the other. Returns the median of the times.
    pub fn latency(&self, queries: &[String], count: usize) -> Result<f64> {
        let requests = queries.iter().map(|query| self.request(query));
        let requests = requests.collect::<Result<Vec<_>>>()?;
        let mut times = Vec::with_capacity(count);
        for request in requests.iter().cycle().take(count) {
            let started = Instant::now();
            self.render(request, Method::ListCache)?;
            times.push(started.elapsed().as_secs_f64());
        }
        Ok(measure::percentile(&mut times, 50))
    }

    fn request(&self, query: &str) -> Result<ListRequest> {
        let request = self.edition.parse_package_list(None, query);
        Ok(request.map_err(|error| format!("{query}: {error:?}"))?.list)
    }

    /// Renders every package in stored order, on one thread in one pass over the table. Returns the elapsed time and the
    /// number of bytes.
    pub fn dump(&self) -> Result<(Duration, usize)> {
        let started = Instant::now();
        let edition = self.edition;
        let length = self.store.read_blocking(move |db| {
            let base_url = base_url();
            let mut document = Vec::with_capacity(2 * BUFFER);
            let mut length = 0;
            Package::for_each(db, |record| {
                edition.package(&base_url, &record, &mut document)?;
                document.push(b',');
                if document.len() > BUFFER {
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

fn base_url() -> BaseUrl {
    BaseUrl(format!("http://{HOST}"))
}
