//! The caches are used when they may be: counted by the caches themselves, not by the time that an answer takes.

use std::sync::Arc;

use cf_packages::caller::Caller;
use cf_packages::edition::Edition;
use cf_packages::http::Router;
use cf_packages::listing::ListCacheCounters;
use cf_packages::listing::response_cache::ResponseCacheCounters;
use cf_packages::seed::{self, OtherRows, Source};
use cf_packages::service::{Authentication, Service, ServiceOptions};
use cf_packages::store::{Durability, OpenMode, Store};

struct Served {
    service: Arc<Service>,
    router: Router,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Served {
    fn new(response_cache_mib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        let demo = Source::parse("demo").unwrap();
        Store::create(&path, |transaction| {
            seed::apply(transaction, &[demo], OtherRows::Keep, 0).map(drop)
        })
        .unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let service = Arc::new(Service::new(
            store,
            ServiceOptions {
                authentication: Authentication::As(Caller::Everything),
                edition: Edition::Current,
                response_cache_mib,
                ..ServiceOptions::default()
            },
        ));
        Self {
            router: Router::new(service.clone()),
            service,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            _folder: folder,
        }
    }

    fn get(&self, target: &str) -> String {
        let answer = self
            .runtime
            .block_on(self.router.clone().get(target))
            .unwrap();
        assert_eq!(answer.status, 200, "{target}");
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// Requests `target` until its page comes from the list cache, which is filled in the background.
    fn get_until_cached(&self, target: &str) {
        let hits = self.lists().hits;
        while self.lists().hits == hits {
            self.get(target);
            std::thread::yield_now();
        }
    }

    fn change_one_package(&self) {
        self.service
            .store
            .write(|transaction| {
                transaction.execute("update packages set state = 'FAILED' where id = 1", &[])
            })
            .unwrap();
    }

    fn lists(&self) -> ListCacheCounters {
        self.service.list_cache.counters()
    }

    fn responses(&self) -> ResponseCacheCounters {
        self.service.response_cache.counters()
    }
}

#[test]
fn repeated_request_is_answered_from_the_response_cache_until_the_data_changes() {
    let served = Served::new(8);
    let first = served.get("/v3/packages?per_page=3");
    assert_eq!(served.responses().hits, 0);
    // The first repetition may still ask a reader for the version; from then on it is known without one.
    for _ in 0..3 {
        assert_eq!(served.get("/v3/packages?per_page=3"), first);
    }
    let counters = served.responses();
    assert_eq!((counters.hits, counters.misses), (3, 1));

    served.change_one_package();
    assert_ne!(served.get("/v3/packages?per_page=3"), first);
    assert_eq!(served.responses().misses, 2);
}

#[test]
fn response_cache_of_size_zero_renders_every_response() {
    let served = Served::new(0);
    let first = served.get("/v3/packages");
    assert_eq!(served.get("/v3/packages"), first);
    assert_eq!(served.responses().hits, 0);
}

#[test]
fn list_is_built_when_it_is_requested_again_and_serves_its_pages_from_then_on() {
    let served = Served::new(0);
    let target = "/v3/packages?states=READY&per_page=2";
    served.get(target);
    served.get("/v3/packages?states=FAILED");
    assert_eq!(served.lists().hits, 0);
    served.get_until_cached(target);
    let before = served.lists();
    for page in 1..=5 {
        served.get(&format!("{target}&page={page}"));
    }
    let after = served.lists();
    assert_eq!(after.hits - before.hits, 5);
    assert_eq!((after.builds, after.misses), (before.builds, before.misses));
}

#[test]
fn list_that_is_requested_once_is_not_built() {
    let served = Served::new(0);
    for page in 1..=20 {
        served.get(&format!("/v3/packages?guids=guid-{page}"));
    }
    served.get_until_cached("/v3/packages");
    assert_eq!(served.lists().builds, 1);
}

#[test]
fn list_in_stored_order_is_repaired_after_a_change_and_other_orders_are_built_again() {
    let served = Served::new(0);
    let (stored, by_time) = (
        "/v3/packages?states=READY",
        "/v3/packages?order_by=created_at",
    );
    served.get_until_cached(stored);
    served.get_until_cached(by_time);
    let before = served.lists();

    served.change_one_package();
    served.get(stored);
    let repaired = served.lists();
    assert_eq!(repaired.repairs - before.repairs, 1);
    assert_eq!(repaired.hits - before.hits, 1);
    served.get_until_cached(by_time);
    let built = served.lists();
    // Counted from before the change: a build that was still queued then makes the new list as well.
    assert_eq!(built.builds - before.builds, 1);
    assert_eq!(built.repairs, repaired.repairs);
}

#[test]
fn lists_of_spaces_come_from_the_list_cache_until_a_parent_changes() {
    let served = Served::new(0);
    served.get_until_cached("/v3/spaces");
    served.change_one_package();
    let before = served.lists();
    served.get("/v3/spaces");
    assert_eq!(served.lists().hits - before.hits, 1);

    served
        .service
        .store
        .write(|transaction| transaction.execute("update spaces set created_at = 1", &[]))
        .unwrap();
    served.get_until_cached("/v3/spaces");
    assert_eq!(served.lists().builds - before.builds, 1);
}
