//! The caches are used whenever they can be, as their own counters show, and a client cannot see them: they change no
//! byte and hide no commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cf_packages::caller::Caller;
use cf_packages::edition::Edition;
use cf_packages::http::Router;
use cf_packages::listing::ListCacheCounters;
use cf_packages::listing::response_cache::ResponseCacheCounters;
use cf_packages::seed::{self, Source};
use cf_packages::service::{Authentication, Service, ServiceOptions};
use cf_packages::store::{Durability, OpenMode, Store};
use serde_json::Value;

use crate::support::WorkDir;

/// The seed `demo`, served in this process.
struct TestService {
    service: Arc<Service>,
    router: Router,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl TestService {
    fn new(response_cache_mib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        let demo = Source::parse("demo").unwrap();
        Store::create(&path, |transaction| {
            seed::apply(transaction, &[demo], 0).map(drop)
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
        let (status, body) = self
            .runtime
            .block_on(self.router.clone().get(target))
            .unwrap();
        assert_eq!(status, 200, "{target}");
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Waits until the counters of the list cache fulfil a condition: a list is built after the response that needed it.
    fn wait_for(&self, is_reached: impl Fn(&ListCacheCounters) -> bool) -> ListCacheCounters {
        // Only a list that is never built takes so long.
        let end = Instant::now() + Duration::from_secs(60);
        while !is_reached(&self.list_counters()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.list_counters()
    }

    /// Requests a list until the list cache is used.
    fn fill_list_cache(&self, target: &str) {
        let before = self.list_counters().hits;
        self.wait_for(|counters| {
            self.get(target);
            counters.hits > before
        });
    }

    fn change_one_package(&self) {
        self.service
            .store
            .write(|transaction| {
                transaction.execute("update packages set state = 'FAILED' where id = 1", &[])
            })
            .unwrap();
    }

    fn list_counters(&self) -> ListCacheCounters {
        self.service.list_cache.counters()
    }

    fn response_counters(&self) -> ResponseCacheCounters {
        self.service.response_cache.counters()
    }
}

#[test]
fn a_repeated_request_uses_the_response_cache_until_the_data_changes() {
    let test = TestService::new(8);
    let first = test.get("/v3/packages?per_page=3");
    assert_eq!(test.response_counters().hits, 0);
    for _ in 0..3 {
        assert_eq!(test.get("/v3/packages?per_page=3"), first);
    }
    let counters = test.response_counters();
    assert_eq!((counters.hits, counters.misses), (3, 1));

    test.change_one_package();
    assert_ne!(test.get("/v3/packages?per_page=3"), first);
    assert_eq!(test.response_counters().misses, 2);
}

#[test]
fn a_response_cache_of_size_zero_is_never_used() {
    let test = TestService::new(0);
    let first = test.get("/v3/packages");
    assert_eq!(test.get("/v3/packages"), first);
    assert_eq!(test.response_counters().hits, 0);
}

#[test]
fn the_pages_of_a_known_list_use_the_list_cache() {
    let test = TestService::new(0);
    test.fill_list_cache("/v3/packages?states=READY&per_page=2");
    let before = test.list_counters();
    assert_eq!(before.builds, 1);
    for page in 1..=5 {
        test.get(&format!("/v3/packages?states=READY&per_page=2&page={page}"));
    }
    let after = test.list_counters();
    assert_eq!(after.hits - before.hits, 5);
    assert_eq!((after.builds, after.misses), (before.builds, before.misses));
}

#[test]
fn after_a_change_a_list_in_stored_order_is_repaired_and_another_order_is_built_again() {
    let test = TestService::new(0);
    let targets = [
        "/v3/packages?states=READY",
        "/v3/packages?order_by=created_at",
    ];
    for target in targets {
        test.fill_list_cache(target);
    }
    let before = test.list_counters();
    assert_eq!((before.builds, before.repairs), (2, 0));

    test.change_one_package();
    for target in targets {
        test.get(target);
    }
    let after = test.wait_for(|counters| (counters.builds, counters.repairs) == (3, 1));
    assert_eq!((after.builds, after.repairs), (3, 1));
}

#[test]
fn a_list_of_spaces_uses_the_list_cache_until_a_space_changes() {
    let test = TestService::new(0);
    test.get("/v3/spaces");
    test.get("/v3/spaces?page=2&per_page=1");
    test.change_one_package();
    test.get("/v3/spaces");
    assert_eq!(test.list_counters().builds, 1);

    test.service
        .store
        .write(|transaction| transaction.execute("update spaces set created_at = 1", &[]))
        .unwrap();
    test.get("/v3/spaces");
    assert_eq!(test.list_counters().builds, 2);
}

#[test]
fn a_server_with_and_one_without_a_response_cache_send_the_same_bytes() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "515"]);
    let cached = dir.serve(&[]);
    let uncached = dir.serve(&["--cache-size", "0"]);
    let token = dir.admin_token();
    for round in 0..3 {
        for page in [1, 2, 3, 40, 73, 74, 75, 7, 1] {
            let target = format!("/v3/packages?page={page}&per_page=7");
            assert_eq!(
                cached.get(&target, &token).status_and_body(),
                uncached.get(&target, &token).status_and_body(),
                "{target}, round {round}"
            );
        }
    }
}

#[test]
fn the_next_response_shows_what_another_process_stored() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let server = dir.serve(&[]);
    let token = dir.admin_token();
    for round in 0..5 {
        dir.write(
            "more.json",
            format!(
                r#"{{"packages": [{{"guid": "more-{round}", "app": "my-app", "type": "bits",
                    "created_at": "2020-01-01T00:00:00Z"}}]}}"#
            ),
        );
        dir.run_ok(&["seed", "more.json"]);
        let response = server.get("/v3/packages?per_page=2&page=3", &token);
        let page: Value = serde_json::from_str(&response.body).expect("JSON");
        assert_eq!(page["pagination"]["total_results"], 5 + round);
    }
}
